"""Judges a run of `oneseal demo` from what the relays recorded and what lies on disk and in memory.

Nothing that the demo says about itself is believed: recordings are decrypted here, proofs verified here, keys
fetched here with a request of our own, and every sealed reading opened here by python3-jwcrypto.
"""
import glob
import json
import os
import sqlite3
from dataclasses import dataclass

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate
from jwcrypto import jwk, jws

from . import canary, certs, jose_stranger, recording, release_witness, tls

TTP = "ttp.demo.example"


def jwk_of(public):
    numbers = public.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": jose_stranger.b64u(numbers.x.to_bytes(32, "big")),
            "y": jose_stranger.b64u(numbers.y.to_bytes(32, "big"))}


def certificate_key(path):
    """The public JWK in a certificate file."""
    with open(path, "rb") as f:
        return jwk_of(load_pem_x509_certificate(f.read()).public_key())


@dataclass
class Bundle:
    fqdn: str
    identity: dict
    sealing: dict
    sealing_kid: str
    release: dict
    vkey: str


def read_bundle(text):
    """The TTP's public keys from the pinned text: {"keys": {"identity": {"jwk"}, "sealing": {"kid", "jwk"},
    "release": {"kid", "jwk"}, "log": verifier key}}, signed by the identity key that it names."""
    body = json.loads(release_witness.parse_jws(text)[1])
    keys = body["keys"]
    release_witness.verify_jws(text, keys["identity"]["jwk"], "oneseal-bundle+jws")
    release_witness.parse_vkey(keys["log"])
    return Bundle(body["fqdn"], keys["identity"]["jwk"], keys["sealing"]["jwk"], keys["sealing"]["kid"],
                  keys["release"]["jwk"], keys["log"])


class Run:
    """All evidence of one run. `folder` holds relay/, state/, cores/ and keys.log."""

    def __init__(self, folder):
        self.relay = os.path.join(folder, "relay")
        self.state = os.path.join(folder, "state")
        self.keylog = tls.load_keylog(os.path.join(folder, "keys.log"))
        self._exchanges = {}

    def links(self):
        return sorted(os.listdir(self.relay))

    def of(self, link):
        if link not in self._exchanges:
            self._exchanges[link] = recording.exchanges(self.relay, link, self.keylog)
        return self._exchanges[link]

    def plain(self, link, direction):
        return recording.received(self.relay, link, self.keylog, direction)

    def find(self, link, method=None, target=None, origin=None, rsc=None, body=None):
        """Exchanges of a link that match; `target` is a part of the request target."""
        found = []
        for e in self.of(link):
            if method and e.request.method != method or target and target not in e.request.target:
                continue
            if origin and (e.request.get("x-m2m-origin") or "").lstrip("/") != origin:
                continue
            if rsc and (e.response is None or e.response.get("x-m2m-rsc") != str(rsc)):
                continue
            if body and body not in e.request.body:
                continue
            found.append(e)
        return found


def instances(octets):
    """Every `con` and `cnf` of the contentInstances in a JSON text, however deep."""
    def walk(value):
        if isinstance(value, dict):
            for name, member in value.items():
                rows = member if isinstance(member, list) else [member]
                if name == "m2m:cin":
                    for row in rows:
                        if isinstance(row, dict) and "con" in row:
                            yield row
                yield from walk(member)
        elif isinstance(value, list):
            for member in value:
                yield from walk(member)
    try:
        return list(walk(json.loads(octets)))
    except ValueError:
        return []


def sealed_in(exchange, part="response"):
    message = getattr(exchange, part)
    return [i for i in instances(message.body) if jose_stranger.is_sealed(i["con"])] if message else []


# --- asking the TTP as the application would -----------------------------------------------------------------------

def fetch_keys(url, ca, certificate, key_file, iss, kids, bundle, adapter, sids):
    """Requests `kids` with the application's own certificate key and an ephemeral key made here.

    Returns (verdict of release_witness.judge, {kid: KV})."""
    session = requests.Session()
    session.trust_env = False
    session.verify, session.cert = ca, (certificate, key_file)
    session.mount("https://", adapter)
    try:
        nonce = session.get(url + "/nonce", timeout=20).headers["Oneseal-Nonce"]
        private = certs.private_key(key_file)
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        numbers = ephemeral.private_numbers()
        epk = jwk_of(ephemeral.public_key())
        payload = {"iss": iss, "aud": bundle.fqdn, "nonce": nonce, "want": list(kids), "epk": epk}
        token = jws.JWS(json.dumps(payload, separators=(",", ":")))
        signer = jwk.JWK(**jwk_of(private.public_key()),
                         d=jose_stranger.b64u(private.private_numbers().private_value.to_bytes(32, "big")))
        token.add_signature(signer, alg="ES256", protected=json.dumps(
            {"alg": "ES256", "kid": "54-" + iss, "typ": "oneseal-request+jws"}, separators=(",", ":")))
        request = token.serialize(compact=True)
        answer = session.post(url + "/release", data=request, timeout=20,
                              headers={"Content-Type": "application/jose"})
        assert answer.status_code == 200, "%d %s" % (answer.status_code, answer.text[:400])
        verdict = release_witness.judge(request, answer.text, jwk_of(private.public_key()), bundle.release,
                                        bundle.vkey)
        keys = {}
        if verdict["released"]:
            secret = dict(epk, d=jose_stranger.b64u(numbers.private_value.to_bytes(32, "big")))
            keys = release_witness.open_answer(verdict, secret, sids)
        return verdict, keys
    finally:
        session.close()


# --- judging -----------------------------------------------------------------------------------------------------

def files_below(folder):
    """Files that are not empty; of a file, itself."""
    return sorted(p for p in [folder] + glob.glob(os.path.join(folder, "**"), recursive=True)
                  if os.path.isfile(p) and os.path.getsize(p) > 0)


def search_store(folder, canaries, sealed, what):
    """No canary in any file of a store. The sealed readings stand in one of the files that are searched, and each
    SQLite file shows that it can be searched by its own magic and by a text known to be in it."""
    holding = 0
    searched = {}
    for path in files_below(folder):
        with open(path, "rb") as f:
            octets = f.read()
        hit = next((c for c in sealed if c.encode() in octets), None)
        holding += hit is not None
        control = hit or _own_text(path, octets)
        if control is None:
            continue        # empty of anything known: a lock file, a shared memory index
        searched[path] = canary.absent_in(octets, canaries, control, path)
    assert holding, "%s: no file holds a sealed reading, so its search says nothing" % what
    return searched


def _own_text(path, octets):
    for text in (b"SQLite format 3", b"id-mn", b"id-in", b"ready", b"demo.example", b"BEGIN"):
        if text in octets:
            return text
    if path.endswith("-shm"):
        return None
    raise canary.NoControl("%s: nothing known stands in it" % path)


def opened_readings(book):
    """Plain texts in the application's own store."""
    db = sqlite3.connect("file:%s?mode=ro" % book, uri=True, timeout=10)
    try:
        return [row[0] if isinstance(row[0], bytes) else str(row[0]).encode()
                for row in db.execute("SELECT plain FROM reading ORDER BY n")]
    finally:
        db.close()
