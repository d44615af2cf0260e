"""Reads recorded TLS 1.3 and TLS 1.2 byte streams, given a key log (the SSLKEYLOGFILE format).

Own record layer, own key schedule (RFC 8446 7.1 and 7.3, RFC 5246 6.3 and 8.1, RFC 5288, RFC 7905); the
AEADs and HMAC come from python3-cryptography. Known suites: AES-GCM and CHACHA20-POLY1305.
Key updates are followed; early data and renegotiation are refused. A record that does not authenticate
raises: a witness that guesses is none.
"""
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, NEW_TICKET, FINISHED, KEY_UPDATE = 1, 2, 4, 20, 24
HELLO_RETRY = hashlib.sha256(b"HelloRetryRequest").digest()

# code -> (name, version, key length, hash, is ChaCha)
SUITES = {
    0x1301: ("TLS_AES_128_GCM_SHA256", "1.3", 16, "sha256", False),
    0x1302: ("TLS_AES_256_GCM_SHA384", "1.3", 32, "sha384", False),
    0x1303: ("TLS_CHACHA20_POLY1305_SHA256", "1.3", 32, "sha256", True),
    0xC02B: ("ECDHE-ECDSA-AES128-GCM-SHA256", "1.2", 16, "sha256", False),
    0xC02F: ("ECDHE-RSA-AES128-GCM-SHA256", "1.2", 16, "sha256", False),
    0xC02C: ("ECDHE-ECDSA-AES256-GCM-SHA384", "1.2", 32, "sha384", False),
    0xC030: ("ECDHE-RSA-AES256-GCM-SHA384", "1.2", 32, "sha384", False),
    0xCCA8: ("ECDHE-RSA-CHACHA20-POLY1305", "1.2", 32, "sha256", True),
    0xCCA9: ("ECDHE-ECDSA-CHACHA20-POLY1305", "1.2", 32, "sha256", True),
}


class TlsError(Exception):
    """The recording is no TLS that we know, its secrets are not in the key log, or it does not authenticate."""


@dataclass
class Stream:
    """The plaintext of one direction. `marks` pairs (offset in the recording, offset in the plaintext)."""
    data: bytearray = field(default_factory=bytearray)
    marks: list = field(default_factory=list)
    truncated: bool = False       # the recording ends inside a record
    key_updates: int = 0
    alerts: list = field(default_factory=list)

    def recorded_at(self, offset):
        """Offset in the recording of the record that carries the plaintext octet at `offset`."""
        best = 0
        for recorded, plain in self.marks:
            if plain <= offset:
                best = recorded
        return best


@dataclass
class Session:
    version: str
    suite: str
    client_random: bytes
    server_name: str
    up: Stream
    down: Stream


def read_keylog(text):
    """{(label, client random): secret}; the comment and blank lines of the format are skipped."""
    found = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) == 3 and not line.startswith("#"):
            try:
                found[(parts[0], bytes.fromhex(parts[1]))] = bytes.fromhex(parts[2])
            except ValueError:
                continue  # a line cut by a kill
    return found


def load_keylog(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding="ascii", errors="replace") as f:
        return read_keylog(f.read())


def hkdf_expand_label(secret, label, length, algorithm):
    info = struct.pack(">HB", length, 6 + len(label)) + b"tls13 " + label + b"\0"
    out, block, n = b"", b"", 0
    while len(out) < length:
        n += 1
        block = hmac.new(secret, block + info + bytes([n]), algorithm).digest()
        out += block
    return out[:length]


def prf12(secret, label, seed, length, algorithm):
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = hmac.new(secret, a, algorithm).digest()
        out += hmac.new(secret, a + seed, algorithm).digest()
    return out[:length]


