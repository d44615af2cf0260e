"""jwe.json and jws.json: every algorithm of the profile in every serialization, and nested objects."""
import hashlib
import hmac
from base64 import b64encode

from raw import (ENCS, P256, SIGN_CURVES, WRAPS, Rsa, Seed, b64u, compact, concat_kdf, ecdsa, jwe, jwe_parts,
                 raw_signature, wrap, x25519, x25519_public)

PLAIN = b'{"t":21.5,"u":"Cel","ts":"20260101T120000"}'
CNF = {"compact": "application/json:0:1", "flattened": "application/json:0:2", "general": "application/json:0:2"}
FORMS = ("compact", "flattened", "general")


class Key:
    """One recipient: how its key is wrapped for, and the JWK that opens."""

    def __init__(self, kind, kid, seed, rsa=None):
        self.kind, self.kid, self.seed, self.rsa = kind, kid, seed, rsa
        self.wanted = None                      # says which ephemeral keys will do, by their point and the secret
        if kind.startswith("oct"):
            self.secret = seed.octets(int(kind[3:]))
            self.jwk = {"kty": "oct", "kid": kid, "k": b64u(self.secret), "x_suid": 14}
        elif kind == "P-256":
            self.d = 1 + seed.below(P256.n - 1)
            self.point = P256.public(self.d)
            self.jwk = P256.jwk(self.point, self.d, kid=kid, x_suid=44)
        elif kind == "X25519":
            self.secret = seed.octets(32)
            self.public = x25519_public(self.secret)
            self.jwk = {"kty": "OKP", "crv": "X25519", "kid": kid, "x": b64u(self.public), "d": b64u(self.secret),
                        "x_suid": 44}
        else:
            self.jwk = rsa.jwk(private=True, kid=kid, x_suid=44)

    def wrapped(self, alg, cek, apu=b"", apv=b""):
        """(members beside alg and kid, encrypted key, what was random)"""
        if alg == "dir":
            return {}, b"", {}
        if alg in WRAPS:
            return {}, wrap(self.secret, cek), {}
        if alg == "RSA-OAEP-256":
            seed = self.seed.octets(32)
            return {}, self.rsa.oaep(cek, seed), {"oaep_seed_hex": seed.hex()}
        if self.kind == "P-256":
            e = 1 + self.seed.below(P256.n - 1)
            while self.wanted and not self.wanted(P256.public(e), P256.multiply(e, self.point)[0]):
                e += 1
            point = P256.public(e)
            z, epk = P256.multiply(e, self.point)[0].to_bytes(32, "big"), P256.jwk(point)
            private = P256.jwk(point, e)
        else:
            e = self.seed.octets(32)
            z, epk = x25519(e, self.public), {"kty": "OKP", "crv": "X25519", "x": b64u(x25519_public(e))}
            private = dict(epk, d=b64u(e))
        more = {"epk": epk}
        if apu:
            more["apu"] = b64u(apu)
        if apv:
            more["apv"] = b64u(apv)
        return more, wrap(concat_kdf(z, alg, WRAPS[alg[8:]], apu, apv), cek), {"epk_private_jwk": private}


