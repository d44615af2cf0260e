"""Every verb before real daemons: a sealing gateway, a server, a TTP. The House starts them and writes profiles."""
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from plant.house import TTP_NAME
from plant.process import SLOW, program

from cli_program import fault, ok, run

SP = "//demo.example"
STREAM = SP + "/id-mn/mn/thermo-1/data"
REMOTE = "/id-mn/mn/thermo-1/data"
HEAT, OTHER, DEVICE, OPERATOR = SP + "/Sapp-heat", SP + "/Sapp-other", SP + "/id-mn/Cthermo-1", SP + "/Soperator"


class Field:
    """The five actors, and the program run as each of them."""

    def __init__(self, house):
        self.house = house
        operator, _ = house.certificate(OPERATOR)
        self.ttp = house.ttp(operator=operator)
        self.server = house.cse("server", "in", "/id-in", "in")
        self.admin = os.path.join(house.folder, "admin.sock")
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server,
                                 extra=house.sealing(self.ttp, [HEAT], REMOTE) + [("admin", {"socket": self.admin})])
        self.folder, self.device_book = house.profile("device", DEVICE, self.gateway)
        _, self.book = house.profile("heat", HEAT, self.server, self.ttp, [STREAM])
        house.profile("other", OTHER, self.server, self.ttp, [STREAM])
        house.profile("operator", OPERATOR, self.server, self.ttp)
        device = house.client(self.gateway, "Cthermo-1")
        device.register("mn", "thermo-1")
        device.create("mn/thermo-1", 1, "m2m:acp", rn="acp",
                      pv={"acr": [{"acor": ["/Sapp-heat"], "acop": 51}, {"acor": ["/id-mn/Cthermo-1"], "acop": 63}]},
                      pvs={"acr": [{"acor": ["/id-mn/Cthermo-1"], "acop": 63}]}).expect(2001)
        device.create("mn/thermo-1", 3, "m2m:cnt", rn="data", acpi=["mn/thermo-1/acp"]).expect(2001)
        house.client(self.server, "Sapp-heat").register("in", "heat")
        house.client(self.server, "Sapp-other").register("in", "other")
        self.wait_for_the_way()

    def wait_for_the_way(self):
        """Until the gateway is registered at the server: then a request of app-heat gets there."""
        deadline = time.monotonic() + 10 * SLOW
        while run("get", "heat:" + REMOTE, "--config", self.folder).returncode != 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def put(self, *readings, words=()):
        lines = "".join(json.dumps(r) + "\n" for r in readings).encode()
        return ok("put", "device:mn/thermo-1/data", "--config", self.folder, "--json", *words, stdin=lines)

    def oneseal(self, *words, **kwargs):
        return run(*words, "--config", self.folder, **kwargs)


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    from plant.house import House
    with House(tmp_path_factory.mktemp("cli")) as house:
        yield Field(house)


def test_put_and_get_and_open(f):
    stored = json.loads(f.put({"t": 21.5}).stdout)
    assert stored["rsc"] == 2001 and stored["resource"]["m2m:cin"]["cnf"].endswith(":1")
    con = stored["resource"]["m2m:cin"]["con"]
    sealed = json.loads(f.oneseal("get", f"heat:{REMOTE}/la").stdout)
    assert sealed["m2m:cin"]["con"] == con
    done = f.oneseal("get", f"heat:{REMOTE}/la", "--open")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b'{"t": 21.5}\n'
    again = json.loads(f.oneseal("get", f"heat:{STREAM}/la", "--open", "--json").stdout)
    assert again["verdict"] == "opened" and again["plain"] == {"t": 21.5} and again["address"] == STREAM


def test_open_reads_all_three_forms_from_standard_input(f):
    f.put({"t": 1})
    body = f.oneseal("get", f"heat:{REMOTE}/la").stdout
    cin = json.loads(body)["m2m:cin"]
    note = json.dumps({"m2m:sgn": {"sur": "/id-mn/x", "nev": {"net": 3, "rep": {"m2m:cin": cin}}}}).encode()
    for text in (body, note, cin["con"].encode() + b"\n"):
        done = f.oneseal("open", "--profile", "heat", "--json", stdin=text)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["plain"] == {"t": 1} and "place-unverified" in answer["flags"]
    placed = f.oneseal("open", "--profile", "heat", "--json", "--address", REMOTE, stdin=body)
    assert "place-unverified" not in json.loads(placed.stdout)["flags"]


@pytest.mark.parametrize("text", [b"", b"hello", b"{}", b'{"m2m:cnt":{}}', b"[1]", b"\x00\xff", b'{"m2m:cin":{"rn":"x"}}'])
def test_what_is_no_reading(f, text):
    done = f.oneseal("open", "--profile", "heat", "--json", stdin=text)
    assert done.returncode == 6 and fault(done)["code"] == "malformed" and done.stdout == b""


