"""A notification receiver: an HTTP server of the standard library that keeps what it is sent."""
import json
import ssl
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Notice:
    path: str
    headers: dict
    body: object
    at: float
    raw: bytes = b""

    @property
    def verification(self):
        return bool(isinstance(self.body, dict) and self.body.get("m2m:sgn", {}).get("vrq"))

    @property
    def deletion(self):
        return bool(isinstance(self.body, dict) and self.body.get("m2m:sgn", {}).get("sud"))

    @property
    def representation(self):
        return self.body["m2m:sgn"]["nev"]["rep"]


class Receiver:
    """answer: callable(Notice) -> (HTTP status, RSC) or None for 200 and 2000."""

    def __init__(self, certificate=None, ca=None, answer=None, port=0):
        self.notices = []
        self.answer = answer
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    body = json.loads(raw)
                except ValueError:
                    body = None
                notice = Notice(self.path, {k.lower(): v for k, v in self.headers.items()}, body, time.time(), raw)
                status, rsc = (outer.answer(notice) if outer.answer else None) or (200, 2000)
                with outer.changed:
                    outer.notices.append(notice)
                    outer.changed.notify_all()
                self.send_response(status)
                self.send_header("X-M2M-RSC", str(rsc))
                self.send_header("X-M2M-RI", self.headers.get("X-M2M-RI", ""))
                self.send_header("X-M2M-RVI", self.headers.get("X-M2M-RVI", "3"))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        scheme = "http"
        if certificate:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if ca:
                context.load_verify_locations(ca)
                context.verify_mode = ssl.CERT_REQUIRED
            # The handshake happens in the connection's own thread.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = "%s://127.0.0.1:%d" % (scheme, self.port)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count=1, timeout=10.0, match=lambda n: not n.verification):
        """The notices that match, once there are `count` of them; raises AssertionError in the end."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                found = [n for n in self.notices if match(n)]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError("%d notices instead of %d: %s"
                                         % (len(found), count, [n.body for n in self.notices][-5:]))
                self.changed.wait(left)

    def quiet(self, seconds=0.6, match=lambda n: not n.verification):
        """Asserts that nothing that matches comes for a while; used only after a positive control."""
        before = len([n for n in self.notices if match(n)])
        time.sleep(seconds)
        found = [n for n in self.notices if match(n)]
        assert len(found) == before, found[before:]
