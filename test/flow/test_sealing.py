"""A gateway that seals, before strangers: jwcrypto opens what it stored, and oneseal opens what jwcrypto sealed."""
import json
import os
import time

import pytest
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import free_port, program, run
from plant.receiver import Receiver
from witness import canary, jose_stranger, ten_steps
from witness.ttp_stranger import Party, fresh_kv

BASE = SP + "/id-mn/mn/thermo-1/"
HEAT = SP + "/Sapp-heat"
DEVICE = SP + "/id-mn/Cthermo-1"
CONTENTS = ["21.5", "", "ä€𝄞 \\ \" / ", 7, -0.5, True, {"t": 21.5, "u": {"x": [1, None]}}, [1, "two"]]


class Plant:
    def __init__(self, folder):
        self.house = house = House(folder)
        self.ttp = house.ttp(port=free_port())     # the same after a restart
        self.server = house.cse("server", "in", "/id-in", "in")
        extra = house.sealing(self.ttp, [HEAT], BASE + "data*")
        extra += [("seal open", {"for": BASE + "open", "policy": "pass"}),
                  ("seal strict", {"for": BASE + "strict", "policy": "refuse-clear"})]
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, extra=extra)
        self.device = house.client(self.gateway, "Cthermo-1")
        self.device.register("mn", "thermo-1")
        self.device.create("mn/thermo-1", 1, "m2m:acp", rn="acp",
                           pv={"acr": [{"acor": ["Cthermo-1"], "acop": 63}, {"acor": ["/Sapp-heat"], "acop": 51}]},
                           pvs={"acr": [{"acor": ["Cthermo-1"], "acop": 63}]}).expect(2001)
        for name in ("data", "data-2", "open", "strict"):
            self.device.container("mn/thermo-1", name, acpi=["mn/thermo-1/acp"])
        with open(self.ttp.bundle, encoding="ascii") as f:
            self.bundle = ten_steps.read_bundle(f.read())
        self.app = self.party(HEAT)
        assert self.app.register() == "ok"
        self.keys = {}

    def party(self, identity):
        certificate, key = self.house.certificate(identity)
        return Party(identity, certificate, key, "https://" + self.ttp.ready["https"], self.house.authority.path,
                     _Named(TTP_NAME), self.bundle)

    def key_of(self, con, name="data"):
        """KV of a sealed message, released to the application; waits until the letter has arrived."""
        kid = jose_stranger.header_of(con)["kid"]
        deadline = time.monotonic() + 20
        while kid not in self.keys:
            verdict, keys = self.app.release([kid], {kid: jose_stranger.sid_of(BASE + name)})
            self.keys.update(keys)
            if kid not in keys:
                assert set(verdict["denied"].values()) == {"no-key-yet"}, verdict["denied"]
                assert time.monotonic() < deadline, "the gateway's letter does not arrive"
                time.sleep(0.2)
        return self.keys[kid]

    def close(self):
        self.app.close()
        self.house.close()


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    made = Plant(tmp_path_factory.mktemp("sealing"))
    yield made
    made.close()


@pytest.mark.parametrize("content", CONTENTS, ids=[json.dumps(c)[:30] for c in CONTENTS])
def test_jwcrypto_opens_what_the_gateway_sealed(plant, content):
    made = plant.device.put("mn/thermo-1/data", content).expect(2001).root("m2m:cin")
    con = made["con"]
    header = jose_stranger.header_of(con)
    assert header["alg"] == "dir" and header["enc"] == "A256GCM" and "crit" not in header
    is_text = isinstance(content, str)
    assert made["cnf"] == ("text/plain:0:1" if is_text else "application/json:0:1")
    assert header.get("cty") == (None if is_text else "json")
    assert made["cs"] == len(con)
    version, sid, ep, i, t_ms, mode = header["e2e"][:6]
    assert (version, sid, mode) == (1, jose_stranger.b64u(jose_stranger.sid_of(BASE + "data")), "g")
    assert abs(t_ms / 1000 - time.time()) < 60 and ep >= 1 and i >= 0
    plain, = jose_stranger.open_batch(con, plant.key_of(con))
    assert (plain.decode() if is_text else json.loads(plain)) == content
    assert plant.device.retrieve("mn/thermo-1/data/la").root("m2m:cin")["con"] == con


