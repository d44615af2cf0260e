"""The table: algorithm x serialization x library, both directions.

A cell passes when the other side finds the octets that were sealed or signed. A cell that does not pass is explained
only by the library itself: the same driver, asked for the same algorithm and serialization, cannot do its own round
trip, and its error says so; or it does not read its own object any more when a member is left out that the RFC says
may or must be absent there. Everything else is a failure.

rhonabwy takes the leading zeros off ephemeral keys (RFC 7518 6.2.1.2) and off the agreed secret (4.6.2: NIST.800-56A's
Z has the size of the field), so that one object in about a hundred is understood by itself alone. Such objects are
recognised by their octets, counted in the report, and made again; test/vectors has them for everybody else.
"""
import json
import os
from collections import namedtuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from library import b64u, unb64u

ENCS = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
WRAPS = {"A128KW": 16, "A192KW": 24, "A256KW": 32}
FORMS = ("compact", "flattened", "general")
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
PLAIN = '{"t":21.5,"u":"Cel","place":"Küche"}'.encode()
AAD = b"beside the header"

# name: as printed; op: seal or sign; alg, enc: as in the header; keys: kinds, one a recipient
Row = namedtuple("Row", "name op alg enc keys aad")


def rows():
    for enc in ENCS:
        yield Row("dir " + enc, "seal", "dir", enc, ("oct%d" % ENCS[enc],), False)
    for alg, octets in WRAPS.items():
        for enc in ENCS:
            yield Row("%s %s" % (alg, enc), "seal", alg, enc, ("oct%d" % octets,) * 2, False)
    for curve in ("P-256", "X25519"):
        for alg in WRAPS:
            for enc in ENCS:
                yield Row("ECDH-ES+%s %s %s" % (alg, enc, curve), "seal", "ECDH-ES+" + alg, enc, (curve,) * 2, False)
    for enc in ENCS:
        yield Row("RSA-OAEP-256 " + enc, "seal", "RSA-OAEP-256", enc, ("RSA",) * 2, False)
    yield Row("A256KW A256GCM, member aad", "seal", "A256KW", "A256GCM", ("oct32",) * 2, True)
    yield Row("two kinds of recipients", "seal", "A256KW", "A256GCM", ("oct32", "P-256"), False)
    yield Row("three kinds of recipients", "seal", "A256KW", "A256GCM", ("oct32", "P-256", "RSA"), False)
    for bits in ("256", "384", "512"):
        yield Row("HS" + bits, "sign", "HS" + bits, None, ("oct64",) * 2, False)
        yield Row("ES" + bits, "sign", "ES" + bits, None, (bits,) * 2, False)
        yield Row("RS" + bits, "sign", "RS" + bits, None, ("RSA",) * 2, False)
    yield Row("two kinds of signatures", "sign", "ES256", None, ("256", "RSA"), False)


def forms_of(row):
    if " kinds of " in row.name:
        return ("general",)
    return ("flattened", "general") if row.aad else FORMS