def records(octets):
    """Yields (offset, type, fragment); then (offset, None, None) when the last record is cut off."""
    at = 0
    while at < len(octets):
        if len(octets) - at < 5:
            yield at, None, None
            return
        kind, major, length = octets[at], octets[at + 1], struct.unpack_from(">H", octets, at + 3)[0]
        if kind not in (20, 21, 22, 23) or major != 3 or length > 16384 + 256:
            raise TlsError("no TLS record at offset %d: %r" % (at, bytes(octets[at:at + 16])))
        if len(octets) - at - 5 < length:
            yield at, None, None
            return
        yield at, kind, bytes(octets[at + 5:at + 5 + length])
        at += 5 + length


def _extensions(octets):
    found, at = {}, 0
    while at + 4 <= len(octets):
        kind, length = struct.unpack_from(">HH", octets, at)
        found[kind] = octets[at + 4:at + 4 + length]
        at += 4 + length
    return found


def parse_client_hello(body):
    random, at = body[2:34], 34
    at += 1 + body[at]                                        # session id
    at += 2 + struct.unpack_from(">H", body, at)[0]           # suites
    at += 1 + body[at]                                        # compression
    extensions = _extensions(body[at + 2:])
    name = extensions.get(0, b"")
    return random, name[5:].decode("ascii", "replace") if len(name) > 5 else "", extensions


def parse_server_hello(body):
    random, at = body[2:34], 34
    at += 1 + body[at]
    suite = struct.unpack_from(">H", body, at)[0]
    extensions = _extensions(body[at + 5:])
    version = struct.unpack(">H", extensions[43])[0] if 43 in extensions else struct.unpack_from(">H", body, 0)[0]
    return random, suite, version


def handshake_messages(octets):
    """(type, body) of each whole message, and what is left over."""
    out = []
    while len(octets) >= 4:
        length = int.from_bytes(octets[1:4], "big")
        if len(octets) < 4 + length:
            break
        out.append((octets[0], bytes(octets[4:4 + length])))
        octets = octets[4 + length:]
    return out, octets


def _first_message(octets, wanted):
    gathered = b""
    for _, kind, fragment in records(octets):
        if kind == CHANGE_CIPHER:
            continue
        if kind != HANDSHAKE:
            break
        gathered += fragment
        for message, body in handshake_messages(gathered)[0]:
            if message == wanted and not (wanted == SERVER_HELLO and body[2:34] == HELLO_RETRY):
                return body
    raise TlsError("no whole %s in the recording" % ("ClientHello" if wanted == CLIENT_HELLO else "ServerHello"))


class _Aead:
    def __init__(self, key, iv, chacha, explicit):
        self.cipher = ChaCha20Poly1305(key) if chacha else AESGCM(key)
        self.iv, self.explicit, self.sequence = iv, explicit, 0

    def nonce(self, fragment):
        if self.explicit:
            return self.iv + fragment[:8]
        return bytes(a ^ b for a, b in zip(self.iv, b"\0\0\0\0" + struct.pack(">Q", self.sequence)))

    def open(self, fragment, associated):
        nonce = self.nonce(fragment)
        body = fragment[8:] if self.explicit else fragment
        try:
            plain = self.cipher.decrypt(nonce, body, associated)
        except InvalidTag:
            raise TlsError("a record does not authenticate (sequence %d)" % self.sequence) from None
        self.sequence += 1
        return plain


class _Keys13:
    """The keys of one direction: handshake secret, then application secret 0, then its updates.

    `secret` looks one up by its label. That of application data is asked for when a record needs it: an end that
    gives up during the handshake never logs it."""

    def __init__(self, secret, side, suite):
        self.look_up, self.label, self.suite = secret, side + "_TRAFFIC_SECRET_0", suite
        self.secret = None
        self.cipher = None
        self.use(secret(side + "_HANDSHAKE_TRAFFIC_SECRET"))

    def use(self, secret):
        _, _, key_length, algorithm, chacha = self.suite
        self.secret = secret
        self.cipher = _Aead(hkdf_expand_label(secret, b"key", key_length, algorithm),
                          hkdf_expand_label(secret, b"iv", 12, algorithm), chacha, explicit=False)

    def application(self):
        self.secret = self.cipher = None

    def open(self, fragment, associated):
        if self.cipher is None:
            self.use(self.look_up(self.label))
        return self.cipher.open(fragment, associated)

    def update(self):
        size = hashlib.new(self.suite[3]).digest_size
        self.use(hkdf_expand_label(self.secret, b"traffic upd", size, self.suite[3]))


