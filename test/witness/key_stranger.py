"""A stranger that lets its TTP make keys: asks for a Key Value or for strict pairs, and activates these (e2e.md 2).

Everything is made by python3-jwcrypto, as in ttp_stranger.
"""
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwe, jwk

from . import release_witness
from .jose_stranger import b64u, commitment, kid_text, pair_commitment, sid_of, unb64u
from .ten_steps import jwk_of


def key_text(party, address, ep, policy, **change):
    """(request, private JWK of epk)"""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    epk = jwk_of(ephemeral.public_key())
    body = {"iss": party.identity, "aud": party.aud, "nonce": party.fresh_nonce(), "epk": epk,
            "sid": b64u(sid_of(address)), "ep": ep, "suid": 24, "adfq": party.bundle.fqdn, "policy": policy,
            "wk": party.thumbprint}
    body.update(change)
    secret = dict(epk, d=b64u(ephemeral.private_numbers().private_value.to_bytes(32, "big")))
    return party.sign(body, "oneseal-key+jws"), secret


def pairs_text(party, address, count, **change):
    body = {"iss": party.identity, "aud": party.aud, "nonce": party.fresh_nonce(), "sid": b64u(sid_of(address)),
            "adfq": party.bundle.fqdn, "pairs": count}
    body.update(change)
    return party.sign(body, "oneseal-key+jws")


def _answer(party, text):
    answer = party.post("/key", text)
    assert answer.status_code == 200, "%d %s" % (answer.status_code, answer.text[:300])
    body = release_witness.verify_jws(answer.text, party.bundle.release, "oneseal-key-answer+jws")
    assert body["req"] == b64u(hashlib.sha256(text.encode()).digest()), "the answer to another request"
    release_witness.verify_checkpoint(body["head"], party.bundle.vkey)
    return body


def ask_key(party, address, ep, policy, **change):
    """(kid, KV) of a key that the vault made and registered."""
    text, secret = key_text(party, address, ep, policy, **change)
    body = _answer(party, text)
    token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    token.deserialize(body["jwe"], jwk.JWK(**secret))
    header = json.loads(unb64u(body["jwe"].partition(".")[0]))
    assert header["apv"] == body["req"]
    (kid, kv), = ((kid, unb64u(kv)) for kid, kv in json.loads(token.payload).items())
    (row,) = body["keys"]
    kc = commitment(kv, sid_of(address))
    assert len(kv) == 64 and row["kid"] == kid == kid_text(kc, party.bundle.fqdn) and row["kc"] == b64u(kc)
    assert "jwk" not in row
    return kid, kv


def ask_pairs(party, address, count):
    """[{kid, kc, et, jwk}]: the public halves that wait."""
    body = _answer(party, pairs_text(party, address, count))
    assert "jwe" not in body
    for row in body["keys"]:
        kc = pair_commitment(row["jwk"], sid_of(address))
        assert sorted(row["jwk"]) == ["crv", "kty", "x", "y"]
        assert row["kid"] == kid_text(kc, party.bundle.fqdn) and row["kc"] == b64u(kc)
    return body["keys"]


def activation(party, address, ep, policy, row, **change):
    item = {"sid": b64u(sid_of(address)), "ep": ep, "kid": row["kid"], "kc": row["kc"], "suid": 24,
            "adfq": party.bundle.fqdn, "et": "20301231T000000", "policy": policy, "wk": party.thumbprint}
    item.update(change)
    return party.sign(dict({"iss": party.identity, "aud": party.aud}, **item), "oneseal-activate+jws")


def seal_strict(public, kid, sid, ep, i, plaintext):
    """A message of a strict stream, by another library: ECDH-ES+A256KW to the pair's public half."""
    token = jwe.JWE(plaintext, json.dumps({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": kid,
                                           "e2e": [1, b64u(sid), ep, i, 0, "d"]}, separators=(",", ":")))
    token.add_recipient(jwk.JWK(**public))
    return token.serialize(compact=True)


def open_strict(con, public, d):
    token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    token.deserialize(con, jwk.JWK(**public, d=b64u(d)))
    return token.payload
