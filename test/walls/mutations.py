"""What a hostile server, alone or together with a reader who has the keys, may do to a stream: one row a mutation, each
with the reasons of which the application must give one. Written from e2e.md 3 to 5, not from the code."""
import copy
import json
import os
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from witness.jose_stranger import b64u, unb64u


def text(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def kind(con):
    if isinstance(con, str) and (con.count(".") == 2 or con.startswith('{"')):
        return "head"
    return "reading"


def parts(con):
    return con.split(".")


def header(con):
    return json.loads(unb64u(parts(con)[0]))


def index(con):
    return header(con)["e2e"][3]


def with_header(con, change):
    """The envelope under a changed protected header; the rest stays."""
    p = parts(con)
    h = json.loads(unb64u(p[0]))
    h = change(h) or h
    p[0] = b64u(text(h).encode())
    return ".".join(p)


def with_e2e(con, at, value):
    return with_header(con, lambda h: h["e2e"].__setitem__(at, value(h["e2e"][at])))


def flipped(con, part, bit=1, at=0):
    p = parts(con)
    octets = bytearray(unb64u(p[part]))
    octets[at] ^= bit
    p[part] = b64u(bytes(octets))
    return ".".join(p)


def shorter(con):
    p = parts(con)
    p[3] = b64u(unb64u(p[3])[:-1])
    return ".".join(p)


def sealed(kv, head, plaintext):
    """An envelope that opens: what a reader can make who has the content key."""
    protected = b64u(text(head).encode())
    iv = os.urandom(12)
    whole = AESGCM(kv[:32]).encrypt(iv, plaintext, protected.encode())
    return ".".join((protected, "", b64u(iv), b64u(whole[:-16]), b64u(whole[-16:])))


FORGED = "forged-by-the-accomplice"


def forged(s, con, at=None, ep=None, t=None):
    h = header(con)
    h.pop("cty", None)
    h["e2e"][3] = h["e2e"][3] if at is None else at
    h["e2e"][2] = h["e2e"][2] if ep is None else ep
    h["e2e"][4] = h["e2e"][4] if t is None else t
    return sealed(s.kv(h["kid"]), h, FORGED.encode())


# ---- heads ---------------------------------------------------------------------------------------------------------

def head_parts(con):
    if con.startswith("{"):
        o = json.loads(con)
        return [o["protected"], o["payload"], o["signature"]], o
    return con.split("."), None


def head_text(p, o):
    if o is None:
        return ".".join(p)
    return text(dict(o, protected=p[0], payload=p[1], signature=p[2]))


def claims(con):
    return json.loads(unb64u(head_parts(con)[0][1]))


def with_claims(con, **change):
    """Claims changed, the signature as it was."""
    p, o = head_parts(con)
    p[1] = b64u(text(dict(claims(con), **change)).encode())
    return head_text(p, o)


def with_head_header(con, **change):
    p, o = head_parts(con)
    h = dict(json.loads(unb64u(p[0])), **change)
    p[0] = b64u(text({k: v for k, v in h.items() if v is not None}).encode())
    return head_text(p, o)


def signed_by_another(con, **change):
    """The claims signed anew, by a key of the forger's that the header names."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64u(numbers.x.to_bytes(32, "big")),
           "y": b64u(numbers.y.to_bytes(32, "big"))}
    p, o = head_parts(con)
    p[0] = b64u(text(dict(json.loads(unb64u(p[0])), jwk=jwk)).encode())
    p[1] = b64u(text(dict(claims(con), **change)).encode())
    r, sig = decode_dss_signature(key.sign((p[0] + "." + p[1]).encode(), ec.ECDSA(hashes.SHA256())))
    p[2] = b64u(r.to_bytes(32, "big") + sig.to_bytes(32, "big"))
    return head_text(p, o)


def bad_signature(con):
    p, o = head_parts(con)
    octets = bytearray(unb64u(p[2]))
    octets[5] ^= 1
    p[2] = b64u(bytes(octets))
    return head_text(p, o)


# ---- the rows --------------------------------------------------------------------------------------------------------

class Row:
    """reading(s, cin): contentInstances to deliver in the place of a notified one; head(s, cin): to answer with in the
    place of one that lies in e2e-heads; answer(s, path, tree): the changed tree of an answer. `reasons`: one of them is
    to be seen. `healthy`: nothing is lost or altered, all may be confirmed. `every`: not the first one alone."""

    def __init__(self, name, reasons, reading=None, head=None, answer=None, by="watch", healthy=False,
                 every=False, beats=False, data=""):
        self.name, self.reasons = name, set(reasons.split())
        self.reading, self.head, self.answer = reading, head, answer
        self.by, self.healthy, self.every, self.beats, self.data = by, healthy, every, beats, data


def put(cin, **change):
    return [dict(cin, **change)]


def con_of(change):
    """A mutation of con alone."""
    return lambda s, cin: put(cin, con=change(cin["con"]))


def head_of(change):
    return lambda s, cin: put(cin, con=change(cin["con"]))


def nothing(s, cin):
    return []


def drop_member(h, *names):
    for name in names:
        h.pop(name, None)
    return h


def hold_back(s, cin):
    """The next one comes first."""
    if s.held is None:
        s.held = cin
        return []
    first, s.held = s.held, False
    return [cin, first]


def hide(predicate):
    """Answers without those instances, of whatever form the answer is."""
    def change(s, path, tree):
        def walk(node):
            if isinstance(node, dict):
                if "con" in node and predicate(s, node["con"]):
                    return None
                out = {}
                for k, v in node.items():
                    w = walk(v)
                    if w is not None or v is None:
                        out[k] = w
                return out or None
            if isinstance(node, list):
                return [w for w in map(walk, node) if w is not None]
            return node
        return walk(tree) or {}
    return change


def is_target(s, con):
    return isinstance(con, str) and kind(con) == "reading" and con.count(".") == 4 and index(con) == s.target


def is_late(s, con):
    return isinstance(con, str) and con.count(".") == 4 and s.target is not None and index(con) >= s.target


def in_la(change):
    """The answer to a RETRIEVE of la, its con changed."""
    def answer(s, path, tree):
        if not path.split("?")[0].endswith("/la") or "m2m:cin" not in tree:
            return tree
        tree["m2m:cin"] = change(s, tree["m2m:cin"]) or tree["m2m:cin"]
        return tree
    return answer


def la_con(change):
    return in_la(lambda s, cin: dict(cin, con=change(s, cin["con"])))


def swap_letters(con):
    """Same letters, one base64 digit that no encoder would write: the spare bits of the tag's last one."""
    return con[:-1] + ("B" if con[-1] != "B" else "C")


ROWS = [
    # -- one reading of a notification is altered
    Row("flip a bit of the ciphertext", "tampered", con_of(lambda c: flipped(c, 3))),
    Row("flip a bit of the tag", "tampered", con_of(lambda c: flipped(c, 4, 0x80))),
    Row("flip a bit of the nonce", "tampered", con_of(lambda c: flipped(c, 2))),
    Row("cut off the last octet of the ciphertext", "tampered", con_of(shorter)),
    Row("cut off the tag", "malformed", con_of(lambda c: ".".join(parts(c)[:4]))),
    Row("cut the tag to twelve octets", "malformed", con_of(lambda c: ".".join(parts(c)[:4] + [parts(c)[4][:16]]))),
    Row("another spelling of the same tag", "malformed", con_of(swap_letters)),
    Row("append octets", "malformed", con_of(lambda c: c + ".AAAA")),
    Row("another index in e2e", "tampered", con_of(lambda c: with_e2e(c, 3, lambda i: i + 100))),
    Row("another epoch in e2e", "tampered", con_of(lambda c: with_e2e(c, 2, lambda e: e + 1))),
    Row("another time in e2e", "tampered", con_of(lambda c: with_e2e(c, 4, lambda t: t - 3600000))),
    Row("another mode in e2e", "tampered", con_of(lambda c: with_e2e(c, 5, lambda m: "d"))),
    Row("another stream in e2e", "wrong-place", con_of(lambda c: with_e2e(c, 1, lambda x: b64u(bytes(16))))),
    Row("e2e taken out", "tampered", con_of(lambda c: with_header(c, lambda h: drop_member(h, "e2e")))),
    Row("a member added to the header", "tampered", con_of(lambda c: with_header(c, lambda h: h.update(x=1)))),
    Row("header respelled", "tampered", con_of(lambda c: ".".join(
        [b64u(json.dumps(header(c)).encode())] + parts(c)[1:]))),
    Row("alg downgraded to RSA1_5", "algorithm-refused", con_of(
        lambda c: with_header(c, lambda h: h.update(alg="RSA1_5")))),
    Row("alg none", "algorithm-refused malformed", con_of(lambda c: with_header(c, lambda h: h.update(alg="none")))),
    Row("enc downgraded to CBC", "algorithm-refused", con_of(
        lambda c: with_header(c, lambda h: h.update(enc="A128CBC-HS256")))),
    Row("enc downgraded to A128GCM", "tampered algorithm-refused", con_of(
        lambda c: with_header(c, lambda h: h.update(enc="A128GCM")))),
    Row("zip added", "algorithm-refused", con_of(lambda c: with_header(c, lambda h: h.update(zip="DEF")))),
    Row("crit added", "algorithm-refused", con_of(lambda c: with_header(c, lambda h: h.update(crit=["y"], y=1)))),
    Row("kid of nobody", "no-key-yet", con_of(lambda c: with_header(
        c, lambda h: h.update(kid="0" * 32 + "@" + h["kid"].split("@")[1])))),
    Row("kid of a stranger's TTP", "unknown-ttp", con_of(lambda c: with_header(
        c, lambda h: h.update(kid=h["kid"].split("@")[0] + "@evil.example")))),
    Row("kid of another stream", "commitment-mismatch refused", lambda s, cin: put(cin, con=with_header(
        cin["con"], lambda h: h.update(kid=header(s.other.originals[0]["con"])["kid"])))),
    # -- another content in its place
    Row("clear text in its place", "not-sealed", lambda s, cin: put(cin, con="21.5", cnf="text/plain:0")),
    Row("clear JSON in its place", "not-sealed malformed", lambda s, cin: put(
        cin, con={"t": 21.5}, cnf="application/json:0")),
    Row("clear text that claims to be sealed", "malformed", lambda s, cin: put(cin, con="21.5")),
    Row("cnf says JSON serialization", "malformed algorithm-refused", lambda s, cin: put(cin, cnf="text/plain:0:2")),
    Row("cnf says XML", "algorithm-refused malformed", lambda s, cin: put(cin, cnf="text/plain:0:4")),
    Row("relocated: a reading of another container", "wrong-place", lambda s, cin: put(
        cin, con=s.other.originals[-1]["con"])),
    Row("a head in the place of a reading", "not-sealed malformed algorithm-refused", lambda s, cin: put(
        cin, con=s.heads[-1]["con"])),
    # -- order
    Row("dropped", "withheld", nothing, answer=hide(is_target)),
    Row("dropped, and it is fetched", "", nothing, healthy=True),
    Row("everything from now on dropped", "withheld", nothing, answer=hide(is_late), every=True),
    Row("the one before in its place", "replayed withheld", lambda s, cin: put(cin, con=s.originals[-2]["con"]),
        answer=hide(is_target)),
    Row("an old one again, beside it", "replayed", lambda s, cin: [cin, dict(cin, con=s.originals[0]["con"])]),
    Row("two in the wrong order", "gap replayed", hold_back, healthy=True, every=True),
    # -- a reader who has the key helps
    Row("forged: another content at its index", "forged-by-reader", lambda s, cin: put(cin, con=forged(s, cin["con"])),
        answer=hide(is_target)),
    Row("forged: the next index", "forged-by-reader", lambda s, cin: [cin, dict(cin, con=forged(
        s, cin["con"], index(cin["con"]) + 1))]),
    Row("forged: an index far ahead", "forged-by-reader", lambda s, cin: [cin, dict(cin, con=forged(
        s, cin["con"], index(cin["con"]) + 50))]),
    Row("forged: another epoch under the same key",
        "forged-by-reader commitment-mismatch proof-invalid writer-restored tampered rolled-back replayed",
        lambda s, cin: [cin, dict(cin, con=forged(s, cin["con"], 0, header(cin["con"])["e2e"][2] + 1))]),
    Row("forged: from tomorrow", "stale", lambda s, cin: [cin, dict(cin, con=forged(
        s, cin["con"], index(cin["con"]) + 1, t=int(time.time() * 1000) + 86400000))]),
    # -- heads
    Row("heads withheld", "withheld", head=nothing, every=True),
    Row("an old head in the place of the new one", "withheld", head=lambda s, cin: put(cin, con=s.heads[0]["con"]),
        every=True),
    Row("head: bit of the signature flipped", "proof-invalid", head=head_of(bad_signature)),
    Row("head: another root", "proof-invalid", head=head_of(lambda c: with_claims(c, root=b64u(bytes(32))))),
    Row("head: covers more", "proof-invalid", head=head_of(lambda c: with_claims(c, last=claims(c)["last"] + 5))),
    Row("head: excuses what is dropped", "proof-invalid", head=head_of(
        lambda c: with_claims(c, oldest=claims(c)["last"] + 1))),
    Row("head: says that the epoch is over", "proof-invalid", head=head_of(lambda c: with_claims(c, closed=True))),
    Row("head: another past", "proof-invalid", head=head_of(lambda c: with_claims(c, prev=b64u(bytes(range(32)))))),
    Row("head: signed by the accomplice", "proof-invalid", head=head_of(signed_by_another)),
    Row("head: alg none", "algorithm-refused malformed", head=head_of(lambda c: with_head_header(c, alg="none"))),
    Row("head: alg HS256", "algorithm-refused", head=head_of(lambda c: with_head_header(c, alg="HS256"))),
    Row("head: typ of a letter", "malformed", head=head_of(lambda c: with_head_header(c, typ="oneseal-letter+jws"))),
    Row("head: of another container", "wrong-place withheld", head=lambda s, cin: put(
        cin, con=s.other.heads[-1]["con"])),
    Row("head: kid of another stream", "commitment-mismatch no-key-yet proof-invalid writer-changed refused",
        head=lambda s, cin: put(cin, con=with_claims(cin["con"], kid=claims(s.other.heads[-1]["con"])["kid"]))),
    Row("head: hashes exchanged", "proof-invalid", head=lambda s, cin: put(cin, con=exchanged(cin["con"])),
        data="mni=50"),
    Row("head: clear text", "malformed not-sealed", head=lambda s, cin: put(
        cin, con="all is well", cnf="text/plain:0")),
    # -- answers to RETRIEVE
    Row("la: an older one", "rolled-back", by="la", answer=la_con(lambda s, c: s.originals[0]["con"])),
    Row("la: of another container", "wrong-place", by="la", answer=la_con(lambda s, c: s.other.originals[-1]["con"])),
    Row("la: altered", "tampered", by="la", answer=la_con(lambda s, c: flipped(c, 3))),
    Row("la: clear text", "not-sealed", by="la", answer=in_la(
        lambda s, cin: dict(cin, con="21.5", cnf="text/plain:0"))),
    Row("la: forged by the accomplice", "forged-by-reader", by="la", answer=la_con(
        lambda s, c: forged(s, c, index(c) + 1))),
    # -- no attack
    Row("control: nothing is done", "", healthy=True),
    Row("control: la as it is", "", healthy=True, by="la"),
    Row("control: heartbeats dropped", "", healthy=True, head=nothing, beats=True),
    Row("evicted before it is asked for", "partial", by="evicted", data="mni=2", healthy=True),
    Row("a late joiner", "partial", by="late", healthy=True),
]


def exchanged(con):
    p, o = head_parts(con)
    if o is None:
        return bad_signature(con)
    octets = bytearray(unb64u(o["hashes"]))
    octets[0] ^= 1
    return text(dict(o, hashes=b64u(bytes(octets))))


class Mutation:
    """A row at work on one stream: what passes the proxy comes through here."""

    def __init__(self, row):
        self.row = row
        self.lock = threading.Lock()
        self.active = False
        self.originals, self.heads = [], []     # as the server sent them
        self.after = 0                          # readings since it became active
        self.target = None                      # index of the reading that is the victim
        self.held = None
        self.other = None
        self.done = 0                           # how often something was changed
        self.kv = None
        self.shown, self.victim = {}, False     # heads: what stands in the place of each

    def begin(self):
        with self.lock:
            self.active = True
            self.target = index(self.originals[-1]["con"]) + 1

    def on_notice(self, cin):
        """A reading: what is delivered in its place."""
        with self.lock:
            self.originals.append(copy.deepcopy(cin))
            if not self.active or self.row.reading is None:
                return [cin]
            self.after += 1
            if self.after > 1 and not self.row.every:
                return [cin]
            out = self.row.reading(self, copy.deepcopy(cin))
            self.done += out != [cin]
            return out

    def head(self, cin):
        """A head: what is answered in its place, each time the same. The victim is the first link after the begin."""
        con = cin["con"]
        if con not in self.shown:
            self.heads.append(copy.deepcopy(cin))
            c = claims(con)
            beat = c["last"] < c["first"] and not c["closed"]
            new = self.active and self.row.head is not None and c["last"] >= self.target
            touch = new and (self.row.every or not (beat or self.victim))
            if self.row.beats:
                touch = self.active and beat
            self.victim = self.victim or touch
            self.shown[con] = self.row.head(self, copy.deepcopy(cin)) if touch else [cin]
            self.done += self.shown[con] != [cin]
        return [dict(cin, con=o["con"], cnf=o["cnf"]) for o in self.shown[con]]

    def heads_in(self, node):
        if isinstance(node, list):
            return [self.heads_in(v) for v in node]
        if not isinstance(node, dict):
            return node
        out = {}
        for k, v in node.items():
            if k == "m2m:cin" and isinstance(v, list):
                out[k] = [h for c in v for h in (self.head(c) if "con" in c else [c])]
            elif k == "m2m:cin" and isinstance(v, dict) and "con" in v:
                changed = self.head(v)
                if changed:
                    out[k] = changed[0]
            else:
                out[k] = self.heads_in(v)
        return out

    def on_answer(self, path, status, headers, octets):
        with self.lock:
            try:
                tree = json.loads(octets) if status == 200 else None
            except ValueError:
                tree = None
            if tree is None:
                return status, headers, octets
            if "e2e-heads" in path:
                changed = self.heads_in(tree)
            elif self.active and self.row.answer is not None:
                changed = self.row.answer(self, path, copy.deepcopy(tree))
                self.done += changed != tree
            else:
                return status, headers, octets
            if not changed:
                return 404, dict(headers, **{"X-M2M-RSC": "4004"}), b"{}"
            return status, headers, json.dumps(changed, ensure_ascii=False).encode()