def test_altered_or_moved_is_never_opened(f):
    f.put({"t": "canary-of-the-moved"})
    cin = json.loads(f.oneseal("get", f"heat:{REMOTE}/la").stdout)["m2m:cin"]
    con = cin["con"]
    changed = con[:-2] + ("A" if con[-2] != "A" else "B") + con[-1]
    done = f.oneseal("open", "--profile", "heat", "--json", "--address", REMOTE, stdin=changed.encode())
    assert done.returncode == 6 and fault(done)["code"] in ("tampered", "malformed")
    done = f.oneseal("open", "--profile", "heat", "--json", "--address", "/id-mn/mn/thermo-1/other", stdin=con.encode())
    assert done.returncode == 6 and fault(done)["code"] == "wrong-place"
    assert b"canary-of-the-moved" not in done.stdout + done.stderr
    # The control: unchanged and at its place it opens.
    assert b"canary-of-the-moved" in f.oneseal("open", "--profile", "heat", "--address", REMOTE, stdin=con.encode()).stdout


def test_clear_text_where_sealed_is_expected(f):
    done = f.oneseal("open", "--profile", "heat", "--json", "--address", REMOTE, stdin=b'{"m2m:cin":{"con":"21.5"}}')
    assert done.returncode == 6 and fault(done)["code"] == "not-sealed"


def test_the_other_application_is_refused_twice(f):
    f.put({"t": 2})
    done = f.oneseal("get", f"other:{REMOTE}/la", "--open", "--json")
    assert done.returncode == 4 and fault(done)["rsc"] == 4103
    body = f.oneseal("get", f"heat:{REMOTE}/la").stdout
    done = f.oneseal("open", "--profile", "other", "--address", REMOTE, "--json", stdin=body)
    assert done.returncode == 4 and done.stdout == b""
    error = fault(done)
    assert error["code"] == "refused" and error["who"] == TTP_NAME and error["object"].endswith("@" + TTP_NAME)


def test_an_untrusted_ttp(f, tmp_path):
    body = f.oneseal("get", f"heat:{REMOTE}/la").stdout
    f.house.profile("naive", HEAT, f.server)
    done = f.oneseal("open", "--profile", "naive", "--address", REMOTE, "--json", stdin=body)
    assert done.returncode == 4 and fault(done)["code"] == "unknown-ttp"


def test_no_route_to_the_ttp(f):
    from plant.process import free_port
    body = f.oneseal("get", f"heat:{REMOTE}/la").stdout
    f.house.profile("lonely", HEAT, f.server, f.ttp, [STREAM], ttp_url="https://127.0.0.1:%d" % free_port())
    done = f.oneseal("open", "--profile", "lonely", "--address", REMOTE, "--json", stdin=body)
    assert done.returncode == 7 and fault(done)["code"] == "ttp-unreachable"


def test_a_bundle_of_somebody_else(f, tmp_path):
    """The pinned bundle decides, not whoever answers at the address."""
    text = open(f.ttp.bundle, encoding="ascii").read()
    bad = tmp_path / "bundle"
    bad.write_text(text[:-20] + ("A" if text[-20] != "A" else "B") + text[-19:])
    f.house.profile("fooled", HEAT, f.server, f.ttp, [STREAM])
    path = os.path.join(f.folder, "fooled.conf")
    conf = open(path, encoding="utf-8").read().replace(f.ttp.bundle, str(bad))
    open(path, "w", encoding="utf-8").write(conf)
    done = f.oneseal("open", "--profile", "fooled", "--json", stdin=b"x")
    assert done.returncode == 9 and "bundle" in fault(done)["what"]


def test_key_list_shows_no_key(f):
    f.put({"t": 3})
    f.oneseal("get", f"heat:{REMOTE}/la", "--open")
    rows = [json.loads(line) for line in f.oneseal("key", "list", "heat", "--json").stdout.splitlines()]
    assert rows and all(r["class"] == "sealed" and r["cr"] == SP + "/id-mn" and r["kid"].endswith("@" + TTP_NAME)
                        for r in rows)
    assert any(r["verdict"] == "released" for r in rows)
    assert b"released" in f.oneseal("key", "list", "heat").stdout