def _open13(octets, keys, stream):
    pending, protected = b"", False
    for at, kind, fragment in records(octets):
        if kind is None:
            stream.truncated = True
            break
        if kind == CHANGE_CIPHER:
            continue
        if kind == ALERT:
            stream.alerts.append(tuple(fragment[:2]))
            continue
        if kind == HANDSHAKE:
            if protected:
                raise TlsError("clear handshake record after a protected one")
            continue
        protected = True
        inner = keys.open(fragment, struct.pack(">BHH", APPLICATION, 0x0303, len(fragment))).rstrip(b"\0")
        if not inner:
            raise TlsError("record without content type")
        inner, content = inner[:-1], inner[-1]
        if content == APPLICATION:
            stream.marks.append((at, len(stream.data)))
            stream.data += inner
        elif content == ALERT:
            stream.alerts.append(tuple(inner[:2]))
        elif content == HANDSHAKE:
            messages, pending = handshake_messages(pending + inner)
            for message, _ in messages:
                if message == FINISHED:
                    keys.application()
                elif message == KEY_UPDATE:
                    keys.update()
                    stream.key_updates += 1


def _open12(octets, aead, stream):
    protected = False
    for at, kind, fragment in records(octets):
        if kind is None:
            stream.truncated = True
            break
        if kind == CHANGE_CIPHER:
            if protected:
                raise TlsError("renegotiation")
            protected = True
            continue
        if not protected:
            if kind == ALERT:
                stream.alerts.append(tuple(fragment[:2]))
            elif kind == APPLICATION:
                raise TlsError("application data before ChangeCipherSpec")
            continue
        length = len(fragment) - 16 - (8 if aead.explicit else 0)
        plain = aead.open(fragment, struct.pack(">QBHH", aead.sequence, kind, 0x0303, length))
        if kind == APPLICATION:
            stream.marks.append((at, len(stream.data)))
            stream.data += plain
        elif kind == ALERT:
            stream.alerts.append(tuple(plain[:2]))


def decrypt(up, down, keylog):
    """One recorded connection, both directions, to a Session. `keylog` comes from read_keylog()."""
    client_random, name, extensions = parse_client_hello(_first_message(up, CLIENT_HELLO))
    server_random, code, version = parse_server_hello(_first_message(down, SERVER_HELLO))
    if code not in SUITES:
        raise TlsError("unknown suite %04x" % code)
    suite = SUITES[code]

    def secret(label):
        try:
            return keylog[(label, client_random)]
        except KeyError:
            raise TlsError("%s of this connection is not in the key log" % label) from None
    session = Session(suite[1], suite[0], client_random, name, Stream(), Stream())
    if version == 0x0304:
        if 42 in extensions:
            raise TlsError("early data is not supported here")
        for octets, side, stream in ((up, "CLIENT", session.up), (down, "SERVER", session.down)):
            _open13(octets, _Keys13(secret, side, suite), stream)
        return session
    _, _, key_length, algorithm, chacha = suite
    iv_length = 12 if chacha else 4
    block = prf12(secret("CLIENT_RANDOM"), b"key expansion", server_random + client_random,
                  2 * (key_length + iv_length), algorithm)
    keys = block[:key_length], block[key_length:2 * key_length]
    ivs = block[2 * key_length:2 * key_length + iv_length], block[2 * key_length + iv_length:]
    _open12(up, _Aead(keys[0], ivs[0], chacha, explicit=not chacha), session.up)
    _open12(down, _Aead(keys[1], ivs[1], chacha, explicit=not chacha), session.down)
    return session
