"""`oneseal demo` as a newcomer uses it: on the screen, from a file, revoked from another terminal, ended by Ctrl-C."""
import base64
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from plant.process import SLOW, program

from cli_program import fault, ok, run


class Live:
    """A demo that stays."""

    def __init__(self, folder, *words, stdin=subprocess.DEVNULL):
        self.state = str(folder / "state")
        self.child = subprocess.Popen([program("oneseal"), "demo", "--state", self.state, *words], stdin=stdin,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env=dict(os.environ, XDG_RUNTIME_DIR=str(folder), TERM="dumb"))

    def row(self):
        line = self.child.stdout.readline()
        assert line, self.child.stderr.read().decode()
        return json.loads(line)

    def end(self):
        self.child.send_signal(signal.SIGINT)
        code = self.child.wait(20 * SLOW)
        self.child.stdout.close()
        self.child.stderr.close()
        return code

    def pids(self):
        with open(self.state + "/actors.json", encoding="utf-8") as file:
            return [a["pid"] for a in json.load(file).values()]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("words", [[], ["--mode", "device"], ["--host", "device"], ["--key", "ttp"],
                                   ["--mode", "device", "--key", "ttp"], ["--strict"], ["--mode", "device", "--strict"],
                                   ["--esprim"], ["--host", "device", "--key", "ttp"]], ids=" ".join)
def test_once(tmp_path, words):
    done = ok("demo", "--once", *words, "--json", timeout=120 * SLOW, env={"XDG_RUNTIME_DIR": str(tmp_path),
                                                                                  "TMPDIR": str(tmp_path)})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["step"] for r in rows[:-1]] == list(range(1, 11)) and all(r["ok"] and r["what"] for r in rows[:-1])
    assert rows[-1] == {"v": 1, "summary": {"steps": 10, "ok": 10}}
    by_step = {r["step"]: r["evidence"] for r in rows[:-1]}
    assert by_step[2]["kid"].endswith("@ttp.demo.example") and by_step[2]["cnf"].endswith(":1")
    assert by_step[2]["pass"] == 2001 and by_step[2]["refuse-clear"] == 4102
    assert by_step[5]["app-other"] == 4103 and by_step[5]["reason"]
    assert by_step[6]["answered"] == by_step[2]["con"]
    assert by_step[7]["open-without-key"] == "ttp-unreachable" and by_step[7]["control-found"] > 0
    assert by_step[8]["kid"] == by_step[2]["kid"] and by_step[8]["verdict"] == "released"
    assert by_step[9]["app-other"] == "refused" and by_step[9]["reason"] and by_step[9]["decided-by"]
    assert json.loads(by_step[10]["by-retrieve"])["t"] < json.loads(by_step[10]["by-notify"])["t"]
    left = [name for name in os.listdir(tmp_path) if name != "oneseal-demo"]
    assert left == [] and os.listdir(tmp_path / "oneseal-demo") == [], "the demo leaves files behind"


@pytest.mark.parametrize("words", [["own-gateway"], ["own-gateway", "--mode", "device"], ["own-gateway", "--host", "device"],
                                   ["other-gateway"], ["other-gateway", "--mode", "device"]], ids=" ".join)
