"""The originator's end of ESPrim, written from TS-0003 8.4 and 10.3.8 on the AES-GCM of python3-cryptography alone."""
import base64
import hashlib
import hmac
import itertools
import json
import os
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LABEL = b"oneM2M HMAC-SHA256 sessionESPrimKey derivation algorithm"
ENC = {10: ("A128GCM", 16), 11: ("A192GCM", 24), 12: ("A256GCM", 32)}


def b64(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def when(stamp):
    """m2m:timestamp as seconds since 1970."""
    import calendar
    return calendar.timegm(time.strptime(stamp[:15], "%Y%m%dT%H%M%S"))


class Session:
    """One originatorESPrimRandObject with one of the receiver's; both as the exact text that goes into the key."""
    numbers = itertools.count(1)

    def __init__(self, pair, kid, receiver, espa=12, expiry=None, **oro):
        """receiver: the object as JSON text, as it came. oro: members of the own object that shall differ."""
        self.pair, self.kid, self.receiver, self.alg = pair, kid, receiver, espa
        self.rri = json.loads(receiver)["esri"]
        own = {"esri": "O%d-%d" % (os.getpid(), next(self.numbers)), "esrv": "v" + b64(os.urandom(16)),
               "esrx": expiry or json.loads(receiver)["esrx"], "esk": 1, "espa": [espa]}
        own.update(oro)
        self.own = compact(own)
        self.ori = own["esri"]
        self.told = False

    @property
    def key(self):
        return hmac.new(self.pair, self.receiver.encode() + self.own.encode() + LABEL, hashlib.sha256).digest()

    def seal(self, primitive, oro=True, **header):
        """The object of a primitive. header: members that shall differ; None: left out."""
        enc, n = ENC[self.alg]
        head = [("alg", "dir"), ("enc", enc), ("kid", self.kid), ("cty", "vnd.onem2m-preq+json"), ("ori", self.ori), ("rri", self.rri)]
        members = [compact(k) + ":" + compact(header.get(k, v)) for k, v in head if header.get(k, v) is not None]
        if oro:
            members.append('"oro":' + self.own)
        aad = b64(("{" + ",".join(members) + "}").encode())
        iv = os.urandom(12)
        text = primitive if isinstance(primitive, bytes) else compact(primitive).encode()
        sealed = AESGCM(self.key[:n]).encrypt(iv, text, aad.encode())
        return ".".join([aad, "", b64(iv), b64(sealed[:-16]), b64(sealed[-16:])])

    def open(self, text):
        """(header, primitive) of an answer; it must be sealed under this very session."""
        aad, encrypted_key, iv, sealed, tag = text.split(".")
        assert encrypted_key == ""
        header = json.loads(unb64(aad))
        assert header["alg"] == "dir" and header["enc"] == ENC[self.alg][0] and header["kid"] == self.kid
        try:
            plain = AESGCM(self.key[:ENC[self.alg][1]]).decrypt(unb64(iv), unb64(sealed) + unb64(tag), aad.encode())
        except InvalidTag:
            raise AssertionError("the answer is not sealed under the session of its request") from None
        return header, json.loads(plain)


def request(op, to, fr, **more):
    return dict({"op": op, "to": to, "fr": fr, "rqi": "inner-%d" % next(Session.numbers), "rvi": "3"}, **more)


def object_of(answer):
    """The receiver's random object of an answer to sit 3, as text."""
    seci = answer.of(2000).root("m2m:seci")
    assert seci["sit"] == 4 and set(seci) == {"sit", "ero"}
    text = answer.text[answer.text.index('"ero"') + 5:].lstrip(" :")
    end = text.index("}") + 1           # nothing in it has braces
    assert json.loads(text[:end]) == seci["ero"]
    return text[:end]
