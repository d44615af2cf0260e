#!/usr/bin/env python3
"""Reads every source file and says what breaks the house rules. One row per rule below.

layers   a folder includes only what its row allows (architecture: arrows point down only)
sizes    no source file over 1,000 lines; over 600 is printed as a question
drawers  no file called util, common, misc, helper, stuff
format   clang-format leaves the file as it is
maps     the README of a folder that has a page of its own names every C file in it
names    what m2m/m2mnames.def spells (names of TS-0032 that nobody could read yet) is spelled nowhere else in C
lines    each line of the conformance checklist has exactly one test, or says why not
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test", "conformance"))

import checklist

# folder: folders whose headers it may include (itself always, and the C library and packages)
LAYERS = {
    "lib/base": [],
    "lib/wire": ["lib/base"],
    "lib/host": ["lib/base", "lib/wire"],
    "lib/m2m": ["lib/base", "lib/wire"],
    "lib/esd": ["lib/base", "lib/wire"],
    "lib/esp": ["lib/base", "lib/wire", "lib/m2m", "lib/esd"],
    "lib/net": ["lib/base", "lib/wire", "lib/host"],
    "lib/app": ["lib/base", "lib/wire", "lib/host", "lib/m2m", "lib/esd", "lib/esp", "lib/net"],
    "lib/api": ["lib/base", "lib/wire", "lib/host", "lib/m2m", "lib/esd", "lib/net", "lib/app", "include/oneseal"],
    "include/oneseal": [],
    "src/store": ["lib/base", "lib/wire", "lib/host"],
    "src/cse": ["lib/base", "lib/wire", "lib/host", "lib/m2m", "lib/esd", "lib/esp", "src/store"],
    "src/bind": ["lib/base", "lib/wire", "lib/m2m", "lib/net"],
    "src/ttp": ["lib/base", "lib/wire", "lib/host", "lib/m2m", "lib/esd", "lib/net", "src/store"],
    "src/cli": ["lib/base", "lib/wire", "lib/host", "lib/m2m", "lib/esd", "lib/esp", "lib/net", "lib/app", "src/bind",
                "src/store"],
}
# A program's main wires its parts and is the only place that knows all of them.
KNOWS_ALL = re.compile(r"^src/\w+/(main|assembly|daemon)\w*\.[ch]$")
# Files that use the network on purpose although their folder does not: who talks to the TTP for the CSE.
NETWORK_FILES = re.compile(r"^src/cse/(main|assembly|daemon|net)_?\w*\.[ch]$")
# No allocation, files, threads or clock in the parts that devices use.
QUIET = ["lib/base", "lib/wire", "lib/m2m", "lib/esd", "lib/esp"]
# ESPrim is opened by the CSE: nothing of it may reach keys or openers of ESData.
ESD_KEYED = ["esd/keys.h", "esd/seal.h", "esd/open.h", "esd/unwrap.h", "esd/nested.h", "esd/reader.h"]
NOISY = re.compile(r"\b(malloc|calloc|realloc|fopen|printf|pthread_\w+|clock_gettime|time)\s*\(")
DRAWER = re.compile(r"^(util|utils|common|misc|helper|helpers|stuff)\.", re.I)


def sources():
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h", "*.def"],
                          cwd=ROOT, capture_output=True, text=True, check=True)
    return [f for f in done.stdout.split("\n") if f and os.path.exists(os.path.join(ROOT, f))]


def folder_of_include(name):
    """lib/net for "net/http.h", src/cse for "cse/cse.h"; None for a neighbour or a package's header."""
    top = name.split("/")[0]
    for folder in LAYERS:
        if folder.split("/")[1] == top and "/" in name:
            return folder
    return None