class Objects:
    def __init__(self):
        self.seed = Seed("oneseal own vectors: objects 1")
        self.rsa = [Rsa(self.seed), Rsa(self.seed)]
        self.keys, self.vectors = {}, []

    def key(self, kind, number=0):
        if (kind, number) not in self.keys:
            name = kind.replace("-", "").lower()
            kid = "%s.%d@ttp.example.com" % (name, number) if kind.startswith("oct") else \
                "44-//sp.example.com/S%s%d" % (name, number)
            self.keys[(kind, number)] = Key(kind, kid, self.seed, self.rsa[number % 2])
        return self.keys[(kind, number)]

    def add(self, name, description, object_, out, **more):
        text = object_ if isinstance(object_, str) else compact(object_)
        self.vectors.append({"id": name, "description": description, "in": dict({"object": text}, **more), "out": out,
                             "verdict": "opened"})

    def jwe(self, name, description, form, enc, to, aad=None, apu=b"", apv=b"", cty="json", plain=PLAIN, outside=False):
        """to: [(alg, Key)]"""
        cek = to[0][1].secret if to[0][0] == "dir" else self.seed.octets(ENCS[enc])
        iv = self.seed.octets(12)
        made = [(alg, key) + key.wrapped(alg, cek, apu, apv) for alg, key in to]
        heads = [dict({"alg": alg, "kid": key.kid}, **more) for alg, key, more, _, _ in made]
        shared = {"cty": cty} if cty else {}
        if form == "general" or outside:
            protected = dict({"enc": enc}, **shared)
        else:
            alg, key, more = made[0][:3]
            protected = dict({"alg": alg, "enc": enc, "kid": key.kid}, **more, **shared)
        head, iv, text, tag = jwe_parts(protected, cek, iv, plain, aad)
        if form == "compact":
            object_ = ".".join([head, b64u(made[0][3]), b64u(iv), b64u(text), b64u(tag)])
        else:
            object_ = {"protected": head}
            entries = [dict({"header": h}, **({"encrypted_key": b64u(k)} if k else {}))
                       for h, (_, _, _, k, _) in zip(heads, made)]
            if form == "general":
                object_["recipients"] = entries
            else:
                object_.update({m: v for m, v in entries[0].items() if m != "header" or outside})
            if aad is not None:
                object_["aad"] = b64u(aad)
            object_.update(iv=b64u(iv), ciphertext=b64u(text), tag=b64u(tag))
        out = {"plaintext_hex": plain.hex(), "cek_hex": cek.hex(), "iv_hex": iv.hex()}
        if aad is not None:
            out["aad_hex"] = aad.hex()
        out["recipients"] = [dict({"alg": alg, "kid": key.kid}, **random) for alg, key, _, _, random in made]
        self.add(name, description, object_, out, form=form, enc=enc, cnf=CNF[form], open_with=[k.kid for _, k in to])

    def all_jwe(self):
        families = [("dir", None)] + [(w, "oct%d" % n) for w, n in WRAPS.items()]
        families += [("ECDH-ES+" + w, c) for c in ("P-256", "X25519") for w in WRAPS] + [("RSA-OAEP-256", "RSA")]
        for alg, kind in families:
            for enc, octets in ENCS.items():
                for form in FORMS:
                    one = kind or "oct%d" % octets
                    to = [(alg, self.key(one, n)) for n in range(2 if form == "general" and alg != "dir" else 1)]
                    name = "-".join([form, alg.lower(), enc.lower()] + (["x25519"] if kind == "X25519" else []))
                    self.jwe(name, "%s, %s with %s%s" % (form, alg, enc, ", X25519" if kind == "X25519" else ""), form, enc, to)
        kw, ec, rsa = ("A256KW", self.key("oct32")), ("ECDH-ES+A256KW", self.key("P-256")), ("RSA-OAEP-256", self.key("RSA"))
        self.jwe("mixed-recipients", "three recipients of three kinds", "general", "A256GCM", [kw, ec, rsa])
        self.jwe("many-recipients", "32 recipients", "general", "A128GCM", [("A256KW", self.key("oct32", n)) for n in range(32)])
        for form in ("flattened", "general"):
            self.jwe("aad-" + form, "associated data of its own, " + form, form, "A256GCM", [kw], aad=b"beside the header")
        for form in ("flattened", "general"):
            self.jwe("base64-" + form, "contentSecurity 3: the JSON serialization, " + form + ", as base64", form, "A256GCM", [kw])
            last = self.vectors[-1]["in"]
            last.update(object=b64encode(last["object"].encode()).decode(), cnf="application/json:0:3")
        self.jwe("parties", "apu and apv", "compact", "A256GCM", [ec], apu=b"Alice", apv=b"Bob")
        for name, what, wanted in (("z", "agreed secret", lambda point, z: z >> 248 == 0),
                                   ("x", "ephemeral x", lambda point, z: point[0] >> 248 == 0),
                                   ("y", "ephemeral y", lambda point, z: point[1] >> 248 == 0)):
            ec[1].wanted = wanted
            self.jwe("leading-zero-" + name, "the %s begins with a zero octet" % what, "compact", "A256GCM", [ec])
        ec[1].wanted = None
        self.jwe("outside-header", "alg and kid in the unprotected header", "flattened", "A256GCM", [kw], outside=True)
        self.jwe("text", "a string, no cty", "compact", "A256GCM", [kw], cty=None, plain="21,5 °C".encode())
        for n in (1, 15, 16, 17, 4096):
            self.jwe("length-%d" % n, "%d octets" % n, "compact", "A256GCM", [kw], cty=None, plain=b"x" * n)
        return {"file": "jwe", "purpose": "every permitted JWE, in every serialization",
                "note": "keys are used whole, as they stand here; JSON serializations are compared as JSON values",
                "ttps": ["ttp.example.com"], "keys": [k.jwk for k in self.keys.values()], "vectors": self.vectors}


