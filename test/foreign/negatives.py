"""Objects that must not open, in the manner of Wycheproof, and the controls that must.

Made from raw primitives (test/vectors/make/raw.py): nothing of ours and no JOSE library takes part. Every fault is the
only one of its object: whatever a careless implementation would compute (with a point off the curve, a wrong hash, a
short tag) is computed, so that it would open if the check were missing.
"""
import hashlib
import hmac
import json
import os
import sys
from collections import namedtuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "make"))

from raw import (ENCS, K256, P256, P384, P521, SIGN_CURVES, WRAPS, Rsa, Seed, b64u, compact, concat_kdf,   # noqa: E402
                 der_signature, ecdsa, gcm, jwe, jws, raw_signature, wrap, x25519, x25519_public)

PLAIN = b'{"t":21.5,"u":"Cel"}'
SYM, CERT, SIGNER = "k1@ttp.example.com", "44-//sp.example.com/S1", "54-//sp.example.com/S1"
X_P = 2**255 - 19

# opens: it must; otherwise it must not. op: open or verify. keys: JWKs of the reader.
Case = namedtuple("Case", "group name op opens object keys alg enc")


def flip(octets, bit):
    out = bytearray(octets)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def oct_key(key, **more):
    return dict({"kty": "oct", "kid": SYM, "k": b64u(key)}, **more)


def joined(*octets):
    """A compact object: the first part is text."""
    return ".".join([octets[0]] + [b64u(o) for o in octets[1:]])


