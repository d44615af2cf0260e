"""The other side: an HTTP server that is a notification target, an AE's point of access or a whole other CSE.

It records every request and answers as it was told: a list of scripted answers first, then what `answer` says."""
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from client import STATUS


class Seen:
    """One request as it arrived."""

    def __init__(self, method, target, headers, raw):
        self.method, self.target, self.raw, self.at = method, target, raw, time.time()
        self.headers = {k.lower(): v for k, v in headers.items()}
        path, _, query = target.partition("?")
        self.path = urllib.parse.unquote(path)
        self.query = urllib.parse.parse_qs(query, keep_blank_values=True)
        self.ty = None
        for part in self.headers.get("content-type", "").split(";")[1:]:
            if part.strip().startswith("ty="):
                self.ty = int(part.strip()[3:])
        try:
            self.body = json.loads(raw) if raw else None
        except ValueError:
            self.body = None

    @property
    def to(self):
        if self.path.startswith("/~/"):
            return self.path[2:]
        return "/" + self.path[2:] if self.path.startswith("/_/") else self.path[1:]

    @property
    def op(self):
        return {"GET": 2, "PUT": 3, "DELETE": 4}.get(self.method, 5 if self.ty is None else 1)

    @property
    def sgn(self):
        return self.body.get("m2m:sgn", {}) if isinstance(self.body, dict) else {}

    @property
    def verification(self):
        return bool(self.sgn.get("vrq"))

    @property
    def deletion(self):
        return bool(self.sgn.get("sud"))

    @property
    def event(self):
        """The request reports an event: alone or aggregated."""
        return "nev" in self.sgn or isinstance(self.body, dict) and "m2m:agn" in self.body

    @property
    def nev(self):
        return self.sgn["nev"]

    @property
    def rep(self):
        """The one resource of the representation."""
        return next(iter(self.nev["rep"].values()))

    def __repr__(self):
        return "<%s %s %s>" % (self.method, self.target, self.raw[:300])


class Peer:
    """answer: callable(Seen) -> None (2000), a response status code, or (code, body). script holds answers that are
    used up first."""

    def __init__(self, answer=None, port=0):
        self.seen, self.script, self.answer = [], [], answer
        self.changed = threading.Condition()
        self.port = port
        self.server = None
        self.up()

    def up(self):
        """Listens (again) on the same port."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def serve(self):
                if outer.server is not server:                  # a connection that was kept alive over down()
                    self.close_connection = True
                    return
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Seen(self.command, self.path, self.headers, raw)
                said = outer.say(seen)
                if said == "drop":
                    self.close_connection = True
                    return
                rsc, body = said if isinstance(said, tuple) else (said or 2000, None)
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(STATUS.get(rsc, 500))
                self.send_header("X-M2M-RSC", str(rsc))
                for name in ("X-M2M-RI", "X-M2M-RVI"):
                    if name in self.headers:
                        self.send_header(name, self.headers[name])
                if data:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        server = self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self):
        """Refuses connections from now on; the port stays reserved in `port`."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    close = down

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def say(self, seen):
        """Notes the request, then decides. A callable answer may wait: that is a slow target."""
        with self.changed:
            self.seen.append(seen)
            said = self.script.pop(0) if self.script and not seen.verification else None
            self.changed.notify_all()
        if said is None and self.answer:
            said = self.answer
        return said(seen) if callable(said) else said

    def all(self, match=lambda s: s.event):
        with self.changed:
            return [s for s in self.seen if match(s)]

    def wait(self, count=1, match=lambda s: s.event, seconds=5.0):
        """The matching requests, once there are so many."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [s for s in self.seen if match(s)]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, "%d of %d requests within %.0f s: %s" % (len(found), count, seconds, self.seen[-4:])
                self.changed.wait(left)

    def events(self, count=1, seconds=5.0):
        """nev of so many notifications, exactly: more than that is an error."""
        found = self.wait(count, seconds=seconds)
        assert len(found) == count, "%d notifications instead of %d: %s" % (len(found), count, found)
        return [s.nev for s in found]

    def quiet(self, seconds=0.4, match=lambda s: s.event):
        """Asserts that nothing (more) that matches comes for a while; for targets that were seen to work."""
        before = len(self.all(match))
        time.sleep(seconds)
        found = self.all(match)
        assert len(found) == before, "unexpected: %s" % found[before:]


class Registrar(Peer):
    """A registrar CSE: takes the registration of one CSE, gives S-AE-ID-Stems, answers everything else friendly."""

    def __init__(self, csi, base):
        self.csi, self.base = csi, base
        self.registrations = []      # remoteCSE resources as they are now
        self.lifetime = None         # seconds that a registration lasts; None: as asked
        self.stems = 0
        super().__init__(self.reply)

    def reply(self, seen):
        said = self.friendly(seen)
        if isinstance(said, tuple) and seen.query.get("rcn") == ["0"]:
            return said[0]
        return said

    def friendly(self, seen):
        if seen.op == 1 and seen.ty == 16:
            made = dict(seen.body["m2m:csr"], ri="csr%d" % len(self.registrations), ty=16, pi=self.csi[1:])
            made.setdefault("rn", made["ri"])
            made.setdefault("csi", seen.headers["x-m2m-origin"])
            return 2001, {"m2m:csr": self.times(made)}
        if seen.op == 1 and seen.ty == 10002:
            self.stems += 1
            return 2001, {"m2m:aeA": dict(seen.body["m2m:aeA"], ri="Sgiven%d" % self.stems, rn="Sgiven%d" % self.stems, ty=10002,
                                          pi=self.csi[1:], ct="20260101T000000", lt="20260101T000000")}
        if seen.op == 1:
            return 2001, {next(iter(seen.body)): dict(next(iter(seen.body.values())), ri="r1", rn="r1", ty=seen.ty)}
        if seen.op == 2:
            if self.registrations and seen.to.rpartition("/")[2] in (self.registrations[-1]["ri"], self.registrations[-1]["rn"]):
                return 2000, {"m2m:csr": self.registrations[-1]}
            return 2000, {"m2m:cb": {"rn": self.base, "ri": self.csi[1:], "ty": 5, "pi": "", "csi": self.csi, "cst": 1, "srv": ["3"],
                                     "srt": [1, 2, 3, 4, 5, 16, 23, 10002], "poa": [self.url], "ct": "20260101T000000",
                                     "lt": "20260101T000000"}}
        if seen.op == 3:
            root, change = next(iter(seen.body.items()))
            if root == "m2m:csr" and self.registrations:
                return 2004, {root: self.times(dict(self.registrations[-1], **change))}
            return 2004, {root: change}
        return 2002 if seen.op == 4 else 2000

    def times(self, registration):
        now = time.time()
        registration.update({"ct": "20260101T000000", "lt": "20260101T000000"})
        if self.lifetime:
            registration["et"] = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now + self.lifetime))
        registration.setdefault("et", "20300101T000000")
        self.registrations.append(registration)
        return registration
