"""A stranger at a teller's port: HTTP over `openssl s_client`, with a certificate or a pre-shared key, since Python's
ssl module has neither PSK nor exporter values."""
import json
import os
import re
import secrets
import select
import subprocess
import time

from plant.process import SLOW


class Refused(Exception):
    """The handshake failed; the argument is what openssl said of it, without what changes by itself."""


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def rsc(self):
        return int(self.fields["x-m2m-rsc"])


class Wire:
    """One TLS connection. `psk`: (identity, key); `certificate`: (certificate, key file)."""

    def __init__(self, where, ca, server, psk=None, certificate=None, version="1.3", cipher=None, export=None, more=()):
        words = ["openssl", "s_client", "-connect", where, "-CAfile", ca, "-servername", server, "-ign_eof",
                 "-tls1_" + version[-1], "-no_ticket", *more]
        if psk:
            words += ["-psk_identity", psk[0], "-psk", psk[1].hex()]
        if certificate:
            words += ["-cert", certificate[0], "-key", certificate[1], "-verify_return_error"]
        if cipher:
            words += ["-cipher", cipher]
        if export:
            words += ["-keymatexport", export, "-keymatexportlen", "48"]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text = b""
        # What it prints of the session, also of one that failed: then it ends behind it.
        self._until(lambda: re.search(rb"Verif\w+ return code.*?---\n", self.text, re.S)
                    and (version == "1.2" or b"\n---\n" in self.text.partition(b"return code")[2]))
        if re.search(rb"error:\w+:SSL", self.text):
            self._until(lambda: False)
        found = re.search(rb"Keying material: (\w+)", self.text)
        self.keying = bytes.fromhex(found.group(1).decode()) if found else None
        self.session = self.text.decode(errors="replace")
        self.text = b""

    def _until(self, done, seconds=20.0):
        deadline = time.monotonic() + seconds * SLOW
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                self.close()
                raise AssertionError("nothing more came: %r" % self.text[-2000:])
            if not select.select([self.child.stdout], [], [], left)[0]:
                continue
            piece = os.read(self.child.stdout.fileno(), 65536)
            if not piece:
                self.child.wait()
                said = re.findall(r"error:\w+:[^\n]*", self.text.decode(errors="replace"))
                self.child.stdout.close()
                raise Refused(said)
            self.text += piece

    def close(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, method, path, body=b"", fields=()):
        head = ["%s %s HTTP/1.1" % (method, path), "Host: ttp", "Content-Length: %d" % len(body)]
        head += ["%s: %s" % pair for pair in fields]
        self.child.stdin.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        self.child.stdin.flush()

    def answer(self):
        self._until(lambda: b"\r\n\r\n" in self.text)
        start = self.text.index(b"HTTP/1.1 ")
        head, _, rest = self.text[start:].partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        length = int(fields["content-length"])
        at = start + len(head) + 4
        self._until(lambda: len(self.text) >= at + length)
        body = self.text[at:at + length]
        self.text = self.text[at + length:]
        return Answer(int(lines[0].split()[1]), fields, body)

    def ask(self, method, path, body=b"", fields=()):
        self.send(method, path, body, fields)
        return self.answer()

    def m2m(self, method, path, origin, resource=None, ty=None, **more):
        """One oneM2M request; `resource` is what the body says in JSON."""
        fields = [("X-M2M-Origin", origin), ("X-M2M-RI", secrets.token_hex(8)), ("X-M2M-RVI", "3")]
        fields += list(more.items())
        body = b""
        if resource is not None:
            body = json.dumps(resource).encode()
            fields.append(("Content-Type", "application/json" + ("; ty=%d" % ty if ty else "")))
        return self.ask(method, path, body, fields)