def test_once_with_a_gateway_as_ttp(tmp_path, words):
    """The credential goes by the name of a gateway, and the demo says who can read then."""
    done = ok("demo", "--once", "--json", "--ttp", *words, timeout=120 * SLOW,
              env={"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    name = {"own-gateway": "id-mn.id-in.demo.example", "other-gateway": "id-mn2.id-in.demo.example"}[words[0]]
    assert rows[0]["ttp"] == words[0] and rows[0]["fqdn"] == name
    assert ("this gateway can read" in rows[0]["note"]) == (words[0] == "own-gateway")
    assert rows[-1] == {"v": 1, "summary": {"steps": 10, "ok": 10}}
    by_step = {r["step"]: r["evidence"] for r in rows[1:-1]}
    assert by_step[2]["kid"].endswith("@" + name) and by_step[9]["decided-by"] == name
    assert ("gateway-2-octets-searched" in by_step[7]) == (words[0] == "other-gateway")


def records(state, ttp):
    """What the log of a TTP says, as the ledger keeps it."""
    with sqlite3.connect("file:%s/%s/state/ledger.db?mode=ro" % (state, ttp), uri=True) as db:
        return [json.loads(row[0]) for row in db.execute("SELECT record FROM leaf ORDER BY idx")]


@pytest.mark.parametrize("words", [[], ["--mode", "device"], ["--host", "device"], ["--key", "ttp"], ["--strict"]],
                         ids=" ".join)
def test_once_with_two_domains(tmp_path, words):
    """The applications belong to another service provider: another CA, TTP and IN-CSE; nothing secret is shared."""
    state = str(tmp_path / "state")
    done = ok("demo", "--once", "--json", "--domains", "2", "--state", state, "--keep", *words, timeout=120 * SLOW,
              env={"XDG_RUNTIME_DIR": str(tmp_path)})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    who = {r["who"]: r["can-read"] for r in rows if "who" in r}
    assert who["IN-CSE of partner.example"].startswith("neither") and who["TTP of partner.example"].startswith("neither")
    assert rows[-1] == {"v": 1, "summary": {"steps": 10, "ok": 10}}
    by_step = {r["step"]: r["evidence"] for r in rows if "step" in r}
    assert by_step[2]["kid"].endswith("@ttp.demo.example")
    assert by_step[4]["notifies"] == "//partner.example/Sapp-heat"
    assert by_step[7]["server-found"] == by_step[7]["server-2-found"] == 0 < by_step[7]["control-found"]
    assert by_step[9]["decided-by"] == "ttp.demo.example"
    # Each TTP wrote down its part: who vouched, and for whom.
    kid = by_step[2]["kid"]
    released = [r for r in records(state, "ttp") if "items" in r and {"kid": kid, "code": "ok"} in r["items"]]
    assert released and {r["via"] for r in released} == {"ttp.partner.example"}
    assert {r["iss"] for r in released} == {"//partner.example/Sapp-heat"}
    relayed = [r for r in records(state, "ttp-2") if r.get("op") == "relay"]
    assert {r["to"] for r in relayed} == {"ttp.demo.example"}
    assert {r["req"] for r in released} <= {r["req"] for r in relayed}
    # Nothing secret is on both sides: no key of one domain, and no authority but in the two sections [peer].
    text = {name: open(os.path.join(folder, name), encoding="utf-8").read()
            for folder in [state + "/certs"] for name in os.listdir(folder) if name.endswith(".key")}
    assert len(set(text.values())) == len(text)
    for name, conf in (("server", "cse.conf"), ("server-2", "cse.conf"), ("ttp-2", "ttp-2.conf")):
        with open(f"{state}/{name}/{conf}", encoding="utf-8") as f:
            sections = f.read().split("\n[")
        other = "/ca/" if name.endswith("-2") else "/ca-2/"
        assert [s.partition("]")[0].partition(" ")[0] for s in sections if other in s] == ["peer"]


def test_two_domains_do_not_go_with_everything(tmp_path):
    for words in (["3"], ["2", "--ttp", "own-gateway"], ["2", "--esprim"], ["2", "--key", "provisioned"]):
        assert run("demo", "--once", "--domains", *words, env={"XDG_RUNTIME_DIR": str(tmp_path)}).returncode == 2


@pytest.mark.parametrize("words", [[], ["--mode", "device"], ["--host", "device"]], ids=" ".join)
def test_once_provisioned(tmp_path, words):
    """Both ends were given the key beforehand: the TTP is not asked for it."""
    done = ok("demo", "--once", "--json", "--key", "provisioned", *words, timeout=120 * SLOW,
              env={"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[-1] == {"v": 1, "summary": {"steps": 10, "ok": 10}}
    by_step = {r["step"]: r["evidence"] for r in rows[:-1]}
    assert by_step[2]["kid"] == by_step[8]["kid"] == "thermo-1@demo.example"
    assert by_step[9]["app-other"] == "unknown-ttp" and by_step[7]["control-found"] > 0
    assert json.loads(by_step[10]["by-retrieve"])["t"] < json.loads(by_step[10]["by-notify"])["t"]


@pytest.mark.parametrize("words", [[], ["--mode", "device"]], ids=" ".join)
def test_once_in_batches(tmp_path, words):
    done = ok("demo", "--once", "--json", "--batch", "60", *words, timeout=120 * SLOW,
              env={"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[-1] == {"v": 1, "summary": {"steps": 10, "ok": 10}}
    by_step = {r["step"]: r["evidence"] for r in rows[:-1]}
    header = json.loads(base64.urlsafe_b64decode(by_step[2]["con"].split(".")[0] + "=="))
    assert header["e2e"][5] == ("db" if words else "gb")
    assert len(json.loads(by_step[10]["by-retrieve"])) == 60


def test_once_on_the_screen(tmp_path):
    done = ok("demo", "--once", "--count", "2", timeout=120 * SLOW, env={"XDG_RUNTIME_DIR": str(tmp_path)})
    lines = done.stdout.decode().splitlines()
    assert [line.split()[:2] for line in lines[:10]] == [["ok", str(n)] for n in range(1, 11)]
    assert lines[10] == "10 of 10 steps hold"


def test_once_fails_when_a_step_does_not_hold(tmp_path):
    """One reading only in the input: the steps that need a second one say so, and the exit status is 1."""
    (tmp_path / "one").write_text('{"t":1}\n')
    done = run("demo", "--once", "--json", "--from", tmp_path / "one", timeout=120 * SLOW,
               env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert not rows[3]["ok"] and "input has ended" in rows[3]["why"]
    assert rows[-1]["summary"]["ok"] < 10 and fault(done)["what"].endswith("steps do not hold")


def test_live_revoked_and_ended(tmp_path):
    live = Live(tmp_path, "--json")
    first = live.row()
    assert json.loads(first["device"])["load"] >= 0, "the readings are this host's telemetry"
    assert first["app"] == first["device"] and first["verdict"] == "opened" and first["ep"] == 1
    assert first["gateway"] == first["server"] and first["gateway"].count(".") == 4
    pids = live.pids()
    assert len(pids) == 6 and all(alive(p) for p in pids)
    revoked = ok("demo", "revoke", "app-heat", "--json", env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert json.loads(revoked.stdout) == {"v": 1, "revoked": "app-heat"}
    rows = [live.row() for _ in range(2)]
    assert rows[-1]["verdict"] == "refused" and rows[-1]["ep"] == 2 and "app" not in rows[-1]
    assert rows[-1]["kid"] != first["kid"]
    assert live.end() == 0
    assert not os.path.exists(live.state)
    deadline = time.monotonic() + 5
    while any(alive(p) for p in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [p for p in pids if alive(p)]


def test_live_from_standard_input_with_a_count(tmp_path):
    live = Live(tmp_path, "--json", "--from", "-", "--count", "2", stdin=subprocess.PIPE)
    live.child.stdin.write(b'{"n":1}\nnot json\n"text"\n{"n":3}\n')
    live.child.stdin.close()
    rows = [live.row(), live.row()]
    assert [r["app"] for r in rows] == ['{"n":1}', "text"]
    assert [r["device"] for r in rows] == ['{"n":1}', '"text"']
    assert live.child.wait(20 * SLOW) == 0


def test_killed_demo_takes_its_actors_along(tmp_path):
    live = Live(tmp_path, "--json", "--keep")
    live.row()
    pids = live.pids()
    live.child.kill()
    live.child.wait()
    deadline = time.monotonic() + 10 * SLOW
    while any(alive(p) for p in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [p for p in pids if alive(p)]


def test_revoke_finds_the_demo_that_lives(tmp_path):
    """A dead demo left its link; of two living ones one must be named."""
    (tmp_path / "oneseal-demo").mkdir(mode=0o700)
    gone = subprocess.Popen(["true"])
    gone.wait()
    os.symlink("/nonexistent", tmp_path / "oneseal-demo" / str(gone.pid))
    live = Live(tmp_path, "--json")
    live.row()
    ok("demo", "revoke", "app-heat", env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert os.listdir(tmp_path / "oneseal-demo") == [str(live.child.pid)]
    os.symlink(live.state, tmp_path / "oneseal-demo" / str(os.getpid()))
    done = run("demo", "revoke", "app-heat", "--json", env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert done.returncode == 2 and "2 demos" in fault(done)["what"]
    ok("demo", "revoke", "app-heat", "--state", live.state, env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert live.end() == 0


def test_revoke_without_a_demo(tmp_path):
    assert run("demo", "revoke", "app-heat", env={"XDG_RUNTIME_DIR": str(tmp_path)}).returncode == 3
    assert run("demo", "revoke", "nobody", env={"XDG_RUNTIME_DIR": str(tmp_path)}).returncode == 3


@pytest.mark.parametrize("words", [["--mode", "x"], ["--host", "x"], ["--key", "x"], ["--batch", "0"],
                                   ["--strict", "--key", "provisioned"], ["--count", "0"], ["--once", "--count", "1"],
                                   ["--hold", "--from", "-"], ["--count", "-1"]])
def test_options_that_are_refused(words):
    assert run("demo", *words).returncode == 2


def test_files_that_are_not_there(tmp_path):
    assert run("demo", "--from", tmp_path / "no").returncode == 3
    assert run("demo", "--via", tmp_path / "no").returncode == 3
