"""Where a gateway's keys come from and who gets them, with a real TTP: readers = acp, key = ttp, strict, provisioned."""
import json
import os
import socket
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwe, jwk
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from witness import canary, jose_stranger, release_witness, ten_steps
from witness.ttp_stranger import Party

BASE = SP + "/id-mn/mn/thermo-1/"
GIVEN = bytes(range(32))


def section(name, **more):
    return ("seal " + name, {"for": BASE + name + "*", "policy": "seal-at-gateway", **more})


class Plant:
    def __init__(self, folder):
        self.house = house = House(folder)
        self.ttp = house.ttp()
        self.server = house.cse("server", "in", "/id-in", "in")
        key = os.path.join(folder, "given.key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write(GIVEN.hex() + "\n")
        self.socket = os.path.join(folder, "admin")
        extra = house.sealing(self.ttp, [SP + "/Sheat"], BASE + "none")
        extra += [("admin", {"socket": self.socket}),
                  section("acp", readers="acp", ttp=TTP_NAME),
                  section("asked", readers=SP + "/Sheat", ttp=TTP_NAME, key="ttp"),
                  section("strict", readers=SP + "/Sheat", ttp=TTP_NAME, strict="yes"),
                  section("given", key="provisioned", **{"key-file": key, "key-id": "ward@plant.example"})]
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, extra=extra)
        self.device = house.client(self.gateway, "Cthermo-1")
        self.device.register("mn", "thermo-1")
        self.rules("two", ["/Sheat", "/Scold"], create=True)
        self.rules("all", ["/Sheat"], create=True)
        with open(self.ttp.bundle, encoding="ascii") as f:
            self.bundle = ten_steps.read_bundle(f.read())
        self.parties = {name: self.party(SP + "/" + name) for name in ("Sheat", "Scold")}

    def rules(self, name, readers, create=False):
        own = {"acr": [{"acor": ["Cthermo-1"], "acop": 63}]}
        pv = {"acr": own["acr"] + [{"acor": readers + ["all"], "acop": 50}]}
        if create:
            self.device.create("mn/thermo-1", 1, "m2m:acp", rn=name, pv=pv, pvs=own).expect(2001)
        else:
            self.device.update("mn/thermo-1/" + name, "m2m:acp", pv=pv).expect(2004)

    def party(self, identity):
        certificate, key = self.house.certificate(identity)
        made = Party(identity, certificate, key, "https://" + self.ttp.ready["https"], self.house.authority.path,
                     _Named(TTP_NAME), self.bundle)
        assert made.register() == "ok"
        return made

    def put(self, name, content):
        """Until the TTP's key has come, CREATE is refused with no-credential."""
        deadline = time.monotonic() + 20
        while True:
            answer = self.device.put("mn/thermo-1/" + name, content)
            if answer.rsc != 5000 or time.monotonic() > deadline:
                return answer.expect(2001).root("m2m:cin")["con"]
            assert "no-credential" in answer.debug
            time.sleep(0.1)

    def ask(self, reader, con, name):
        """KV, or the code of the refusal; waits until the TTP knows the key."""
        kid = jose_stranger.header_of(con)["kid"]
        deadline = time.monotonic() + 20
        while True:
            verdict, keys = self.parties[reader].release([kid], {kid: jose_stranger.sid_of(BASE + name)})
            code = verdict["denied"].get(kid)
            if code != "no-key-yet" or time.monotonic() > deadline:
                return keys.get(kid, code)
            time.sleep(0.2)

    def why(self, address):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(("policy why %s\n" % address).encode())
            return json.loads(s.makefile().readline())

    def close(self):
        for party in self.parties.values():
            party.close()
        self.house.close()


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    made = Plant(str(tmp_path_factory.mktemp("keys")))
    yield made
    made.close()


