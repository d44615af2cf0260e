"""message.json, refusals.json, streams.json: what our writers make, what a reader refuses, and what it must remember."""
import hashlib
import hmac
import json

from raw import P256, Rsa, Seed, b64u, compact, concat_kdf, ecdsa, gcm, jwe, raw_signature, wrap

FQDN = "ttp.example.com"
PLACE = "//sp.example.com/mn-cse/mn/therm/temp"
OTHER = "//sp.example.com/mn-cse/mn/therm/hum"
HOST = "//sp.example.com/mn-cse"
T0 = 1767225600000          # 2026-01-01T00:00:00Z
ENC_OF = {16: "A128GCM", 24: "A192GCM", 32: "A256GCM"}


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def sid_of(address):
    return sha(b"oneseal-sid-v1", address.encode())[:16]


def thumbprint(jwk):
    return sha(compact({m: jwk[m] for m in ("crv", "kty", "x", "y")}).encode())


def cnf_of(content_json):
    return "text/plain:0:1" if content_json.startswith('"') else "application/json:0:1"


class Epoch:
    """One key of one stream, as its writer holds it."""

    def __init__(self, seed, address=PLACE, ep=1, fqdn=FQDN, mode="g", kv=None):
        self.seed, self.address, self.ep, self.fqdn, self.mode = seed, address, ep, fqdn, mode
        self.kv, self.sid = kv or seed.octets(64), sid_of(address)
        self.kc = mac(self.kv, b"oneseal-kc-v1", self.sid)
        self.nk = mac(self.kv, b"oneseal-nonce-v1", self.sid)
        self.kid = self.kc[:16].hex().upper() + "@" + fqdn

    def row(self, **more):
        """The key as a reader's test needs it."""
        return dict({"kid": self.kid, "kv_hex": self.kv.hex(), "address": self.address, "suid": 24,
                     "commitment_required": True}, **more)

    def seal(self, i, content_json="21.5", t_ms=T0, mode=None, pad=None, random=None, header=None, plain=None, cty=None):
        """(con, everything that a vector tells about it)"""
        value = json.loads(content_json)
        if plain is None:
            plain = value.encode() if isinstance(value, str) else content_json.encode()
        mode, random = mode or self.mode, random or self.seed.octets(16)
        cty = cty or (None if isinstance(value, str) else "json")
        if header is None:
            e2e = [1, b64u(self.sid), self.ep, i, t_ms, mode] + ([pad] if pad is not None else [])
            header = compact(dict({"alg": "dir", "enc": "A256GCM", "kid": self.kid}, **({"cty": cty} if cty else {}), e2e=e2e))
        protected, padded = b64u(header.encode()), plain + b" " * (pad or 0)
        iv = mac(self.nk, random, i.to_bytes(8, "big"), sha(protected.encode()), padded)[:12]
        text, tag = gcm(self.kv[:32], iv, protected.encode(), padded)
        con = ".".join([protected, "", b64u(iv), b64u(text), b64u(tag)])
        return con, {"header": header, "nonce_hex": iv.hex(), "random16_hex": random.hex(), "plaintext_hex": plain.hex(),
                     "cty": cty}

    def con(self, i, content_json="21.5", **how):
        return self.seal(i, content_json, **how)[0]


class Strict:
    """A strict epoch: anyone with the public half may write, nobody of them can read."""

    def __init__(self, seed, address=PLACE, ep=1):
        self.seed, self.ep, self.address, self.sid = seed, ep, address, sid_of(address)
        self.d = 1 + seed.below(P256.n - 1)
        self.point = P256.public(self.d)
        self.kc = mac(thumbprint(P256.jwk(self.point)), b"oneseal-kc-v1", self.sid)
        self.kid = self.kc[:16].hex().upper() + "@" + FQDN

    def row(self, **more):
        return dict({"kid": self.kid, "kv_hex": self.d.to_bytes(32, "big").hex(), "address": self.address, "suid": 24,
                     "commitment_required": True}, **more)

    def seal(self, i, content_json, t_ms=T0, mode="d"):
        e = 1 + self.seed.below(P256.n - 1)
        cek, iv = self.seed.octets(32), self.seed.octets(12)
        value = json.loads(content_json)
        plain = value.encode() if isinstance(value, str) else content_json.encode()
        header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": self.kid, "epk": P256.jwk(P256.public(e))}
        if not isinstance(value, str):
            header["cty"] = "json"
        header["e2e"] = [1, b64u(self.sid), self.ep, i, t_ms, mode]
        kek = concat_kdf(P256.multiply(e, self.point)[0].to_bytes(32, "big"), "ECDH-ES+A256KW", 32)
        con = jwe(header, cek, iv, plain, wrap(kek, cek))
        return con, {"header": compact(header), "epk_private_jwk": P256.jwk(P256.public(e), e), "cek_hex": cek.hex(),
                     "nonce_hex": iv.hex(), "plaintext_hex": plain.hex()}