def test_audit_of_the_real_log(f):
    f.put({"t": 4})
    f.oneseal("get", f"heat:{REMOTE}/la", "--open")
    first = f.oneseal("audit", "verify", "heat", "--json")
    assert first.returncode == 0, first.stderr
    row = json.loads(first.stdout)
    assert row["ok"] and row["releases"] >= 1 and row["records"] >= row["releases"]
    second = json.loads(f.oneseal("audit", "verify", "heat", "--json").stdout)
    assert second["kept"] == row["size"] <= second["size"]
    shown = [json.loads(line) for line in f.oneseal("audit", "show", "heat", "--json").stdout.splitlines()]
    assert [s["index"] for s in shown] == list(range(len(shown)))
    mine = [s["record"] for s in shown if "record" in s]
    assert all(r["iss"] == HEAT for r in mine) and any("items" in r for r in mine)
    tail = f.oneseal("audit", "show", "heat", "--json", "--start", str(len(shown) - 1)).stdout.splitlines()
    assert len(tail) == 1


def damaged(f, change):
    """`audit verify` after the store was changed as if the TTP had shown something else before."""
    copy = f.book + ".copy"
    source, target = sqlite3.connect(f.book), sqlite3.connect(copy)
    source.backup(target)
    change(target)
    target.commit()
    source.close()
    target.close()
    path = os.path.join(f.folder, "copied.conf")
    conf = open(os.path.join(f.folder, "heat.conf"), encoding="utf-8").read().replace(f.book, copy)
    open(path, "w", encoding="utf-8").write(conf)
    done = f.oneseal("audit", "verify", "copied", "--json")
    for end in ("", "-wal", "-shm"):
        if os.path.exists(copy + end):
            os.unlink(copy + end)
    return done


def test_audit_finds_another_past(f):
    f.put({"t": 5})
    f.oneseal("get", f"heat:{REMOTE}/la", "--open")
    assert f.oneseal("audit", "verify", "heat").returncode == 0
    assert damaged(f, lambda db: None).returncode == 0, "control: the copy as it is"
    for sql in ("UPDATE head SET root=zeroblob(32)", "UPDATE head SET size=size+1000",
                "UPDATE release SET answer=substr(answer,1,length(answer)-10)||'AAAAAAAAAA'"):
        done = damaged(f, lambda db, sql=sql: db.execute(sql))
        assert done.returncode == 10, (sql, done.stderr)
        assert fault(done)["code"] == "proof-invalid"


def test_policy_deny_and_allow(f):
    f.put({"t": 6})
    assert f.oneseal("policy", "deny", HEAT, "--profile", "operator", "--dry-run").returncode == 0
    denied = f.oneseal("policy", "deny", HEAT, "--profile", "operator", "--json")
    assert denied.returncode == 0, denied.stderr
    assert json.loads(denied.stdout) == {"v": 1, "ttp": TTP_NAME, "reader": HEAT, "deny": True}
    try:
        done = f.oneseal("get", f"heat:{REMOTE}/la", "--open", "--json")
        assert done.returncode == 4 and fault(done)["code"] == "refused"
    finally:
        allowed = f.oneseal("policy", "allow", "/Sapp-heat", "--profile", "operator")
    assert allowed.returncode == 0, allowed.stderr
    assert f.oneseal("get", f"heat:{REMOTE}/la", "--open").returncode == 0


def test_others_may_not_deny(f):
    done = f.oneseal("policy", "deny", HEAT, "--profile", "other", "--json")
    f.put({"t": 7})
    assert f.oneseal("get", f"heat:{REMOTE}/la", "--open").returncode == 0, done.stderr


