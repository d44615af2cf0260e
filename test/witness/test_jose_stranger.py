"""jose_stranger.py against the given vectors: what our writer makes opens by jwcrypto with the first half of KV."""
import json
import os

import pytest
from witness import jose_stranger as stranger

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "given")


def load(name):
    with open(os.path.join(VECTORS, name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def test_sid_and_kid():
    checked = 0
    for vector in load("oneseal-keys")["vectors"]:
        given, out = vector["in"], vector.get("out", {})
        if "address" in given and "sid_hex" in out:
            assert stranger.sid_of(given["address"]).hex() == out["sid_hex"], vector["id"]
            checked += 1
        if "kv_hex" in given and "kid" in out and "address" in given and vector.get("verdict") == "ok":
            kv = bytes.fromhex(given["kv_hex"])
            fqdn = out["kid"].partition("@")[2]
            if "strict" not in vector["id"]:
                assert stranger.kid_of(kv, stranger.sid_of(given["address"]), fqdn) == out["kid"], vector["id"]
                checked += 1
    assert checked > 5


def test_opens_our_messages():
    opened = 0
    for vector in load("oneseal-message")["vectors"]:
        if not vector["id"].startswith("msg-") or "strict" in vector["id"]:
            continue
        plain = stranger.open_con(vector["out"]["con"], bytes.fromhex(vector["in"]["kv_hex"]))
        if "plaintext_hex" in vector["in"] and not vector["in"].get("pad"):
            assert plain.hex() == vector["in"]["plaintext_hex"], vector["id"]
        assert stranger.open_batch(vector["out"]["con"], bytes.fromhex(vector["in"]["kv_hex"]))
        opened += 1
    assert opened > 15


def test_seals_and_refuses():
    kv, address = bytes(range(64)), "//demo.example/id-mn/mn/thermo-1/data"
    con = stranger.seal_con(b'{"t":21.5}', kv, address, "ttp.demo.example", 1, 0, 1767225600000, cty="json")
    assert stranger.is_sealed(con) and not stranger.is_sealed('{"t":21.5}') and not stranger.is_sealed("a.b.c.d.e")
    assert stranger.open_con(con, kv) == b'{"t":21.5}'
    assert stranger.header_of(con)["kid"] == stranger.kid_of(kv, stranger.sid_of(address), "ttp.demo.example")
    with pytest.raises(Exception):
        stranger.open_con(con, bytes(64))
    with pytest.raises(Exception):
        stranger.open_con(con[:-2] + ("AA" if con[-2:] != "AA" else "BB"), kv)