# --- message.json -----------------------------------------------------------------------------------------------------

CONTENTS = [('"21.5"', "a string"), ('""', "the empty string has no envelope: one octet of padding"),
            ('"21,5 \\u00b0C \\ud83d\\ude00"', "a string with escapes"), ("21.5", "a number"), ("-0.50e+1", "a number as it was written"),
            ("true", "a word"), ("null", "null"), ('{ "t" : 21.5 }', "an object with its blanks"), ("[1,[2,[3]]]", "arrays")]


def messages():
    seed, vectors = Seed("oneseal own vectors: messages 1"), []

    def add(name, description, epoch, i, content_json, **how):
        con, told = epoch.seal(i, content_json, **how)
        pad, mode = how.get("pad"), how.get("mode", epoch.mode)
        vectors.append({"id": name, "description": description, "in": {
            "address": epoch.address, "kv_hex": epoch.kv.hex(), "kid": epoch.kid, "ttp_fqdn": epoch.fqdn, "epoch": epoch.ep,
            "index": i, "t_ms": how.get("t_ms", T0), "mode": mode, "cty": told["cty"], "pad": pad, "content_json": content_json,
            "plaintext_hex": told["plaintext_hex"], "random16_hex": told["random16_hex"]},
            "out": {"header": told["header"], "nonce_hex": told["nonce_hex"], "con": con, "cs": len(con),
                    "cnf": cnf_of(content_json)}, "verdict": "opened"})
    epoch = Epoch(seed)
    for number, (content, what) in enumerate(CONTENTS):
        add("content-%d" % number, what, epoch, number, content, **({"pad": 1} if content == '""' else {}))
    for number, address in enumerate((PLACE, "//sp.example.com/in-cse/in/a", "//sp.example.com/mn-cse/mn/lamp#brightness",
                                      "//sp.example.com/mn-cse/mn/k\u00fcche/temp")):
        add("address-%d" % number, "stream " + address, Epoch(seed, address), 0, "21.5")
    for ep, i, t in ((1, 0, 0), (2**53 - 1, 2**24 - 1, 2**53 - 1), (7, 255, T0), (7, 256, T0), (7, 65536, T0)):
        add("numbers-%d-%d" % (ep, i), "epoch %d, index %d, time %d" % (ep, i, t), Epoch(seed, ep=ep), i, "21.5", t_ms=t)
    for bucket in (0, 1, 59, 252, 1020):
        add("padding-%d" % bucket, "%d octets of padding" % bucket, epoch, 100 + bucket, "21.5", pad=bucket)
    for number, batch in enumerate(("[21.5]", "[21.5,21.6,21.7]", '["a","b"]', "[%s]" % ",".join('"%014d"' % n for n in range(60)))):
        add("batch-%d" % number, "a batch of %d" % len(json.loads(batch)), epoch, 50 + number, batch, mode="gb" if number % 2 else "db")
    add("batch-padded", "a batch with padding", epoch, 60, "[1,2]", mode="db", pad=4)
    same = seed.octets(16)
    for i in (200, 201):
        add("nonce-index-%d" % i, "the same random octets and content, another index: another nonce", epoch, i, "21.5", random=same)
    add("nonce-content", "the same random octets and index, other content: another nonce", epoch, 200, "21.6", random=same)
    add("nonce-time", "the same random octets, index and content, another time: another nonce", epoch, 200, "21.5", random=same, t_ms=T0 + 1)
    for number, fqdn in enumerate(("a", "ttp1.example.io", "x" * 63 + ".example")):
        add("domain-%d" % number, "TTP " + fqdn, Epoch(seed, fqdn=fqdn), 0, "21.5")
    strict = Strict(seed)
    for i, content in enumerate(("21.5", '"21.5"', '{"t":21.5}')):
        con, told = strict.seal(i, content)
        vectors.append({"id": "strict-%d" % i, "description": "write-only: to the public half of the epoch's pair", "in": {
            "address": PLACE, "kv_hex": strict.d.to_bytes(32, "big").hex(), "public_jwk": P256.jwk(strict.point), "kid": strict.kid,
            "ttp_fqdn": FQDN, "epoch": 1, "index": i, "t_ms": T0, "mode": "d", "content_json": content, "strict": True,
            "plaintext_hex": told["plaintext_hex"], "epk_private_jwk": told["epk_private_jwk"], "cek_hex": told["cek_hex"]},
            "out": {"header": told["header"], "nonce_hex": told["nonce_hex"], "kc_hex": strict.kc.hex(), "con": con, "cs": len(con),
                    "cnf": cnf_of(content)}, "verdict": "opened"})
    for octets, enc in ENC_OF.items():
        key, iv, kid = seed.octets(octets), seed.octets(12), "shed-%d@site.example" % octets
        header = {"alg": "dir", "enc": enc, "kid": kid, "cty": "json", "e2e": [1, b64u(sid_of(PLACE)), 1, 0, T0, "g"]}
        con = jwe(header, key, iv, b"21.5")
        vectors.append({"id": "provisioned-%d" % octets, "description": "a provisioned key (SUID 14) of %d octets, used whole" % octets,
                        "in": {"address": PLACE, "value_hex": key.hex(), "suid": 14, "kid": kid, "content_json": "21.5"},
                        "out": {"header": compact(header), "nonce_hex": iv.hex(), "con": con, "cnf": "application/json:0:1",
                                "plaintext_hex": b"21.5".hex()}, "verdict": "opened"})
    for suid in (24, 34):
        for octets in (32, 48, 64, 128):
            value, kid = seed.octets(octets), "half-%d-%d@maf.example.com" % (suid, octets)
            for used, enc in ENC_OF.items():
                for what, key in (("first half", value[:octets // 2]), ("whole", value), ("second half", value[octets // 2:])):
                    if len(key) != used:
                        continue
                    good = what == "first half"
                    header = {"alg": "dir", "enc": enc, "kid": kid, "cty": "json"}
                    one = {"id": "half-%d-%d-%s-%s" % (suid, octets, what.split()[0], enc.lower()),
                           "description": "registered value of %d octets, SUID %d, sealed with its %s" % (octets, suid, what),
                           "in": {"value_hex": value.hex(), "suid": suid, "kid": kid,
                                  "con": jwe(header, key, seed.octets(12), b"21.5"), "cnf": "application/json:0:1"}}
                    if good:
                        vectors.append(dict(one, out={"plaintext_hex": b"21.5".hex()}, verdict="opened"))
                    else:
                        vectors.append(dict(one, reason="tampered" if octets // 2 == used else "algorithm-refused"))
    return {"file": "message", "purpose": "messages of our writers, octet for octet: content, numbers, padding, batches, strict, provisioned; first halves",
            "note": "kv_hex of a strict vector is d of the released private half", "ttps": TTPS, "vectors": vectors}


TTPS = [FQDN, "maf.example.com", "site.example", "a", "ttp1.example.io", "x" * 63 + ".example"]


# --- refusals.json ----------------------------------------------------------------------------------------------------

def refusals():
    seed, vectors = Seed("oneseal own vectors: refusals 1"), []
    epoch, other = Epoch(seed), Epoch(seed, OTHER)
    key, iv = epoch.kv[:32], seed.octets(12)
    good = epoch.con(0)
    rsa = Rsa(seed)
    cert = rsa.jwk(private=True, kid="44-//sp.example.com/Srsa", x_suid=44)
    d = 1 + seed.below(P256.n - 1)
    ec = P256.jwk(P256.public(d), d, kid="44-//sp.example.com/Sec", x_suid=44)

    def add(reason, name, description, con, cnf="application/json:0:1", address=PLACE, streams=None, **more):
        rows = [e.row() for e in (epoch, other)] if streams is None else streams
        one = {"id": "%s-%s" % (reason, name), "description": description,
               "in": dict({"object": con, "cnf": cnf, "address": address, "streams": rows}, **more)}
        if address is None:
            del one["in"]["address"]
        if reason == "control":
            vectors.append(dict(one, out={"plaintext_hex": more.pop("plain", b"21.5").hex()}, verdict="opened"))
        else:
            vectors.append(dict(one, reason=reason))

    def with_header(cek=key, wrapped=b"", drop=(), text=None, plain=b"21.5", **change):
        header = dict({"alg": "dir", "enc": "A256GCM", "kid": epoch.kid, "cty": "json", "e2e": [1, b64u(epoch.sid), 1, 0, T0, "g"]}, **change)
        return jwe(text or {m: v for m, v in header.items() if m not in drop}, cek, iv, plain, wrapped)
    add("control", "whole", "what the refusals below are made from", good)
    add("control", "foreign", "no e2e member, no kid of ours", with_header(drop=("e2e",), kid="plain@maf.example.com"), address=None,
        streams=[{"kid": "plain@maf.example.com", "kv_hex": epoch.kv.hex(), "suid": 24, "commitment_required": False}])
    parts = good.split(".")
    for name, con in (("four-parts", ".".join(parts[:4])), ("six-parts", good + ".AA"), ("empty", ""), ("padding", good + "=="),
                      ("line-end", good + "\n"), ("no-ciphertext", ".".join(parts[:3] + ["", parts[4]])),
                      ("short-tag", ".".join(parts[:4] + [parts[4][:16]])), ("short-iv", ".".join(parts[:2] + [parts[2][:12]] + parts[3:])),
                      ("key-beside-dir", ".".join([parts[0], "AAAA"] + parts[2:]))):
        add("malformed", name, "the compact text: " + name, con)
    for name, e2e in (("version", [2, b64u(epoch.sid), 1, 0, T0, "g"]), ("few", [1, b64u(epoch.sid), 1, 0, T0]), ("mode", [1, b64u(epoch.sid), 1, 0, T0, "x"]),
                      ("index", [1, b64u(epoch.sid), 1, 2**24, T0, "g"]), ("negative", [1, b64u(epoch.sid), 1, -1, T0, "g"]),
                      ("sid", [1, b64u(epoch.sid)[:-1], 1, 0, T0, "g"]), ("object", {}), ("text", "1"), ("more", [1, b64u(epoch.sid), 1, 0, T0, "g", 0, 0]),
                      ("epoch", [1, b64u(epoch.sid), 2**53, 0, T0, "g"])):
        add("malformed", "e2e-" + name, "the member e2e: " + name, with_header(e2e=e2e))
    add("malformed", "pad-octets", "padding of other octets than 0x20", epoch.con(0, plain=b"21.5xx", pad=None, header=compact(
        {"alg": "dir", "enc": "A256GCM", "kid": epoch.kid, "cty": "json", "e2e": [1, b64u(epoch.sid), 1, 0, T0, "g", 2]})))
    add("malformed", "pad-too-long", "more padding than there is content", epoch.con(0, plain=b"21.5", header=compact(
        {"alg": "dir", "enc": "A256GCM", "kid": epoch.kid, "cty": "json", "e2e": [1, b64u(epoch.sid), 1, 0, T0, "g", 5]})))
    add("malformed", "twice", "kid twice", with_header(text=compact({"alg": "dir", "enc": "A256GCM", "kid": epoch.kid})[:-1] + ',"kid":"%s"}' % epoch.kid))
    add("malformed", "no-kid", "no kid", with_header(drop=("kid",)))
    add("malformed", "crit-empty", "an empty crit", with_header(crit=[]))
    add("malformed", "cnf", "cnf against its grammar", good, cnf="application/json:9:1")
    for alg in ("none", "A128GCMKW", "PBES2-HS256+A128KW", "RSA1_5", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128GCMKW"):
        add("algorithm-refused", "alg-" + alg.lower(), "alg " + alg, with_header(alg=alg))
    for enc in ("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "C20P"):
        add("algorithm-refused", "enc-" + enc.lower(), "enc " + enc, with_header(enc=enc))
    add("algorithm-refused", "zip", "compressed", with_header(zip="DEF"))
    add("algorithm-refused", "crit", "a crit extension that is there", with_header(crit=["x"], x=1))
    add("algorithm-refused", "crit-e2e", "crit over our own member", with_header(crit=["e2e"]))
    add("algorithm-refused", "suid", "a key that is for signatures (SUID 25)", good, streams=[epoch.row(suid=25)])
    add("algorithm-refused", "length", "A128GCM with a key of 32 octets", with_header(enc="A128GCM", cek=key[:16], kid="prov@site.example", drop=("e2e",)),
        address=None, streams=[{"kid": "prov@site.example", "kv_hex": key.hex(), "suid": 14, "commitment_required": False}])
    cek = seed.octets(32)
    header = {"enc": "A256GCM"}
    protected = b64u(compact(header).encode())
    text, tag = gcm(cek, iv, protected.encode(), b"21.5")
    kw = {"header": {"alg": "A256KW", "kid": "prov@site.example"}, "encrypted_key": b64u(wrap(key, cek))}
    prov = [{"kid": "prov@site.example", "kv_hex": key.hex(), "suid": 14, "commitment_required": False}]

    def general(*recipients):
        return compact({"protected": protected, "recipients": list(recipients), "iv": b64u(iv), "ciphertext": b64u(text), "tag": b64u(tag)})
    add("control", "general", "one recipient", general(kw), cnf="application/json:0:2", address=None, streams=prov)
    for alg in ("RSA1_5", "none", "ECDH-ES"):
        add("algorithm-refused", "recipient-" + alg.lower(), "one of two recipients uses " + alg, general(kw, {
            "header": {"alg": alg, "kid": "x@site.example"}, "encrypted_key": b64u(seed.octets(40))}), cnf="application/json:0:2", address=None, streams=prov)
    add("control", "rsa", "RSA-OAEP-256", with_header(alg="RSA-OAEP-256", kid=cert["kid"], drop=("e2e",), cek=cek, wrapped=rsa.oaep(cek, seed.octets(32))),
        address=None, streams=[], keys=[cert])
    add("algorithm-refused", "rsa-sha1", "RSA-OAEP with SHA-1", with_header(alg="RSA-OAEP", kid=cert["kid"], drop=("e2e",), cek=cek,
        wrapped=rsa.oaep(cek, seed.octets(32), hashlib.sha1, hashlib.sha1)), address=None, streams=[], keys=[cert])
    add("algorithm-refused", "rsa-pkcs1", "RSA1_5", with_header(alg="RSA1_5", kid=cert["kid"], drop=("e2e",), cek=cek,
        wrapped=rsa.pkcs1_encrypt(cek, seed)), address=None, streams=[], keys=[cert])
    off = (P256.g[0], P256.g[1] + 1)
    z = P256.multiply(d, off)[0].to_bytes(32, "big")
    add("malformed", "off-the-curve", "an ephemeral key that is no point of P-256", with_header(
        alg="ECDH-ES+A256KW", kid=ec["kid"], epk=P256.jwk(off), drop=("e2e",), cek=cek, wrapped=wrap(concat_kdf(z, "ECDH-ES+A256KW", 32), cek)),
        address=None, streams=[], keys=[ec])
    add("wrong-place", "moved", "sealed for another container", other.con(0))
    add("wrong-place", "sid-edited", "the true sid under the other's key would need the key: sid of another place", good, address=OTHER)
    add("wrong-place", "case", "another spelling of the address is another place", good, address=PLACE.upper().replace("//SP.EXAMPLE.COM", "//sp.example.com"))
    add("unknown-ttp", "domain", "a TTP that is not on the list", Epoch(seed, fqdn="evil.example").con(0), streams=[])
    add("unknown-ttp", "longer", "a domain that ends like a trusted one", Epoch(seed, fqdn="evil" + FQDN).con(0), streams=[])
    add("no-key-yet", "absent", "the TTP does not have the key", good, streams=[])
    add("commitment-mismatch", "value", "another KV under this kid", good, streams=[epoch.row(kv_hex=seed.octets(64).hex())])
    add("commitment-mismatch", "last-octet", "KV differs in its last octet, which no content key uses", good,
        streams=[epoch.row(kv_hex=(epoch.kv[:-1] + bytes([epoch.kv[-1] ^ 1])).hex())])
    add("commitment-mismatch", "short", "63 octets", good, streams=[epoch.row(kv_hex=epoch.kv[:-1].hex())])
    add("commitment-mismatch", "long", "65 octets", good, streams=[epoch.row(kv_hex=(epoch.kv + b"\0").hex())])
    add("commitment-mismatch", "other-place", "KV of the other stream", good, streams=[epoch.row(kv_hex=other.kv.hex())])
    strict, wrong = Strict(seed), Strict(seed)
    con = strict.seal(0, "21.5")[0]
    add("control", "strict", "write-only stream", con, streams=[strict.row()])
    add("commitment-mismatch", "strict", "another private half under this kid", con, streams=[strict.row(kv_hex=wrong.row()["kv_hex"])])
    for position, what in ((2, "IV"), (3, "ciphertext"), (4, "tag")):
        other_parts = list(parts)
        other_parts[position] = ("B" if parts[position][0] != "B" else "C") + parts[position][1:]
        add("tampered", what.lower(), "the %s was altered" % what, ".".join(other_parts))
    add("tampered", "header", "the time in the header was altered", ".".join([b64u(epoch.seal(0)[1]["header"].replace(str(T0), str(T0 + 1)).encode())] + parts[1:]))
    add("tampered", "index", "the index in the header was altered", ".".join([b64u(epoch.seal(7)[1]["header"].encode())] + parts[1:]))
    add("tampered", "swapped", "header of one message, content of another", ".".join(epoch.con(1).split(".")[:1] + parts[1:]))
    add("tampered", "wrapped-key", "the encrypted key was altered", ".".join(con.split(".")[:1] + [b64u(seed.octets(40))] + con.split(".")[2:]), streams=[strict.row()])
    signer = 1 + seed.below(P256.n - 1)
    known = P256.jwk(P256.public(signer), kid="54-//sp.example.com/Sdev", x_suid=45)
    e2e = [1, b64u(epoch.sid), 1, 0, T0, "g"]

    def nested(claims, number=signer, alg="ES256", change=None):
        header = dict({"alg": alg, "kid": "54-//sp.example.com/Sdev"}, **claims)
        signed = b64u(compact(header).encode()) + "." + b64u(b"21.5")
        signature = {"HS256": lambda: mac(key, signed.encode()), "none": lambda: b""}.get(
            alg, lambda: raw_signature("ES256", *ecdsa("ES256", number, signed.encode())))()
        return with_header(text={"alg": "dir", "enc": "A256GCM", "kid": epoch.kid, "cty": "JOSE", "e2e": e2e},
                           plain=((change or signed) + "." + b64u(signature)).encode())
    add("control", "nested", "signed, then sealed", nested({"e2e": e2e}), keys=[known])
    add("wrong-place", "nested-index", "signed content moved into another envelope of the stream", nested({"e2e": e2e[:3] + [1] + e2e[4:]}), keys=[known])
    add("wrong-place", "nested-sid", "signed for another stream", nested({"e2e": [1, b64u(other.sid)] + e2e[2:]}), keys=[known])
    add("wrong-place", "nested-none", "signed without a place", nested({}), keys=[known])
    add("algorithm-refused", "nested-mac", "a MIC in the place of a signature", nested({"e2e": e2e}, alg="HS256"), keys=[known])
    add("algorithm-refused", "nested-unsecured", "no signature at all", nested({"e2e": e2e}, alg="none"), keys=[known])
    add("writer-changed", "nested-unknown", "nobody knows the signer", nested({"e2e": e2e}), keys=[])
    add("tampered", "nested-signer", "signed with another key under this name", nested({"e2e": e2e}, number=signer % (P256.n - 2) + 1), keys=[known])
    add("tampered", "nested-payload", "the signed payload was exchanged", nested({"e2e": e2e}, change=b64u(compact(
        {"alg": "ES256", "kid": "54-//sp.example.com/Sdev", "e2e": e2e}).encode()) + "." + b64u(b"99")), keys=[known])
    add("not-sealed", "clear", "clear text, cnf says clear", "21.5", cnf="application/json:0")
    add("not-sealed", "clear-security-0", "clear text, contentSecurity 0", "21.5", cnf="application/json:0:0")
    add("control", "cnf-denies", "sealed although cnf says clear: nobody gains by editing cnf", good, cnf="application/json:0")
    return {"file": "refusals", "purpose": "every reason that one object can give, with controls", "note": "streams: what the reader's cache holds; kv_hex as it was handed out",
            "ttps": [FQDN, "maf.example.com", "site.example"], "vectors": vectors}


# --- streams.json -----------------------------------------------------------------------------------------------------

class Writer:
    """Signs heads."""

    def __init__(self, seed):
        self.d = 1 + seed.below(P256.n - 1)
        self.jwk = P256.jwk(P256.public(self.d))
        self.wk = thumbprint(self.jwk)

    def sign(self, payload, typ="oneseal-head+jws", jwk=None):
        header = {"alg": "ES256", "kid": "53-" + HOST, "typ": typ, "jwk": jwk or self.jwk}
        signed = b64u(compact(header).encode()) + "." + b64u(payload.encode())
        return signed + "." + b64u(raw_signature("ES256", *ecdsa("ES256", self.d, signed.encode())))


def root_of(entries):
    """RFC 9162 2.1.1."""
    if not entries:
        return sha(b"")
    if len(entries) == 1:
        return sha(b"\0", entries[0])
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha(b"\1", root_of(entries[:k]), root_of(entries[k:]))


def head_of(epoch, first, cons, t, prev="", oldest=0, closed=False, **change):
    claims = {"sid": b64u(epoch.sid), "ep": epoch.ep, "kid": epoch.kid, "kc": b64u(epoch.kc), "first": first,
              "last": first + len(cons) - 1, "root": b64u(root_of([sha(c.encode()) for c in cons])), "oldest": oldest,
              "closed": closed, "prev": prev, "t": t, "ttp": ""}
    return compact(dict(claims, **change))


def stateful():
    seed, vectors = Seed("oneseal own vectors: streams 1"), []
    writer, thief = Writer(seed), Writer(seed)

    def key(epoch, **more):
        return dict({"kid": epoch.kid, "value_hex": epoch.kv.hex(), "suid": 24, "commits": True, "cr": HOST, "wk": b64u(writer.wk)}, **more)

    def read(how, con, seconds=0, reason=None, flags=(), plain=b"21.5", cnf="application/json:0:1", missing=None, **more):
        step = dict({"do": "reading", "how": how, "now_ms": T0 + 1000 * seconds, "con": con, "cnf": cnf}, **more)
        if reason:
            return dict(step, reason=reason)
        step.update(verdict="opened", plaintext_hex=plain.hex(), flags=list(flags))
        return dict(step, missing=missing) if missing else step

    def head(con, seconds=0, reason=None, cnf="application/json:0:1", **more):
        return dict({"do": "head", "now_ms": T0 + 1000 * seconds, "con": con, "cnf": cnf},
                    **({"reason": reason} if reason else {"verdict": "ok"}), **more)

    def add(name, description, steps, keys, **more):
        vectors.append({"id": name, "description": description,
                        "in": dict({"address": PLACE, "ttps": [FQDN], "max_age_ms": 0, "keys": keys}, **more), "steps": steps})
    e = Epoch(seed)
    c = [e.con(i, t_ms=T0) for i in range(12)]
    add("order", "three readings in their order", [read("notify", c[i]) for i in range(3)], [key(e)])
    add("late", "whoever comes late has missed nothing that was promised", [read("notify", c[7]), read("notify", c[8])], [key(e)])
    add("replayed-notify", "the same notification again", [read("notify", c[0]), read("notify", c[1]), read("notify", c[1], reason="replayed"),
                                                           read("notify", c[0], reason="replayed")], [key(e)])
    add("replayed-latest", "`la` asked twice is no attack, and is remarked", [read("latest", c[3]), read("latest", c[3], flags=["replayed"])], [key(e)])
    add("replayed-two", "two envelopes under one index: the later one is not the writer's",
        [read("notify", c[0]), read("notify", e.con(0, "99"), reason="replayed"), read("name", e.con(0, "98"), reason="replayed"), read("name", c[0])], [key(e)])
    add("rolled-back-latest", "`la` gives an older one than before", [read("latest", c[5]), read("latest", c[3], reason="rolled-back"), read("latest", c[6])], [key(e)])
    older, newer = Epoch(seed, ep=3), Epoch(seed, ep=4)
    add("rolled-back-epoch", "`la` gives a reading of an older epoch, made a minute before", [
        read("latest", newer.con(0)), read("latest", older.con(9, t_ms=T0 - 60000), reason="rolled-back")], [key(older), key(newer)])
    add("rolled-back-epoch-no-clock", "the same without a time", [
        read("latest", newer.con(0)), read("latest", older.con(9, t_ms=0), reason="rolled-back")], [key(older), key(newer)])
    add("two-epochs-open", "two processes of the writer seal, each in its own epoch: the lower number is no attack", [
        read("latest", newer.con(0)), read("latest", older.con(0, t_ms=T0 + 1000), seconds=1)], [key(older), key(newer)])
    add("rolled-back-window", "an index so far below the mark that nothing is remembered of it",
        [read("notify", e.con(5000)), read("notify", c[3], reason="rolled-back"), read("fill", c[2], reason="rolled-back")], [key(e)])
    add("gap", "two are missing, and are filled", [read("notify", c[0]), read("notify", c[3], flags=["gap"], missing=2), read("fill", c[1]), read("fill", c[2]),
                                                   read("notify", c[4])], [key(e)])
    add("gap-one-left", "one of two is filled; the other stays missing and may still come",
        [read("notify", c[0]), read("notify", c[3], flags=["gap"], missing=2), read("fill", c[2]), read("fill", c[2], reason="replayed"), read("notify", c[1])], [key(e)])
    day = 86400
    add("stale", "older than the policy allows, and from the future", [
        read("latest", c[0], seconds=60), read("latest", c[0], seconds=61, flags=["replayed", "stale"]), read("notify", c[1], seconds=day, flags=["stale"]),
        read("fill", c[2], seconds=day), read("name", c[2], seconds=day), read("notify", e.con(3, t_ms=T0 + 5000)),
        read("notify", e.con(4, t_ms=T0 + 5001), flags=["stale"])], [key(e)], max_age_ms=60000)
    add("no-clock", "the writer had no clock: never stale, and remarked", [read("notify", e.con(0, t_ms=0), seconds=day, flags=["no-clock"])], [key(e)], max_age_ms=1000)
    add("not-sealed", "clear text where sealed text is expected", [read("notify", "21.5", reason="not-sealed", cnf="text/plain:0")], [key(e)])
    add("not-sealed-sticky", "clear text is allowed until the first sealed reading, never after", [
        read("notify", "21.5", cnf="text/plain:0", plain=b"21.5"), read("notify", c[0]), read("notify", "99", reason="not-sealed", cnf="text/plain:0"),
        read("notify", c[1])], [key(e)], may_be_clear=True)
    add("writer-changed", "somebody else registered a key for this place", [read("notify", c[0], reason="writer-changed")], [key(e, cr="//sp.example.com/evil-cse")])
    add("writer-pinned", "the device seals: its identity is pinned", [read("notify", c[0])], [key(e, cr=HOST + "/Cdev")], writer=HOST + "/Cdev")
    add("writer-not-pinned", "the hosting CSE is not the writer that was pinned", [read("notify", c[0], reason="writer-changed")], [key(e)], writer=HOST + "/Cdev")
    twin = Epoch(seed, ep=1)
    add("writer-restored", "a second key with a known epoch number: the writer's database was put back",
        [read("notify", c[0]), read("notify", twin.con(0), flags=["writer-restored"])], [key(e), key(twin)])
    moved = Epoch(seed, OTHER)
    add("wrong-place", "a reading of the neighbour's container", [read("notify", c[0]), read("notify", moved.con(1), reason="wrong-place"), read("notify", c[1])],
        [key(e), key(moved)])
    add("place-unverified", "asked by an address that names no place: opened, and said", [read("notify", c[0], flags=["place-unverified"])], [key(e)],
        address="mn/therm/temp", writer=HOST)
    other_e = Epoch(seed, ep=5)
    add("gap-epoch", "an epoch whose beginning is missing, while notifications come", [read("notify", newer.con(0)), read("notify", other_e.con(2), flags=["gap"], missing=2)],
        [key(newer), key(other_e)])
    add("commitment-mismatch", "the TTP hands out another key under this kid", [read("notify", c[0], reason="commitment-mismatch")], [key(e, value_hex=twin.kv.hex())])
    add("tampered-moves-nothing", "a forged index does not move the mark",
        [read("notify", c[0]), read("notify", ".".join(e.con(9).split(".")[:1] + c[0].split(".")[1:]), reason="tampered"), read("notify", c[1])], [key(e)])
    add("unknown-ttp", "a TTP that is not on the list is not even asked", [read("notify", Epoch(seed, fqdn="evil.example").con(0), reason="unknown-ttp")], [key(e)])
    add("no-key-yet", "the key has not arrived", [read("notify", twin.con(0), reason="no-key-yet"), read("notify", c[0])], [key(e)])

    first = writer.sign(head_of(e, 0, c[:3], T0 + 3000))
    prev = b64u(sha(first.encode()))
    second = writer.sign(head_of(e, 3, c[3:6], T0 + 6000, prev))
    seen = [read("notify", c[i]) for i in range(6)]
    add("head", "two segments, each confirmed", seen + [head(first, 3, confirms=[[e.kid, i] for i in range(3)]),
                                                        head(second, 6, confirms=[[e.kid, i] for i in range(3, 6)])], [key(e)])
    last = writer.sign(head_of(e, 3, c[3:5], T0 + 5000, prev, closed=True))
    after = Epoch(seed, ep=2)
    n = [after.con(i, t_ms=T0 + 6000) for i in range(2)]
    begun = writer.sign(head_of(after, 0, n, T0 + 8000, b64u(sha(last.encode()))))
    add("head-epochs", "an epoch is closed by its last head, and the first head of the next one names it", [
        read("notify", x) for x in c[:5]] + [head(first, 3, confirms=[[e.kid, 0]]), head(last, 5, confirms=[[e.kid, 3], [e.kid, 4]])] + [
        read("notify", x, 8) for x in n] + [head(begun, 8, confirms=[[after.kid, 0], [after.kid, 1]])], [key(e), key(after)])
    hashes = dict(zip(("protected", "payload", "signature"), first.split(".")))
    flat = compact({"payload": hashes["payload"], "protected": hashes["protected"], "signature": hashes["signature"],
                    "hashes": b64u(b"".join(sha(x.encode()) for x in c[:3]))})
    add("head-hashes", "a head with the hashes of its segment confirms the one reading that is left", [read("notify", c[1]),
        head(flat, 3, cnf="application/json:0:2", confirms=[[e.kid, 1]])], [key(e)])
    forged = e.con(1, "99")
    add("forged-by-reader", "another reader sealed index 1; the writer's head has another hash there", [
        read("notify", c[0]), read("notify", forged, plain=b"99"), read("notify", c[2]),
        head(flat, 3, cnf="application/json:0:2", confirms=[[e.kid, 0], [e.kid, 2]], forged=[[e.kid, 1]])], [key(e)])
    heartbeat = writer.sign(head_of(e, 3, [], T0 + 603000, prev))
    tried = {"do": "tried", "now_ms": T0 + 4000, "kid": e.kid}
    add("withheld", "index 2 is covered by a head, never delivered, not evicted; the next head repeats it", [
        read("notify", c[0]), read("notify", c[1]), head(flat, 3, cnf="application/json:0:2", confirms=[[e.kid, 0], [e.kid, 1]]), tried, head(heartbeat, 603, withheld=[[e.kid, 2, 2]])], [key(e)])
    evicted = writer.sign(head_of(e, 3, [], T0 + 603000, prev, oldest=3))
    add("evicted", "the same, but the writer says that it is no longer stored: partial, not withheld", [
        read("notify", c[0]), read("notify", c[1]), head(flat, 3, cnf="application/json:0:2", confirms=[[e.kid, 0], [e.kid, 1]]), tried, head(evicted, 603, withheld=[])], [key(e)])
    claims = head_of(e, 0, c[:3], T0 + 3000)
    signature = first.rpartition(".")
    for name, text in (("key", thief.sign(claims)), ("stolen-key", thief.sign(claims, jwk=writer.jwk)),
                       ("signature", signature[0] + "." + ("B" if signature[2][0] != "B" else "C") + signature[2][1:])):
        add("proof-invalid-" + name, "a head that the writer did not sign", [read("notify", c[0]), head(text, 3, reason="proof-invalid")], [key(e)])
    wrong = compact(dict(json.loads(flat), hashes=b64u(b"".join(sha(x.encode()) for x in (c[0], forged, c[2])))))
    add("proof-invalid-hashes", "hashes that do not lead to the root", [read("notify", c[0]), head(wrong, 3, cnf="application/json:0:2", reason="proof-invalid")], [key(e)])
    add("malformed-head", "another purpose's signature, claims that contradict themselves", [
        head(writer.sign(claims, typ="oneseal-ack+jws"), 3, reason="malformed"), head(writer.sign(head_of(e, 0, c[:3], T0, last=0 - 2)), 3, reason="malformed")], [key(e)])
    add("wrong-place-head", "the head of another stream", [head(writer.sign(head_of(moved, 0, [moved.con(0)], T0)), 1, reason="wrong-place")], [key(e), key(moved)])
    add("commitment-mismatch-head", "a head that names another commitment", [head(writer.sign(head_of(e, 0, c[:3], T0, kc=b64u(twin.kc))), 1,
                                                                                  reason="commitment-mismatch")], [key(e)])
    return {"file": "streams", "purpose": "what a reader must remember: sequences of objects, a verdict for each step",
            "note": "one fresh reader a vector; flags are the whole set", "vectors": vectors}


def all_files():
    return [messages(), refusals(), stateful()]
