"""Who gets a key: strangers before a real TTP, every verdict compared with a model written from e2e.md 6 and 7."""
import os
import random
import time

import pytest
from plant.house import SP, TTP_NAME
from plant.onem2m import _Named
from witness import canary, release_witness, ten_steps
from witness.jose_stranger import b64u, sid_of
from witness.ttp_stranger import Party, fresh_kv
from witness.vault_model import VaultModel

POLICIES = int(os.environ.get("ONESEAL_POLICIES", "1000"))


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    from plant.house import House
    with House(tmp_path_factory.mktemp("ttp")) as house:
        process = house.ttp()
        process.house = house
        with open(process.bundle, encoding="ascii") as f:
            process.keys = ten_steps.read_bundle(f.read())
        yield process


@pytest.fixture(scope="module")
def party(ttp):
    made = {}

    def make(name, register=True):
        identity = SP + name
        if identity not in made:
            certificate, key = ttp.house.certificate(name if name.startswith("/id-") and name.count("/") == 1
                                                     else identity)
            made[identity] = Party(identity, certificate, key, "https://" + ttp.ready["https"],
                                   ttp.house.authority.path, _Named(TTP_NAME), ttp.keys)
            if register:
                assert made[identity].register() == "ok"
        return made[identity]
    yield make
    for one in made.values():
        one.close()


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + seconds))


def address(number):
    return "%s/id-mn/mn/dev/%d" % (SP, number)


