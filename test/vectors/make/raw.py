"""The primitives that the makers of vectors and of negative cases stand on: python3-cryptography and whole numbers.

Nothing of the product and no JOSE library. Everything is deterministic from a seed, and everything takes what a
library would choose by itself or refuse: any IV length, any nonce of a signature, points that lie on no curve.
"""
import hashlib
import hmac
import json
import struct
from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ENCS = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
WRAPS = {"A128KW": 16, "A192KW": 24, "A256KW": 32}
HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def b64u(octets):
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Seed:
    """Octets that look random and are the same every time: SHA-256 over the seed and a counter."""

    def __init__(self, text):
        self.text, self.count = text.encode(), 0

    def octets(self, n):
        out = b""
        while len(out) < n:
            out += hashlib.sha256(self.text + struct.pack(">Q", self.count)).digest()
            self.count += 1
        return out[:n]

    def below(self, end):
        return int.from_bytes(self.octets((end.bit_length() + 7) // 8 + 8), "big") % end


# --- AES --------------------------------------------------------------------------------------------------------------

def block(key, octets):
    e = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return e.update(octets)


def unblock(key, octets):
    d = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    return d.update(octets)


def ghash(h, octets):
    y = 0
    for i in range(0, len(octets), 16):
        y ^= int.from_bytes(octets[i:i + 16], "big")
        z, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y


def padded(octets):
    return octets + b"\0" * (-len(octets) % 16)


def gcm(key, iv, aad, plain):
    """(ciphertext, tag), with an IV of any length (SP 800-38D 7.1)."""
    if len(iv) == 12:
        out = AESGCM(key).encrypt(iv, plain, aad)
        return out[:-16], out[-16:]
    return gcm_slowly(key, iv, aad, plain)


def gcm_slowly(key, iv, aad, plain):
    h = int.from_bytes(block(key, b"\0" * 16), "big")
    if len(iv) == 12:
        j0 = iv + b"\0\0\0\1"
    else:
        j0 = ghash(h, padded(iv) + struct.pack(">QQ", 0, 8 * len(iv))).to_bytes(16, "big")
    stream = b"".join(block(key, j0[:12] + struct.pack(">I", (int.from_bytes(j0[12:], "big") + 1 + i) % 2**32))
                      for i in range((len(plain) + 15) // 16))
    text = bytes(a ^ b for a, b in zip(plain, stream))
    s = ghash(h, padded(aad) + padded(text) + struct.pack(">QQ", 8 * len(aad), 8 * len(text)))
    return text, bytes(a ^ b for a, b in zip(s.to_bytes(16, "big"), block(key, j0)))


def wrap(kek, key, a=b"\xa6" * 8):
    """RFC 3394 2.2.1; `a` is the initial value."""
    r = [key[i:i + 8] for i in range(0, len(key), 8)]
    for j in range(6):
        for i in range(len(r)):
            b = block(kek, a + r[i])
            a = (int.from_bytes(b[:8], "big") ^ (len(r) * j + i + 1)).to_bytes(8, "big")
            r[i] = b[8:]
    return a + b"".join(r)


# --- curves -----------------------------------------------------------------------------------------------------------

class Curve:
    def __init__(self, name, p, a, b, n, g):
        self.name, self.p, self.a, self.b, self.n, self.g = name, p, a, b, n, g
        self.octets = (p.bit_length() + 7) // 8
        self.doubled = []

    def add(self, s, t):
        """Affine, None is infinity. The formulas do not use b: that is why points must be checked."""
        if s is None or t is None:
            return s or t
        if s[0] == t[0]:
            if (s[1] + t[1]) % self.p == 0:
                return None
            slope = (3 * s[0] * s[0] + self.a) * pow(2 * s[1], -1, self.p)
        else:
            slope = (t[1] - s[1]) * pow(t[0] - s[0], -1, self.p)
        x = (slope * slope - s[0] - t[0]) % self.p
        return x, (slope * (s[0] - x) - s[1]) % self.p

    def multiply(self, k, point):
        out = None
        while k:
            if k & 1:
                out = self.add(out, point)
            point, k = self.add(point, point), k >> 1
        return out

    def public(self, d):
        """d times the base point, from its doublings."""
        if not self.doubled:
            point = self.g
            for _ in range(self.p.bit_length() + 1):
                self.doubled.append(point)
                point = self.add(point, point)
        out = None
        for i, point in enumerate(self.doubled):
            if d >> i & 1:
                out = self.add(out, point)
        return out

    def holds(self, point):
        return (point[1] ** 2 - point[0] ** 3 - self.a * point[0] - self.b) % self.p == 0

    def octets_of(self, number):
        return number.to_bytes(self.octets, "big")

    def jwk(self, point, d=None, **more):
        out = {"kty": "EC", "crv": self.name, "x": b64u(self.octets_of(point[0])), "y": b64u(self.octets_of(point[1]))}
        if d is not None:
            out["d"] = b64u(self.octets_of(d))
        return dict(out, **more)


P256 = Curve("P-256", 2**256 - 2**224 + 2**192 + 2**96 - 1, -3,
             0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
             0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
             (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
              0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5))
P384 = Curve("P-384", 2**384 - 2**128 - 2**96 + 2**32 - 1, -3,
             0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
             0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
             (0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
              0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F))
P521 = Curve("P-521", 2**521 - 1, -3,
             0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
             0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
             (0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
              0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650))
K256 = Curve("secp256k1", 2**256 - 2**32 - 977, 0, 7, None,
             (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
              0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8))
SIGN_CURVES = {"ES256": P256, "ES384": P384, "ES512": P521}


def rfc6979(curve, d, digest, name):
    """The nonce of a deterministic signature."""
    hash_, size = HASHES[name], HASHES[name]().digest_size
    bits = curve.n.bit_length()

    def number(octets):
        value = int.from_bytes(octets, "big")
        return value >> max(0, 8 * len(octets) - bits)
    octets = (bits + 7) // 8
    secret = d.to_bytes(octets, "big") + (number(digest) % curve.n).to_bytes(octets, "big")
    v, k = b"\1" * size, b"\0" * size
    for mark in (b"\0", b"\1"):
        k = hmac.new(k, v + mark + secret, hash_).digest()
        v = hmac.new(k, v, hash_).digest()
    while True:
        t = b""
        while len(t) < octets:
            v = hmac.new(k, v, hash_).digest()
            t += v
        if 1 <= number(t[:octets]) < curve.n:
            return number(t[:octets])
        k = hmac.new(k, v + b"\0", hash_).digest()
        v = hmac.new(k, v, hash_).digest()


def ecdsa(alg, d, octets, hash_=None, k=None):
    """(r, s) over the octets; another hash or nonce when they are given."""
    curve, name = SIGN_CURVES[alg], hash_ or alg[2:]
    digest = HASHES[name](octets).digest()
    k = k or rfc6979(curve, d, digest, name)
    e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
    r = curve.public(k)[0] % curve.n
    return r, pow(k, -1, curve.n) * (e + r * d) % curve.n


def raw_signature(alg, r, s):
    curve = SIGN_CURVES[alg]
    return curve.octets_of(r) + curve.octets_of(s)


def der_signature(r, s):
    def integer(v):
        octets = v.to_bytes(v.bit_length() // 8 + 1, "big")
        return b"\x02" + bytes([len(octets)]) + octets
    body = integer(r) + integer(s)
    return b"\x30" + bytes([len(body)]) + body


def x25519(private, public):
    """The shared secret; a library that refuses an all-zero result gives zeros here."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return b"\0" * 32


def x25519_public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def concat_kdf(z, alg, octets, apu=b"", apv=b""):
    """RFC 7518 4.6.2, one round of SHA-256."""
    def with_length(b):
        return struct.pack(">I", len(b)) + b
    info = with_length(alg.encode()) + with_length(apu) + with_length(apv) + struct.pack(">I", 8 * octets)
    return hashlib.sha256(struct.pack(">I", 1) + z + info).digest()[:octets]


# --- RSA --------------------------------------------------------------------------------------------------------------

def is_prime(n, seed):
    if any(n % p == 0 for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(12):
        x = pow(2 + seed.below(n - 3), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


class Rsa:
    def __init__(self, seed, bits=2048, e=65537):
        def prime():
            while True:
                n = seed.below(2**(bits // 2 - 2)) | 3 << (bits // 2 - 2) | 1
                if n % e != 1 and is_prime(n, seed):
                    return n
        self.p, self.q, self.e = prime(), prime(), e
        self.n = self.p * self.q
        self.d = pow(e, -1, (self.p - 1) * (self.q - 1))
        self.octets = bits // 8

    def jwk(self, private=False, **more):
        def number(v):
            return b64u(v.to_bytes((v.bit_length() + 7) // 8, "big"))
        out = {"kty": "RSA", "n": number(self.n), "e": number(self.e)}
        if private:
            out.update(d=number(self.d), p=number(self.p), q=number(self.q), dp=number(self.d % (self.p - 1)),
                       dq=number(self.d % (self.q - 1)), qi=number(pow(self.q, -1, self.p)))
        return dict(out, **more)

    def power(self, octets, private):
        value = int.from_bytes(octets, "big")
        if private:                                 # by the Chinese remainder theorem
            mp, mq = pow(value, self.d % (self.p - 1), self.p), pow(value, self.d % (self.q - 1), self.q)
            value = mq + self.q * ((mp - mq) * pow(self.q, -1, self.p) % self.p)
        else:
            value = pow(value, self.e, self.n)
        return value.to_bytes(self.octets, "big")

    def oaep(self, key, seed, hash_=hashlib.sha256, mgf=hashlib.sha256, label=b""):
        """RFC 8017 7.1.1 with the octets of `seed` as the random ones."""
        size = hash_().digest_size
        db = hash_(label).digest() + b"\0" * (self.octets - len(key) - 2 * size - 2) + b"\1" + key

        def mask(s, n):
            return b"".join(mgf(s + struct.pack(">I", i)).digest() for i in range(n // mgf().digest_size + 1))[:n]
        s = seed[:size]
        db = bytes(a ^ b for a, b in zip(db, mask(s, len(db))))
        s = bytes(a ^ b for a, b in zip(s, mask(db, size)))
        return self.power(b"\0" + s + db, private=False)

    def pkcs1_encrypt(self, key, seed):
        fill = bytes(1 + b % 255 for b in seed.octets(self.octets - 3 - len(key)))
        return self.power(b"\0\2" + fill + b"\0" + key, private=False)

    INFO = {"256": bytes.fromhex("3031300d060960864801650304020105000420"),
            "384": bytes.fromhex("3041300d060960864801650304020205000430"),
            "512": bytes.fromhex("3051300d060960864801650304020305000440"),
            "1": bytes.fromhex("3021300906052b0e03021a05000414")}

    def pkcs1_sign(self, octets, name, info=None, type_=b"\1", fill=b"\xff"):
        digest = (hashlib.sha1 if name == "1" else HASHES[name])(octets).digest()
        t = (self.INFO[name] if info is None else info) + digest
        return self.power(b"\0" + type_ + fill * (self.octets - 3 - len(t)) + b"\0" + t, private=True)


# --- JOSE texts -------------------------------------------------------------------------------------------------------

def jwe_parts(header, cek, iv, plain, aad=None):
    """(protected, iv, ciphertext, tag) as octets but the first, which is text."""
    protected = b64u((header if isinstance(header, str) else compact(header)).encode())
    text, tag = gcm(cek, iv, (protected + ("." + b64u(aad) if aad is not None else "")).encode(), plain)
    return protected, iv, text, tag


def jwe(header, cek, iv, plain, key=b""):
    protected, iv, text, tag = jwe_parts(header, cek, iv, plain)
    return ".".join([protected, b64u(key), b64u(iv), b64u(text), b64u(tag)])


def jws(header, payload, sign):
    """sign(octets) -> signature octets."""
    signed = b64u((header if isinstance(header, str) else compact(header)).encode()) + "." + b64u(payload)
    return signed + "." + b64u(sign(signed.encode()))
