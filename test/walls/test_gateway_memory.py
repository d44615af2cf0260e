"""What the memory and the files of a gateway hold: no key after its epoch, and, where it does not seal itself, neither
key nor plaintext at any time, on the blocking, non-blocking, fan-out, error and batch paths."""
import hashlib
import hmac
import json
import os
import socket
import time

import pytest
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.receiver import Receiver
from witness import canary, core, jose_stranger, ten_steps
from witness.ttp_stranger import Party, fresh_kv

WITNESS = os.environ.get("ONESEAL_WITNESS")
pytestmark = pytest.mark.skipif(not WITNESS, reason="no witness build (sanitizers)")
HEAT = SP + "/Sapp-heat"
MN, ASN = "/id-mn/mn/thermo-1/", "/id-asn/asn/thermo-1/"


def command(socket_path, word):
    """One word to the admin socket of a daemon."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(socket_path)
        s.sendall(word.encode() + b"\n")
        return json.loads(s.makefile("rb").readline())


class Plant:
    """Server, gateway and, when `hosted`, an ASN-CSE on the device; `host` keeps the data and seals when `seals`."""

    def __init__(self, folder, hosted, seals):
        self.house = house = House(folder)
        self.ttp = house.ttp()
        self.base = ASN if hosted else MN
        self.server = house.cse("server", "in", "/id-in", "in")
        rules = [("seal open", {"for": SP + self.base + "open", "policy": "pass"})]
        if seals:
            rules += house.sealing(self.ttp, [HEAT], SP + self.base + "data*", cse_id="/id-asn" if hosted else "/id-mn")
        else:
            rules.append(("seal data", {"for": SP + self.base + "data*", "policy": "refuse-clear"}))
        self.admin = os.path.join(house.folder, "admin.sock")
        here = [("admin", {"socket": self.admin}), ("log", {"level": "debug"})]
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, build=WITNESS,
                                 extra=here + ([] if hosted else rules))
        self.host = self.gateway
        if hosted:
            self.host = house.cse("host", "asn", "/id-asn", "asn", parent=self.gateway, extra=rules)
        self.device = house.client(self.host, "Cthermo-1")
        self.device.register(self.host.base, "thermo-1")
        owner = self.host.cse_id + "/Cthermo-1"
        acr = [{"acor": [owner], "acop": 63}, {"acor": ["/Sapp-heat"], "acop": 63}]
        self.device.create(self.home, 1, "m2m:acp", rn="acp", pv={"acr": acr}, pvs={"acr": acr[:1]}).expect(2001)
        for name in ("data", "data-2", "data-3", "open"):
            self.device.container(self.home, name, acpi=[self.home + "/acp"])
        self.app = house.client(self.server, "Sapp-heat")
        self.app.register("in", "heat")
        deadline = time.monotonic() + 20
        while self.app.retrieve(self.base + "data").rsc != 2000:
            assert time.monotonic() < deadline, "the way to the data is not there"
            time.sleep(0.1)

    @property
    def home(self):
        return self.host.base + "/thermo-1"

    def keys(self, kids, name="data"):
        """{kid: KV} released to the application; waits for the letters."""
        with open(self.ttp.bundle, encoding="ascii") as f:
            bundle = ten_steps.read_bundle(f.read())
        certificate, key = self.house.certificate(HEAT)
        party = Party(HEAT, certificate, key, "https://" + self.ttp.ready["https"], self.house.authority.path,
                      _Named(TTP_NAME), bundle)
        party.register()
        found, deadline = {}, time.monotonic() + 20
        while len(found) < len(kids):
            _, keys = party.release(list(kids), {kid: jose_stranger.sid_of(SP + self.base + name) for kid in kids})
            found.update(keys)
            assert time.monotonic() < deadline, "the letters do not arrive"
        party.close()
        return found

    def image(self, name):
        path = os.path.join(self.house.folder, name)
        core.take(self.gateway.pid, path)
        return path

    def close(self):
        self.house.close()


def made_from(kv, sid):
    """Everything that is kept of a key: itself, its halves (the first is the content key), the nonce key."""
    return [kv, kv[:32], kv[32:], hmac.new(kv, b"oneseal-nonce-v1" + sid, hashlib.sha256).digest()]


def test_no_key_after_its_epoch(tmp_path):
    plant = Plant(tmp_path, False, True)
    try:
        con = plant.device.put(plant.home + "/data", "first epoch").expect(2001).root("m2m:cin")["con"]
        kid, sid = jose_stranger.header_of(con)["kid"], jose_stranger.sid_of(SP + plant.base + "data")
        kv = plant.keys([kid])[kid]
        before = plant.image("before")
        assert canary.search_file(before, kv[:32]), "control: the key of an open epoch is in memory"
        assert "error" not in command(plant.admin, "epoch")
        new = plant.device.put(plant.home + "/data", "second epoch").expect(2001).root("m2m:cin")["con"]
        new_kid = jose_stranger.header_of(new)["kid"]
        assert new_kid != kid
        new_kv = plant.keys([new_kid])[new_kid]
        after = plant.image("after")
        assert canary.search_file(after, new_kv[:32]), "control: the key of the epoch that is open now"
        canary.absent(after, made_from(kv, sid), con.split(".")[0])
    finally:
        plant.close()


def sealed_by_device(kv, address, text, index):
    return jose_stranger.seal_con(text.encode(), kv, address, TTP_NAME, 1, index, 0)


def settled(client, uri):
    """Waits until a <request> resource has its result."""
    deadline = time.monotonic() + 20
    while True:
        req = client.retrieve(uri).root("m2m:req")
        if req["rs"] not in (2, 3):     # neither pending nor forwarded
            return req
        assert time.monotonic() < deadline, req
        time.sleep(0.05)


@pytest.mark.parametrize("hosted,seals", [(False, False), (True, True), (False, True)],
                         ids=["device", "device-hosted", "gateway"])
def test_neither_key_nor_plaintext(tmp_path, hosted, seals):
    """`device`: the device seals, and sends clear text only by mistake. `device-hosted`: the device's own CSE seals and
    the gateway forwards. `gateway`: the gateway itself seals: it sees plaintext, for a moment, and keeps none."""
    plant = Plant(tmp_path, hosted, seals)
    secrets, kv, number = [], fresh_kv(), iter(range(1000))

    def content(name="data"):
        """What the device sends: (con, cnf)."""
        secrets.append(canary.make())
        if seals:
            return {"con": secrets[-1]}
        return {"con": sealed_by_device(kv, SP + plant.base + name, secrets[-1], next(number)), "cnf": "text/plain:0:1"}

    def put(name="data", client=None, at=None, query=None, **more):
        return (client or plant.device).send(1, (at or plant.home) + "/" + name, {"m2m:cin": dict(content(name), **more)},
                                             4, query)
    try:
        with Receiver(certificate=plant.house.authority.issue("receiver", dns=["localhost"]),
                      ca=plant.house.authority.path) as receiver:
            plant.device.create(plant.home + "/data", 23, "m2m:sub", rn="batched", bn={"num": 3},
                                nu=["https://localhost:%d" % receiver.port], enc={"net": [3]}).expect(2001)
            first = put().expect(2001).root("m2m:cin")
            assert jose_stranger.is_sealed(first["con"])
            # non-blocking, at the host and over the server
            uri = put(query={"rt": 1}).expect(1001).root("m2m:uri")
            assert settled(plant.device, uri)["ors"]["rsc"] == 2001
            if not seals:
                put(client=plant.app, at=plant.base.rstrip("/"), query={"rt": 1})
            # fan-out
            members = [plant.home + "/data", plant.home + "/data-2", plant.home + "/data-3"]
            plant.device.create(plant.home, 9, "m2m:grp", rn="all", mid=members, mnm=5,
                                acpi=[plant.home + "/acp"]).expect(2001)
            if seals:
                plant.device.send(1, plant.home + "/all/fopt", {"m2m:cin": content()}, 4).expect(2000)
            plant.app.retrieve(plant.base + "all/fopt/la").expect(2000)
            # errors
            plant.device.send(1, plant.home + "/data", {"m2m:cin": dict(content(), wrong=1)}, 4).expect(4000)
            put("none").expect(4004)
            plant.app.send(1, plant.base + "data/la", {"m2m:cin": content()}, 4)
            if not seals:
                secrets.append(canary.make())
                plant.device.put(plant.home + "/data", secrets[-1]).expect(4102)
            # a batch of notifications, and a batch of readings
            for _ in range(4):
                put().expect(2001)
            receiver.wait(1)
            plant.app.retrieve(plant.base + "data", rcn=4).expect(2000)
        kids = {jose_stranger.header_of(first["con"])["kid"]} if seals else set()
        keys = [k for v in plant.keys(kids).values() for k in (v, v[:32])] if seals else [kv, kv[:32]]
        image = plant.image("gateway.core")
        control = "id-asn" if hosted else first["con"].split(".")[0]
        canary.absent(image, secrets + ([] if plant.host is plant.gateway and seals else keys), control)
        for path in ten_steps.files_below(plant.gateway.state) + ten_steps.files_below(plant.gateway.log):
            with open(path, "rb") as f:
                octets = f.read()
            own = ten_steps._own_text(path, octets)
            if own:
                canary.absent_in(octets, secrets + keys, own, path)
        assert len(secrets) >= 9
    finally:
        plant.close()