def test_one_key_from_letter_to_release(party):
    owner, reader, other = party("/id-mn"), party("/Sreader-1"), party("/Sreader-2")
    kv, where = fresh_kv(), address(1)
    item = owner.item(where, kv, 1, "one")
    sids = {item["kid"]: sid_of(where)}
    verdict, _ = reader.release([item["kid"]], sids)
    assert verdict["denied"] == {item["kid"]: "no-key-yet"}
    text = owner.letter_text([item], [kv])
    assert owner.acknowledged("/letter", text) == "ok"
    assert owner.acknowledged("/letter", text) == "ok"                 # safe to send again
    assert owner.letter([dict(item, ep=2)], [kv]) == "conflict"        # the same kid, other content
    verdict, _ = reader.release([item["kid"]], sids)
    assert verdict["denied"] == {item["kid"]: "refused"}
    assert owner.policy("one", 1, {reader.identity: None}) == "ok"
    verdict, keys = reader.release([item["kid"]], sids)
    assert keys == {item["kid"]: kv} and verdict["record"]["iss"] == reader.identity
    assert verdict["answer"]["cr"][item["kid"]] == owner.identity
    assert verdict["answer"]["wk"][item["kid"]] == owner.thumbprint
    assert other.release([item["kid"]], sids)[0]["denied"] == {item["kid"]: "refused"}
    # A denial persists over new versions until it is lifted.
    assert owner.deny(reader.identity, policy="one") == "ok"
    assert owner.policy("one", 2, {reader.identity: None}) == "ok"
    assert reader.release([item["kid"]], sids)[0]["denied"] == {item["kid"]: "refused"}
    assert owner.deny(reader.identity, deny=False, policy="one", number=time.time_ns() // 1000000 + 5) == "ok"
    assert reader.release([item["kid"]], sids)[1] == {item["kid"]: kv}


def test_the_head_moves_forward_only(party):
    reader, owner = party("/Sreader-1"), party("/id-mn")
    kv, where = fresh_kv(), address(2)
    item = owner.item(where, kv, 1, "two")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("two", 1, {reader.identity: None}) == "ok"
    kept = None
    for _ in range(5):
        verdict, _ = reader.release([item["kid"]], {item["kid"]: sid_of(where)}, head=kept)    # judges consistency
        size, root = release_witness.verify_checkpoint(verdict["answer"]["head"], reader.bundle.vkey)
        assert kept is None or size > kept["size"]
        kept = {"size": size, "root": b64u(root)}


def test_forged_requests_get_nothing(party):
    owner, reader, thief = party("/id-mn"), party("/Sreader-1"), party("/Sthief-1")
    kv, where = fresh_kv(), address(3)
    item = owner.item(where, kv, 1, "three")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("three", 1, {reader.identity: None}) == "ok"
    sids = {item["kid"]: sid_of(where)}
    assert reader.release([item["kid"]], sids)[1]

    def refused(answer):
        if answer.headers.get("Content-Type", "").startswith("application/jose"):
            body = release_witness.parse_jws(answer.text)[1]
            assert b'"jwe"' not in body, body[:300]
        else:
            assert answer.status_code >= 400 and answer.json()["code"], answer.text
            assert answer.json()["what"] and answer.json()["do"]
        assert not canary.search(answer.content, kv)
    # The thief signs in the reader's name, over its own TLS.
    refused(thief.post("/release", thief.request_text([item["kid"]], iss=reader.identity)[0]))
    # The reader's own request, in pieces.
    for change in ({"aud": "ttp.other.example"}, {"want": []}, {"want": [item["kid"]] * 2},
                   {"nonce": "AAAAAAAAAAAAAAAAAAAAAA"}, {"epk": {"kty": "EC", "crv": "P-256", "x": b64u(bytes(32)),
                                                                   "y": b64u(bytes(31) + b"\1")}}):
        refused(reader.post("/release", reader.request_text([item["kid"]], **change)[0]))
    text, _ = reader.request_text([item["kid"]])
    head, body, signature = text.split(".")
    refused(reader.post("/release", ".".join((head, body, b64u(bytes(64))))))
    refused(reader.post("/release", text + "x"))
    # A signature made for another purpose.
    refused(reader.post("/release", reader.sign({"iss": reader.identity}, "oneseal-policy+jws")))
    for bad in ("", "a.b.c", "{}", "\0", "x" * 200000):
        refused(reader.post("/release", bad))
    assert reader.release([item["kid"]], sids)[1], "the TTP serves on"


def test_only_the_owner_changes_a_policy(party):
    owner, reader, thief = party("/id-mn"), party("/Sreader-1"), party("/Sthief-1")
    kv, where = fresh_kv(), address(4)
    item = owner.item(where, kv, 1, "four")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("four", 1, {reader.identity: None}) == "ok"
    sids = {item["kid"]: sid_of(where)}
    assert thief.acknowledged("/policy", thief.policy_text("four", 2, {thief.identity: None},
                                                          iss=owner.identity)) != "ok"
    thief.policy("four", 1, {thief.identity: None})        # a policy of its own with the same name
    assert thief.release([item["kid"]], sids)[0]["denied"] == {item["kid"]: "refused"}
    assert owner.policy("four", 1, {reader.identity: None}) == "conflict"
    assert owner.policy("four", 3, {reader.identity: None}) == "conflict"
    # Somebody registers a key for the owner's stream: readers see who did it.
    foreign = fresh_kv()
    trap = thief.item(where, foreign, 1, "trap")
    assert thief.letter([trap], [foreign]) == "ok" and thief.policy("trap", 1, {reader.identity: None}) == "ok"
    verdict, _ = reader.release([trap["kid"]], {trap["kid"]: sid_of(where)})
    assert verdict["answer"]["cr"][trap["kid"]] == thief.identity
    # KC and kid must be those of the key inside.
    bad = dict(owner.item(where, kv, 5, "four"), kc=b64u(bytes(32)))
    assert owner.letter([bad], [fresh_kv()]) != "ok"


def build_case(rng, model, owner, readers, wrong_thumb, name):
    """One random policy with its history, in the model and as signed texts: [(path, text, expected code)]."""
    steps, version = [], 0
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        version += 1
        chosen = {r.identity: rng.choice([None, None, r.thumbprint, wrong_thumb])
                  for r in rng.sample(readers, rng.randint(0, len(readers)))}
        window = rng.choice([(None, None), (None, None), (-3600, None), (3600, None), (None, -60), (-60, 3600)])
        start, until = window
        sent = version if rng.random() < 0.9 else version + rng.choice([-1, 1])
        wanted = "ok"
        if sent < 1:
            sent = version
        wanted = model.set_policy(owner.identity, name, sent, chosen,
                                  time.time() + start if start is not None else 0,
                                  time.time() + until if until is not None else 1 << 62)
        if wanted != "ok":
            version -= 1
        steps.append((owner.policy_text(name, sent, chosen, stamp(start) if start is not None else None,
                                        stamp(until) if until is not None else None), wanted))
    number = time.time_ns() // 1000000
    for reader in readers:
        if version and rng.random() < 0.12:
            number += 1
            model.deny(owner.identity, name, reader.identity)
            steps.append((owner.deny_text(reader.identity, policy=name, number=number), "ok"))
            if rng.random() < 0.4:
                number += 1
                model.allow(owner.identity, name, reader.identity)
                steps.append((owner.deny_text(reader.identity, deny=False, policy=name, number=number), "ok"))
    return steps


def test_random_policies_against_the_model(party):
    rng, model = random.Random(20261124), VaultModel()
    owners = [party("/id-mn"), party("/Sowner-1")]
    readers = [party("/Sreader-%d" % n) for n in range(1, 5)]
    wrong_thumb = b64u(bytes(32))
    kids, sids = [], {}
    for batch in range(0, POLICIES, 100):
        owner = owners[(batch // 100) % 2]
        items, kvs = [], []
        for number in range(batch, min(batch + 100, POLICIES)):
            name, where, kv = "r%d" % number, address(1000 + number), fresh_kv()
            item = owner.item(where, kv, 1, name)
            model.letter(owner.identity, item["kid"], item["sid"], 1, (item["kc"],), name)
            items.append(item)
            kvs.append(kv)
            kids.append(item["kid"])
            sids[item["kid"]] = sid_of(where)
            for text, wanted in build_case(rng, model, owner, readers, wrong_thumb, name):
                assert owner.acknowledged("/policy", text) == wanted
        assert owner.letter(items, kvs) == "ok"
    counts = {}
    for reader in readers:
        for first in range(0, len(kids), 256):
            asked = kids[first:first + 256]
            verdict, _ = reader.release(asked, sids)
            now = time.time()
            for kid in asked:
                got = "ok" if kid in verdict["released"] else verdict["denied"][kid]
                assert got == model.decide(reader.identity, kid, now, reader.thumbprint), kid
                counts[got] = counts.get(got, 0) + 1
    assert min(counts.get("ok", 0), counts.get("refused", 0)) > POLICIES / 4, counts


def test_state_survives_a_restart(ttp, party):
    owner, reader = party("/id-mn"), party("/Sreader-1")
    kv, where = fresh_kv(), address(6)
    item = owner.item(where, kv, 1, "six")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("six", 1, {reader.identity: None}) == "ok"
    before, _ = reader.release([item["kid"]], {item["kid"]: sid_of(where)})
    size, root = release_witness.verify_checkpoint(before["answer"]["head"], reader.bundle.vkey)
    ttp.kill()
    ttp.start(timeout=20)
    for one in (owner, reader):
        one.url = "https://" + ttp.ready["https"]
    after, keys = reader.release([item["kid"]], {item["kid"]: sid_of(where)}, head={"size": size, "root": b64u(root)})
    assert keys == {item["kid"]: kv}
    assert release_witness.verify_checkpoint(after["answer"]["head"], reader.bundle.vkey)[0] > size
    # Nothing of the key on the TTP's disk; what is known to be there is found by the same search.
    found = 0
    for path in ten_steps.files_below(ttp.state):
        with open(path, "rb") as f:
            octets = f.read()
        if item["kid"].encode() in octets:
            canary.absent_in(octets, [kv, kv[:32]], item["kid"], path)
            found += 1
    assert found
