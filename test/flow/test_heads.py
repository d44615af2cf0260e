"""Heads of a sealing gateway before a stranger: signature, Merkle root and chain by code that shares nothing with ours;
kill -9 in the middle of it all."""
import time

import pytest
from plant.house import SP, House
from witness import certs, head_witness
from witness.jose_stranger import b64u, commitment, header_of, kid_of, sid_of, unb64u

BASE = SP + "/id-mn/mn/thermo-1/"
SEGMENT_S, IDLE_S = 0.4, 1


class Plant:
    def __init__(self, folder):
        self.house = house = House(folder)
        self.ttp = house.ttp()
        self.server = house.cse("server", "in", "/id-in", "in")
        extra = house.sealing(self.ttp, [SP + "/Sapp-heat"], BASE + "data*")
        extra.append(("heads", {"segment": "400ms", "idle": "1s"}))
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, extra=extra)
        numbers = certs.private_key(house.certificate("/id-mn")[1]).public_key().public_numbers()
        self.thumb = head_witness.thumbprint({"crv": "P-256", "kty": "EC", "x": b64u(numbers.x.to_bytes(32, "big")),
                                              "y": b64u(numbers.y.to_bytes(32, "big"))})
        self.seen = {}      # what was acknowledged: {(kid, index): envelope}
        self.connect()
        self.device.register("mn", "thermo-1")

    def connect(self):
        self.device = self.house.client(self.gateway, "Cthermo-1")

    def container(self, name, **more):
        self.device.container("mn/thermo-1", name, **more)

    def put(self, name, times=1):
        for n in range(times):
            con = self.device.put("mn/thermo-1/" + name, "reading %d" % n).expect(2001).root("m2m:cin")["con"]
            h = header_of(con)
            self.seen[h["kid"], h["e2e"][3]] = con

    def heads(self, name):
        answer = self.device.retrieve("mn/thermo-1/%s/e2e-heads" % name, rcn=4)
        if answer.rsc == 4004:
            return []
        cins = answer.expect(2000).root("m2m:cnt").get("m2m:cin", [])
        cins.sort(key=lambda c: int(c["ri"].rsplit("/", 1)[-1], 36))
        return [head_witness.Head(c["con"]) for c in cins]

    def judge(self, name, confirmed):
        """Waits until everything acknowledged in that container is covered; returns the heads, all verified."""
        sid = b64u(sid_of(BASE + name))
        mine = {k: v for k, v in self.seen.items() if header_of(v)["e2e"][1] == sid}
        assert len(mine) == confirmed
        deadline = time.monotonic() + 15
        while True:
            heads, missing = self.heads(name), set(mine)
            for h in heads:
                c = h.claims
                missing -= {(c["kid"], i) for i in range(c["first"], c["last"] + 1)}
            if not missing:
                break
            assert time.monotonic() < deadline, missing
            time.sleep(0.1)
        chains = {}
        for h in heads:
            h.verify(self.thumb)
            assert h.claims["sid"] == sid
            envelopes = {i: con for (kid, i), con in mine.items() if kid == h.claims["kid"]}
            assert h.covers(envelopes)
            chains.setdefault(h.claims["ep"], []).append(h)
        ends = {}
        for ep, chain in sorted(chains.items()):
            assert len({h.claims["kid"] for h in chain}) == 1
            head_witness.follow(chain)
            assert [h.claims["closed"] for h in chain[:-1]] == [False] * (len(chain) - 1)
            if ep - 1 in ends:
                assert chain[0].claims["prev"] == ends[ep - 1]
            if chain[-1].claims["closed"]:
                ends[ep] = chain[-1].id
        assert sorted(chains) == list(range(1, len(chains) + 1))
        assert set(ends) >= set(sorted(chains)[:-1]), "every epoch but the last is closed"
        return heads

    def kill(self):
        self.gateway.kill()
        self.gateway.start()
        self.connect()

    def close(self):
        self.house.close()


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    made = Plant(tmp_path_factory.mktemp("heads"))
    yield made
    made.close()


def test_a_stranger_follows_the_chain(plant):
    plant.container("data")
    plant.put("data", 3)
    heads = plant.judge("data", 3)
    plant.put("data", 2)
    time.sleep(SEGMENT_S + 2 * IDLE_S + 0.5)
    heads = plant.judge("data", 5)
    assert heads[-1].n == 0 and not heads[-1].claims["closed"], "a heartbeat"
    assert heads[0].claims["prev"] == "" and heads[0].claims["oldest"] == 0
    box = plant.device.retrieve("mn/thermo-1/data/e2e-heads").root("m2m:cnt")
    assert box["lbl"] == ["e2e:heads"]


def test_the_commitment_is_the_keys(plant):
    """kc goes with the kid; who has the key can check it (here only that the kid is its first half)."""
    for h in plant.heads("data"):
        kc = unb64u(h.claims["kc"])
        assert len(kc) == 32 and kc[:16].hex().upper() == h.claims["kid"].split("@")[0]
    kv = bytes(64)
    assert kid_of(kv, bytes(16), "x").split("@")[0] == commitment(kv, bytes(16))[:16].hex().upper()


def test_a_thousand_in_one_head(plant):
    plant.container("data-many")
    plant.put("data-many", 2100)
    heads = plant.judge("data-many", 2100)
    assert max(h.n for h in heads) <= 1000


@pytest.mark.parametrize("mni", [None, 4], ids=["all kept", "four kept"])
def test_kill_at_any_moment(plant, mni):
    """What was acknowledged is in the chain, whenever the gateway dies."""
    name = "data-kill-%s" % mni
    plant.container(name, **({"mni": mni} if mni else {}))
    count = 0
    for n in range(8):
        plant.put(name, 1 + 5 * (n % 3))
        count += 1 + 5 * (n % 3)
        time.sleep(0.17 * n % 0.9)
        plant.kill()
    plant.put(name)
    heads = plant.judge(name, count + 1)
    assert len({h.claims["ep"] for h in heads}) >= 8
    for h in heads:
        assert bool(h.hashes) == (mni is not None and h.n > 0)


def test_retention_of_heads(plant):
    box = plant.device.retrieve("mn/thermo-1/data-kill-4/e2e-heads").root("m2m:cnt")
    assert box["mni"] == 4 * 8 + 1000
