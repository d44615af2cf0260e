"""A strict reader of HTTP/1.1 octet streams: two directions become request and response pairs.

Only what RFC 9112 permits without guessing: CRLF line ends, one Content-Length or chunked, no folding. Everything
else raises HttpError, since a recording that needs guessing proves nothing.
"""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


class HttpError(Exception):
    """The octets are no HTTP/1.1 message."""


@dataclass
class Message:
    start: str                  # request line or status line
    headers: list               # (name in lower case, value)
    body: bytes
    at: int                     # offset in the stream
    end: int
    chunked: bool = False
    part: list = field(default_factory=list, repr=False)

    def get(self, name, default=None):
        values = [v for n, v in self.headers if n == name.lower()]
        if len(values) > 1:
            raise HttpError("header %s comes %d times" % (name, len(values)))
        return values[0] if values else default


@dataclass
class Request(Message):
    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]


@dataclass
class Response(Message):
    @property
    def status(self):
        return int(self.start.split(" ")[1])


def _head(octets, at):
    end = octets.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    lines = bytes(octets[at:end]).split(b"\r\n")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise HttpError("bad header line %r" % line[:80])
        if b"\r" in value or b"\n" in value or b"\0" in value:
            raise HttpError("control octet in header %r" % name)
        headers.append((name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")))
    return lines[0].decode("latin-1"), headers, end + 4


def _chunks(octets, at):
    body = b""
    while True:
        line_end = octets.find(b"\r\n", at)
        if line_end < 0:
            return None
        size_text = bytes(octets[at:line_end]).split(b";")[0]
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size_text):
            raise HttpError("bad chunk size %r" % size_text)
        size, at = int(size_text, 16), line_end + 2
        if len(octets) < at + size + 2:
            return None
        if bytes(octets[at + size:at + size + 2]) != b"\r\n":
            raise HttpError("chunk without its end")
        body += bytes(octets[at:at + size])
        at += size + 2
        if size == 0:
            return body, at


def _message(octets, at, kind, bodiless, at_end):
    head = _head(octets, at)
    if head is None:
        return None
    start, headers, body_at = head
    lengths = [v for n, v in headers if n == "content-length"]
    codings = [v.lower() for n, v in headers if n == "transfer-encoding"]
    if lengths and codings:
        raise HttpError("Content-Length beside Transfer-Encoding")
    if len(lengths) > 1 or len(codings) > 1:
        raise HttpError("framing header comes twice")
    if bodiless:
        return kind(start, headers, b"", at, body_at)
    if codings:
        if codings != ["chunked"]:
            raise HttpError("transfer coding %s" % codings)
        done = _chunks(octets, body_at)
        return None if done is None else kind(start, headers, done[0], at, done[1], chunked=True)
    if lengths:
        if not re.fullmatch(r"[0-9]{1,12}", lengths[0]):
            raise HttpError("bad Content-Length %r" % lengths[0])
        end = body_at + int(lengths[0])
        return None if len(octets) < end else kind(start, headers, bytes(octets[body_at:end]), at, end)
    if kind is Request:
        return kind(start, headers, b"", at, body_at)
    # A response without framing ends with the connection.
    return kind(start, headers, bytes(octets[body_at:]), at, len(octets)) if at_end else None


def requests(octets):
    """The whole requests in `octets`; an unfinished last one is left out."""
    found, at = [], 0
    while at < len(octets):
        message = _message(octets, at, Request, False, False)
        if message is None:
            break
        if not re.fullmatch(r"[A-Z]+ [^ ]+ HTTP/1\.1", message.start):
            raise HttpError("bad request line %r" % message.start[:80])
        found.append(message)
        at = message.end
    return found


def responses(octets, methods=(), at_end=True):
    """The whole responses; `methods` are those of the requests, since HEAD has answers without body."""
    found, at, final = [], 0, 0
    while at < len(octets):
        peek = re.match(rb"HTTP/1\.[01] ([0-9]{3})", bytes(octets[at:at + 12]))
        if peek is None:
            if b"\r\n" not in octets[at:]:
                break
            raise HttpError("bad status line %r" % bytes(octets[at:at + 40]))
        status = int(peek.group(1))
        bodiless = status < 200 or status in (204, 304) or (final < len(methods) and methods[final] == "HEAD")
        message = _message(octets, at, Response, bodiless, at_end)
        if message is None:
            break
        at = message.end
        if status >= 200:
            found.append(message)
            final += 1
    return found


def exchanges(up, down):
    """[(request, response or None)] of one connection."""
    asked = requests(up)
    answered = responses(down, [r.method for r in asked])
    if len(answered) > len(asked):
        raise HttpError("%d responses to %d requests" % (len(answered), len(asked)))
    return [(r, answered[i] if i < len(answered) else None) for i, r in enumerate(asked)]
