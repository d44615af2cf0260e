"""Every command in the README and the guides runs as it stands there."""
import glob
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ONESEAL_BUILD", os.path.join(ROOT, "build"))

# Commands of the README that other tests run, or that do not end by themselves.
RUN_ELSEWHERE = {"./dev demo", "./dev test", "./dev lab", "./dev conformance", "./dev bench --quick", "./dev fuzz json --seconds 60"}


def blocks(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return re.findall(r"^```sh\n(.*?)^```", file.read(), re.S | re.M)


def commands(path):
    for block in blocks(path):
        for line in block.splitlines():
            line = line.split("#")[0].strip()
            if line:
                yield line


@pytest.mark.parametrize("command", sorted(set(commands("README.md")) - RUN_ELSEWHERE))
def test_readme(command):
    done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])


def test_readme_names_what_exists():
    known = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in commands("README.md"):
        assert re.search(r"^  %s\b" % command.split()[1], known, re.M) or command == "./dev help", command
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        for place in re.findall(r"^\| `([^`]+)` \|", file.read(), re.M):
            if "/" in place or "." in place:
                assert os.path.exists(os.path.join(ROOT, place)), place


@pytest.mark.parametrize("guide", [os.path.relpath(g, ROOT) for g in sorted(glob.glob(ROOT + "/doc/guide/*.md"))])
def test_guide(guide, tmp_path):
    if os.environ.get("ONESEAL_SAN") and guide.endswith("library.md"):
        pytest.skip("a program of its reader's would have to be built with the same sanitizers")
    script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "\n".join(blocks(guide))
    env = dict(os.environ, BIN=os.path.join(BUILD, "src"))
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    if guide.endswith("by-hand.md"):
        stored, opened = re.findall(r'"con":"(eyJ[^"]+)"', done.stdout), '{"t":21.5}' in done.stdout
        assert stored and opened, done.stdout
    if guide.endswith("library.md"):
        own = "//demo.example/id-mn/mn/thermo-1/own: "
        for shown in ("\n21.5\n", own + '{"t":21.5}\n' + own + '{"t":21.6}\n' + '{"t":21.6}\n'):
            assert shown in done.stdout, (shown, done.stdout, done.stderr)
    if guide.endswith("laboratory.md"):
        assert "m2m:dbg" not in done.stdout, done.stdout
        for shown in ('"m2m:uril":["cse-in/lamp/light"]', '"fr":"/id-mn/cse-mn/shed"', '"rs":1', '"at":["/id-mn/'):
            assert shown in done.stdout, (shown, done.stdout)