def map_faults():
    """Files that the page of their folder does not name, and names without a file."""
    faults = []
    for folder in ("src/cse",):
        with open(os.path.join(ROOT, folder, "README.md"), encoding="utf-8") as f:
            named = set(re.findall(r"`(\w+\.c)`", f.read()))
        there = {f for f in os.listdir(os.path.join(ROOT, folder)) if f.endswith(".c")}
        faults += ["%s/%s: not in the README of its folder" % (folder, f) for f in sorted(there - named)]
        faults += ["%s/README.md: %s is not there" % (folder, f) for f in sorted(named - there)]
    return faults


def layer_faults(path, text):
    folder = "/".join(path.split("/")[:2])
    if folder not in LAYERS or KNOWS_ALL.match(path) or NETWORK_FILES.match(path):
        return
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        target = folder_of_include(found.group(1)) if found else None
        if target and target != folder and target not in LAYERS[folder]:
            yield f"{path}:{number}: {folder} may not include {target}"
        if path.startswith("src/cse/") and found and found.group(1) == "esd/open.h":
            yield f"{path}:{number}: the CSE never opens ESData"
        if path.startswith("lib/esp/") and found and found.group(1) in ESD_KEYED:
            yield f"{path}:{number}: ESPrim knows no key of ESData"


def quiet_faults(path, text):
    if not any(path.startswith(q + "/") for q in QUIET):
        return
    for number, line in enumerate(text.split("\n"), 1):
        code = re.sub(r"/\*.*?\*/|//.*|\"(\\.|[^\"])*\"", "", line)
        if NOISY.search(code) and not line.lstrip().startswith("*"):
            yield f"{path}:{number}: no allocation, file, thread or clock here: {line.strip()[:80]}"


# Names that other standards or formats of ours have too.
COMMON_NAMES = {"et", "lbl", "rn", "ch", "adfq", "suid", "kv", "uri", "fqdn", "osl", "URI", "FQDN", "labels",
                "expirationTime", "resourceName", "childResource"}


def provisional_names():
    """Every root and member of the table, as it would stand in C: with its quotes."""
    with open(os.path.join(ROOT, "lib/m2m/m2mnames.def"), encoding="utf-8") as f:
        found = re.findall(r'^M2M_(?:TYPE|ATTR)\(.*?"([^"]+)",\s*"([^"]+)"\)', f.read(), re.M)
    assert len(found) > 30, "the table of names is read wrongly"
    return {n for pair in found for n in pair} - COMMON_NAMES


def name_faults(path, text, names):
    if path.startswith("test/") or path == "lib/m2m/m2mnames.def":
        return
    for number, line in enumerate(text.split("\n"), 1):
        for name in re.findall(r'"([\w:]+)"', line.replace('\\"', '"')):
            if name in names:
                yield f"{path}:{number}: {name} is provisional: m2m/m2mname.h has it"


def format_faults(paths):
    files = [p for p in paths if p.endswith((".c", ".h"))]
    done = subprocess.run(["clang-format", "--dry-run", "--Werror"] + files, cwd=ROOT, capture_output=True, text=True)
    seen = {m.group(1) for m in re.finditer(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)}
    for path in sorted(seen):
        yield f"{path}: clang-format would change it"


def main():
    faults, questions = [], []
    paths = sources()
    names = provisional_names()
    for path in paths:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        faults += layer_faults(path, text)
        faults += quiet_faults(path, text)
        faults += name_faults(path, text, names)
        lines = text.count("\n")
        if DRAWER.match(os.path.basename(path)):
            faults.append(f"{path}: a drawer by name; each thing has an owner with a better name")
        if lines > 1000:
            faults.append(f"{path}: {lines} lines")
        elif lines > 600:
            questions.append(f"{path}: {lines} lines, could it be two files?")
    faults += format_faults(paths)
    faults += map_faults()
    faults += checklist.faults()
    for line in questions:
        print("question:", line)
    for line in faults:
        print("fault:", line)
    print(f"lint: {len(paths)} files, {len(faults)} faults, {len(questions)} questions")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