def test_order_and_epochs(plant):
    heads = []
    for n in range(12):
        con = plant.device.put("mn/thermo-1/data-2", str(n)).expect(2001).root("m2m:cin")["con"]
        heads.append(jose_stranger.header_of(con))
        assert jose_stranger.open_con(con, plant.key_of(con, "data-2")) == str(n).encode()
    assert len({h["kid"] for h in heads}) == 1
    first = heads[0]["e2e"][3]
    assert [h["e2e"][3] for h in heads] == list(range(first, first + 12))
    plant.gateway.kill()
    plant.gateway.start()
    plant.device = plant.house.client(plant.gateway, "Cthermo-1")
    con = plant.device.put("mn/thermo-1/data-2", "after").expect(2001).root("m2m:cin")["con"]
    new = jose_stranger.header_of(con)
    assert new["kid"] != heads[0]["kid"], "a restart starts a new epoch"
    assert new["e2e"][2] == heads[0]["e2e"][2] + 1 and new["e2e"][3] == 0
    assert jose_stranger.open_con(con, plant.key_of(con, "data-2")) == b"after"
    stored = plant.device.retrieve("mn/thermo-1/data-2", rcn=4).root("m2m:cnt")["m2m:cin"]
    assert len({(jose_stranger.header_of(i["con"])["kid"], jose_stranger.header_of(i["con"])["e2e"][3])
                for i in stored}) == 13


def test_policies_of_containers(plant):
    clear = plant.device.put("mn/thermo-1/open", "in clear").expect(2001).root("m2m:cin")
    assert clear["con"] == "in clear"
    refused = plant.device.put("mn/thermo-1/strict", "in clear").expect(4102)
    assert refused.debug
    assert plant.device.retrieve("mn/thermo-1/strict").root("m2m:cnt")["cni"] == 0
    kv = fresh_kv()
    con = jose_stranger.seal_con(b"sealed by the device", kv, BASE + "strict", TTP_NAME, 1, 0, 0)
    kept = plant.device.put("mn/thermo-1/strict", con, cnf="text/plain:0:1").expect(2001).root("m2m:cin")
    assert kept["con"] == con and kept["cnf"] == "text/plain:0:1"
    # What says that it is sealed and is not, is refused as well.
    plant.device.put("mn/thermo-1/strict", "in clear", cnf="text/plain:0:1").expect(4102)
    # Already sealed content passes a sealing container untouched.
    con = jose_stranger.seal_con(b"sealed before", kv, BASE + "data", TTP_NAME, 9, 0, 0)
    assert plant.device.put("mn/thermo-1/data", con, cnf="text/plain:0:1").expect(2001).root("m2m:cin")["con"] == con


def test_a_time_series_is_sealed(plant):
    """Its cnf is create-only, so the gateway sets it with the timeSeries; elsewhere nothing changes."""
    secret = canary.make()
    for name in ("data-ts", "series"):
        made = plant.device.create("mn/thermo-1", 29, "m2m:ts", rn=name, acpi=["mn/thermo-1/acp"]).expect(2001)
        made = made.root("m2m:ts")
        assert made.get("cnf") == ("text/plain:0:1" if name == "data-ts" else None)
        for n, con in enumerate((secret, 21.5)):
            made = plant.device.create("mn/thermo-1/" + name, 30, "m2m:tsi", dgt="20261124T12000%d" % n,
                                       con=con).expect(2001).root("m2m:tsi")
            if name == "series":
                assert made["con"] == con
                continue
            plain, = jose_stranger.open_batch(made["con"], plant.key_of(made["con"], name))
            assert plain.decode() == str(con) and made["cs"] == len(made["con"])


def test_notices_are_sealed(plant):
    # A CSE without a clear listener of its own sends nothing in clear either.
    pair = plant.house.authority.issue("receiver", dns=["localhost"])
    with Receiver(certificate=pair, ca=plant.house.authority.path) as receiver:
        plant.device.create("mn/thermo-1/data", 23, "m2m:sub", rn="s",
                            nu=["https://localhost:%d" % receiver.port], enc={"net": [3]}).expect(2001)
        secret = canary.make()
        made = plant.device.put("mn/thermo-1/data", {"note": secret}).expect(2001).root("m2m:cin")
        notice, = receiver.wait(1)
        assert notice.representation["m2m:cin"]["con"] == made["con"]
        canary.absent_in(notice.raw, [secret], made["con"][:40])
        plant.device.delete("mn/thermo-1/data/s").expect(2002)
    assert secret in jose_stranger.open_con(made["con"], plant.key_of(made["con"])).decode()


