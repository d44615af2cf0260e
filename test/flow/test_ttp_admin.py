"""The operator's hand: oneseal ttp COMMAND through the admin socket of oneseal-ttp."""
import json
import os
import socket
import stat
import subprocess

import pytest
from plant.house import House
from plant.process import SLOW, program, run


@pytest.fixture
def house(tmp_path):
    with House(tmp_path / "house") as one:
        yield one


def say(ttp, *words, by="--state"):
    """`oneseal ttp WORDS`: (exit status, answer or error, as JSON)."""
    where = ttp.state if by == "--state" else ttp.conf
    done = subprocess.run([program("oneseal"), "ttp", *words, by, where, "--json"], capture_output=True, check=False,
                          timeout=60 * SLOW)
    text = done.stdout if done.returncode == 0 else done.stderr
    return done.returncode, json.loads(text)


def raw(ttp, octets):
    """What the socket itself answers, line by line."""
    folder = os.open(ttp.state, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(10 * SLOW)
            s.connect("/proc/self/fd/%d/admin.sock" % folder)
            s.sendall(octets)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while True:
                piece = s.recv(65536)
                if not piece:
                    return [json.loads(line) for line in got.splitlines()]
                got += piece
    except ConnectionResetError:
        return []
    finally:
        os.close(folder)


def test_status_by_state_folder_and_by_configuration(house):
    ttp = house.ttp()
    mode = os.stat(os.path.join(ttp.state, "admin.sock")).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    for by in ("--state", "--config"):
        code, answer = say(ttp, "status", by=by)
        assert code == 0 and answer["state"] == "open" and answer["ttp"] == "ttp.demo.example", answer
    words = run([program("oneseal"), "ttp", "status", "--state", ttp.state], check=0)[1]
    assert "state" in words and "open" in words


def test_a_remark_is_a_leaf_and_outlives_a_restart(house):
    ttp = house.ttp()
    before = say(ttp, "status")[1]["size"]
    code, answer = say(ttp, "note", "key", "ceremony", "done")
    assert code == 0 and answer["size"] == before + 1 and answer["index"] == before
    ttp.stop()
    assert not os.path.exists(os.path.join(ttp.state, "admin.sock"))
    ttp.start()
    assert say(ttp, "status")[1]["size"] == before + 1
    assert say(ttp, "storage")[1]["leaves"] == before + 1


def test_what_is_refused_says_why(house):
    ttp = house.ttp()
    code, answer = say(ttp, "explode")
    assert code == 3 and "no such command" in answer["error"]["what"]
    code, answer = say(ttp, "note")
    assert code == 2 and answer["error"]["do"].startswith("oneseal ttp note")
    ttp.stop()
    code, answer = say(ttp, "status")
    assert code == 7 and "listens" in answer["error"]["what"]


def test_lines_that_are_none(house):
    ttp = house.ttp()
    assert [a["status"] for a in raw(ttp, b"status\nhelp\nnote a\n\nnote \xff\n")][:2] == [200, 200]
    assert raw(ttp, b"note " + b"x" * 5000 + b"\n") == []
    assert raw(ttp, b"status") == []
    answers = raw(ttp, b"note a\nstatus\n" * 3)
    assert [a["status"] for a in answers] == [200] * len(answers)
    assert say(ttp, "status")[0] == 0                    # and the house goes on


def test_one_state_folder_one_ttp(house):
    ttp = house.ttp()
    second = subprocess.run([program("oneseal-ttp"), "-c", ttp.conf], capture_output=True, check=False,
                            timeout=20 * SLOW)
    assert second.returncode == 78 and b"admin.sock" in second.stderr + second.stdout
    assert say(ttp, "status")[0] == 0
    ttp.kill()                                           # its socket file stays, and is in nobody's way
    ttp.start()
    assert say(ttp, "status")[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="root may become somebody else")
def test_another_user_is_turned_away(house):
    ttp = house.ttp()
    os.chmod(ttp.state, 0o755)                           # the modes of folder and file are not what protects it
    os.chmod(os.path.join(ttp.state, "admin.sock"), 0o666)
    folder = os.open(ttp.state, os.O_PATH)
    words = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(10)\n"
             "s.connect('/proc/self/fd/%d/admin.sock')\nn=0\ntry:\n s.sendall(b'status\\n')\n n=len(s.recv(4096))\n"
             "except OSError:\n pass\nprint(n)" % folder)
    try:
        stranger = subprocess.run(["python3", "-c", words], pass_fds=[folder], user=65534, capture_output=True,
                                  check=False, timeout=20 * SLOW)
        ours = subprocess.run(["python3", "-c", words], pass_fds=[folder], capture_output=True, check=False,
                              timeout=20 * SLOW)
    finally:
        os.close(folder)
    assert stranger.stdout.strip() == b"0", stranger
    assert int(ours.stdout) > 10
