"""What a thief of the disk can open: keys at rest, written from e2e.md 6 and src/ttp/README.md alone.

RK = HKDF-SHA-256(salt XK, Argon2id(passphrase)) > tenant key > stream key > row, AES-256-GCM, IV first, tag last; the
associated data is a label and what names the key, of a row all its other columns.
"""
import ctypes
import ctypes.util
import re
import sqlite3

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COLUMNS = ("klass:1 kind:1 kid:t iss:t sid:f ep:8 kc:f wk:f suid:1 base:1 adfq:t policy:t has_pv:1 pv:8 lbl:t tgis:t plain:1"
           " et:8 ct:8 leaf:8").split()


def argon2id(passphrase, salt, passes, memory, lanes):
    library = ctypes.CDLL(ctypes.util.find_library("argon2"))
    out = ctypes.create_string_buffer(32)
    library.argon2id_hash_raw.argtypes = [ctypes.c_uint32] * 3 + [ctypes.c_char_p, ctypes.c_size_t] * 3
    assert library.argon2id_hash_raw(passes, memory, lanes, passphrase, len(passphrase), salt, len(salt), out, 32) == 0
    return out.raw


def root(passphrase, custody, xk):
    """RK of these three files' octets."""
    t, m, p, salt = re.search(rb"t=(\d+) m=(\d+) p=(\d+) salt=([0-9a-f]+)", custody).groups()
    secret = argon2id(passphrase.removesuffix(b"\n"), bytes.fromhex(salt.decode()), int(t), int(m), int(p))
    return HKDF(SHA256(), 32, xk, b"oneseal-root-v1").derive(secret)


def item(octets):
    return len(octets).to_bytes(4, "big") + octets


def boxes(text):
    """A tenant's key stands in one box, or in two while the root is replaced."""
    return [text] if len(text) in (60, 92) else [text[:len(text) // 2], text[len(text) // 2:]]


def unbox(keys, label, aad, sealed):
    """What one of the keys opens, in pieces of 32 octets; [] when none does."""
    for key in keys:
        try:
            plain = AESGCM(key).decrypt(sealed[:12], sealed[12:], label + aad)
        except InvalidTag:
            continue
        return [plain[i:i + 32] for i in range(0, len(plain), 32)]
    return []


def row_aad(row):
    out = b""
    for column in COLUMNS:
        name, kind = column.split(":")
        value = row[name]
        if kind == "t":
            out += item(value.encode())
        else:
            out += bytes(value) if kind == "f" else int(value).to_bytes(int(kind), "big")
    return out


def opened(path, rk):
    """Every Key Value that this root opens in a ledger's file: kid -> octets."""
    found = {}
    with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as db:
        db.row_factory = sqlite3.Row
        tenants = {r["name"]: r["wrapped"] for r in db.execute("SELECT * FROM tenant")}
        streams = {(r["iss"], bytes(r["sid"])): r["wrapped"] for r in db.execute("SELECT * FROM stream")}
        for row in db.execute("SELECT * FROM registration"):
            above = []
            for box in boxes(tenants.get(row["adfq"], b"\0" * 60)):
                above += unbox([rk], b"oneseal-tenant-v1", row["adfq"].encode(), box)
            sid = bytes(row["sid"])
            name = item(row["adfq"].encode()) + item(row["iss"].encode()) + item(sid)
            above = unbox(above, b"oneseal-stream-v1", name, streams.get((row["iss"], sid), b"\0" * 60))
            value = unbox(above, b"oneseal-row-v1", row_aad(row), row["sealed"])
            if value:
                found[row["kid"]] = b"".join(value)
    return found
