"""A hostile server: it holds the IN-CSE's certificate and key and stands between the server and an application, in both
directions. What the application asks goes on to the real server, what comes back may be changed; notifications come
to it first (the application registers its point of access) and are handed on changed, late, twice, or not at all.

It knows nothing of oneseal's code. What it does to a stream is a Mutation (mutations.py)."""
import copy
import http.client
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


def server_context(pair, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(pair, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(*pair)
    context.load_verify_locations(ca)
    context.check_hostname = False      # the hostile one does not care; the other end checks us
    return context


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler, context):
        super().__init__(("127.0.0.1", 0), handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        pass


class Link:
    """Requests to one port of this host over one connection, which is made anew when it was closed."""

    def __init__(self, port, context):
        self.port, self.context, self.link = port, context, None

    def send(self, method, path, headers, body):
        """(status, headers, octets)"""
        headers = {k: v for k, v in headers.items() if k.lower() not in HOP}
        for last in (False, True):
            fresh = self.link is None
            if fresh:
                self.link = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
            try:
                self.link.request(method, path, body=body, headers=headers)
                answer = self.link.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh or last:
                    raise
        return None

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def log_message(self, *_):
        pass

    link = None

    def finish(self):
        if self.link:
            self.link.close()
        super().finish()

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def as_json(octets):
    try:
        return json.loads(octets)
    except ValueError:
        return None


class App:
    """One application behind the proxy."""

    def __init__(self, proxy, stem, pair, mutation):
        self.proxy, self.stem, self.mutation = proxy, stem, mutation
        self.context = client_context(pair, proxy.ca)
        self.receiver = 0                   # the port where the application listens
        app = self

        class Notices(Handler):
            def do_POST(self):
                app.notified(self, self.path, dict(self.headers.items()), self.body())

        self.server = Server(Notices, server_context(pair, proxy.ca))
        self.poa = "https://127.0.0.1:%d" % self.server.port

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def deliver(self, handler, path, headers, body):
        """A NOTIFY as the server would send it."""
        handler.link = handler.link or Link(self.receiver, self.proxy.as_server)
        try:
            return handler.link.send("POST", path, headers, body)
        except (OSError, http.client.HTTPException):
            return 503, {}, b""

    def notified(self, handler, path, headers, body):
        note = as_json(body)
        event = (note or {}).get("m2m:sgn", {}).get("nev", {}).get("rep", {}) if isinstance(note, dict) else {}
        cin = event.get("m2m:cin") if isinstance(event, dict) else None
        if not cin or "con" not in cin:
            handler.reply(*self.deliver(handler, path, headers, body))
            return
        out = self.mutation.on_notice(copy.deepcopy(cin))
        for number, changed in enumerate(out):
            new = copy.deepcopy(note)
            new["m2m:sgn"]["nev"]["rep"]["m2m:cin"] = changed
            again = json.dumps(new, ensure_ascii=False).encode()
            more = dict(headers)
            if number:
                more["X-M2M-RI"] = "%s-%d" % (headers.get("X-M2M-RI", "x"), number)
            self.deliver(handler, path, more, again)
        # The server always hears that all is well.
        handler.reply(200, {"X-M2M-RSC": "2000", "X-M2M-RI": headers.get("X-M2M-RI", ""),
                            "X-M2M-RVI": headers.get("X-M2M-RVI", "3")}, b"")


class Proxy:
    def __init__(self, house, server):
        self.ca = house.authority.path
        self.upstream = int(server.ready["https"].rsplit(":", 1)[1])
        pair = house.certificate("/id-in")
        self.as_server = client_context(pair, self.ca)
        self.apps = {}
        proxy = self

        class Requests(Handler):
            def forward(self):
                app = proxy.apps.get(self.headers.get("X-M2M-Origin", "").rsplit("/", 1)[-1])
                body = self.body()
                if app is None:
                    self.reply(403, {"X-M2M-RSC": "4103"}, b"")
                    return
                self.link = self.link or Link(proxy.upstream, app.context)
                status, headers, octets = self.link.send(self.command, self.path, dict(self.headers.items()),
                                                         body or None)
                if self.command == "GET":
                    status, headers, octets = app.mutation.on_answer(self.path, status, headers, octets)
                self.reply(status, headers, octets)

            do_GET = do_POST = do_PUT = do_DELETE = forward

        self.server = Server(Requests, server_context(pair, self.ca))
        self.url = "https://127.0.0.1:%d" % self.server.port

    def app(self, stem, pair, mutation):
        self.apps[stem] = App(self, stem, pair, mutation)
        return self.apps[stem]

    def close(self):
        for app in self.apps.values():
            app.close()
        self.server.shutdown()
        self.server.server_close()
