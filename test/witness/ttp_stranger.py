"""A stranger that speaks to a TTP: registers, sends letters, signs policies and denials, asks for releases.

Everything is made by python3-jwcrypto and python3-requests from the texts in e2e.md 2 and 6.
"""
import base64
import hashlib
import json
import secrets
import time

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from jwcrypto import jwe, jwk, jws

from . import certs, release_witness
from .jose_stranger import b64u, commitment, kid_of, sid_of
from .ten_steps import jwk_of


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def wrap(plaintext, public, kid):
    """JWE ECDH-ES+A256KW / A256GCM to the vault's sealing key."""
    token = jwe.JWE(plaintext, compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": kid}))
    token.add_recipient(jwk.JWK(**public))
    return token.serialize(compact=True)


class Party:
    """Somebody with an oneM2M identity and a certificate, in front of one TTP."""

    def __init__(self, identity, certificate, key_file, url, ca, adapter, bundle, aud=None):
        self.identity, self.url, self.bundle = identity, url, bundle
        self.aud = aud or bundle.fqdn
        self.private = certs.private_key(key_file)
        self.public = jwk_of(self.private.public_key())
        self.signer = jwk.JWK(**self.public, d=b64u(self.private.private_numbers().private_value.to_bytes(32, "big")))
        self.signer_kid = ("54-" if identity.rpartition("/")[2][:1] in "CS" else "53-") + identity
        with open(certificate, "rb") as f:
            der = x509.load_pem_x509_certificate(f.read()).public_bytes(Encoding.DER)
        self.x5c = [base64.b64encode(der).decode()]
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify, self.session.cert = ca, (certificate, key_file)
        self.session.mount("https://", adapter)
        self.nonce = None

    @property
    def thumbprint(self):
        canonical = compact({n: self.public[n] for n in ("crv", "kty", "x", "y")})
        return b64u(hashlib.sha256(canonical.encode()).digest())

    def close(self):
        self.session.close()

    def sign(self, payload, typ, **header):
        token = jws.JWS(compact(payload))
        token.add_signature(self.signer, alg="ES256",
                            protected=compact(dict({"alg": "ES256", "kid": self.signer_kid, "typ": typ}, **header)))
        return token.serialize(compact=True)

    def post(self, path, text):
        answer = self.session.post(self.url + path, data=text, timeout=30, headers={"Content-Type": "application/jose"})
        self.nonce = answer.headers.get("Oneseal-Nonce", self.nonce)
        return answer

    def fresh_nonce(self):
        answer = self.session.get(self.url + "/nonce", timeout=30)
        return answer.headers["Oneseal-Nonce"]

    def acknowledged(self, path, text):
        """Code of a signed acknowledgement, or of an unsigned error, whose signature and request are checked."""
        answer = self.post(path, text)
        if answer.headers.get("Content-Type", "").startswith("application/jose"):
            body = release_witness.verify_jws(answer.text, self.bundle.release, "oneseal-ack+jws")
            assert body["req"] == b64u(hashlib.sha256(text.encode()).digest()), "the acknowledgement of another text"
            if body.get("head"):
                release_witness.verify_checkpoint(body["head"], self.bundle.vkey)
            return body["code"]
        return answer.json()["code"]

    def register(self):
        text = self.sign({"iss": self.identity, "aud": self.aud, "nonce": self.fresh_nonce(), "jwk": self.public},
                         "oneseal-client+jws", x5c=self.x5c)
        return self.acknowledged("/client", text)

    # --- owners --------------------------------------------------------------------------------------------------
    def item(self, address, kv, ep, policy, et="20301231T000000", **more):
        sid = sid_of(address)
        return dict({"sid": b64u(sid), "ep": ep, "kid": kid_of(kv, sid, self.bundle.fqdn),
                     "kc": b64u(commitment(kv, sid)), "suid": 24, "adfq": self.bundle.fqdn, "et": et,
                     "policy": policy, "wk": self.thumbprint}, **more)

    def letter_text(self, items, kvs):
        """One letter for one item, or a batch letter."""
        head = {"iss": self.identity, "aud": self.aud}
        if len(items) == 1:
            wrapped = wrap(kvs[0], self.bundle.sealing, self.bundle.sealing_kid)
            return self.sign(dict(head, **items[0], jwe=wrapped), "oneseal-letter+jws")
        plain = compact({i["kid"]: b64u(kv) for i, kv in zip(items, kvs)}).encode()
        return self.sign(dict(head, items=items, jwe=wrap(plain, self.bundle.sealing, self.bundle.sealing_kid)),
                         "oneseal-letter+jws")

    def letter(self, items, kvs):
        return self.acknowledged("/letter", self.letter_text(items, kvs))

    def policy_text(self, name, version, readers, start=None, until=None, iss=None):
        """readers: {identity: thumbprint or None}; start and until as m2m timestamps."""
        body = {"iss": iss or self.identity, "aud": self.aud, "policy": name, "version": version,
                "readers": [dict({"id": r}, **({"jkt": t} if t else {})) for r, t in readers.items()]}
        if start:
            body["from"] = start
        if until:
            body["until"] = until
        return self.sign(body, "oneseal-policy+jws")

    def policy(self, *args, **kwargs):
        return self.acknowledged("/policy", self.policy_text(*args, **kwargs))

    def deny_text(self, subject, deny=True, policy=None, number=None, iss=None):
        body = {"iss": iss or self.identity, "aud": self.aud}
        if policy:
            body["policy"] = policy
        body.update({"id": subject, "deny": deny, "n": number or time.time_ns() // 1000000})
        return self.sign(body, "oneseal-deny+jws")

    def deny(self, *args, **kwargs):
        return self.acknowledged("/policy", self.deny_text(*args, **kwargs))

    # --- readers -------------------------------------------------------------------------------------------------
    def request_text(self, kids, nonce=None, head=None, ephemeral=None, **change):
        """(request, ephemeral private JWK)"""
        ephemeral = ephemeral or ec.generate_private_key(ec.SECP256R1())
        epk = jwk_of(ephemeral.public_key())
        body = {"iss": self.identity, "aud": self.aud, "nonce": nonce or self.fresh_nonce(), "want": list(kids),
                "epk": epk}
        if head:
            body["head"] = head
        body.update(change)
        secret = dict(epk, d=b64u(ephemeral.private_numbers().private_value.to_bytes(32, "big")))
        return self.sign(body, "oneseal-request+jws"), secret

    def release(self, kids, sids, head=None):
        """(verdict of release_witness.judge, {kid: KV}); everything in the answer is verified."""
        text, secret = self.request_text(kids, head=head)
        answer = self.post("/release", text)
        assert answer.status_code == 200, "%d %s" % (answer.status_code, answer.text[:300])
        verdict = release_witness.judge(text, answer.text, self.public, self.bundle.release, self.bundle.vkey)
        keys = release_witness.open_answer(verdict, secret, sids) if verdict["released"] else {}
        return verdict, keys


def fresh_kv():
    return secrets.token_bytes(64)