class Watcher:
    """`oneseal watch` as a process; its lines."""

    def __init__(self, f, *words):
        self.child = subprocess.Popen([program("oneseal"), "watch", "heat:" + REMOTE, "--json", "--config", f.folder,
                                       *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.child.stderr.readline()
        assert line.startswith(b"watching "), line + self.child.stderr.read()

    def lines(self, n):
        return [json.loads(self.child.stdout.readline()) for _ in range(n)]

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        code = self.child.wait(10 * SLOW)
        self.child.stdout.close()
        self.child.stderr.close()
        return code


def opened(f):
    db = sqlite3.connect(f.book)
    rows = [json.loads(r[0]) for r in db.execute("SELECT plain FROM reading ORDER BY n")]
    waiting = db.execute("SELECT count(*) FROM inbox").fetchone()[0]
    db.close()
    return rows, waiting


def test_watch_opens_what_comes_and_survives_kill(f):
    watcher = Watcher(f, "--open")
    f.put({"w": 1}, {"w": 2})
    assert [r["plain"] for r in watcher.lines(2)] == [{"w": 1}, {"w": 2}]
    watcher.child.kill()
    watcher.end(signal.SIGKILL)
    f.put({"w": 3})                  # nobody is there: the gateway keeps the notice
    watcher = Watcher(f, "--open")   # the same command again, at another port
    f.put({"w": 4})
    assert [r["plain"] for r in watcher.lines(2)] == [{"w": 3}, {"w": 4}]
    assert watcher.end() == 0
    rows, waiting = opened(f)
    assert [r["w"] for r in rows if "w" in r] == [1, 2, 3, 4] and waiting == 0


def test_watch_without_open_shows_the_envelopes(f):
    watcher = Watcher(f)
    f.put({"secret": "canary-7461"})
    row = watcher.lines(1)[0]
    assert row["cnf"].endswith(":1") and row["con"].count(".") == 4 and "canary" not in json.dumps(row)
    assert watcher.end(signal.SIGINT) == 0
    watcher = Watcher(f, "--open", "--count", "1")      # what was kept is opened by the next one that opens
    assert watcher.lines(1)[0]["plain"] == {"secret": "canary-7461"}
    assert watcher.child.wait(10 * SLOW) == 0


def test_watch_of_somebody_without_right(f):
    done = subprocess.run([program("oneseal"), "watch", "other:" + REMOTE, "--json", "--config", f.folder, "--open"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30 * SLOW, check=False)
    assert done.returncode == 4 and fault(done)["rsc"] == 4103


def test_only_the_registrar_may_notify(f):
    """Another certificate of the same CA gets no reading into the inbox."""
    import requests
    from plant.onem2m import _Named
    watcher = Watcher(f, "--open")
    try:
        poa = json.loads(f.oneseal("get", "heat:in/heat").stdout)["m2m:ae"]["poa"][0]
        body = {"m2m:sgn": {"sur": "/id-mn/x", "nev": {"net": 3, "rep": {"m2m:cin": {"con": "1", "rn": "x"}}}}}
        statuses = {}
        for name in ("/id-in", "ttp"):
            with requests.Session() as session:
                session.trust_env = False
                session.cert = f.house.certificate(name)
                session.mount("https://", _Named("Sapp-heat"))
                session.verify = False
                statuses[name] = session.post(poa + "/", json=body, headers={"X-M2M-RI": "1"}, timeout=10).status_code
        assert statuses == {"/id-in": 200, "ttp": 403}
    finally:
        watcher.end()


def test_a_device_seals_for_itself(f):
    f.house.profile("sealer", DEVICE, f.gateway, f.ttp, extra=[
        ("seal", {"ttp": TTP_NAME, "policy": "own-1", "readers": HEAT})])
    f.house.profile("reader", HEAT, f.server, f.ttp, extra=[
        ("stream data", {"address": STREAM, "writer": DEVICE})])
    lines = b'{"d":1}\n{"d":2}\n'
    done = f.oneseal("put", "sealer:mn/thermo-1/data", "--seal", "--json", "--rn", "own", stdin=lines)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[0]["kid"] == rows[1]["kid"] and rows[0]["kid"].endswith("@" + TTP_NAME)
    done = f.oneseal("get", f"reader:{REMOTE}/own2", "--open")
    assert done.returncode == 0 and done.stdout == b'{"d":2}\n', done.stderr
    # Without the pin the writer is not the hosting CSE: nothing is returned.
    done = f.oneseal("get", f"heat:{REMOTE}/own2", "--open", "--json")
    assert done.returncode == 6 and fault(done)["code"] == "writer-changed" and b'"d"' not in done.stdout


def test_letters_of_a_device_wait_for_the_ttp(f):
    """The letter is in the store before the message leaves, and goes when the TTP answers again."""
    from plant.process import free_port
    f.house.profile("patient", DEVICE, f.gateway, f.ttp, ttp_url="https://127.0.0.1:%d" % free_port(), extra=[
        ("seal", {"ttp": TTP_NAME, "policy": "own-2", "readers": HEAT})])
    done = f.oneseal("put", "patient:mn/thermo-1/data", "--seal", "--json", "--rn", "late", stdin=b'{"l":1}\n')
    assert done.returncode == 0, done.stderr
    assert b"not registered yet" in done.stderr
    f.house.profile("reader2", HEAT, f.server, f.ttp, extra=[("stream data", {"address": STREAM, "writer": DEVICE})])
    done = f.oneseal("get", f"reader2:{REMOTE}/late1", "--open", "--json")
    assert done.returncode == 8 and fault(done)["code"] == "no-key-yet"
    f.house.profile("patient", DEVICE, f.gateway, f.ttp, extra=[
        ("seal", {"ttp": TTP_NAME, "policy": "own-2", "readers": HEAT})])
    assert f.oneseal("put", "patient:mn/thermo-1/data", "--seal", "--rn", "next", stdin=b'{"l":2}\n').returncode == 0
    for name, reading in (("late1", b'{"l":1}\n'), ("next1", b'{"l":2}\n')):
        done = f.oneseal("get", f"reader2:{REMOTE}/{name}", "--open")
        assert done.stdout == reading, done.stderr
