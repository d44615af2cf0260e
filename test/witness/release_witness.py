"""Verifies what a TTP answered, from the recorded octets alone: e2e.md 6 read again from its text.

RFC 9162 proofs, C2SP checkpoints (Ed25519), ES256 signatures and the answer's inner JWE are judged with
python3-cryptography and python3-jwcrypto. WrongAnswer names the first rule that does not hold.
"""
import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto import jwe, jwk

from .jose_stranger import b64u, commitment, kid_text, pair_commitment, public_of, unb64u


class WrongAnswer(Exception):
    """An answer, proof or checkpoint breaks a rule."""

    def __init__(self, reason, what):
        super().__init__("%s: %s" % (reason, what))
        self.reason = reason


# --- JWS -----------------------------------------------------------------------------------------------------------

def parse_jws(text):
    """(header dict, payload octets, signed octets, signature octets)"""
    parts = text.strip().split(".")
    if len(parts) != 3:
        raise WrongAnswer("malformed", "no compact JWS")
    try:
        return (json.loads(unb64u(parts[0])), unb64u(parts[1]), (parts[0] + "." + parts[1]).encode(), unb64u(parts[2]))
    except ValueError as why:
        raise WrongAnswer("malformed", str(why)) from None


def public_key(key):
    """An EC public key object from a JWK dict."""
    x, y = (int.from_bytes(unb64u(key[c]), "big") for c in "xy")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def verify_jws(text, key, typ):
    """Payload dict of an ES256 JWS of the wanted `typ`; `key` is a JWK dict or a public key object."""
    header, payload, signed, signature = parse_jws(text)
    if header.get("typ") != typ:
        raise WrongAnswer("malformed", "typ %r instead of %r" % (header.get("typ"), typ))
    if header.get("alg") != "ES256" or "crit" in header or len(signature) != 64:
        raise WrongAnswer("malformed", "not an ES256 signature")
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        (public_key(key) if isinstance(key, dict) else key).verify(der, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise WrongAnswer("tampered", "signature of the %s" % typ) from None
    return json.loads(payload)


# --- the log: RFC 9162 and C2SP --------------------------------------------------------------------------------------

def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(leaves):
    """Root over leaf hashes, by the definition of RFC 9162 2.1.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(tree_root(leaves[:k]), tree_root(leaves[k:]))


def verify_inclusion(leaf, index, size, path, root):
    """RFC 9162 2.1.3.2."""
    if not 0 <= index < size:
        raise WrongAnswer("proof-invalid", "index %d in a tree of %d" % (index, size))
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise WrongAnswer("proof-invalid", "inclusion path too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or r != root:
        raise WrongAnswer("proof-invalid", "inclusion path does not lead to the root")


def verify_consistency(size_1, root_1, size_2, root_2, proof):
    """RFC 9162 2.1.4.2; from the empty tree no proof exists."""
    if size_1 > size_2:
        raise WrongAnswer("proof-invalid", "the newer tree is smaller")
    if size_1 == size_2:
        if proof or root_1 != root_2:
            raise WrongAnswer("proof-invalid", "two trees of one size differ")
        return
    if size_1 == 0:
        raise WrongAnswer("proof-invalid", "from the empty tree no proof exists")
    proof = list(proof)
    if size_1 & (size_1 - 1) == 0:
        proof.insert(0, root_1)
    if not proof:
        raise WrongAnswer("proof-invalid", "no consistency proof")
    fn, sn = size_1 - 1, size_2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            raise WrongAnswer("proof-invalid", "consistency proof too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or fr != root_1 or sr != root_2:
        raise WrongAnswer("proof-invalid", "consistency proof does not lead to both roots")


def parse_vkey(vkey):
    """(key name, 4-octet key id, Ed25519 public key) of a C2SP verifier key."""
    name, key_id, encoded = vkey.split("+", 2)
    octets = base64.b64decode(encoded, validate=True)
    if octets[0] != 1 or len(octets) != 33:
        raise WrongAnswer("malformed", "no Ed25519 verifier key")
    expect = hashlib.sha256(name.encode() + b"\n" + octets).digest()[:4]
    if expect.hex() != key_id:
        raise WrongAnswer("malformed", "key id of the verifier key")
    return name, expect, ed25519.Ed25519PublicKey.from_public_bytes(octets[1:])


def vkey_of(origin, public_octets):
    """The verifier key text of a raw Ed25519 public key."""
    octets = b"\1" + public_octets
    return "%s+%s+%s" % (origin, hashlib.sha256(origin.encode() + b"\n" + octets).digest()[:4].hex(),
                         base64.b64encode(octets).decode())


def verify_checkpoint(text, vkey):
    """(size, root) of a signed C2SP checkpoint."""
    name, key_id, key = parse_vkey(vkey)
    body, separator, signatures = text.partition("\n\n")
    lines = body.split("\n")
    if not separator or len(lines) < 3 or lines[0] != name or not text.endswith("\n"):
        raise WrongAnswer("proof-invalid", "no checkpoint of %s" % name)
    size_text = lines[1]
    if not size_text.isdigit() or (size_text != "0" and size_text.startswith("0")):
        raise WrongAnswer("proof-invalid", "size %r" % size_text)
    try:
        root = base64.b64decode(lines[2], validate=True)
    except ValueError as why:
        raise WrongAnswer("proof-invalid", str(why)) from None
    if len(root) != 32:
        raise WrongAnswer("proof-invalid", "root of %d octets" % len(root))
    for line in signatures.rstrip("\n").split("\n"):
        dash, _, rest = line.partition(" ")
        signer, _, encoded = rest.partition(" ")
        if dash != "\u2014" or signer != name:
            continue
        octets = base64.b64decode(encoded)
        if octets[:4] != key_id or len(octets) != 68:
            continue
        try:
            key.verify(octets[4:], (body + "\n").encode())
            return int(size_text), root
        except InvalidSignature:
            break
    raise WrongAnswer("proof-invalid", "no good signature of the log under the checkpoint")


# --- the answer to a release request ---------------------------------------------------------------------------------

def _proofs(answer, request, vkey, req, iss):
    size, root = verify_checkpoint(answer["head"], vkey)
    if answer.get("size") != size:
        raise WrongAnswer("proof-invalid", "size member %r, head %d" % (answer.get("size"), size))
    entry = hashlib.sha256(unb64u(answer["salt"]) + answer["record"].encode()).digest()
    verify_inclusion(leaf_hash(entry), answer["index"], size, [unb64u(p) for p in answer["path"]], root)
    record = json.loads(answer["record"])
    if record.get("req") != req or record.get("iss") != iss:
        raise WrongAnswer("proof-invalid", "the record is not about this request")
    _kept_head(answer, request, size, root)
    return record


def _kept_head(answer, request, size, root):
    kept = request.get("head")
    if not kept or kept["size"] == 0:
        return
    if kept["size"] > size:
        raise WrongAnswer("proof-invalid", "the head is smaller than the kept one")
    if kept["size"] == size:
        if unb64u(kept["root"]) != root:
            raise WrongAnswer("proof-invalid", "two roots of one size")
        return
    if "consistency" not in answer:
        raise WrongAnswer("proof-invalid", "no consistency proof for the kept head")
    verify_consistency(kept["size"], unb64u(kept["root"]), size, root, [unb64u(p) for p in answer["consistency"]])


def _agreement(request, answer):
    """Every wanted kid exactly once, released or denied; none that was not wanted."""
    released = list(answer.get("kc", {}))
    denied = [d["kid"] for d in answer.get("deny", [])]
    if sorted(k.upper() for k in released + denied) != sorted(k.upper() for k in request["want"]):
        raise WrongAnswer("malformed", "wanted %s, released %s, denied %s" % (request["want"], released, denied))
    return released, {d["kid"]: d["code"] for d in answer.get("deny", [])}


def _inner_header(token, request, digest):
    header = json.loads(unb64u(token.split(".")[0]))
    if header.get("alg") != "ECDH-ES+A256KW" or header.get("enc") != "A256GCM":
        raise WrongAnswer("malformed", "inner JWE with %s, %s" % (header.get("alg"), header.get("enc")))
    if header.get("apv") != b64u(digest):
        raise WrongAnswer("tampered", "apv is not the hash of the request")
    if header.get("epk", {}).get("x") == request["epk"]["x"]:
        raise WrongAnswer("tampered", "the inner JWE uses the requester's own key")


def judge(request_text, answer_text, reader_key, release_key, vkey):
    """All that an observer can judge without the ephemeral key: dict released, denied, record, request, answer."""
    request = verify_jws(request_text, reader_key, "oneseal-request+jws")
    answer = verify_jws(answer_text, release_key, "oneseal-answer+jws")
    digest = hashlib.sha256(request_text.strip().encode()).digest()
    if answer.get("req") != b64u(digest):
        raise WrongAnswer("tampered", "the answer belongs to another request")
    released, denied = _agreement(request, answer)
    record = None
    if released:
        record = _proofs(answer, request, vkey, b64u(digest), request["iss"])
        verdicts = {i["kid"]: i["code"] for i in record["items"]}
        if any(verdicts.get(kid) != "ok" for kid in released):
            raise WrongAnswer("proof-invalid", "the record does not say ok for a released key")
        _inner_header(answer["jwe"], request, digest)
    else:
        for member in ("jwe", "salt", "record", "index", "size", "path"):
            if member in answer:
                raise WrongAnswer("malformed", "an answer that only denies has %s" % member)
        verify_checkpoint(answer["head"], vkey)
    return {"released": released, "denied": denied, "record": record, "request": request, "answer": answer}


def open_answer(verdict, ephemeral, sids):
    """{kid: KV} of a judged answer. `ephemeral` is the private JWK dict; `sids` maps kid to the 16 octets."""
    answer = verdict["answer"]
    token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    try:
        token.deserialize(answer["jwe"], jwk.JWK(**ephemeral))
    except (jwe.InvalidJWEData, ValueError) as why:
        raise WrongAnswer("tampered", "the inner JWE does not open: %s" % why) from None
    keys = {kid: unb64u(kv) for kid, kv in json.loads(token.payload).items()}
    if sorted(keys) != sorted(verdict["released"]):
        raise WrongAnswer("malformed", "the inner JWE holds other kids than the answer names")
    for kid, kv in keys.items():
        if len(kv) not in (32, 64):
            raise WrongAnswer("commitment-mismatch", "a value of %d octets" % len(kv))
        kc = commitment(kv, sids[kid]) if len(kv) == 64 else pair_commitment(public_of(kv), sids[kid])
        if b64u(kc) != answer["kc"][kid] or kid_text(kc, kid.partition("@")[2]).upper() != kid.upper():
            raise WrongAnswer("commitment-mismatch", kid)
    return keys