def test_refused_readings_leave_no_trace(plant):
    """Every error path of a sealed container: neither the answer, nor the log, nor the store holds the reading."""
    secrets = []

    def secret():
        secrets.append(canary.make())
        return secrets[-1]
    d = plant.device
    plant.device.put("mn/thermo-1/data", "control").expect(2001)
    answers = [
        d.send(1, "mn/thermo-1/data", {"m2m:cin": {"con": secret(), "wrong": 1}}, 4).expect(4000),
        d.send(1, "mn/thermo-1/data", {"m2m:cin": {"con": {"x": secret()}, "cnf": 5}}, 4).expect(4000),
        d.send(1, "mn/thermo-1/data", raw=b'{"m2m:cin":{"con":"%s"' % secret().encode(), ty=4).expect(4000),
        d.send(1, "mn/thermo-1/strict", {"m2m:cin": {"con": secret()}}, 4).expect(4102),
        d.send(1, "mn/thermo-1/none", {"m2m:cin": {"con": secret()}}, 4).expect(4004),
        d.send(1, "mn/thermo-1/data", {"m2m:cin": {"con": secret()}}, 99).expect(4000),
    ]
    for answer in answers:
        assert not any(canary.search(answer.text.encode(), s) for s in secrets), answer.text
    stranger = plant.house.client(plant.gateway, "Cstranger")
    stranger.register("mn", "stranger")
    stranger.send(1, "mn/thermo-1/data", {"m2m:cin": {"con": secret()}}, 4).expect(4103)
    for path in ten_steps.files_below(plant.gateway.state) + [plant.gateway.log]:
        with open(path, "rb") as f:
            octets = f.read()
        control = ten_steps._own_text(path, octets)
        if control:
            canary.absent_in(octets, secrets, control, path)


def test_writing_goes_on_without_the_ttp(plant):
    plant.ttp.kill()
    made = plant.device.put("mn/thermo-1/data", "while it is down").expect(2001).root("m2m:cin")
    assert jose_stranger.is_sealed(made["con"])
    plant.gateway.kill()
    plant.gateway.start()
    plant.device = plant.house.client(plant.gateway, "Cthermo-1")
    fresh = plant.device.put("mn/thermo-1/data", "new epoch, still down").expect(2001).root("m2m:cin")
    assert jose_stranger.header_of(fresh["con"])["kid"] != jose_stranger.header_of(made["con"])["kid"]
    plant.ttp.start(timeout=20)
    assert jose_stranger.open_con(fresh["con"], plant.key_of(fresh["con"])) == b"new epoch, still down"
    assert jose_stranger.open_con(made["con"], plant.key_of(made["con"])) == b"while it is down"


def test_oneseal_opens_what_a_stranger_sealed(plant):
    """Device mode with a foreign writer: jwcrypto seals, python sends the letter, `oneseal get --open` opens."""
    owner = plant.party(DEVICE)
    assert owner.register() == "ok"
    kv, where = fresh_kv(), BASE + "strict"
    item = owner.item(where, kv, 1, "stranger")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("stranger", 1, {HEAT: None}) == "ok"
    owner.close()
    con = jose_stranger.seal_con(b'{"t":19.25}', kv, where, TTP_NAME, 1, 0, int(time.time() * 1000), cty="json")
    plant.device.put("mn/thermo-1/strict", con, cnf="application/json:0:1").expect(2001)
    folder, _ = plant.house.profile("heat", HEAT, plant.server, plant.ttp,
                                    extra=[("stream s", {"address": where, "writer": DEVICE})])
    app = plant.house.client(plant.server, "Sapp-heat")
    if app.retrieve("in/heat").rsc != 2000:
        app.register("in", "heat")
    command = [program("oneseal"), "get", "heat:/id-mn/mn/thermo-1/strict/la", "--open", "--config", folder]
    code, out, err = run(command)
    assert code == 0 and '"t":19.25' in out.replace(" ", ""), (code, out, err)
    # The same envelope in another place is refused by a sealing gateway ...
    assert "wrong-place" in plant.device.put("mn/thermo-1/data", con, cnf="application/json:0:1").expect(4102).debug
    # ... and by the reader, where the gateway has no opinion; nothing of it is shown.
    plant.device.put("mn/thermo-1/open", con, cnf="application/json:0:1").expect(2001)
    code, out, err = run([c.replace("strict/la", "open/la") for c in command])
    assert code == 6 and "wrong-place" in out + err and "19.25" not in out + err, (code, out, err)
    assert os.path.exists(os.path.join(folder, "heat.conf"))