def integer(number, octets=None):
    return b64u(number.to_bytes(octets or (number.bit_length() + 7) // 8, "big"))


def new_key(kind):
    """A private JWK."""
    if kind.startswith("oct"):
        return {"kty": "oct", "k": b64u(os.urandom(int(kind[3:])))}
    if kind == "X25519":
        private = x25519.X25519PrivateKey.generate()
        return {"kty": "OKP", "crv": "X25519",
                "x": b64u(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
                "d": b64u(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))}
    if kind == "RSA":
        n = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
        return {"kty": "RSA", "n": integer(n.public_numbers.n), "e": "AQAB", "d": integer(n.d), "p": integer(n.p),
                "q": integer(n.q), "dp": integer(n.dmp1), "dq": integer(n.dmq1), "qi": integer(n.iqmp)}
    curve = CURVES.get("ES" + kind, ec.SECP256R1)()
    n, octets = ec.generate_private_key(curve).private_numbers(), (curve.key_size + 7) // 8
    return {"kty": "EC", "crv": NAMES[curve.name], "x": integer(n.public_numbers.x, octets),
            "y": integer(n.public_numbers.y, octets), "d": integer(n.private_value, octets)}


SECRET = ("d", "p", "q", "dp", "dq", "qi")
MIXED = {"P-256": "ECDH-ES+A256KW", "RSA": "RSA-OAEP-256"}
MIXED_SIGN = {"RSA": "RS256"}


class Keys:
    """One key of each kind and number, made when it is first asked for."""

    def __init__(self):
        self.made = {}

    def of(self, row):
        certificate = row.op == "sign" and not row.alg.startswith("HS")
        found = []
        for number, kind in enumerate(row.keys):
            if (kind, number) not in self.made:
                self.made[(kind, number)] = new_key(kind)
            key = dict(self.made[(kind, number)])
            if certificate:
                key["kid"] = "54-//sp.example.com/S%s%d" % (kind.replace("-", ""), number)
            elif kind.startswith("oct"):
                key["kid"] = "%s.%d@ttp.example.com" % (kind, number)
            else:
                key["kid"] = "44-//sp.example.com/S%s%d" % (kind.replace("-", ""), number)
            if row.name.endswith("kinds of recipients"):
                key["alg"] = MIXED.get(kind, row.alg)
            if row.name == "two kinds of signatures":
                key["alg"] = MIXED_SIGN.get(kind, row.alg)
            found.append(key)
        return found


def public(key):
    return {m: v for m, v in key.items() if m not in SECRET}


def make_request(row, form, keys):
    """What the making side gets: public keys for sealing, private keys for signing; one key but in general."""
    used = keys if form == "general" and row.alg != "dir" else keys[:1]
    q = {"op": row.op, "form": form, "alg": row.alg, "plain": b64u(PLAIN),
         "keys": [public(k) if row.op == "seal" else k for k in used]}
    if row.enc:
        q["enc"] = row.enc
    if row.aad:
        q["aad"] = b64u(AAD)
    return q, used


def take_requests(row, form, object_, used):
    """What the taking side gets, once for every recipient."""
    for key in used:
        q = {"op": "open" if row.op == "seal" else "verify", "form": form, "alg": row.alg, "object": object_,
             "keys": [key if row.op == "seal" else public(key)]}
        if row.enc:
            q["enc"] = row.enc
        yield q


class Cell(namedtuple("Cell", "row form library direction mark why")):
    """mark: "ok", "-" (explained by `why`), "FAIL"."""


def takes(library, row, form, made, used):
    """None when every recipient finds the octets, else what the library said."""
    if "object" not in made:
        return made["error"]
    for answer in library.all(list(take_requests(row, form, made["object"], used))):
        if unb64u(answer.get("plain", "")) != PLAIN:
            return answer.get("error", "other octets")
    return None


def bare(object_):
    """The same object without what may be absent: an empty encrypted key (RFC 7516 7.2.1: must be), the unprotected
    header of a flattened JWS (RFC 7515 7.2.2)."""
    tree = json.loads(object_) if object_.startswith("{") else {}
    for one in [tree] + tree.get("recipients", []):
        if one.get("encrypted_key") == "":
            del one["encrypted_key"]
    if "signature" in tree:
        tree.pop("header", None)
    return json.dumps(tree) if tree else object_


def leading_zeros(object_, used):
    """Does a coordinate of an ephemeral P-256 key, or the secret agreed with one of the keys, begin with a zero octet?"""
    tree = json.loads(object_) if object_.startswith("{") else {"protected": object_.split(".")[0]}
    heads = [json.loads(unb64u(tree["protected"]))] if tree.get("protected") else []
    heads += [one.get("header", {}) for one in [tree] + tree.get("recipients", [])]
    for epk in (h["epk"] for h in heads if h.get("epk", {}).get("kty") == "EC"):
        x, y = (unb64u(epk[c]).rjust(32, b"\0") for c in "xy")
        point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
        secrets = [ec.derive_private_key(int.from_bytes(unb64u(k["d"]), "big"), ec.SECP256R1()).exchange(
            ec.ECDH(), point.public_key()) for k in used if k["kty"] == "EC"]
        if any(octets[0] == 0 for octets in [x, y] + secrets):
            return True
    return False


def make(maker, library, request, used):
    """The maker's answer; for rhonabwy never an object that its defect would spoil."""
    made = maker.ask(request)
    while library.name == "rhonabwy" and request["op"] == "seal" and "object" in made and leading_zeros(made["object"], used):
        library.made_again = getattr(library, "made_again", 0) + 1
        made = maker.ask(request)
    return made


def own_round_trip(library, row, form, made, used):
    """None, or why there is none: the only explanation of an empty cell."""
    why = takes(library, row, form, made, used)
    if why is None and bare(made["object"]) != made["object"]:
        why = takes(library, row, form, {"object": bare(made["object"])}, used)
        return why and why + ", its own object without a member that need not be there"
    return why


def cells(ours, library, keys):
    """Every cell of one library."""
    for row in rows():
        for form in forms_of(row):
            request, used = make_request(row, form, keys.of(row))
            made = make(library, library, request, used)
            own = own_round_trip(library, row, form, made, used)
            yield judge(row, form, library.name, "in", own, made, takes(ours, row, form, made, used))
            mine = make(ours, library, request, used)
            wrong = "ours: %s" % mine["error"] if "error" in mine else takes(library, row, form, mine, used)
            yield judge(row, form, library.name, "out", None if "error" in mine else own, mine, wrong)


def judge(row, form, library, direction, own, made, wrong):
    if wrong is None:
        return Cell(row, form, library, direction, "ok", None)
    if own is not None:
        return Cell(row, form, library, direction, "-", own)
    return Cell(row, form, library, direction, "FAIL", wrong)


def text(found, libraries):
    """The table, a line per algorithm, and what explains its empty cells."""
    by = {(c.row.name, c.form, c.library, c.direction): c for c in found}
    names = [a["library"] for a in libraries]
    lines = ["Foreign libraries: " + ", ".join("%s %s" % (a["library"], a["version"]) for a in libraries),
             "in: what the library made opens in ours; out: what ours made opens in the library. c compact, f flattened,",
             "g general (with every recipient or signature). '.' no such object, '-' the library cannot do its own (below).",
             ""]
    lines.append("%-32s" % "" + "".join("%-16s" % n for n in names))
    lines.append("%-32s" % "" + "".join("%-16s" % "in c f g  out" for _ in names))
    for row in rows():
        line = "%-32s" % row.name
        for name in names:
            for direction in ("in", "out"):
                line += " ".join({"ok": "+", "-": "-", "FAIL": "X"}[by[(row.name, f, name, direction)].mark]
                                 if (row.name, f, name, direction) in by else "." for f in FORMS)
                line += "  "
        lines.append(line.rstrip())
    lines += ["", "What each library says of its own round trip where it has none:"]
    why = {}
    for c in found:
        if c.mark == "-":
            why.setdefault((c.library, c.why), {}).setdefault(c.row.name, []).append(c.form)
    for (library, said), where in why.items():
        lines.append("  %s: %s" % (library, said))
        for name, forms in where.items():
            lines.append("      %s (%s)" % (name, ", ".join(f for f in FORMS if f in forms)))
    for c in found:
        if c.mark == "FAIL":
            lines.append("FAILED %s, %s, %s, %s: %s" % (c.library, c.direction, c.row.name, c.form, c.why))
    lines += ["  %s: %d objects made again, a leading zero in epk or in the agreed secret" % (a["library"], a["made_again"])
              for a in libraries if a.get("made_again")]
    total = {m: sum(1 for c in found if c.mark == m) for m in ("ok", "-", "FAIL")}
    lines.append("%(ok)d cells passed, %(-)d explained, %(FAIL)d failed" % total)
    return "\n".join(lines)