class Maker:
    def __init__(self, seed="oneseal negatives 1"):
        self.seed = Seed(seed)
        self.cases = []
        self.rsa = Rsa(self.seed)

    def case(self, group, name, opens, object_, keys, alg, enc=None, op="open"):
        if not isinstance(object_, str):
            object_ = compact(object_)
        self.cases.append(Case(group, name, op, opens, object_, keys, alg, enc))

    def all(self):
        for group in (self.gcm, self.key_wrap, self.ecdh, self.x25519, self.ecdsa, self.rsa_signatures, self.macs,
                      self.oaep, self.headers, self.serializations):
            group()
        return self.cases

    # --- AES-GCM ------------------------------------------------------------------------------------------------------
    def gcm(self):
        for enc, octets in ENCS.items():
            key, iv = self.seed.octets(octets), self.seed.octets(12)
            header = b64u(compact({"alg": "dir", "enc": enc, "kid": SYM}).encode())
            text, tag = gcm(key, iv, header.encode(), PLAIN)

            def case(name, opens, h=header, k=b"", i=iv, c=text, t=tag, key=key, enc=enc):
                self.case("AES-GCM", "%s %s" % (enc, name), opens, joined(h, k, i, c, t), [oct_key(key)], "dir", enc)
            case("control", True)
            for bit in range(128):
                case("bit %d of the tag flipped" % bit, False, t=flip(tag, bit))
            for n in range(16):
                case("tag cut to %d octets" % n, False, t=tag[:n])
                case("the last %d octets of the tag alone" % n, False, t=tag[16 - n:])
            for more in (1, 4, 16):
                case("tag longer by %d" % more, False, t=tag + b"\0" * more)
            for name, t in (("zero", b"\0" * 16), ("ff", b"\xff" * 16), ("inverted", bytes(255 - b for b in tag)),
                            ("upper bits", bytes(b ^ 0x80 for b in tag)), ("reversed", tag[::-1])):
                case("tag " + name, False, t=t)
            for bit in range(0, 96, 7):
                case("bit %d of the IV flipped" % bit, False, i=flip(iv, bit))
            for bit in range(0, 8 * len(text), 13):
                case("bit %d of the ciphertext flipped" % bit, False, c=flip(text, bit))
            case("ciphertext cut by one", False, c=text[:-1])
            case("ciphertext longer by one", False, c=text + b"\0")
            case("no ciphertext", False, c=b"")
            for n in (0, 1, 4, 7, 8, 11, 13, 15, 16, 32, 60):
                i = self.seed.octets(n)
                c, t = gcm(key, i, header.encode(), PLAIN)
                case("IV of %d octets, the tag valid" % n, False, i=i, c=c, t=t)
            for n in (1, 15, 16, 17, 31, 32, 33, 127, 4096):
                plain = self.seed.octets(n)
                for what, i in (("any", self.seed.octets(12)), ("zero", b"\0" * 12), ("ff", b"\xff" * 12)):
                    c, t = gcm(key, i, header.encode(), plain)
                    self.case("AES-GCM", "%s control: %d octets, IV %s" % (enc, n, what), True,
                              joined(header, b"", i, c, t), [oct_key(key)], "dir", enc)
            for name, k in (("zero", b"\0" * octets), ("ff", b"\xff" * octets)):
                c, t = gcm(k, iv, header.encode(), PLAIN)
                case("control: key " + name, True, c=c, t=t, key=k)
            case("another key", False, key=self.seed.octets(octets))
            c, t = gcm(key, iv, b"", PLAIN)
            case("the header not authenticated", False, c=c, t=t)
            c, t = gcm(key, iv, compact({"alg": "dir", "enc": enc, "kid": SYM}).encode(), PLAIN)
            case("the decoded header authenticated", False, c=c, t=t)
            for name, other in (("another order", {"kid": SYM, "enc": enc, "alg": "dir"}),
                                ("one more member", {"alg": "dir", "enc": enc, "kid": SYM, "cty": "json"})):
                case("header in " + name, False, h=b64u(compact(other).encode()))
            case("header with a blank", False, h=b64u(json.dumps({"alg": "dir", "enc": enc, "kid": SYM}).encode()))
            case("an encrypted key beside dir", False, k=self.seed.octets(octets + 8))
            for other, n in ENCS.items():
                if n != octets:
                    h = b64u(compact({"alg": "dir", "enc": other, "kid": SYM}).encode())
                    cut = (key + key)[:n]
                    c, t = gcm(cut, iv, h.encode(), PLAIN)
                    case("key of %d octets used as %s" % (octets, other), False, h=h, c=c, t=t)

    # --- AES key wrap -------------------------------------------------------------------------------------------------
    def key_wrap(self):
        for alg, octets in WRAPS.items():
            for enc, n in ENCS.items():
                kek, cek, iv = self.seed.octets(octets), self.seed.octets(n), self.seed.octets(12)
                header = {"alg": alg, "enc": enc, "kid": SYM}

                def case(name, opens, key, kek=kek, cek=cek, alg=alg, enc=enc, iv=iv, header=header):
                    self.case("key wrap", "%s %s %s" % (alg, enc, name), opens, jwe(header, cek, iv, PLAIN, key),
                              [oct_key(kek)], alg, enc)
                good = wrap(kek, cek)
                case("control", True, good)
                case("control: keys of ff", True, wrap(b"\xff" * octets, b"\xff" * n), kek=b"\xff" * octets,
                     cek=b"\xff" * n)
                for bit in range(0, 8 * len(good), 5):
                    case("bit %d flipped" % bit, False, flip(good, bit))
                for cut in sorted({0, 7, 8, 15, 16, 23, 24, 31, 32, len(good) - 8, len(good) - 1} - {len(good)}):
                    if cut < len(good):
                        case("cut to %d octets" % cut, False, good[:cut])
                case("longer by 8", False, good + b"\0" * 8)
                case("longer by 1", False, good + b"\0")
                case("not wrapped at all", False, cek)
                for name, a in (("zero", b"\0" * 8), ("a6 but the last bit", b"\xa6" * 7 + b"\xa7"),
                                ("of RFC 5649", b"\xa6\x59\x59\xa6" + n.to_bytes(4, "big"))):
                    case("initial value " + name, False, wrap(kek, cek, a))
                case("blocks swapped", False, good[:8] + good[16:24] + good[8:16] + good[24:])
                case("wrapped with another key", False, wrap(self.seed.octets(octets), cek))
                for other in {16, 24, 32} - {n}:
                    wrong = (cek + cek)[:other]
                    self.case("key wrap", "%s %s content key of %d octets, wrapped well" % (alg, enc, other), False,
                              jwe(header, cek, iv, PLAIN, wrap(kek, wrong)), [oct_key(kek)], alg, enc)
                for other in {16, 24, 32} - {octets}:
                    long = (kek + kek)[:other]
                    self.case("key wrap", "%s %s key of %d octets" % (alg, enc, other), False,
                              jwe(header, cek, iv, PLAIN, wrap(long, cek)), [oct_key(long)], alg, enc)

    # --- ECDH-ES, P-256 -----------------------------------------------------------------------------------------------
    def agreed(self, alg, enc, epk, z, apu=b"", apv=b"", kdf_alg=None, also=None):
        """An object whose wrapping key follows from z, whatever epk says."""
        cek, iv = self.seed.octets(ENCS[enc]), self.seed.octets(12)
        header = {"alg": alg, "enc": enc, "kid": CERT}
        if epk is not None:
            header["epk"] = epk
        if apu:
            header["apu"] = b64u(apu)
        if apv:
            header["apv"] = b64u(apv)
        header.update(also or {})
        kek = concat_kdf(z, kdf_alg or alg, WRAPS[alg[8:]], apu, apv)
        return jwe(header, cek, iv, PLAIN, wrap(kek, cek))

    def ecdh(self):
        d, e = self.seed.below(P256.n), self.seed.below(P256.n)
        mine = P256.jwk(P256.public(d), d, kid=CERT)

        def z_of(point):
            shared = P256.multiply(d, point)
            return shared[0].to_bytes(32, "big") if shared else b"\0" * 32

        def case(name, opens, object_, alg="ECDH-ES+A256KW", enc="A256GCM", key=mine):
            self.case("ECDH P-256", name, opens, object_, [key], alg, enc)
        good = P256.public(e)
        for alg in ("ECDH-ES+" + w for w in WRAPS):
            for enc in ENCS:
                case("%s %s control" % (alg, enc), True, self.agreed(alg, enc, P256.jwk(good), z_of(good)), alg, enc)
        case("control: parties", True, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good),
                                                   b"Alice", b"Bob"))
        for k in (1, 2, 3, P256.n - 1, P256.n - 2):
            point = P256.public(k)
            case("control: ephemeral number %d" % (k if k < 9 else k - P256.n), True,
                 self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(point), z_of(point)))

        def with_epk(name, epk, point):
            case(name, False, self.agreed("ECDH-ES+A256KW", "A256GCM", epk, z_of(point)))
        x, y = good
        for name, point in (("y + 1", (x, (y + 1) % P256.p)), ("x + 1", ((x + 1) % P256.p, y)), ("swapped", (y, x)),
                            ("(0, 0)", (0, 0)), ("(1, 1)", (1, 1)), ("(0, 1)", (0, 1)),
                            ("base point of secp256k1", K256.g),
                            ("a point of secp256k1", K256.public(self.seed.below(2**255))),
                            ("(p - 1, 2)", (P256.p - 1, 2)), ("y = 0", (x, 0))):
            with_epk("point off the curve: " + name, P256.jwk(point), point)
        for number in range(12):                                    # other curves y^2 = x^3 - 3x + b'
            point = (self.seed.below(P256.p), self.seed.below(P256.p))
            with_epk("point off the curve: any %d" % number, P256.jwk(point), point)
        xs = next(v for v in range(1, 2000) if pow(v**3 - 3 * v + P256.b, (P256.p - 1) // 2, P256.p) == 1)
        ys = pow(xs**3 - 3 * xs + P256.b, (P256.p + 1) // 4, P256.p)
        small = (xs, ys)
        case("control: small x", True, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(small), z_of(small)))
        over = dict(P256.jwk(small), x=b64u((xs + P256.p).to_bytes(32, "big")))
        with_epk("x + p", over, small)
        for name, change in (("x of 31 octets", {"x": b64u(x.to_bytes(32, "big")[:31])}),
                             ("x with a leading zero", {"x": b64u(x.to_bytes(33, "big"))}),
                             ("y with a leading zero", {"y": b64u(y.to_bytes(33, "big"))}),
                             ("small x without its zeros", None),
                             ("no octets in x", {"x": ""}), ("no octets in x and y", {"x": "", "y": ""}),
                             ("x = p", {"x": b64u(P256.p.to_bytes(32, "big"))}),
                             ("x of ff", {"x": b64u(b"\xff" * 32)}), ("y of ff", {"y": b64u(b"\xff" * 32)}),
                             ("x as a number", {"x": 5}), ("x null", {"x": None}), ("y is an array", {"y": [1]}),
                             ("kty OKP", {"kty": "OKP"}), ("kty RSA", {"kty": "RSA"}), ("kty oct", {"kty": "oct"}),
                             ("crv P-384", {"crv": "P-384"}), ("crv P-521", {"crv": "P-521"}),
                             ("crv secp256k1", {"crv": "secp256k1"}), ("crv X25519", {"crv": "X25519"}),
                             ("crv p-256", {"crv": "p-256"}), ("crv a number", {"crv": 256}),
                             ("base64 with padding", {"x": b64u(x.to_bytes(32, "big")) + "="})):
            if change is None:
                with_epk(name, dict(P256.jwk(small), x=b64u(xs.to_bytes((xs.bit_length() + 7) // 8, "big"))), small)
            else:
                with_epk("epk: " + name, dict(P256.jwk(good), **change), good)
        for member in ("kty", "crv", "x", "y"):
            with_epk("epk without " + member, {m: v for m, v in P256.jwk(good).items() if m != member}, good)
        for name, epk in (("absent", None), ("a string", "x"), ("an array", []), ("empty", {}), ("null", None)):
            with_epk("epk " + name, epk, good)
        other = P384.public(self.seed.below(P384.n))
        with_epk("point of P-384", P384.jwk(other), good)
        with_epk("point of P-384 called P-256", dict(P384.jwk(other), crv="P-256"), good)
        point = P521.public(self.seed.below(P521.n))
        with_epk("point of P-521", P521.jwk(point), good)
        secret = self.seed.octets(32)
        okp = {"kty": "OKP", "crv": "X25519", "x": b64u(x25519_public(secret))}
        with_epk("X25519 to a P-256 key", okp, good)
        case("Z with a byte missing", False, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good)[1:]))
        case("y coordinate as Z", False, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good),
                                                     P256.multiply(d, good)[1].to_bytes(32, "big")))
        case("algorithm of the KDF: the enc", False,
             self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good), kdf_alg="A256GCM"))
        case("algorithm of the KDF: A256KW", False,
             self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good), kdf_alg="A256KW"))
        for name, more in (("apu added", {"apu": b64u(b"Alice")}), ("apv added", {"apv": b64u(b"Bob")})):
            case("parties: " + name, False, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good), also=more))
        case("parties swapped", False, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good), b"Alice",
                                                   b"Bob", also={"apu": b64u(b"Bob"), "apv": b64u(b"Alice")}))
        case("apu a number", False, self.agreed("ECDH-ES+A256KW", "A256GCM", P256.jwk(good), z_of(good), also={"apu": 1}))
        for other_alg in ("ECDH-ES", "ECDH-ES+A128GCMKW", "ECDH-1PU+A256KW"):
            cek, iv = self.seed.octets(32), self.seed.octets(12)
            kek = concat_kdf(z_of(good), "A256GCM" if other_alg == "ECDH-ES" else other_alg, 32)
            header = {"alg": other_alg, "enc": "A256GCM", "kid": CERT, "epk": P256.jwk(good)}
            case("algorithm " + other_alg, False, jwe(header, kek if other_alg == "ECDH-ES" else cek, iv, PLAIN,
                                                      b"" if other_alg == "ECDH-ES" else wrap(kek, cek)), other_alg)

    # --- ECDH-ES, X25519 ----------------------------------------------------------------------------------------------
    def x25519(self):
        d, e = self.seed.octets(32), self.seed.octets(32)
        mine = {"kty": "OKP", "crv": "X25519", "kid": CERT, "x": b64u(x25519_public(d)), "d": b64u(d)}

        def epk_of(u):
            return {"kty": "OKP", "crv": "X25519", "x": b64u(u)}

        def case(name, opens, u, alg="ECDH-ES+A256KW", enc="A256GCM", epk=None):
            object_ = self.agreed(alg, enc, epk or epk_of(u), x25519(d, u))
            self.case("ECDH X25519", name, opens, object_, [mine], alg, enc)
        good = x25519_public(e)
        for alg in ("ECDH-ES+" + w for w in WRAPS):
            for enc in ENCS:
                case("%s %s control" % (alg, enc), True, good, alg, enc)
        for u in (0, 1, 325606250916557431795983626356110631294008115727848805560023387167927233504,
                  39382357235489614581723060781553021112529911719440698176882885853963445705823, X_P - 1, X_P, X_P + 1):
            case("point of small order %d" % (u % 1000), False, u.to_bytes(32, "little"))
            case("point of small order %d, the top bit set" % (u % 1000), False, (u | 1 << 255).to_bytes(32, "little"))
        for name, u in (("31 octets", good[:31]), ("33 octets", good + b"\0"), ("no octets", b"")):
            case("x of " + name, False, good, epk=epk_of(u))
        for name, change in (("kty EC", {"kty": "EC"}), ("crv X448", {"crv": "X448"}), ("crv Ed25519", {"crv": "Ed25519"}),
                             ("crv P-256", {"crv": "P-256"}), ("x a number", {"x": 1})):
            case("epk: " + name, False, good, epk=dict(epk_of(good), **change))
        case("a P-256 epk to an X25519 key", False, good, epk=P256.jwk(P256.public(77)))

    # --- ECDSA --------------------------------------------------------------------------------------------------------
    def ecdsa(self):
        for alg, curve in SIGN_CURVES.items():
            d = self.seed.below(curve.n)
            key = curve.jwk(curve.public(d), kid=SIGNER)
            header = {"alg": alg, "kid": SIGNER}
            n, size = curve.n, curve.octets
            keep = {}

            def case(name, opens, sign, header=header, key=key, alg=alg):
                self.case("ECDSA", "%s %s" % (alg, name), opens, jws(header, PLAIN, sign), [key], alg, op="verify")

            def raw(change, alg=alg, d=d):
                def sign(octets):
                    r, s = keep["rs"] = ecdsa(alg, d, octets)
                    return change(r, s)
                return sign

            def pair(r, s, size=size):
                return (r % 2**(8 * size)).to_bytes(size, "big") + (s % 2**(8 * size)).to_bytes(size, "big")
            case("control", True, raw(pair))
            case("control: the other s", True, raw(lambda r, s: pair(r, n - s)))
            case("control: another nonce", True, lambda o: raw_signature(alg, *ecdsa(alg, d, o, k=12345)))
            for k in (1, 2, n - 1):
                case("control: nonce %d" % (k if k < 9 else k - n), True,
                     lambda o, k=k: raw_signature(alg, *ecdsa(alg, d, o, k=k)))
            values = {"0": 0, "1": 1, "n": n, "n - 1": n - 1, "n + 1": n + 1, "p": curve.p, "all ones": 2**(8 * size) - 1}
            for rn, rv in values.items():
                for sn, sv in values.items():
                    case("r = %s, s = %s" % (rn, sn), False, lambda o, rv=rv, sv=sv: pair(rv, sv))
                case("r = %s, s good" % rn, False, raw(lambda r, s, rv=rv: pair(rv, s)))
                case("r good, s = %s" % rn, False, raw(lambda r, s, rv=rv: pair(r, rv)))
            case("swapped", False, raw(lambda r, s: pair(s, r)))
            case("r negated", False, raw(lambda r, s: pair(n - r, s)))
            if 8 * size > n.bit_length() or n < 2**(8 * size) - 2**(8 * size - 3):
                case("s + n", False, raw(lambda r, s: pair(r, s + n if s + n < 2**(8 * size) else s ^ 1)))
                case("r + n", False, raw(lambda r, s: pair(r + n if r + n < 2**(8 * size) else r ^ 1, s)))
            case("DER", False, raw(der_signature))
            case("DER of zeros", False, lambda o: der_signature(0, 0))
            case("DER of ones", False, lambda o: der_signature(1, 1))
            case("empty", False, lambda o: b"")
            case("one octet less", False, raw(lambda r, s: pair(r, s)[:-1]))
            case("one octet more", False, raw(lambda r, s: pair(r, s) + b"\0"))
            case("a zero before each half", False, raw(lambda r, s: b"\0" + pair(r, s)[:size] + b"\0" + pair(r, s)[size:]))
            case("r alone", False, raw(lambda r, s: pair(r, s)[:size]))
            case("twice", False, raw(lambda r, s: pair(r, s) * 2))
            for bit in range(0, 16 * size, 29):
                case("bit %d flipped" % bit, False, raw(lambda r, s, bit=bit: flip(pair(r, s), bit)))
            for hash_ in ("256", "384", "512"):
                if hash_ != alg[2:]:
                    case("hash " + hash_, False, lambda o, h=hash_: raw_signature(alg, *ecdsa(alg, d, o, h)))
            case("over other octets", False, lambda o: raw_signature(alg, *ecdsa(alg, d, o + b"x")))
            case("over the payload alone", False, lambda o: raw_signature(alg, *ecdsa(alg, d, PLAIN)))
            case("by another key", False, raw(pair, d=self.seed.below(n)))
            for other, there in SIGN_CURVES.items():
                if other != alg:
                    od = self.seed.below(there.n)
                    case("header says %s" % other, False, raw(pair), header={"alg": other, "kid": SIGNER})
                    case("with a key of %s" % there.name, False, lambda o, other=other, od=od: raw_signature(other, *ecdsa(other, od, o)),
                         key=there.jwk(there.public(od), kid=SIGNER))
            public = compact(curve.jwk(curve.public(d))).encode()
            for name in ("HS256", "HS384", "HS512"):
                hash_ = getattr(hashlib, "sha" + name[2:])
                case("%s with the public key as secret" % name, False,
                     lambda o, h=hash_: hmac.new(public, o, h).digest(), header={"alg": name, "kid": SIGNER})
            for name in ("none", "None", "NONE", "nOnE", "", "es256", "ES256K", "EdDSA", "PS256"):
                case("algorithm %s" % (name or "empty"), False, raw(pair), header={"alg": name, "kid": SIGNER})
                case("algorithm %s, no signature" % (name or "empty"), False, lambda o: b"", header={"alg": name, "kid": SIGNER})
            stranger = self.seed.below(n)
            for where, value in (("jwk", curve.jwk(curve.public(stranger))), ("jku", "https://evil.example/keys"),
                                 ("x5u", "https://evil.example/cert"), ("x5c", ["AAAA"])):
                case("another's key in %s" % where, False, raw(pair, d=stranger), header=dict(header, **{where: value}))
            # a public key that lies on no curve, with the signature that naive arithmetic would take
            off = (curve.g[0], (curve.g[1] + 1) % curve.p)
            case("key off the curve", False, raw(pair), key=curve.jwk(off, kid=SIGNER))
            case("key at (0, 0)", False, lambda o: pair(1, 1), key=curve.jwk((0, 0), kid=SIGNER))

    # --- RSASSA-PKCS1-v1_5 --------------------------------------------------------------------------------------------
    def rsa_signatures(self):
        key = self.rsa.jwk(kid=SIGNER)
        for bits in ("256", "384", "512"):
            alg, header = "RS" + bits, {"alg": "RS" + bits, "kid": SIGNER}

            def case(name, opens, sign, header=header, key=key, alg=alg):
                self.case("RSA signature", "%s %s" % (alg, name), opens, jws(header, PLAIN, sign), [key], alg, op="verify")

            def good(o, bits=bits, **how):
                return self.rsa.pkcs1_sign(o, bits, **how)
            case("control", True, good)
            for bit in range(0, 2048, 97):
                case("bit %d flipped" % bit, False, lambda o, bit=bit: flip(good(o), bit))
            for other in ("256", "384", "512", "1"):
                if other != bits:
                    case("hash %s" % other, False, lambda o, other=other: self.rsa.pkcs1_sign(o, other))
            case("without DigestInfo", False, lambda o: good(o, info=b""))
            case("DigestInfo without NULL", False, lambda o: good(o, info=self.rsa.INFO[bits].replace(b"\x05\0", b"")))
            case("block type 2", False, lambda o: good(o, type_=b"\2"))
            case("block type 0", False, lambda o: good(o, type_=b"\0", fill=b"\0"))
            case("filled with another octet", False, lambda o: good(o, fill=b"\xfe"))
            case("signature + n", False, lambda o: (int.from_bytes(good(o), "big") + self.rsa.n).to_bytes(257, "big"))
            case("zero", False, lambda o: b"\0" * 256)
            case("one", False, lambda o: b"\0" * 255 + b"\1")
            case("n - 1", False, lambda o: (self.rsa.n - 1).to_bytes(256, "big"))
            case("n", False, lambda o: self.rsa.n.to_bytes(256, "big"))
            case("empty", False, lambda o: b"")
            case("one octet less", False, lambda o: good(o)[:-1])
            case("one octet more", False, lambda o: good(o) + b"\0")
            case("a zero before", False, lambda o: b"\0" + good(o))
            case("over other octets", False, lambda o: good(o + b"x"))
            case("PKCS#1 under the name PS", False, good, header={"alg": "PS" + bits, "kid": SIGNER})
            public = compact(self.rsa.jwk()).encode()
            case("HS with the public key as secret", False, lambda o: hmac.new(public, o, hashlib.sha256).digest(),
                 header={"alg": "HS256", "kid": SIGNER})
        for name, small in (("1024 bits", Rsa(self.seed, 1024)), ("exponent 3", None)):
            if small:
                self.case("RSA signature", "key of " + name, False,
                          jws({"alg": "RS256", "kid": SIGNER}, PLAIN, lambda o: small.pkcs1_sign(o, "256")),
                          [small.jwk(kid=SIGNER)], "RS256", op="verify")
        one = self.rsa.jwk(kid=SIGNER, e=b64u(b"\1"))
        t = Rsa.INFO["256"]
        self.case("RSA signature", "exponent 1", False, jws({"alg": "RS256", "kid": SIGNER}, PLAIN, lambda o: (
            b"\0\1" + b"\xff" * (256 - 3 - len(t) - 32) + b"\0" + t + hashlib.sha256(o).digest())), [one], "RS256",
            op="verify")

    # --- HMAC ---------------------------------------------------------------------------------------------------------
    def macs(self):
        for bits in ("256", "384", "512"):
            alg, hash_, size = "HS" + bits, getattr(hashlib, "sha" + bits), int(bits) // 8
            secret, header = self.seed.octets(64), {"alg": alg, "kid": SYM}

            def case(name, opens, sign, header=header, key=secret, alg=alg):
                self.case("HMAC", "%s %s" % (alg, name), opens, jws(header, PLAIN, sign), [oct_key(key)], alg, op="verify")

            def good(o, key=secret, h=hash_):
                return hmac.new(key, o, h).digest()
            case("control", True, good)
            case("control: key as long as the hash", True, lambda o: good(o, secret[:size]), key=secret[:size])
            for bit in range(0, int(bits), 11):
                case("bit %d flipped" % bit, False, lambda o, bit=bit: flip(good(o), bit))
            for n in list(range(0, size, 5)) + [size - 1]:
                case("cut to %d octets" % n, False, lambda o, n=n: good(o)[:n])
            case("one octet more", False, lambda o: good(o) + b"\0")
            case("twice", False, lambda o: good(o) * 2)
            case("zero", False, lambda o: b"\0" * size)
            case("another key", False, lambda o: good(o, self.seed.octets(64)))
            case("over the payload alone", False, lambda o: good(PLAIN))
            case("key shorter than the hash", False, lambda o: good(o, secret[:size - 1]), key=secret[:size - 1])
            for other in ("256", "384", "512"):
                if other != bits:
                    case("hash %s" % other, False, lambda o, other=other: good(o, h=getattr(hashlib, "sha" + other)))

    # --- RSA-OAEP-256 -------------------------------------------------------------------------------------------------
    def oaep(self):
        key = self.rsa.jwk(private=True, kid=CERT)
        for enc, n in ENCS.items():
            cek, iv, seed = self.seed.octets(n), self.seed.octets(12), self.seed.octets(32)
            header = {"alg": "RSA-OAEP-256", "enc": enc, "kid": CERT}

            def case(name, opens, wrapped, header=header, enc=enc, cek=cek, iv=iv):
                self.case("RSA-OAEP", "%s %s" % (enc, name), opens, jwe(header, cek, iv, PLAIN, wrapped), [key],
                          "RSA-OAEP-256", enc)
            good = self.rsa.oaep(cek, seed)
            case("control", True, good)
            case("control: seed of zeros", True, self.rsa.oaep(cek, b"\0" * 32))
            for bit in range(0, 2048, 61):
                case("bit %d flipped" % bit, False, flip(good, bit))
            case("MGF with SHA-1", False, self.rsa.oaep(cek, seed, mgf=hashlib.sha1))
            case("hash SHA-1", False, self.rsa.oaep(cek, seed, hash_=hashlib.sha1, mgf=hashlib.sha1))
            case("hash SHA-384", False, self.rsa.oaep(cek, seed + seed, hash_=hashlib.sha384, mgf=hashlib.sha384))
            case("a label", False, self.rsa.oaep(cek, seed, label=b"x"))
            case("PKCS#1 v1.5", False, self.rsa.pkcs1_encrypt(cek, self.seed))
            for name, value in (("zero", 0), ("one", 1), ("n - 1", self.rsa.n - 1), ("n", self.rsa.n),
                                ("all ones", 2**2048 - 1), ("+ n", None)):
                if value is None:
                    value = int.from_bytes(good, "big") + self.rsa.n
                    case("encrypted key + n", False, value.to_bytes(257, "big"))
                else:
                    case("encrypted key " + name, False, value.to_bytes(256, "big"))
            case("one octet less", False, good[:-1])
            case("one octet more", False, good + b"\0")
            case("a zero before", False, b"\0" + good)
            case("no encrypted key", False, b"")
            case("not encrypted at all", False, cek)
            for other in {16, 24, 32} - {n}:
                case("content key of %d octets" % other, False, self.rsa.oaep((cek + cek)[:other], seed))
            case("content key empty", False, self.rsa.oaep(b"", seed))
            for name in ("RSA-OAEP", "RSA1_5", "RSA-OAEP-384", "RSA-OAEP-512"):
                h = dict(header, alg=name)
                wrapped = {"RSA-OAEP": self.rsa.oaep(cek, seed, hash_=hashlib.sha1, mgf=hashlib.sha1),
                           "RSA1_5": self.rsa.pkcs1_encrypt(cek, self.seed)}.get(name, good)
                case("algorithm " + name, False, wrapped, header=h)

    # --- JSON Web Encryption: headers ---------------------------------------------------------------------------------
    def headers(self):
        key, iv = self.seed.octets(32), self.seed.octets(12)
        base = {"alg": "dir", "enc": "A256GCM", "kid": SYM}

        def case(name, opens, header, wrapped=b"", cek=key, keys=None):
            self.case("JWE header", name, opens, jwe(header, cek, iv, PLAIN, wrapped), keys or [oct_key(key)], "dir", "A256GCM")
        case("control", True, base)
        case("control: members that nobody knows", True, dict(base, x=1, y=[{"z": None}], typ="a"))
        case("control: any order and blanks", True, ' { "kid" : "%s",\n"enc":"A256GCM", "alg":"dir" } ' % SYM)
        case("control: escapes in names and values", True, '{"\\u0061lg":"d\\u0069r","enc":"A256GCM","kid":"%s"}' % SYM)
        for member in ("alg", "enc"):
            case("no " + member, False, {m: v for m, v in base.items() if m != member})
            for name, value in (("null", None), ("a number", 1), ("an array", ["dir"]), ("an object", {}), ("empty", ""),
                                ("true", True), ("with a blank", " " + base[member]), ("with NUL", base[member] + "\0"),
                                ("lower or upper", base[member].swapcase())):
                case("%s %s" % (member, name), False, dict(base, **{member: value}))
        for value in (None, 1, [], {}, True):
            case("kid is %r" % (value,), False, dict(base, kid=value))
        for name, alg in (("none", "none"), ("RSA1_5", "RSA1_5"), ("PBES2", "PBES2-HS256+A128KW"), ("GCM wrap", "A256GCMKW"),
                          ("a signature", "HS256"), ("ECDH-ES", "ECDH-ES"), ("unknown", "XYZ"), ("A256KW without a key", "A256KW")):
            case("alg " + name, False, dict(base, alg=alg, p2s="AAAA", p2c=1000))
        for enc in ("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "C20P", "XC20P", "A256CTR", "none", "A256GCM "):
            case("enc " + enc, False, dict(base, enc=enc))
        for value in ("DEF", "GZIP", "", None, True, 1):
            case("zip %r" % (value,), False, dict(base, zip=value))
        for name, crit, more in (("empty", [], {}), ("unknown and there", ["x"], {"x": 1}), ("unknown and absent", ["x"], {}),
                                 ("a registered name", ["alg"], {}), ("ours", ["e2e"], {"e2e": 1}), ("exp", ["exp"], {"exp": 1}),
                                 ("b64", ["b64"], {"b64": True}), ("twice", ["x", "x"], {"x": 1}), ("a string", "x", {"x": 1}),
                                 ("a number inside", [1], {}), ("an object", {"x": 1}, {"x": 1}), ("null", None, {}),
                                 ("the empty name", [""], {"": 1})):
            case("crit " + name, False, dict(base, crit=crit, **more))
        text = compact(base)
        for member in ("alg", "enc", "kid"):
            same = '"%s":"%s"' % (member, base[member])
            case("%s twice, the same" % member, False, text[:-1] + "," + same + "}")
            case("%s twice, the first wrong" % member, False, '{"%s":"x",' % member + text[1:])
            case("%s twice, the last wrong" % member, False, text[:-1] + ',"%s":"x"}' % member)
            case("%s twice, once with an escape" % member, False, text[:-1] + ',"\\u%04x%s":"%s"}' % (ord(member[0]), member[1:], base[member]))
        case("an unknown member twice", False, text[:-1] + ',"x":1,"x":1}')
        case("a member twice deep inside", False, text[:-1] + ',"x":{"y":1,"y":2}}')
        for name, header in (("an array", "[%s]" % text), ("two objects", text + text), ("cut", text[:-1]), ("a comma too much", text[:-1] + ",}"),
                             ("single quotes", text.replace('"', "'")), ("a comment", text[:-1] + "/**/}"), ("a byte order mark", "\ufeff" + text),
                             ("NUL behind", text + "\0"), ("null", "null"), ("a string", '"x"'), ("NaN", text[:-1] + ',"x":NaN}'),
                             ("a leading zero", text[:-1] + ',"x":01}'), ("a control character", text[:-1] + ',"x":"\x01"}'),
                             ("a lone surrogate", text[:-1] + ',"x":"\\ud800"}'), ("a wrong escape", text[:-1] + ',"x":"\\x41"}'),
                             ("too deep", text[:-1] + ',"x":' + "[" * 40 + "]" * 40 + "}"), ("empty", ""),
                             ("larger than 4096 octets", text[:-1] + ',"x":"' + "y" * 4096 + '"}')):
            case("header: " + name, False, header)
        good = jwe(base, key, iv, PLAIN)
        parts = good.split(".")
        for name, object_ in (("four parts", ".".join(parts[:4])), ("six parts", good + ".AAAA"), ("five parts and a dot", good + "."),
                              ("a blank behind", good + " "), ("a line end behind", good + "\n"), ("a blank before", " " + good),
                              ("padding in the tag", good + "=="), ("other alphabet", good.replace("-", "+").replace("_", "/") + "+"),
                              ("empty", ""), ("dots", "...."), ("quotes around", '"%s"' % good),
                              ("header empty", "." + ".".join(parts[1:])), ("IV in the key's place", ".".join([parts[0], parts[2], "", parts[3], parts[4]]))):
            self.case("JWE compact", name, False, object_, [oct_key(key)], "dir", "A256GCM")
        for position in (0, 2, 3, 4):                               # the last character's unused bits
            part = parts[position]
            if len(part) % 4 in (2, 3):
                alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                other = list(parts)
                other[position] = part[:-1] + alphabet[alphabet.index(part[-1]) ^ 1]
                self.case("JWE compact", "unused bits set in part %d" % position, False, ".".join(other), [oct_key(key)], "dir", "A256GCM")

    # --- JSON serializations, many recipients -------------------------------------------------------------------------
    def serializations(self):
        key, kek, iv = self.seed.octets(32), self.seed.octets(32), self.seed.octets(12)
        keys = [oct_key(key), oct_key(kek, kid="k2@ttp.example.com")]

        def sealed(protected, cek, aad=None):
            head = b64u(compact(protected).encode()) if protected is not None else ""
            text, tag = gcm(cek, iv, (head + ("." + b64u(aad) if aad is not None else "")).encode(), PLAIN)
            out = {"protected": head} if protected is not None else {}
            return dict(out, iv=b64u(iv), ciphertext=b64u(text), tag=b64u(tag), **({"aad": b64u(aad)} if aad is not None else {}))

        def case(name, opens, object_, use=None, alg="dir"):
            self.case("JWE JSON", name, opens, object_, use or keys[:1], alg, "A256GCM")
        flat = sealed({"alg": "dir", "enc": "A256GCM", "kid": SYM}, key)
        case("control: flattened", True, flat)
        case("control: a member that nobody knows", True, dict(flat, x=1))
        with_aad = sealed({"alg": "dir", "enc": "A256GCM", "kid": SYM}, key, b"beside")
        case("control: aad", True, with_aad)
        case("aad changed", False, dict(with_aad, aad=b64u(b"besidf")))
        case("aad taken away", False, {m: v for m, v in with_aad.items() if m != "aad"})
        case("aad added", False, dict(flat, aad=b64u(b"beside")))
        case("aad empty but not covered", False, dict(flat, aad=""))
        case("aad a number", False, dict(with_aad, aad=1))
        for member in ("iv", "ciphertext", "tag", "protected"):
            case("no " + member, False, {m: v for m, v in flat.items() if m != member})
            case(member + " a number", False, dict(flat, **{member: 1}))
            case(member + " null", False, dict(flat, **{member: None}))
            text = compact(flat)
            case(member + " twice", False, text[:-1] + ',"%s":"%s"}' % (member, flat[member]))
        for where in ("header", "unprotected"):
            for member, value in (("alg", "dir"), ("enc", "A256GCM"), ("kid", SYM)):
                case("%s in %s too" % (member, where), False, dict(flat, **{where: {member: value}}))
            case("crit in " + where, False, dict(flat, **{where: {"crit": ["x"], "x": 1}}))
            case("zip in " + where, False, dict(flat, **{where: {"zip": "DEF"}}))
            case(where + " an array", False, dict(flat, **{where: []}))
            case(where + " a string", False, dict(flat, **{where: "x"}))
            case("control: something in " + where, True, dict(flat, **{where: {"x": 1}}))
        case("one name in header and unprotected", False, dict(flat, header={"x": 1}, unprotected={"x": 1}))
        case("encrypted_key beside dir", False, dict(flat, encrypted_key=b64u(self.seed.octets(40))))
        case("recipients beside encrypted_key", False, dict(flat, encrypted_key="", recipients=[{}]))
        case("signature members", False, dict(flat, payload="AAAA", signature="AAAA"))

        cek = self.seed.octets(32)
        entry = {"header": {"alg": "A256KW", "kid": SYM}, "encrypted_key": b64u(wrap(key, cek))}
        second = {"header": {"alg": "A256KW", "kid": "k2@ttp.example.com"}, "encrypted_key": b64u(wrap(kek, cek))}
        head = sealed({"enc": "A256GCM"}, cek)

        def general(name, opens, recipients, use=None, top=head, **more):
            case("general: " + name, opens, dict(top, recipients=recipients, **more), use, "A256KW")
        general("control, first", True, [entry, second], keys[:1])
        general("control, second", True, [entry, second], keys[1:])
        general("control, both keys", True, [entry, second], keys)
        unknown = {"header": {"alg": "A256KW", "kid": "other@ttp.example.com"}, "encrypted_key": b64u(self.seed.octets(40))}
        general("control: somebody else's entry beside", True, [unknown, entry])
        general("no entry of ours", False, [unknown])
        general("none", False, [])
        general("not an array", False, {"0": entry})
        general("an entry that is no object", False, [entry, 1])
        general("33 recipients", False, [entry] + [unknown] * 32)
        general("control: 32 recipients", True, [unknown] * 31 + [entry])
        for alg in ("RSA1_5", "RSA-OAEP", "none", "PBES2-HS256+A128KW", "A256GCMKW", "ECDH-ES", "XYZ"):
            refused = {"header": {"alg": alg, "kid": "other@ttp.example.com"}, "encrypted_key": b64u(self.seed.octets(40))}
            general("%s beside a good one" % alg, False, [entry, refused])
            general("%s before a good one" % alg, False, [refused, entry])
        general("dir beside a good one", False, [entry, {"header": {"alg": "dir", "kid": "k2@ttp.example.com"}}])
        general("an entry's own enc", False, [{"header": {"alg": "A256KW", "kid": SYM, "enc": "A256GCM"}, "encrypted_key": entry["encrypted_key"]}])
        general("an entry's crit", False, [{"header": {"alg": "A256KW", "kid": SYM, "crit": ["x"], "x": 1}, "encrypted_key": entry["encrypted_key"]}])
        general("an entry's zip", False, [{"header": {"alg": "A256KW", "kid": SYM, "zip": "DEF"}, "encrypted_key": entry["encrypted_key"]}])
        general("no alg anywhere", False, [{"header": {"kid": SYM}, "encrypted_key": entry["encrypted_key"]}])
        general("keys exchanged", False, [dict(entry, encrypted_key=second["encrypted_key"]), dict(second, encrypted_key=entry["encrypted_key"])])
        general("an entry without its key", False, [{"header": entry["header"]}])
        general("a key of another object", False, [dict(entry, encrypted_key=b64u(wrap(key, self.seed.octets(32))))])
        other = sealed({"enc": "A256GCM"}, self.seed.octets(32))
        general("content of another object", False, [entry], top=other)

        # signatures: one bad among good ones must not be hidden by the good one
        d, e = self.seed.below(P256.n), self.seed.below(P256.n)
        signers = [P256.jwk(P256.public(d), kid=SIGNER), P256.jwk(P256.public(e), kid="54-//sp.example.com/S2")]

        def signed(kid, number, alg="ES256", **more):
            protected = b64u(compact(dict({"alg": alg, "kid": kid}, **more)).encode())
            octets = (protected + "." + b64u(PLAIN)).encode()
            return {"protected": protected, "signature": b64u(raw_signature("ES256", *ecdsa("ES256", number, octets)))}

        def jws_case(name, opens, signatures, use=signers, **more):
            self.case("JWS JSON", name, opens, dict({"payload": b64u(PLAIN), "signatures": signatures}, **more), use, "ES256", op="verify")
        first, other = signed(SIGNER, d), signed("54-//sp.example.com/S2", e)
        jws_case("control: two signatures", True, [first, other])
        jws_case("control: one", True, [first])
        jws_case("control: a stranger's beside", True, [first, signed("54-//sp.example.com/S9", 99)])
        jws_case("a stranger's alone", False, [signed("54-//sp.example.com/S9", 99)])
        jws_case("one of two broken", False, [first, dict(other, signature=first["signature"])])
        jws_case("exchanged", False, [dict(first, signature=other["signature"]), dict(other, signature=first["signature"])])
        jws_case("none", False, [])
        jws_case("an unsecured one beside", False, [first, {"protected": b64u(compact({"alg": "none"}).encode()), "signature": ""}])
        jws_case("payload changed", False, [first, other], payload=b64u(PLAIN + b" "))
        jws_case("crit", False, [signed(SIGNER, d, crit=["x"], x=1)])
        jws_case("b64 false", False, [signed(SIGNER, d, crit=["b64"], b64=False)])
        jws_case("kid outside, another's key", False, [dict(signed(SIGNER, e))])
        jws_case("alg in both headers", False, [dict(first, header={"alg": "ES256"})])


def cases():
    return Maker().all()
