#!/usr/bin/env python3
"""Runs every test and ends in one line: N passed, N failed.

Compiled tests run under meson (unit, contract, vectors, corpora); whole-program tests under pytest
(test/flow, test/bad, test/walls). --san=address,undefined or --san=thread builds with those sanitizers.
A second build, build-witness, differs in two options alone: TLS secrets go to SSLKEYLOGFILE and processes may be
dumped. Only the tests that judge recordings and memory use it.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Whether ./dev test runs the conformance suite, too (./dev conformance runs it by itself).
CONFORMANCE = True
PYTEST_FOLDERS = ["test/witness", "test/flow", "test/bad", "test/walls", "test/foreign"]


def sh(command, **kwargs):
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, cwd=ROOT, **kwargs)


WITNESS = "build-witness"


def build(folder, options=(), env=None):
    if not os.path.exists(os.path.join(ROOT, folder, "build.ninja")):
        sh(["meson", "setup", folder] + list(options), check=True, stdout=subprocess.DEVNULL, env=env)
    sh(["ninja", "-C", folder, "--quiet"], check=True)


def run_meson(folder):
    sh(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--quiet"])
    passed = failed = skipped = 0
    with open(os.path.join(ROOT, folder, "meson-logs", "testlog.json")) as log:
        for line in log:
            result = json.loads(line)["result"]
            good = result in ("OK", "EXPECTEDFAIL")
            passed, skipped = passed + good, skipped + (result == "SKIP")
            failed += not good and result != "SKIP"
    if skipped:
        print(f"{skipped} compiled tests were skipped: neither passed nor failed")
    return passed, failed


def run_clang():
    """Everything also compiles under clang, with the same warnings as errors."""
    try:
        build("build-clang", env=dict(os.environ, CC="clang"))
        return 1, 0
    except subprocess.CalledProcessError:
        print("clang refuses what gcc compiles")
        return 0, 1


def run_lint():
    done = sh([sys.executable, "test/lint/layers.py"])
    return (1, 0) if done.returncode == 0 else (0, 1)


def run_pytest(folder, sanitizers):
    folders = [f for f in PYTEST_FOLDERS if os.path.isdir(os.path.join(ROOT, f))]
    if not folders:
        return 0, 0
    env = dict(os.environ, ONESEAL_BUILD=os.path.join(ROOT, folder), ONESEAL_SAN=sanitizers or "",
               ONESEAL_WITNESS="" if sanitizers else os.path.join(ROOT, WITNESS), PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", "--durations=10"] + folders
    print("+", " ".join(command), flush=True)
    summary = ""
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as done:
        for line in done.stdout:
            print(line, end="", flush=True)
            summary = line.strip() or summary

    def count(word):
        return sum(int(n) for n in re.findall(rf"(\d+) {word}", summary))
    passed, failed = count("passed"), count("failed") + count("error")
    if done.returncode not in (0, 5) and failed == 0:
        failed = 1  # pytest itself broke
    return passed, failed


def run_conformance(folder):
    done = sh([sys.executable, "test/conformance/run.py"], env=dict(os.environ, ONESEAL_BUILD=os.path.join(ROOT, folder)),
              stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    found = re.search(r"conformance: (\d+) of (\d+) passed, (\d+) excused", done.stdout)
    if not found:
        return 0, 1
    passed, lines, excused = map(int, found.groups())
    return passed, max(lines - passed - excused, int(done.returncode != 0))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--san", metavar="LIST", help="address,undefined or thread")
    args = args.parse_args()
    folder = "build" if not args.san else "build-san-" + args.san.replace(",", "-")
    start = time.monotonic()
    try:
        build(folder, [f"-Db_sanitize={args.san}", "-Db_lundef=false"] if args.san else [])
        if not args.san:
            build(WITNESS, ["-Dinspect=true", "-Dtest_keylog=true"])
    except subprocess.CalledProcessError:
        print("the build failed")
        print("0 passed, 1 failed")
        return 1
    runs = [run_lint(), run_meson(folder), run_pytest(folder, args.san)]
    if CONFORMANCE and not args.san:
        runs.append(run_conformance(folder))
    if not args.san:
        runs.append(run_clang())
    total = [0, 0]
    for passed, failed in runs:
        total[0] += passed
        total[1] += failed
    print(f"time: {time.monotonic() - start:.0f} s")
    print(f"{total[0]} passed, {total[1]} failed")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
