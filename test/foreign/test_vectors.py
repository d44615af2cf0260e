"""Our own vectors (test/vectors): made anew, run against ours octet for octet, and opened by foreign libraries."""
import base64
import json
import os
import subprocess
import sys
import time

import library
import pytest
from library import b64u, unb64u
from witness import certs

VECTORS = os.path.join(library.ROOT, "test", "vectors")
NAMES = ("jwe", "jws", "message", "refusals", "derivations", "shares", "streams")
sys.path.insert(0, os.path.join(VECTORS, "make"))


def load(name):
    with open(os.path.join(VECTORS, name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def octets(hexadecimal):
    return b64u(bytes.fromhex(hexadecimal))


@pytest.fixture(scope="module")
def ours():
    with library.Library("ours") as it:
        yield it


@pytest.fixture(scope="module")
def foreign():
    made = {name: library.Library(name) for name in library.FOREIGN}
    yield made
    for it in made.values():
        it.close()


def key_of(kid, file):
    return next(k for k in file["keys"] if k["kid"] == kid)


def without(*members):
    return lambda jwk: {m: v for m, v in jwk.items() if m not in members}


public = without("d", "p", "q", "dp", "dq", "qi")
plain_jwk = without("x_suid")


def wrong(problems):
    assert not problems, "%d vectors\n%s" % (len(problems), "\n".join("%s: %s" % p for p in problems[:30]))


def two_witnesses(foreign, asked, want):
    """asked: {id: request}; each must be answered with want[id] by two foreign libraries at least, and by none otherwise."""
    count, lies = dict.fromkeys(asked, 0), []
    for name, it in foreign.items():
        for one, answer in zip(asked, it.all(list(asked.values()))):
            if "plain" in answer and unb64u(answer["plain"]) == want[one]:
                count[one] += 1
            elif "plain" in answer:
                lies.append((one, name))
    wrong(lies)
    wrong([(one, "%d foreign libraries open it" % n) for one, n in count.items() if n < 2])


def test_they_are_made_anew_octet_for_octet():
    import make
    made = make.files()
    assert sorted(made) == sorted(n + ".json" for n in NAMES)
    for name, text in made.items():
        with open(os.path.join(VECTORS, name), encoding="utf-8") as f:
            assert f.read() == text, "%s is not what the maker makes" % name
        assert json.loads(text)["count"] == len(json.loads(text)["vectors"])


# --- jwe.json, jws.json -----------------------------------------------------------------------------------------------

def bare_object(v):
    """The JOSE object itself, whatever contentSecurity says."""
    text = v["in"]["object"]
    return base64.b64decode(text, validate=True).decode() if v["in"]["cnf"].endswith(":3") else text


def test_jwe_opens_in_ours_with_every_key(ours):
    file, problems = load("jwe"), []
    for v in file["vectors"]:
        for kid in v["in"]["open_with"]:
            got = ours.ask({"op": "open", "object": v["in"]["object"], "cnf": v["in"]["cnf"], "keys": [key_of(kid, file)]})
            if got.get("plain") != octets(v["out"]["plaintext_hex"]):
                problems.append((v["id"], got))
    wrong(problems)


def test_ours_makes_the_same_jwe(ours):
    """With everything random given; RSA-OAEP's seed is the library's own."""
    file, problems, made = load("jwe"), [], 0
    for v in file["vectors"]:
        rows = v["out"]["recipients"]
        if any(r["alg"] == "RSA-OAEP-256" for r in rows):
            continue
        object_ = bare_object(v)
        protected = json.loads(unb64u(object_.split(".")[0] if v["in"]["form"] == "compact"
                                      else json.loads(object_)["protected"]))
        q = {"op": "seal", "form": v["in"]["form"], "enc": v["in"]["enc"], "alg": rows[0]["alg"],
             "keys": [dict(public(key_of(r["kid"], file)), alg=r["alg"]) for r in rows],
             "epks": [r.get("epk_private_jwk") for r in rows], "cek": octets(v["out"]["cek_hex"]),
             "iv": octets(v["out"]["iv_hex"]), "plain": octets(v["out"]["plaintext_hex"]),
             "cty": protected.get("cty", ""), "apu": protected.get("apu", ""), "apv": protected.get("apv", ""),
             "outside": v["id"] == "outside-header"}
        if "aad_hex" in v["out"]:
            q["aad"] = octets(v["out"]["aad_hex"])
        got, made = ours.ask(q).get("object", ""), made + 1
        same = got == object_ if v["in"]["form"] == "compact" else got and json.loads(got) == json.loads(object_)
        if not same:
            problems.append((v["id"], "%s\n   instead of %s" % (got, object_)))
    wrong(problems)
    assert made > 80


def test_jwe_opens_in_two_foreign_libraries(foreign):
    file = load("jwe")
    asked, want = {}, {}
    for v in file["vectors"]:
        for kid in v["in"]["open_with"][:3]:
            alg = next(r["alg"] for r in v["out"]["recipients"] if r["kid"] == kid)
            asked[v["id"], kid] = {"op": "open", "alg": alg, "enc": v["in"]["enc"], "object": bare_object(v),
                                   "keys": [plain_jwk(key_of(kid, file))]}
            want[v["id"], kid] = bytes.fromhex(v["out"]["plaintext_hex"])
    two_witnesses(foreign, asked, want)


def test_jws_in_ours_and_in_two_foreign_libraries(ours, foreign):
    file, problems, asked, want = load("jws"), [], {}, {}
    for v in file["vectors"]:
        if v["in"].get("nested"):
            continue
        for kid in v["in"]["open_with"]:
            q = {"op": "verify", "alg": v["in"]["alg"], "object": v["in"]["object"], "keys": [key_of(kid, file)]}
            got = ours.ask(dict(q, cnf=v["in"]["cnf"]))
            if got.get("plain") != octets(v["out"]["payload_hex"]):
                problems.append((v["id"], got))
            asked[v["id"], kid] = dict(q, keys=[plain_jwk(key_of(kid, file))])
            want[v["id"], kid] = bytes.fromhex(v["out"]["payload_hex"])
    wrong(problems)
    two_witnesses(foreign, asked, want)


def test_nested_in_ours_and_in_two_foreign_libraries(ours, foreign):
    """A stranger opens the envelope and finds the signed text, then verifies that."""
    file, problems, seals, signs, inner, payload = load("jws"), [], {}, {}, {}, {}
    for v in (v for v in file["vectors"] if v["in"].get("nested")):
        i, out = v["in"], v["out"]
        sealing = [key_of(kid, file) for kid in i["open_with"]]
        signing = [key_of(kid, file) for kid in i["signed_by"]]
        got = ours.ask({"op": "open", "object": i["object"], "cnf": i["cnf"], "keys": sealing + signing})
        if got.get("plain") != octets(out["payload_hex"]):
            problems.append((v["id"], got))
        seals[v["id"]] = {"op": "open", "alg": i["alg"], "enc": "A256GCM", "object": i["object"],
                          "keys": [plain_jwk(k) for k in sealing]}
        inner[v["id"]] = out["inner"].encode()
        for k in signing:
            alg = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}.get(k.get("crv"), v["id"][7:].upper())
            signs[v["id"], k["kid"]] = {"op": "verify", "alg": alg, "object": out["inner"], "keys": [plain_jwk(k)]}
            payload[v["id"], k["kid"]] = bytes.fromhex(out["payload_hex"])
    wrong(problems)
    assert len(seals) == 9
    two_witnesses(foreign, seals, inner)
    two_witnesses(foreign, signs, payload)


# --- message.json -----------------------------------------------------------------------------------------------------

def messages(kind):
    file = load("message")
    return [v for v in file["vectors"] if v["id"].split("-")[0] in kind] if kind else [
        v for v in file["vectors"] if v["id"].split("-")[0] not in ("strict", "provisioned", "half")]


def test_our_writer_makes_the_same_messages(ours):
    problems = []
    for v in messages(None):
        i = v["in"]
        q = {"op": "message", "address": i["address"], "kv": octets(i["kv_hex"]), "fqdn": i["ttp_fqdn"], "ep": i["epoch"],
             "i": i["index"], "t_ms": i["t_ms"], "mode": i["mode"], "pad": i["pad"], "content_json": i["content_json"],
             "random": octets(i["random16_hex"])}
        got = ours.ask(q)
        if got.get("object") != v["out"]["con"]:
            problems.append((v["id"], "%s\n   instead of %s" % (got, v["out"]["con"])))
        kid = ours.ask({"op": "derive", "address": i["address"], "kv": octets(i["kv_hex"]), "fqdn": i["ttp_fqdn"]})
        if kid.get("kid") != i["kid"]:
            problems.append((v["id"], kid))
    for v in messages(("strict",)):
        i = v["in"]
        got = ours.ask({"op": "strict", "address": i["address"], "to": i["public_jwk"], "epk": i["epk_private_jwk"],
                        "fqdn": i["ttp_fqdn"], "ep": i["epoch"], "i": i["index"], "t_ms": i["t_ms"], "mode": i["mode"],
                        "cek": octets(i["cek_hex"]), "iv": octets(v["out"]["nonce_hex"]), "content_json": i["content_json"]})
        if got.get("object") != v["out"]["con"]:
            problems.append((v["id"], "%s\n   instead of %s" % (got, v["out"]["con"])))
    wrong(problems)


def test_ours_opens_every_message(ours):
    file, problems = load("message"), []
    for v in file["vectors"]:
        i = v["in"]
        con = v.get("out", {}).get("con") or i["con"]
        own = "kv_hex" in i
        stream = {"kid": i["kid"], "kv_hex": i["kv_hex"] if own else i["value_hex"], "suid": i.get("suid", 24),
                  "commitment_required": own}
        q = {"op": "open", "object": con, "cnf": v.get("out", {}).get("cnf") or i["cnf"], "streams": [stream],
             "ttps": file["ttps"]}
        if "address" in i:
            q["address"] = i["address"]
        got = ours.ask(q)
        plain = v.get("out", {}).get("plaintext_hex", i.get("plaintext_hex"))
        good = got.get("error") == v["reason"] if "reason" in v else got.get("plain") == octets(plain)
        if not good:
            problems.append((v["id"], "%s instead of %s" % (got, v.get("reason", "opened"))))
    wrong(problems)


def test_messages_open_in_two_foreign_libraries(foreign):
    """With the content key alone, as any JOSE library does it; padding is seen there as blanks."""
    asked, want = {}, {}
    for v in load("message")["vectors"]:
        if "reason" in v:
            continue
        i, out = v["in"], v["out"]
        con = out.get("con") or i["con"]
        head = json.loads(unb64u(con.split(".")[0]))
        value = bytes.fromhex(i.get("kv_hex") or i["value_hex"])
        if i.get("strict"):
            key = dict(i["public_jwk"], d=b64u(value), kid=i["kid"])
        else:
            used = value if i.get("suid") == 14 else value[:len(value) // 2]
            key = {"kty": "oct", "kid": i["kid"], "k": b64u(used)}
        asked[v["id"]] = {"op": "open", "alg": head["alg"], "enc": head["enc"], "object": con, "keys": [key]}
        plain = bytes.fromhex(out.get("plaintext_hex") or i.get("plaintext_hex") or "")
        want[v["id"]] = plain + b" " * (i.get("pad") or 0)
    two_witnesses(foreign, asked, want)


def test_sixty_readings_fit_into_1700_octets(ours):
    readings = json.dumps(["%014d" % n for n in range(60)], separators=(",", ":"))
    assert all(len(json.dumps(r)) == 16 for r in json.loads(readings))
    con = ours.ask({"op": "message", "address": "//sp.example.com/mn-cse/mn/therm/temp", "kv": b64u(b"k" * 64),
                    "fqdn": "ttp.example.com", "ep": 999, "i": 2**24 - 1, "t_ms": 1767225600000, "mode": "gb",
                    "content_json": readings, "random": b64u(b"r" * 16)})["object"]
    assert len("ttp.example.com") == 15 and len(con) <= 1700, len(con)


# --- refusals.json, derivations.json ----------------------------------------------------------------------------------

def test_ours_gives_every_reason(ours):
    file, problems = load("refusals"), []
    for v in file["vectors"]:
        i = v["in"]
        q = dict({m: i[m] for m in ("object", "cnf", "address", "streams", "keys") if m in i}, op="open", ttps=file["ttps"])
        got = ours.ask(q)
        good = got.get("error") == v["reason"] if "reason" in v else got.get("plain") == octets(v["out"]["plaintext_hex"])
        if not good:
            problems.append((v["id"], "%s instead of %s" % (got, v.get("reason", "opened"))))
    wrong(problems)
    reasons = {v["reason"] for v in file["vectors"] if "reason" in v}
    assert reasons == {"malformed", "algorithm-refused", "wrong-place", "unknown-ttp", "no-key-yet", "writer-changed",
                       "commitment-mismatch", "tampered", "not-sealed"}


def test_exporters_by_openssl():
    """The PRF of TLS as OpenSSL's command has it, and the split of what it gives."""
    count = 0
    for v in load("derivations")["vectors"]:
        i, out = v["in"], v["out"]
        if "exporter_label" not in i:
            continue
        seed = i["exporter_label"].encode().hex() + i["client_random_hex"] + i["server_random_hex"]
        done = subprocess.run(["openssl", "kdf", "-keylen", "48", "-kdfopt", "digest:" + i["prf"], "-kdfopt",
                               "hexsecret:" + i["master_secret_hex"], "-kdfopt", "hexseed:" + seed, "TLS1-PRF"],
                              capture_output=True, text=True, check=True)
        octets_ = bytes.fromhex(done.stdout.replace(":", ""))
        assert octets_.hex() == out["exporter_hex"], v["id"]
        name = out.get("pairwise_e2e_key_id") or out["key_id"].split("@")[0]
        assert (name, out.get("pairwise_e2e_key_hex") or out["key_hex"]) == (octets_[:16].hex().upper(), octets_[16:].hex())
        count += 1
    assert count == 6


def test_escertke_of_ours_is_the_exporter_s(ours, tmp_path):
    """A handshake between two ends of ours; identifier and key follow from its secrets as the vectors' maker has it."""
    import derive
    authority = certs.Authority(str(tmp_path / "ca"))
    a, b = authority.ae("//demo.example/Sapp"), authority.cse("/id-mn", "demo.example", "/id-in")
    with open(authority.path, encoding="ascii") as f:
        q = {"op": "certke", "ca": f.read(), "now_ms": int(time.time() * 1000)}
    for name, path in (("cert_a", a[0]), ("key_a", a[1]), ("cert_b", b[0]), ("key_b", b[1])):
        with open(path, encoding="ascii") as f:
            q[name] = f.read()
    got = ours.ask(q)
    assert "key" in got, got
    octets_ = derive.exported(got["prf"].replace("SHA2-", "SHA"), unb64u(got["master"]), "EXPORTER-oneM2M-ESCertKE",
                              unb64u(got["client"]), unb64u(got["server"]))
    assert (unb64u(got["id"]), unb64u(got["key"])) == (octets_[:16], octets_[16:])


def test_derivations(ours, foreign):
    problems, asked, want = [], {}, {}
    for v in load("derivations")["vectors"]:
        i, out = v["in"], v["out"]
        if not v["id"].startswith("esprim"):
            continue
        head = json.loads(i["header"])
        got = ours.ask({"op": "esprim", "pair": octets(i["pairwise_key_hex"]), "receiver": i["receiver_object"],
                        "originator": i["originator_object"], "kid": i["kid"], "enc": head["enc"], "cty": head["cty"],
                        "ori": head["ori"], "rri": head["rri"], "oro": i["originator_object"] if "oro" in head else "",
                        "iv": octets(i["iv_hex"]), "inner": i["inner"]})
        if (got.get("session"), got.get("object")) != (octets(out["session_key_hex"]), out["esprim_object"]):
            problems.append((v["id"], got))
        asked[v["id"]] = {"op": "open", "alg": "dir", "enc": head["enc"], "object": out["esprim_object"],
                          "keys": [{"kty": "oct", "kid": i["kid"], "k": octets(out["content_key_hex"])}]}
        want[v["id"]] = i["inner"].encode()
    wrong(problems)
    assert len(asked) == 6
    two_witnesses(foreign, asked, want)
