"""The second verdict before real daemons: a gateway that publishes heads, an application that waits for them."""
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from plant.house import SP, House
from plant.process import SLOW, program
from witness.jose_stranger import b64u

from cli_program import fault, run

HEAT, OTHER = SP + "/Sapp-heat", SP + "/Sapp-other"
REMOTE = "/id-mn/mn/thermo-1/"
BASE = SP + REMOTE
PUMP = "pump@keys.example"


class Field:
    def __init__(self, house):
        self.house = house
        self.ttp = house.ttp()
        self.server = house.cse("server", "in", "/id-in", "in")
        extra = house.sealing(self.ttp, [HEAT], REMOTE + "sealed*")
        extra += [("heads", {"segment": "400ms", "idle": "1s"})]
        kinds = os.path.join(house.folder, "kinds")
        os.makedirs(kinds)
        with open(os.path.join(kinds, "note.json"), "w", encoding="ascii") as f:
            json.dump({"cnd": "demo.note", "root": "demo:note", "attributes": [
                {"sn": "text", "type": "string", "sealed": True}]}, f)
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, extra=extra, kinds=kinds)
        self.device = house.client(self.gateway, "Cthermo-1")
        self.device.register("mn", "thermo-1")
        self.device.create("mn/thermo-1", 1, "m2m:acp", rn="acp",
                           pv={"acr": [{"acor": ["/Sapp-heat", "/Sapp-other"], "acop": 51},
                                       {"acor": ["/id-mn/Cthermo-1"], "acop": 63}]},
                           pvs={"acr": [{"acor": ["/id-mn/Cthermo-1"], "acop": 63}]}).expect(2001)
        made = self.container("sealed")
        self.container("open")
        self.device.create("mn/thermo-1", 29, "m2m:ts", rn="sealed-series",
                           acpi=["mn/thermo-1/acp"]).expect(2001)
        self.ri = made.root("m2m:cnt")["ri"]
        key = os.path.join(house.folder, "pump.key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write("5a" * 32 + "\n")
        self.folder, self.book = house.profile("heat", HEAT, self.server, self.ttp, [], extra=[
            ("stream data", {"address": BASE + "sealed", "also": "/id-mn/" + self.ri, "heartbeat": "2s"}),
            ("key " + PUMP, {"key-file": key})])
        house.profile("plain", HEAT, self.server, self.ttp, [BASE + "sealed"])
        house.profile("other", OTHER, self.server, self.ttp, [BASE + "sealed"])
        house.client(self.server, "Sapp-heat").register("in", "heat")
        house.client(self.server, "Sapp-other").register("in", "other")
        deadline = time.monotonic() + 10 * SLOW
        while self.oneseal("get", "heat:" + REMOTE + "sealed").returncode != 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def container(self, name):
        return self.device.create("mn/thermo-1", 3, "m2m:cnt", rn=name, acpi=["mn/thermo-1/acp"]).expect(2001)

    def put(self, con, name="sealed", **more):
        return self.device.create("mn/thermo-1/" + name, 4, "m2m:cin", con=con, **more).expect(2001).root("m2m:cin")

    def oneseal(self, *words, **kwargs):
        return run(*words, "--config", self.folder, **kwargs)


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    with House(tmp_path_factory.mktemp("confirmed")) as house:
        yield Field(house)


def test_get_waits_for_the_head(f):
    f.put("reading 21.5")
    done = f.oneseal("get", "heat:" + REMOTE + "sealed/la", "--confirmed")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"reading 21.5\n"
    assert b"waiting at most 20 s for a head" in done.stderr
    made = f.put({"t": 21.6})
    line = json.loads(f.oneseal("get", "heat:" + REMOTE + "sealed/" + made["rn"], "--confirmed", "--json").stdout)
    assert line["verdict"] == line["second"] == "confirmed" and line["plain"] == {"t": 21.6} and line["flags"] == []


def test_open_waits_for_the_head(f):
    made = f.put("piped")
    done = f.oneseal("open", "--profile", "heat", "--address", REMOTE + "sealed", "--confirmed",
                     stdin=made["con"].encode())
    assert done.returncode == 0 and done.stdout == b"piped\n", done.stderr


def test_no_head_no_data(f):
    made = f.put("too early")
    done = f.oneseal("get", "heat:" + REMOTE + "sealed/" + made["rn"], "--confirmed", "--wait", "1ms", "--json")
    if done.returncode != 0:    # the head may be as quick
        assert done.returncode == 10 and done.stdout == b""
        assert fault(done)["code"] in ("unconfirmed", "partial")


class Watcher:
    def __init__(self, f, *words, of="sealed", who="heat"):
        self.child = subprocess.Popen([program("oneseal"), "watch", who + ":" + REMOTE + of, "--json", "--config",
                                       f.folder, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.child.stderr.readline()
        assert line.startswith(b"watching "), line + self.child.stderr.read()

    def until(self, enough):
        lines = []
        while not enough(lines):
            lines.append(json.loads(self.child.stdout.readline()))
        return lines

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(10 * SLOW)
        self.child.stdout.close()
        self.child.stderr.close()
        return code


def test_watch_shows_what_is_confirmed_once(f):
    watcher = Watcher(f, "--confirmed")
    for n in range(5):
        f.put({"w": n})
    lines = watcher.until(lambda so_far: sum(x["verdict"] == "confirmed" for x in so_far) == 5)
    opened = [x for x in lines if x["verdict"] == "opened"]
    confirmed = [x for x in lines if x["verdict"] == "confirmed"]
    assert [x["plain"]["w"] for x in confirmed] == [0, 1, 2, 3, 4]
    assert len(opened) == 5 and all("plain" not in x and x["second"] == "unconfirmed" for x in opened)
    assert watcher.end() == 0
    watcher = Watcher(f, "--confirmed")
    f.put({"w": 5})
    lines = watcher.until(lambda so_far: sum(x["verdict"] == "confirmed" for x in so_far) == 1)
    assert [x["plain"] for x in lines if x["verdict"] == "confirmed"] == [{"w": 5}]
    assert watcher.end() == 0


def test_a_series_opens(f):
    f.device.create("mn/thermo-1/sealed-series", 30, "m2m:tsi", dgt="20261124T120000", con="tick").expect(2001)
    done = f.oneseal("get", "heat:" + REMOTE + "sealed-series/la", "--confirmed", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plain"] == "tick"


def test_other_forms_of_an_address(f):
    f.put("where")
    by_id = json.loads(f.oneseal("get", "plain:/id-mn/" + f.ri + "/la", "--open", "--json").stdout)
    assert by_id["plain"] == "where" and "place-unverified" in by_id["flags"]
    pinned = json.loads(f.oneseal("get", "heat:/id-mn/" + f.ri + "/la", "--open", "--json").stdout)
    assert "place-unverified" not in pinned["flags"] and pinned["address"] == BASE + "sealed"


def sealed_by_hand(kid, key, plain):
    head = b64u(json.dumps({"alg": "dir", "enc": "A256GCM", "kid": kid}).encode())
    iv = os.urandom(12)
    whole = AESGCM(key).encrypt(iv, plain, head.encode())
    return ".".join((head, "", b64u(iv), b64u(whole[:-16]), b64u(whole[-16:])))


def test_a_key_of_the_profile(f):
    f.put(sealed_by_hand(PUMP, b"\x5a" * 32, b"by hand"), "open", cnf="text/plain:0:1")
    done = f.oneseal("get", "heat:" + REMOTE + "open/la", "--open", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plain"] == "by hand"
    done = f.oneseal("get", "plain:" + REMOTE + "open/la", "--open", "--json")
    assert fault(done)["code"] == "unknown-ttp" and done.returncode == 4


def steps(done):
    whole = json.loads(done.stdout)
    return whole, {s["step"]: (s["state"], s.get("text", "")) for s in whole["steps"]}


def test_explain_why_it_opens(f):
    f.put("not to be shown")
    f.oneseal("get", "heat:" + REMOTE + "sealed/la", "--confirmed")
    done = f.oneseal("explain", REMOTE + "sealed/la", "--as", "heat", "--json")
    whole, step = steps(done)
    assert done.returncode == 0 and whole["verdict"] == "confirmed"
    assert [s["state"] for s in whole["steps"]] == ["ok"] * 14, whole
    assert list(step) == ["fetch", "cnf", "outside", "algorithm", "place", "ttp", "key", "policy", "writer",
                          "commitment", "aead", "order", "time", "head"]
    assert whole["cache"]["asked"] == 1
    text = f.oneseal("explain", REMOTE + "sealed/la", "--as", "heat")
    assert text.returncode == 0 and b"not to be shown" not in text.stdout + done.stdout
    # nothing was moved by looking
    line = json.loads(f.oneseal("get", "heat:" + REMOTE + "sealed/la", "--open", "--json").stdout)
    assert line["flags"] == ["replayed"]


def test_explain_why_it_does_not(f):
    f.put("for heat only")
    done = f.oneseal("explain", REMOTE + "sealed/la", "--as", "other", "--json")
    whole, step = steps(done)
    assert done.returncode == 4 and whole["verdict"] == "refused"
    assert step["place"][0] == "ok" and step["key"][0] == "fail" and step["writer"][0] == "not-reached"
    f.put("clear", "open")
    done = f.oneseal("explain", REMOTE + "open/la", "--as", "heat", "--json")
    whole, step = steps(done)
    assert done.returncode == 6 and whole["verdict"] == "not-sealed" and step["cnf"][0] == "fail"
    moved = f.put("moved")["con"]
    f.put(moved, "open", cnf="text/plain:0:1")
    done = f.oneseal("explain", REMOTE + "open/la", "--as", "heat", "--json")
    whole, step = steps(done)
    assert done.returncode == 6 and whole["verdict"] == "wrong-place" and step["algorithm"][0] == "ok"
    done = f.oneseal("explain", REMOTE + "nothing/la", "--as", "heat", "--json")
    whole, step = steps(done)
    assert done.returncode == 3 and whole["verdict"] == "not read" and "4004" in step["fetch"][1]


def test_explain_still_knows_codes(f):
    assert b"head" in f.oneseal("explain", "unconfirmed").stdout


def test_a_certificate_of_the_profile(f):
    """Sealed by a stranger's library to a public key whose private half the profile names (SUID 44)."""
    from jwcrypto import jwe, jwk
    for kid, name in (("41-" + "5e" * 16, "P-256"), ("41-" + "7a" * 16, "RSA")):
        pair = jwk.JWK.generate(kty="EC", crv="P-256") if name == "P-256" else jwk.JWK.generate(kty="RSA", size=2048)
        path = os.path.join(f.house.folder, name + ".pem")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as out:
            out.write(pair.export_to_pem(private_key=True, password=None))
        f.house.profile("cert", HEAT, f.server, f.ttp, extra=[("key " + kid, {"key-file": path, "suid": 44})])
        alg = "ECDH-ES+A256KW" if name == "P-256" else "RSA-OAEP-256"
        token = jwe.JWE(b"to you", json.dumps({"alg": alg, "enc": "A256GCM", "kid": kid}))
        token.add_recipient(pair)
        for form, security in ((token.serialize(compact=True), 1), (token.serialize(), 2)):
            f.put(form, "open", cnf="text/plain:0:%d" % security)
            done = f.oneseal("get", "cert:" + REMOTE + "open/la", "--open", "--json")
            assert done.returncode == 0, done.stderr
            line = json.loads(done.stdout)
            assert line["plain"] == "to you" and line["author"] == "unknown until confirmed", line
        told = f.oneseal("get", "cert:" + REMOTE + "open/la", "--open")
        assert b"tells nothing about its author" in told.stderr
    os.chmod(path, 0o644)
    assert f.oneseal("get", "cert:" + REMOTE + "open/la", "--open").returncode == 9


def test_members_of_a_group(f):
    f.put("from the group")
    f.device.create("mn/thermo-1", 9, "m2m:grp", rn="all", mnm=5, mid=["mn/thermo-1/sealed"],
                    acpi=["mn/thermo-1/acp"], macp=["mn/thermo-1/acp"]).expect(2001)
    done = f.oneseal("get", "heat:" + REMOTE + "all/fopt/la", "--open", "--json")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["plain"] == "from the group" and "place-unverified" in line["flags"]


def test_an_attribute_is_a_stream(f):
    f.device.create("mn/thermo-1", 28, "demo:note", rn="sealed-note", cnd="demo.note", text="first",
                    acpi=["mn/thermo-1/acp"]).expect(2001)
    done = f.oneseal("get", "heat:" + REMOTE + "sealed-note#text", "--confirmed", "--json")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["plain"] == "first" and line["address"] == BASE + "sealed-note#text" and line["flags"] == []
    watcher = Watcher(f, "--open", of="sealed-note#text")
    f.device.update("mn/thermo-1/sealed-note", "demo:note", text="second").expect(2004)
    lines = watcher.until(lambda so_far: len(so_far) == 1)
    assert lines[0]["plain"] == "second" and "place-unverified" not in lines[0]["flags"]
    assert watcher.end() == 0
    done = f.oneseal("explain", REMOTE + "sealed-note#text", "--as", "heat", "--json")
    whole, step = steps(done)
    assert done.returncode == 0 and step["place"][0] == "ok"


@pytest.mark.parametrize("fatal", ["none", "gap"])
def test_a_gap_is_filled(f, fatal):
    """The middle one of three notifications is lost; where a gap refuses, the third opens once the second is there."""
    name = "sealed-gap-" + fatal
    f.container(name)
    _, book = f.house.profile("lossy", HEAT, f.server, f.ttp, extra=[
        ("stream data", {"address": BASE + name, "fatal": fatal})])
    conf = os.path.join(f.folder, "lossy.conf")
    with open(conf, encoding="utf-8") as text:
        whole = text.read()
    with open(conf, "w", encoding="utf-8") as text:
        text.write(whole.replace("name = lossy", "name = heat"))  # the AE that is registered
    watcher = Watcher(f, of=name, who="lossy")
    for n in range(3):
        f.put({"n": n}, name)
    watcher.until(lambda lines: len(lines) == 3)
    assert watcher.end() == 0
    db = sqlite3.connect(book)
    (lost,) = db.execute("SELECT n FROM inbox ORDER BY n LIMIT 1 OFFSET 1").fetchone()
    db.execute("DELETE FROM inbox WHERE n=?", (lost,))
    db.commit()
    db.close()
    watcher = Watcher(f, "--open", of=name, who="lossy")
    lines = watcher.until(lambda so_far: len([x for x in so_far if "plain" in x]) == 3)
    order = [0, 1, 2] if fatal == "gap" else [0, 2, 1]
    assert [x["plain"]["n"] for x in lines] == order
    assert lines[order.index(2)]["flags"] == ([] if fatal == "gap" else ["gap"])
    assert watcher.end() == 0
    os.remove(book)
