"""The log of a TTP as a stranger reads it: C2SP tlog-tiles, cosignatures and a witness of its own (C2SP tlog-witness),
written from those texts with python3-cryptography alone."""
import base64
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .release_witness import (WrongAnswer, leaf_hash, node_hash, tree_root, verify_checkpoint, verify_consistency)

WIDTH = 256


# --- tiles ---------------------------------------------------------------------------------------------------------

def tile_path(level, n, width=WIDTH):
    """level: a number or "entries"."""
    groups = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, "x%03d" % (n % 1000))
    return "/log/tile/%s/%s%s" % (level, "/".join(groups), ".p/%d" % width if width < WIDTH else "")


def read_entries(fetch, size):
    """All entries below `size`; fetch(path) gives octets."""
    found = []
    for n in range((size + WIDTH - 1) // WIDTH):
        width = min(WIDTH, size - n * WIDTH)
        octets, at = fetch(tile_path("entries", n, width)), 0
        for _ in range(width):
            length = int.from_bytes(octets[at:at + 2], "big")
            found.append(octets[at + 2:at + 2 + length])
            at += 2 + length
        if at != len(octets) or any(len(e) != 32 for e in found):
            raise WrongAnswer("proof-invalid", "an entry bundle of another form")
    return found


def verify_tiles(fetch, checkpoint, vkey):
    """Everything is computed again from the entries: every tile of every level, and the root. (size, leaf hashes)"""
    size, root = verify_checkpoint(checkpoint, vkey)
    row = leaves = [leaf_hash(e) for e in read_entries(fetch, size)]
    level = 0
    while row:
        for n in range((len(row) + WIDTH - 1) // WIDTH):
            part = row[n * WIDTH:(n + 1) * WIDTH]
            if fetch(tile_path(level, n, len(part))) != b"".join(part):
                raise WrongAnswer("proof-invalid", "tile %d/%d" % (level, n))
        above = row
        for _ in range(8):
            above = [node_hash(above[i], above[i + 1]) for i in range(0, len(above) - 1, 2)]
        row, level = above, level + 1
    if tree_root(leaves) != root:
        raise WrongAnswer("proof-invalid", "the entries do not make the tree of the checkpoint")
    return size, leaves


# --- cosignatures --------------------------------------------------------------------------------------------------

def _key_id(name, octets):
    return hashlib.sha256(name.encode() + b"\n" + octets).digest()[:4]


def verify_cosignature(note, vkey):
    """Seconds at which the witness saw it."""
    name, key_id, encoded = vkey.strip().split("+", 2)
    octets = base64.b64decode(encoded, validate=True)
    if octets[0] != 4 or len(octets) != 33 or _key_id(name, octets).hex() != key_id:
        raise WrongAnswer("malformed", "no witness's verifier key")
    key = ed25519.Ed25519PublicKey.from_public_bytes(octets[1:])
    body, _, lines = note.partition("\n\n")
    for line in lines.splitlines():
        dash, signer, signature = line.split(" ")
        raw = base64.b64decode(signature)
        if dash != "\u2014" or signer != name or raw[:4] != _key_id(name, octets):
            continue
        seconds = int.from_bytes(raw[4:12], "big")
        try:
            key.verify(raw[12:], b"cosignature/v1\ntime %d\n" % seconds + body.encode() + b"\n")
        except InvalidSignature:
            break
        return seconds
    raise WrongAnswer("proof-invalid", "no good cosignature of %s" % name)


def submission(old, proof, note):
    return "old %d\n%s\n%s" % (old, "".join(base64.b64encode(p).decode() + "\n" for p in proof), note)


class Log:
    """A log of somebody's own, for a TTP to witness."""

    def __init__(self, origin):
        self.origin, self.key, self.leaves = origin, ed25519.Ed25519PrivateKey.generate(), []
        octets = b"\1" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = _key_id(origin, octets)
        self.vkey = "%s+%s+%s" % (origin, self.id.hex(), base64.b64encode(octets).decode())

    def grow(self, n):
        for _ in range(n):
            self.leaves.append(leaf_hash(b"entry %d" % len(self.leaves)))

    def note(self, size=None, root=None):
        size = len(self.leaves) if size is None else size
        root = root or tree_root(self.leaves[:size])
        body = "%s\n%d\n%s\n" % (self.origin, size, base64.b64encode(root).decode())
        return "%s\n\u2014 %s %s\n" % (body, self.origin, base64.b64encode(self.id + self.key.sign(body.encode())).decode())

    def proof(self, m, n=None):
        """RFC 9162 2.1.4.1."""
        def sub(m, leaves, whole):
            if m == len(leaves):
                return [] if whole else [tree_root(leaves)]
            k = 1
            while k * 2 < len(leaves):
                k *= 2
            if m <= k:
                return sub(m, leaves[:k], whole) + [tree_root(leaves[k:])]
            return sub(m - k, leaves[k:], False) + [tree_root(leaves[:k])]
        leaves = self.leaves[:n]
        return sub(m, leaves, True) if 0 < m < len(leaves) else []


class Witness:
    """A witness that anybody could run: POST /add-checkpoint for the logs it was told of, and GET /witness?origin=..."""

    def __init__(self, name, vkeys):
        self.name, self.key = name, ed25519.Ed25519PrivateKey.generate()
        octets = b"\4" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = _key_id(name, octets)
        self.vkey = "%s+%s+%s" % (name, self.id.hex(), base64.b64encode(octets).decode())
        self.logs = {v.split("+")[0]: v for v in vkeys}
        self.held, self.notes, self.seen, self.deaf = {}, {}, [], False
        self.more = threading.Condition()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def reply(self, status, text, kind="text/plain; charset=utf-8"):
                octets = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def do_GET(self):
                origin = self.path.partition("?origin=")[2]
                if owner.deaf:
                    self.reply(503, "")
                elif origin in owner.notes:
                    self.reply(200, owner.notes[origin])
                else:
                    self.reply(404, "nothing yet\n")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if owner.deaf:
                    self.reply(503, "")
                else:
                    self.reply(*owner.add(body))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, body):
        first, _, rest = body.partition("\n")
        proof_text, _, note = rest.partition("\n\n") if not rest.startswith("\n") else ("", "", rest[1:])
        origin = note.partition("\n")[0]
        if origin not in self.logs:
            return 404, ""
        old = int(first.removeprefix("old "))
        try:
            size, root = verify_checkpoint(note, self.logs[origin])
        except WrongAnswer:
            return 403, ""
        held = self.held.get(origin, (0, b""))
        if old > size:
            return 400, ""
        if old != held[0]:
            return 409, "%d\n" % held[0], "text/x.tlog.size"
        try:
            if old:
                verify_consistency(old, held[1], size, root, [base64.b64decode(p) for p in proof_text.split()])
        except WrongAnswer as why:
            return 422, str(why)
        now = int(time.time())
        signed = b"cosignature/v1\ntime %d\n" % now + (note.partition("\n\n")[0] + "\n").encode()
        line = "\u2014 %s %s\n" % (self.name, base64.b64encode(
            self.id + now.to_bytes(8, "big") + self.key.sign(signed)).decode())
        with self.more:
            self.held[origin], self.notes[origin] = (size, root), note + line
            self.seen.append(size)
            self.more.notify_all()
        return 200, line

    def wait(self, origin, size, seconds=20):
        with self.more:
            return self.more.wait_for(lambda: self.held.get(origin, (0,))[0] >= size, seconds)
