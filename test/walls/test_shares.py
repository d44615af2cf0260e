"""Putting shares together takes as many instructions for every secret. (Addresses are not compared here: that there is no
table is to be read in unsealer_shamir.c.)"""
import glob
import os
import re
import shutil
import subprocess

import pytest
from plant.process import program

SECRETS = "0123"

pytestmark = [pytest.mark.skipif(bool(os.environ.get("ONESEAL_SAN")), reason="sanitizers and valgrind exclude each other"),
              pytest.mark.skipif(not shutil.which("valgrind"), reason="VALGRIND IS MISSING: ./dev setup installs it")]


def counted(folder, secret, *wrong):
    """Instructions from shares to secret."""
    out = "%s/count-%s" % (folder, secret)
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, program("share_probe"), secret] +
                          list(wrong), capture_output=True, text=True, check=False)
    assert done.stdout == "good\n", done.stderr[-2000:]
    for path in glob.glob(out + ".*"):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if "Client Request: combined" in text:
            return int(re.search(r"^(?:totals|summary): (\d+)", text, re.M).group(1))
    raise AssertionError("nothing was counted")


def test_as_many_instructions_for_every_secret(tmp_path):
    counts = {counted(tmp_path, secret) for secret in SECRETS}
    assert len(counts) == 1 and min(counts) > 10000, counts


def test_a_branch_is_seen(tmp_path):
    assert len({counted(tmp_path, secret, "--branch") for secret in SECRETS}) > 2