class Signed:
    def __init__(self):
        self.seed = Seed("oneseal own vectors: signatures 1")
        self.rsa, self.vectors, self.keys = Rsa(self.seed), [], {}

    def key(self, alg, number=0):
        kind = "HS" if alg.startswith("HS") else "RS" if alg.startswith("RS") else alg
        if (kind, number) not in self.keys:
            kid = "mac.%d@ttp.example.com" % number if kind == "HS" else "54-//sp.example.com/S%s%d" % (kind, number)
            if kind == "HS":
                secret = self.seed.octets(64)
                self.keys[(kind, number)] = secret, {"kty": "oct", "kid": kid, "k": b64u(secret), "x_suid": 15}
            elif kind == "RS":
                self.keys[(kind, number)] = None, self.rsa.jwk(kid=kid, x_suid=45)
            else:
                d = 1 + self.seed.below(SIGN_CURVES[alg].n - 1)
                self.keys[(kind, number)] = d, SIGN_CURVES[alg].jwk(SIGN_CURVES[alg].public(d), kid=kid, x_suid=45)
        return self.keys[(kind, number)]

    def signature(self, alg, number, protected, payload):
        secret = self.key(alg, number)[0]
        octets = (protected + "." + b64u(payload)).encode()
        if alg.startswith("HS"):
            return hmac.new(secret, octets, getattr(hashlib, "sha" + alg[2:])).digest()
        if alg.startswith("RS"):
            return self.rsa.pkcs1_sign(octets, alg[2:])
        return raw_signature(alg, *ecdsa(alg, secret, octets))

    def one(self, alg, number=0, payload=PLAIN, **more):
        protected = b64u(compact(dict({"alg": alg, "kid": self.key(alg, number)[1]["kid"]}, **more)).encode())
        return {"protected": protected, "signature": b64u(self.signature(alg, number, protected, payload))}

    def add(self, name, description, form, object_, payload=PLAIN, **more):
        text = object_ if isinstance(object_, str) else compact(object_)
        self.vectors.append({"id": name, "description": description,
                             "in": dict({"object": text, "form": form, "cnf": CNF[form]}, **more),
                             "out": {"payload_hex": payload.hex()}, "verdict": "opened"})

    def nested(self, name, description, inner, alg, key, cty, signers, e2e=None, **random):
        """Signed, then sealed: the inner headers repeat e2e."""
        cek, iv = key.secret if alg == "dir" else self.seed.octets(32), self.seed.octets(12)
        more, wrapped, told = key.wrapped(alg, cek)
        header = dict({"alg": alg, "enc": "A256GCM", "kid": key.kid}, **more, cty=cty, **({"e2e": e2e} if e2e else {}))
        self.keys["nested", key.kid] = None, key.jwk
        object_ = jwe(header, cek, iv, inner.encode(), wrapped)
        self.vectors.append({"id": name, "description": description,
                             "in": {"object": object_, "form": "compact", "cnf": CNF["compact"], "nested": True, "alg": alg,
                                    "open_with": [key.kid], "signed_by": signers},
                             "out": dict({"payload_hex": PLAIN.hex(), "inner": inner, "cek_hex": cek.hex(), "iv_hex": iv.hex()}, **told),
                             "verdict": "opened"})

    def all_nested(self):
        e2e = [1, b64u(self.seed.octets(16)), 4, 17, 1767225617000, "d"]
        symmetric, pair = Key("oct32", "seal.0@ttp.example.com", self.seed), Key("P-256", "44-//sp.example.com/Sseal", self.seed)
        for alg in ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512"):
            one = self.one(alg, cty="json", e2e=e2e)
            self.nested("nested-" + alg.lower(), "signed with %s, sealed with dir" % alg,
                        "%s.%s.%s" % (one["protected"], b64u(PLAIN), one["signature"]), "dir", symmetric, "JOSE",
                        [self.key(alg)[1]["kid"]], e2e)
        one = self.one("ES256", cty="json")
        text = "%s.%s.%s" % (one["protected"], b64u(PLAIN), one["signature"])
        self.nested("nested-ecdh", "signed, sealed to a public key, no e2e", text, "ECDH-ES+A256KW", pair, "JOSE",
                    [self.key("ES256")[1]["kid"]])
        self.nested("nested-kw", "signed, sealed with a wrapped key, no e2e", text, "A256KW", symmetric, "JOSE",
                    [self.key("ES256")[1]["kid"]])
        both = {"payload": b64u(PLAIN), "signatures": [self.one("ES256", e2e=e2e), self.one("ES256", 1, e2e=e2e)]}
        self.nested("nested-json", "two signatures in JSON, sealed, cty JOSE+JSON", compact(both), "dir", symmetric, "JOSE+JSON",
                    [self.key("ES256", n)[1]["kid"] for n in range(2)], e2e)

    def all_jws(self):
        for family in ("HS", "ES", "RS"):
            for bits in ("256", "384", "512"):
                alg = family + bits
                one = self.one(alg)
                kids = [self.key(alg)[1]["kid"]]
                self.add("compact-" + alg.lower(), "compact, " + alg, "compact",
                         "%s.%s.%s" % (one["protected"], b64u(PLAIN), one["signature"]), open_with=kids, alg=alg)
                self.add("flattened-" + alg.lower(), "flattened, " + alg, "flattened", dict({"payload": b64u(PLAIN)}, **one),
                         open_with=kids, alg=alg)
                self.add("general-" + alg.lower(), "general, two signatures, " + alg, "general",
                         {"payload": b64u(PLAIN), "signatures": [one, self.one(alg, 1)]},
                         open_with=kids + [self.key(alg, 1)[1]["kid"]], alg=alg)
        self.add("mixed-signatures", "ES256 and RS256 over one payload", "general",
                 {"payload": b64u(PLAIN), "signatures": [self.one("ES256"), self.one("RS256")]},
                 open_with=[self.key("ES256")[1]["kid"]], alg="ES256")
        self.all_nested()
        return {"file": "jws", "purpose": "every permitted JWS, in every serialization, and what is signed, then sealed",
                "note": "ECDSA nonces are those of RFC 6979; a verifier takes every valid value. nested: open_with seals, signed_by signs",
                "ttps": ["ttp.example.com"], "keys": [k[1] for k in self.keys.values()], "vectors": self.vectors}
