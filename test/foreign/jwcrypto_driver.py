#!/usr/bin/env python3
"""python3-jwcrypto behind the line protocol (README.md)."""
import json
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from importlib.metadata import version

from jwcrypto import jwe, jwk, jws


def b64u(octets):
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64u(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_of(row):
    return jwk.JWK(**{k: v for k, v in row.items() if k not in ("alg", "use")})


def about(_):
    return {"library": "jwcrypto", "version": version("jwcrypto")}


def outside(q, key, more):
    """(protected, header of the recipient) of one key."""
    own = {"alg": key.get("alg", q["alg"]), "kid": key["kid"]}
    return (more, own) if q["form"] == "general" else (dict(own, **more), None)


def seal(q):
    first = outside(q, q["keys"][0], {"enc": q["enc"]})
    token = jwe.JWE(unb64u(q["plain"]), json.dumps(first[0]), aad=unb64u(q["aad"]) if "aad" in q else None,
                    algs=sorted({k.get("alg", q["alg"]) for k in q["keys"]} | {q["enc"]}))
    for key in q["keys"]:
        own = outside(q, key, {})[1]
        token.add_recipient(key_of(key), json.dumps(own) if own else None)
    text = token.serialize(compact=q["form"] == "compact")
    if q["form"] == "general":
        tree = json.loads(text)
        if "recipients" not in tree:        # the library flattens for one recipient
            one = {m: tree.pop(m) for m in ("header", "encrypted_key") if m in tree}
            text = json.dumps(dict(tree, recipients=[one]))
    return {"object": text}


def open_(q):
    token = jwe.JWE(algs=[q["keys"][0].get("alg", q["alg"]), q["enc"]])
    token.deserialize(q["object"], key_of(q["keys"][0]))
    return {"plain": b64u(token.payload)}


def sign(q):
    token = jws.JWS(unb64u(q["plain"]))
    for key in q["keys"]:
        alg = key.get("alg", q["alg"])
        token.add_signature(key_of(key), alg=alg, protected=json.dumps({"alg": alg, "kid": key["kid"]}))
    return {"object": token.serialize(compact=q["form"] == "compact")}


def verify(q):
    token = jws.JWS()
    token.allowed_algs = [q["keys"][0].get("alg", q["alg"])]
    token.deserialize(q["object"], key_of(q["keys"][0]))
    return {"plain": b64u(token.payload)}


def main():
    operations = {"about": about, "seal": seal, "open": open_, "sign": sign, "verify": verify}
    for line in sys.stdin:
        try:
            q = json.loads(line)
            answer = operations[q["op"]](q)
        except Exception as why:                                    # whatever the library raises is its answer
            answer = {"error": "%s: %s" % (type(why).__name__, str(why)[:200])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
