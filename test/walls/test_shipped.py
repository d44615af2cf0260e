"""What the finished programs must not contain or permit, each with a control in which the same check bites."""
import glob
import os
import re
import shutil
import subprocess

import pytest
from plant.process import build_folder, program

OPENING = ("open", "unwrap", "reader")      # archives of lib/esd that only readers and the vault may link
WITNESS = os.environ.get("ONESEAL_WITNESS")
needs_witness = pytest.mark.skipif(not WITNESS, reason="no witness build (sanitizers)")


def symbols(path, *options):
    """Names of the functions that a file defines."""
    text = subprocess.run(["nm", "--defined-only", *options, path], stdout=subprocess.PIPE, text=True, check=True,
                          stderr=subprocess.DEVNULL).stdout
    rows = [line.split() for line in text.splitlines()]
    return {row[2] for row in rows if len(row) == 3 and row[1] in "Tt"}


def opening_symbols():
    """Global functions of the archives that open ESData."""
    found = set()
    for path in glob.glob(os.path.join(build_folder(), "lib", "esd", "libesd*.a")):
        if any(word in os.path.basename(path) for word in OPENING):
            found |= symbols(path, "--extern-only")
    assert len(found) >= 3, "the archives are not where this test looks for them"
    return found


def test_the_forwarder_cannot_open():
    opening = opening_symbols()
    assert not symbols(program("oneseal-cse")) & opening
    # The same check finds the opener where it belongs ...
    assert symbols(program("oneseal")) & opening
    # ... and in a build of the daemon that links it by mistake.
    assert symbols(program("wrong_cse")) & opening


def test_what_the_daemon_may_open():
    """Answers to its own requests for keys (decision 61): by name, so that nothing else comes with them."""
    names = symbols(program("oneseal-cse"))
    assert "keyask_open" in names
    assert not {"letter_open", "release_open", "open_aead", "opener_init"} & names
    assert {"release_open", "opener_init"} <= symbols(program("oneseal"))


def linked(map_file):
    with open(map_file, encoding="utf-8", errors="replace") as f:
        text = f.read()
    assert "oneseal-cse.p/main.c.o" in text or "wrong_cse" in text, "this is no link map of the daemon"
    return {a for a in re.findall(r"libesd[-_]([a-z-]+)\.a", text) if any(w in a for w in OPENING)}


def test_link_map():
    folder = build_folder()
    assert not linked(os.path.join(folder, "oneseal-cse.map"))
    assert "open" in linked(os.path.join(folder, "wrong_cse.map"))


@needs_witness
@pytest.mark.parametrize("name", ["oneseal-cse", "oneseal-ttp", "oneseal"])
def test_no_key_log_in_the_shipped_build(name):
    def holds(path):
        with open(path, "rb") as f:
            return b"SSLKEYLOGFILE" in f.read()
    assert not holds(program(name))
    assert holds(program(name, WITNESS))


def dumpable_by_its_own_user(house, binary, tmp_path):
    """Runs the CSE as nobody and lets nobody's debugger try to write its core."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    own, key = house.certificate("/id-in")
    from plant.house import ini
    from plant.process import Process
    conf = tmp_path / "cse.conf"
    conf.write_text(ini([("cse", {"role": "in", "cse-id": "/id-in", "name": "in", "sp": "//demo.example"}),
                         ("storage", {"path": ":memory:"}), ("listen https", {"address": "127.0.0.1:0"}),
                         ("tls", {"certificate": own, "key-file": key, "ca": house.authority.path})]))
    for folder, _, names in os.walk(house.folder):
        os.chmod(folder, 0o755)
        for file in names:
            os.chown(os.path.join(folder, file), 65534, 65534)
    top = str(tmp_path)
    while os.path.dirname(top) != top:
        try:
            os.chmod(top, os.stat(top).st_mode | 0o055)
        except PermissionError:
            break
        top = os.path.dirname(top)
    # Only this user may read the program's folder otherwise.
    copy = shutil.copy(binary, tmp_path / ("cse-" + os.path.basename(os.path.dirname(os.path.dirname(binary)))))
    os.chmod(copy, 0o755)
    process = Process("cse", nobody + [copy, "-c", str(conf)], tmp_path / "cse.log")
    process.start()
    try:
        core = str(tmp_path / "nobody")
        os.makedirs(core, exist_ok=True)
        os.chmod(core, 0o777)
        subprocess.run(nobody + ["gcore", "-o", core + "/core", str(process.pid)], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120, check=False)
        made = glob.glob(core + "/core*")
        for path in made:
            os.remove(path)
        return bool(made)
    finally:
        process.kill()


@needs_witness
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run a program as somebody else")
def test_the_shipped_build_refuses_to_dump_core(tmp_path):
    from plant.house import House
    with House(tmp_path / "house") as house:
        assert dumpable_by_its_own_user(house, program("oneseal-cse", WITNESS), tmp_path)     # the control
        assert not dumpable_by_its_own_user(house, program("oneseal-cse"), tmp_path)
