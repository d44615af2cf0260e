"""A stranger's reader and writer: python3-jwcrypto opens what oneseal seals and seals what oneseal opens.

Only the standard's rules are used (a compact JWE, `dir`, the first half of the registered key); the derivations
of e2e.md 2 are written again from its text for those tests that compare identifiers.
"""
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwe, jwk


def b64u(octets):
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64u(text):
    if "=" in text or len(text) % 4 == 1:
        raise ValueError("no base64url without padding")
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(octets) != text:
        raise ValueError("not canonical")
    return octets


def sid_of(address):
    """The 16 octets that name a stream, from the absolute structured address."""
    return hashlib.sha256(b"oneseal-sid-v1" + address.encode()).digest()[:16]


def commitment(kv, sid):
    if len(kv) != 64:
        raise ValueError("KV has 64 octets")
    return hmac.new(kv, b"oneseal-kc-v1" + sid, hashlib.sha256).digest()


def kid_text(kc, fqdn):
    return kc[:16].hex().upper() + "@" + fqdn


def kid_of(kv, sid, fqdn):
    return kid_text(commitment(kv, sid), fqdn)


def public_of(d):
    """Public JWK of the private half of a strict pair."""
    numbers = ec.derive_private_key(int.from_bytes(d, "big"), ec.SECP256R1()).public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64u(numbers.x.to_bytes(32, "big")),
            "y": b64u(numbers.y.to_bytes(32, "big"))}


def pair_commitment(public, sid):
    """Keyed with the RFC 7638 thumbprint of the public key (vectors README 11)."""
    canonical = json.dumps({n: public[n] for n in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    thumbprint = hashlib.sha256(canonical.encode()).digest()
    return hmac.new(thumbprint, b"oneseal-kc-v1" + sid, hashlib.sha256).digest()


def header_of(con):
    """The protected header as a dict; the signature or tag is not looked at."""
    parts = con.split(".")
    if len(parts) != 5:
        raise ValueError("no compact JWE: %d parts" % len(parts))
    return json.loads(unb64u(parts[0]))


def is_sealed(con):
    try:
        return isinstance(con, str) and "alg" in header_of(con)
    except ValueError:
        return False


def open_con(con, kv):
    """Plaintext octets of a compact JWE under the first half of KV; raises when it does not open."""
    enc = header_of(con)["enc"]
    length = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}[enc]
    half = len(kv) // 2
    if half < length:
        raise ValueError("KV of %d octets is too short for %s" % (len(kv), enc))
    token = jwe.JWE(algs=["dir", enc])
    token.deserialize(con, jwk.JWK(kty="oct", k=b64u(kv[:half][:length])))
    return token.payload


def open_batch(con, kv):
    """The readings in a message: one, or those of a batch (mode ends in b)."""
    header = header_of(con)
    plain = open_con(con, kv)
    e2e = header.get("e2e")
    if e2e and len(e2e) > 6 and e2e[6]:
        plain = plain[:-e2e[6]]
    if e2e and e2e[5].endswith("b"):
        return [json.dumps(v, separators=(",", ":")).encode() for v in json.loads(plain)]
    return [plain]


def seal_con(plaintext, kv, address, fqdn, ep, index, t_ms, mode="d", cty=None):
    """A sealed message as a foreign writer that knows the profile makes it (random IV, our header)."""
    sid = sid_of(address)
    header = {"alg": "dir", "enc": "A256GCM", "kid": kid_of(kv, sid, fqdn)}
    if cty:
        header["cty"] = cty
    header["e2e"] = [1, b64u(sid), ep, index, t_ms, mode]
    token = jwe.JWE(plaintext, json.dumps(header, separators=(",", ":")))
    token.add_recipient(jwk.JWK(kty="oct", k=b64u(kv[:32])))
    return token.serialize(compact=True)
