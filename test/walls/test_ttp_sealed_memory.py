"""What a core image of the TTP holds: the root key is in the vault's memory and in nobody else's, and once the TTP is
sealed it is nowhere. Memory is read as the kernel shows it to root, page by page, of the shipped build."""
import os
import re
import subprocess

import pytest
from plant.house import House
from plant.process import SLOW, children, program

PASS = b"correct horse battery staple\n"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read other processes' memory")


def root_of(ttp):
    """RK, from the unsealer itself with the operator's passphrase."""
    pass_out, pass_in = os.pipe()
    root_out, root_in = os.pipe()
    os.write(pass_in, PASS)
    os.close(pass_in)
    state = ttp.state
    words = ("exec \"$0\" --room=unsealer 3<&%d 4<%s/custody 5<%s/xk 6>&%d 7>/dev/null 8</dev/null"
             % (pass_out, state, state, root_in))
    subprocess.run(["bash", "-c", words, program("oneseal-ttp")], pass_fds=[pass_out, root_in], check=True,
                   timeout=60 * SLOW)
    root = os.read(root_out, 100)
    for fd in (pass_out, root_in, root_out):
        os.close(fd)
    assert len(root) == 32
    return root


def holds(pid, needle):
    with open("/proc/%d/maps" % pid, encoding="ascii") as f:
        areas = [line.split()[0] for line in f if line.split()[1].startswith("r") and "[v" not in line]
    read = 0
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
        for area in areas:
            start, end = (int(x, 16) for x in area.split("-"))
            try:
                memory.seek(start)
                octets = memory.read(end - start)
            except OSError:
                continue
            read += len(octets)
            if needle in octets:
                return True
    assert read > 1 << 20, "nothing was read"
    return False


def rooms(ttp):
    found = {"parent": ttp.pid}
    for words, pid in children(ttp.pid).items():
        match = re.search(r"--room=(\w+)", words)
        if match:
            found[match.group(1)] = pid
    return found


def say(ttp, *words, stdin=None):
    subprocess.run([program("oneseal"), "ttp", *words, "--state", ttp.state], input=stdin, check=True,
                   capture_output=True, timeout=60 * SLOW)


def test_the_root_is_in_the_vault_alone_and_nowhere_once_sealed(tmp_path):
    with House(tmp_path / "house") as house:
        ttp = house.ttp(custody={"kind": "passphrase"}, secret=PASS)
        root = root_of(ttp)
        for needle in (root, PASS.strip()):
            assert [room for room, pid in rooms(ttp).items() if holds(pid, needle)] == []
        say(ttp, "unseal", "--secret-file", "-", stdin=PASS)
        assert [room for room, pid in rooms(ttp).items() if holds(pid, root)] == ["vault"]     # the control
        assert [room for room, pid in rooms(ttp).items() if holds(pid, PASS.strip())] == []
        say(ttp, "seal")
        assert sorted(rooms(ttp)) == ["front", "ledger", "parent"]
        assert [room for room, pid in rooms(ttp).items() if holds(pid, root)] == []
