"""release_witness.py and vault_model.py: the given vectors, reason for reason, and the model's own rules."""
import json
import os

import pytest
from witness import release_witness as rw
from witness.jose_stranger import b64u, sid_of
from witness.vault_model import VaultModel

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "given")


def load(name):
    with open(os.path.join(VECTORS, name + ".json"), encoding="utf-8") as f:
        return json.load(f)["vectors"]


RELEASES = [v for v in load("release") if "answer" in v["in"]]


@pytest.mark.parametrize("vector", RELEASES, ids=[v["id"] for v in RELEASES])
def test_release_vector(vector):
    given = vector["in"]
    sids = {s["kid"]: sid_of(s["address"]) for s in given["streams"]}

    def read():
        verdict = rw.judge(given["request"], given["answer"], given["reader_jwk"], given["release_jwk"],
                           given["log_vkey"])
        return verdict, rw.open_answer(verdict, given["epk_private_jwk"], sids)
    if vector.get("reason"):
        with pytest.raises(rw.WrongAnswer) as caught:
            read()
        assert caught.value.reason == vector["reason"]
        return
    verdict, keys = read()
    assert {kid: b64u(kv) for kid, kv in keys.items()} == json.loads(bytes.fromhex(vector["out"]["plaintext_hex"]))
    assert verdict["denied"] == vector["out"]["deny"]


def octets(rows):
    return [bytes.fromhex(r) for r in rows]


def test_log_vectors():
    kinds = {"inclusion": 0, "consistency": 0, "checkpoint": 0}
    for v in load("log"):
        given = v["in"]
        if "witness" in v["id"]:
            continue

        def run():
            if "leaf_hash_hex" in given and "path_hex" in given:
                kinds["inclusion"] += 1
                rw.verify_inclusion(bytes.fromhex(given["leaf_hash_hex"]), given["index"], given["size"],
                                    octets(given["path_hex"]), bytes.fromhex(given["root_hex"]))
            elif "proof_hex" in given:
                kinds["consistency"] += 1
                rw.verify_consistency(given["size_1"], bytes.fromhex(given["root_1_hex"]), given["size_2"],
                                      bytes.fromhex(given["root_2_hex"]), octets(given["proof_hex"]))
            elif "checkpoint" in given or "checkpoint" in v.get("out", {}):
                kinds["checkpoint"] += 1
                text = given.get("checkpoint") or v["out"]["checkpoint"]
                size, root = rw.verify_checkpoint(text, given.get("vkey") or v["out"]["vkey"])
                if "size" in given and v["id"].startswith("checkpoint-") and not v.get("reason"):
                    assert size == given["size"] and root.hex() == given["root_hex"]
        if v.get("reason"):
            with pytest.raises(rw.WrongAnswer) as caught:
                run()
            assert caught.value.reason == v["reason"], v["id"]
        else:
            run()
    assert all(count > 2 for count in kinds.values()), kinds


def test_trees_against_their_proofs():
    with open(os.path.join(VECTORS, "log.json"), encoding="utf-8") as f:
        file = json.load(f)
    leaves = [rw.leaf_hash(bytes.fromhex(e)) for e in file["entries_hex"]]
    checked = 0
    for v in file["vectors"]:
        if not v["id"].startswith("tree-"):
            continue
        size, root = v["in"]["size"], bytes.fromhex(v["out"]["root_hex"])
        if size > len(leaves):
            continue
        assert rw.tree_root(leaves[:size]) == root
        for i, path in enumerate(v["out"]["inclusion_hex"]):
            if isinstance(path, list):
                rw.verify_inclusion(leaves[i], i, size, octets(path), root)
                checked += 1
    assert checked > 100


def test_letter_vector():
    vector, = [v for v in load("release") if v["id"] == "letter-1"]
    payload = rw.verify_jws(vector["in"]["letter"] if "letter" in vector["in"] else vector["out"]["letter"],
                            vector["in"]["writer_jwk"], "oneseal-letter+jws")
    assert payload["sid"] == b64u(sid_of(vector["in"]["address"]))


def test_model():
    m = VaultModel()
    assert m.decide("app", "AA@t", 5) == "no-key-yet"
    assert m.letter("gw", "AA@t", "s", 1, ("x",), "p", until=100) == "ok"
    assert m.letter("gw", "aa@t", "s", 1, ("x",), "p") == "ok"
    assert m.letter("gw", "AA@t", "s", 2, ("x",), "p") == "conflict"
    assert m.decide("app", "AA@t", 5) == "refused"
    assert m.set_policy("gw", "p", 2, {"app": None}) == "conflict"
    assert m.set_policy("gw", "p", 1, {"app": "thumb"}) == "ok"
    assert m.decide("app", "AA@t", 5) == "refused"
    assert m.decide("app", "AA@t", 5, "thumb") == "ok"
    assert m.decide("other", "AA@t", 5, "thumb") == "refused"
    assert m.decide("app", "AA@t", 100, "thumb") == "expired"
    assert m.set_policy("thief", "p", 1, {"other": None}) == "ok"
    assert m.decide("other", "AA@t", 5) == "refused"
    m.deny("gw", "p", "app")
    assert m.set_policy("gw", "p", 2, {"app": None}) == "ok"
    assert m.decide("app", "AA@t", 5) == "refused"
    m.allow("gw", "p", "app")
    assert m.decide("app", "AA@t", 5) == "ok"