def test_readers_follow_access_control(plant):
    plant.device.container("mn/thermo-1", "acp", acpi=["mn/thermo-1/two"])
    first = plant.put("acp", "one")
    for reader in ("Sheat", "Scold"):
        assert jose_stranger.open_con(first, plant.ask(reader, first, "acp")) == b"one"
    why = plant.why(BASE + "acp")
    assert why["readers"] == [SP + "/Scold", SP + "/Sheat"] and why["version"] == 1
    assert {"all", "Cthermo-1"} <= {note["names"] for note in why["grant_nothing"]}
    plant.rules("two", ["/Sheat"])
    second = plant.put("acp", "two")
    assert jose_stranger.header_of(second)["e2e"][2] == 2, "other readers, another epoch"
    assert plant.ask("Scold", second, "acp") == "refused"
    assert jose_stranger.open_con(second, plant.ask("Sheat", second, "acp")) == b"two"
    # What was sealed before is not released any more either; who had the key has it.
    assert plant.ask("Scold", first, "acp") == "refused"
    # Somebody who is let in again gets what is there, without a new reading.
    plant.rules("two", ["/Sheat", "/Scold"])
    deadline = time.monotonic() + 20
    while not isinstance(plant.ask("Scold", second, "acp"), bytes):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert plant.why(BASE + "acp")["version"] == 3


def test_the_ttp_makes_the_key(plant):
    plant.device.container("mn/thermo-1", "asked", acpi=["mn/thermo-1/all"])
    con = plant.put("asked", "by the TTP")
    assert jose_stranger.open_con(con, plant.ask("Sheat", con, "asked")) == b"by the TTP"
    assert jose_stranger.header_of(con)["e2e"][2:4] == [1, 0]
    assert plant.ask("Scold", con, "asked") == "refused"


def open_strict(con, d):
    number = ec.derive_private_key(int.from_bytes(d, "big"), ec.SECP256R1())
    token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    token.deserialize(con, jwk.JWK.from_pyca(number))
    return token.payload


def test_strict_messages(plant, monkeypatch):
    plant.device.container("mn/thermo-1", "strict", acpi=["mn/thermo-1/all"])
    secret = canary.make()
    con = plant.put("strict", secret)
    header = jose_stranger.header_of(con)
    assert header["alg"] == "ECDH-ES+A256KW" and list(header) == ["alg", "enc", "kid", "epk", "e2e"]
    released = {}

    def take(verdict, ephemeral, sids):
        token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
        token.deserialize(verdict["answer"]["jwe"], jwk.JWK(**ephemeral))
        released.update({kid: jose_stranger.unb64u(v) for kid, v in json.loads(token.payload).items()})
        return released
    monkeypatch.setattr(release_witness, "open_answer", take)
    assert open_strict(con, plant.ask("Sheat", con, "strict")).decode() == secret
    again = plant.put("strict", "second")
    assert jose_stranger.header_of(again)["kid"] == header["kid"]
    assert open_strict(again, released[header["kid"]]) == b"second"


def test_a_key_given_beforehand(plant):
    plant.device.container("mn/thermo-1", "given", acpi=["mn/thermo-1/all"])
    con = plant.put("given", {"t": 21.5})
    header = jose_stranger.header_of(con)
    assert header["kid"] == "ward@plant.example" and header["cty"] == "json"
    assert json.loads(jose_stranger.open_con(con, GIVEN * 2)) == {"t": 21.5}
    assert plant.why(BASE + "given")["kid"] == "ward@plant.example"


def test_a_denial_ends_the_epoch(plant):
    """Nobody tells the gateway: it polls. What comes later than the bound is sealed under a key that the TTP refuses."""
    plant.device.container("mn/thermo-1", "acp-denied", acpi=["mn/thermo-1/all"])
    con = plant.put("acp-denied", "before")
    assert isinstance(plant.ask("Sheat", con, "acp-denied"), bytes)
    certificate, key = plant.house.certificate("/id-mn")
    owner = Party(SP + "/id-mn", certificate, key, "https://" + plant.ttp.ready["https"], plant.house.authority.path,
                  _Named(TTP_NAME), plant.bundle)
    assert owner.deny(SP + "/Sheat") == "ok"
    try:
        acknowledged = time.monotonic()
        kid = jose_stranger.header_of(con)["kid"]
        while jose_stranger.header_of(plant.put("acp-denied", "after"))["kid"] == kid:
            assert time.monotonic() < acknowledged + 31, "the epoch outlives the bound"
            time.sleep(0.2)
        assert plant.ask("Sheat", plant.put("acp-denied", "later"), "acp-denied") == "refused"
    finally:
        assert owner.deny(SP + "/Sheat", deny=False) == "ok"
        owner.close()
