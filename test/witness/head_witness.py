"""A stranger's judge of heads (e2e.md 4): the signature, the Merkle root of RFC 9162 over the envelopes, the chain."""
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .jose_stranger import b64u, unb64u


def sha(octets):
    return hashlib.sha256(octets).digest()


def root_of(entries):
    """RFC 9162 2.1.1 over entries, which are hashes of envelopes."""
    if not entries:
        return sha(b"")
    if len(entries) == 1:
        return sha(b"\0" + entries[0])
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha(b"\1" + root_of(entries[:k]) + root_of(entries[k:]))


def thumbprint(jwk):
    return b64u(sha(json.dumps({n: jwk[n] for n in ("crv", "kty", "x", "y")}, separators=(",", ":")).encode()))


class Head:
    def __init__(self, con):
        hashes_text = None
        if con.startswith("{"):
            o = json.loads(con)
            con, hashes_text = ".".join((o["protected"], o["payload"], o["signature"])), o["hashes"]
        self.text = con
        protected, payload, self.signature = con.split(".")
        self.signed = (protected + "." + payload).encode()
        self.header, self.claims = json.loads(unb64u(protected)), json.loads(unb64u(payload))
        self.id = b64u(sha(con.encode()))
        octets = unb64u(hashes_text) if hashes_text else b""
        self.hashes = [octets[i:i + 32] for i in range(0, len(octets), 32)]
        self.n = self.claims["last"] + 1 - self.claims["first"]

    def verify(self, thumb):
        """Raises AssertionError when it is not that key's."""
        assert self.header["alg"] == "ES256" and self.header["typ"] == "oneseal-head+jws"
        jwk = self.header["jwk"]
        assert thumbprint(jwk) == thumb
        numbers = ec.EllipticCurvePublicNumbers(*(int.from_bytes(unb64u(jwk[n]), "big") for n in "xy"), ec.SECP256R1())
        octets = unb64u(self.signature)
        pair = encode_dss_signature(int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big"))
        try:
            numbers.public_key().verify(pair, self.signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise AssertionError("another key signed it") from None
        if self.hashes:
            assert len(self.hashes) == self.n and b64u(root_of(self.hashes)) == self.claims["root"]

    def covers(self, envelopes):
        """envelopes: {index: text}, all of its segment."""
        entries = [sha(envelopes[i].encode()) for i in range(self.claims["first"], self.claims["last"] + 1)]
        return b64u(root_of(entries)) == self.claims["root"]


def follow(heads):
    """The chain of one key, in order: [Head]. Heartbeats repeat `prev`, links name the link before."""
    prev, at = None, None
    for h in heads:
        if at is not None:
            assert h.claims["first"] == at, (h.claims, at)
            assert h.claims["prev"] == prev
        if h.n or h.claims["closed"]:
            prev = h.id
        elif at is None:
            prev = h.claims["prev"]
        at = h.claims["last"] + 1
    return at
