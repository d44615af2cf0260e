"""A wrong tag is refused in one way, whichever bit is wrong: one answer, and as many instructions."""
import glob
import os
import re
import shutil
import subprocess

import library
import pytest

PROBE = os.path.join(library.BUILD, "test", "foreign", "tag_probe")
BITS = 128


def test_one_shape_of_answer():
    done = subprocess.run([PROBE], capture_output=True, text=True, check=True)
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [int(bit) for bit, _ in lines] == list(range(BITS))
    assert {answer for _, answer in lines} == {"tampered 0 0 0"}


def dumps(folder):
    """{bit: instructions} of a run under callgrind."""
    found = {}
    for path in glob.glob(os.path.join(folder, "out.*")):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        name = re.search(r"^desc: Trigger: Client Request: bit (\d+)$", text, re.M)
        if name:
            found[int(name.group(1))] = int(re.search(r"^(?:totals|summary): (\d+)", text, re.M).group(1))
    return found


def counted(folder, *arguments):
    """{instructions: [bits]}"""
    if not shutil.which("valgrind"):
        pytest.skip("VALGRIND IS MISSING: nobody counted the instructions of a refusal; ./dev setup installs it")
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=%s/out" % folder, PROBE] +
                          list(arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    counts = dumps(str(folder))
    assert sorted(counts) == list(range(BITS)), sorted(counts)
    different = {}
    for bit, count in sorted(counts.items()):
        different.setdefault(count, []).append(bit)
    return different


plain_build = pytest.mark.skipif(bool(os.environ.get("ONESEAL_SAN")), reason="sanitizers and valgrind exclude each other")


@plain_build
def test_equal_instruction_counts(tmp_path):
    different = counted(tmp_path)
    assert min(different) > 1000, "nothing was counted"
    assert len(different) == 1, "instructions: bits %s" % different


@plain_build
def test_a_comparison_that_stops_early_is_seen(tmp_path):
    assert len(counted(tmp_path, "--control")) >= 16
