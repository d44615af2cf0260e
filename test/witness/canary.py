"""Makes canaries and searches octets, files and folders for them in every form in which they could leak.

Forms: plain UTF-8, UTF-16 in both orders, hex in both cases, base64 and base64url in all three alignments,
JSON-escaped in five spellings. A negative search is only an answer when the same file also holds something
that is known to be there: absent() takes that positive control and raises when it does not find it.
"""
import base64
import json
import mmap
import os
import secrets
from dataclasses import dataclass

MINIMUM = 12     # octets; a shorter canary turns up by chance in 100 MB of memory, or leaves no base64 core


class NoControl(Exception):
    """The positive control is not in the file, so a negative search of it says nothing."""


class Leak(AssertionError):
    """A canary stands where it must not."""


@dataclass(frozen=True)
class Hit:
    where: str
    form: str
    at: int


def make(label="canary"):
    """A fresh text with octets that JSON may escape (a solidus and a non-ASCII letter) and 96 random bits."""
    return "%s/%s-é%s" % (label, secrets.token_hex(6), secrets.token_hex(6))


def make_plain(label="canary"):
    """The same in ASCII letters and digits alone."""
    return label + secrets.token_hex(12)


def _base64_forms(octets):
    """The characters of a base64 text that depend on `octets` alone, at the three alignments."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + octets)
        first = (shift * 8 + 5) // 6                     # characters touched by what stands before
        whole_bits = (shift + len(octets)) * 8
        last = whole_bits // 6                           # characters complete without what follows
        core = text[first:last]
        yield "base64+%d" % shift, core
        url = core.replace(b"+", b"-").replace(b"/", b"_")
        if url != core:
            yield "base64url+%d" % shift, url


def forms(canary):
    """{name of form: octets to look for}. A canary of bytes (a key) has no text forms."""
    octets = canary.encode("utf-8") if isinstance(canary, str) else bytes(canary)
    if len(octets) < MINIMUM:
        raise ValueError("a canary needs %d octets" % MINIMUM)
    found = {"plain": octets, "hex": octets.hex().encode(), "HEX": octets.hex().upper().encode()}
    found.update(_base64_forms(octets))
    if isinstance(canary, str):
        found["utf-16le"] = canary.encode("utf-16-le")
        found["utf-16be"] = canary.encode("utf-16-be")
        escaped = json.dumps(canary)[1:-1]
        found["json"] = escaped.encode()
        found["json, solidus"] = escaped.replace("/", "\\/").encode()
        found["json, solidus alone"] = canary.replace("/", "\\/").encode()
        found["json in json"] = json.dumps(escaped)[1:-1].encode()
        found["json, all"] = "".join("\\u%04x" % u for u in _units(canary)).encode()
        found["json, ALL"] = "".join("\\u%04X" % u for u in _units(canary)).encode()
    unique, seen = {}, set()
    for name, form in found.items():
        if form not in seen:
            seen.add(form)
            unique[name] = form
    return unique


def _units(text):
    octets = text.encode("utf-16-be")
    return [octets[i] << 8 | octets[i + 1] for i in range(0, len(octets), 2)]


def search(octets, canary, where="octets"):
    """[Hit] of every form; the first place of each."""
    hits = []
    for name, form in forms(canary).items():
        at = octets.find(form)
        if at >= 0:
            hits.append(Hit(where, name, at))
    return hits


def _with_file(path, look):
    size = os.path.getsize(path)
    if size == 0:
        return look(b"")
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        return look(octets)


def search_file(path, canary):
    return _with_file(path, lambda octets: search(octets, canary, path))


def _control_found(octets, control):
    """A text may stand there in any of the forms (in a JOSE object it is base64url), octets as they are."""
    if isinstance(control, bytes):
        return octets.find(control) >= 0
    if octets.find(control.encode()) >= 0:
        return True
    return len(control.encode()) >= MINIMUM and bool(search(octets, control))


def absent_in(octets, canaries, control, where="octets"):
    """None of `canaries` in `octets`, and `control` (text or octets) is there; else raises."""
    if not _control_found(octets, control):
        raise NoControl("%s: the positive control %r is not there" % (where, control))
    hits = [hit for canary in canaries for hit in search(octets, canary, where)]
    if hits:
        raise Leak("; ".join("%s: %s at %d" % (h.where, h.form, h.at) for h in hits))
    return len(octets)


def absent(path, canaries, control):
    """absent_in() for a file. Returns the number of octets searched."""
    return _with_file(path, lambda octets: absent_in(octets, canaries, control, path))


def present(path, canary):
    """The canary is in the file in at least one form; returns the hits or raises AssertionError."""
    hits = search_file(path, canary)
    if not hits:
        raise AssertionError("%s: the canary is not there" % path)
    return hits
