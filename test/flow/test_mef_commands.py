"""The client's side of MEF commands: a MEF made here says what it likes, in front of a real TTP that has the CA."""
import http.server
import json
import ssl
import threading

import pytest
import requests
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from test_enrol import cli, enrol, fingerprint, token

APP = SP + "/Smef-1"


class Mef:
    """A queue of commands, the reports that came, and everything else handed on to the TTP."""

    def __init__(self, ttp, prefix):
        self.queue, self.reports, self.registered, self.gone = [], [], 0, False
        session = requests.Session()
        session.trust_env = False
        session.verify = ttp.house.authority.path
        session.mount("https://", _Named(TTP_NAME))
        mef, upstream = self, "https://" + ttp.ready["https"]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=None, octets=None, kind="application/json"):
                octets = octets if octets is not None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not self.path.startswith("/mef"):
                    # The present certificate of the client: whatever the files say now.
                    r = session.request(self.command, upstream + self.path, data=body, timeout=30,
                                        cert=(prefix + ".pem", prefix + ".key"),
                                        headers={"Content-Type": self.headers.get("Content-Type") or ""})
                    return self.answer(r.status_code, octets=r.content, kind=r.headers["Content-Type"])
                assert self.headers["X-M2M-Origin"] == mef.iss
                if self.command == "POST":
                    assert self.headers["Content-Type"].endswith("ty=20004") and self.path == "/mef"
                    mef.registered += 1
                    mef.gone = False
                    return self.answer(201, {"sec:mecr": {"ri": "reg-%d" % mef.registered}})
                if mef.gone or not self.path.startswith("/mef/reg-%d" % mef.registered):
                    return self.answer(404, {"what": "no such registration"})
                if not self.path.endswith("/cmd"):
                    return self.answer(200, {"sec:mecr": {"ri": "reg-1"}})
                if self.command == "PUT":
                    report = json.loads(body)["sec:mecm"]
                    mef.reports.append((report["cmid"], report["cmst"]))
                    if mef.queue and mef.queue[0][0] == report["cmid"]:
                        mef.queue.pop(0)
                elif not mef.queue:
                    return self.answer(404, {"what": "none"})
                told = {"rn": "cmd"}
                if mef.queue:
                    told.update(cmid=mef.queue[0][0], cmst=10, cmdd=mef.queue[0][1])
                return self.answer(200, {"sec:mecm": told})

            do_GET = do_POST = do_PUT = serve

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*ttp.house.certificate("ttp"))
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = "https://127.0.0.1:%d" % self.server.server_address[1]
        self.iss = APP
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    with House(tmp_path_factory.mktemp("mef")) as house:
        process = house.ttp(extra=[("enrol", {"ca": "own", "sp": SP})])
        process.house = house
        yield process


@pytest.fixture
def mef(ttp, tmp_path):
    prefix = str(tmp_path / "dev")
    enrol(ttp, token(ttp, APP, str(tmp_path / "t")), prefix, "--ae", APP)
    one = Mef(ttp, prefix)
    one.prefix = prefix
    conf = open(prefix + ".conf", encoding="ascii").read().replace("https://" + ttp.ready["https"], one.url)
    with open(prefix + ".conf", "w", encoding="ascii") as f:
        f.write(conf)
    yield one
    one.close()


def cert(uri="https://%s/.well-known/est" % TTP_NAME, kind=3, subject=APP, protocol=1, **more):
    return dict({"ccid": 1, "cmda": {"cpca": {"cppi": protocol, "uri": uri, "cstp": kind, "csid": subject}}}, **more)


NO_MORE = {"ccid": 0, "cmda": {"nmca": {"rdur": "PT30M"}}}


def run(mef, code=0):
    return cli("enrol", "--commands", mef.prefix, "--json", code=code)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_certificate_on_command_until_there_are_no_more(mef):
    before = fingerprint(mef.prefix)
    mef.queue = [("c1", cert()), ("c2", cert(tgid=APP)), ("c3", NO_MORE)]
    said = lines(run(mef))
    assert mef.reports == [("c1", 20), ("c2", 20), ("c3", 20)] and mef.registered == 1
    assert [s["class"] for s in said] == ["CERT_PROV", "CERT_PROV", "NO_MORE_COMMANDS"]
    assert said[-1]["retry_ms"] == 30 * 60000
    assert fingerprint(mef.prefix) != before
    run(mef)                                # nothing waits, and it is registered once only
    assert mef.registered == 1 and len(mef.reports) == 3


def test_a_repeated_command_is_done_once(mef):
    mef.queue = [("same", cert())]
    run(mef)
    after = fingerprint(mef.prefix)
    mef.queue = [("same", cert()), ("other", NO_MORE)]
    run(mef)
    assert mef.reports == [("same", 20), ("same", 40), ("other", 20)]
    assert fingerprint(mef.prefix) == after


@pytest.mark.parametrize("description,status", [
    ({"ccid": 9, "cmda": {"nmca": {"rdur": "PT1H"}}}, 41),
    ({"ccid": 3, "cmda": {"mnca": {"obp": "/node/x", "otid": 1}}}, 41),
    ({"ccid": 1, "cmda": {}}, 42),
    ({"ccid": 1, "cmda": {"nmca": {"rdur": "PT1H"}}}, 42),
    ({"ccid": 1, "cmda": {"cpca": {"cppi": 1, "uri": "https://%s/x" % TTP_NAME, "cstp": 3}}}, 42),
    ({"ccid": 0, "cmda": {"nmca": {"rdur": "soon"}}}, 42),
    (cert(uri="https://est.evil.example/.well-known/est"), 43),
    (cert(uri="https://%s.evil.example/.well-known/est" % TTP_NAME), 43),
    (cert(uri="https://%s/other/est" % TTP_NAME), 43),
    (cert(kind=2), 43),                                     # D17: 2 is a CSE, and this is an AE
    (cert(kind=1), 43),
    (cert(subject=SP + "/Sother"), 43),
    (cert(protocol=2), 43),
    (cert(tgid=SP + "/Sother"), 43),
    ({"ccid": 2, "cmda": {"dcca": {"dcu": "1:https://dm.evil.example/x"}}}, 43),
    ({"ccid": 2, "cmda": {"dcca": {"dcu": "1:https://%s/x" % TTP_NAME}}}, 202),
])
def test_what_is_not_done_is_reported(mef, description, status):
    before = fingerprint(mef.prefix)
    mef.queue = [("x", description), ("y", NO_MORE)]
    run(mef)
    assert mef.reports == [("x", status), ("y", 20)]
    assert fingerprint(mef.prefix) == before


def test_what_the_ca_refuses_is_the_servers_error(mef, ttp):
    folder = mef.prefix + ".conf"
    mef.queue = [("z", cert()), ("y", NO_MORE)]
    # A certificate that is no longer the newest: somebody renewed it elsewhere.
    import shutil
    for end in (".pem", ".key", ".ca.pem", ".bundle"):
        shutil.copy(mef.prefix + end, mef.prefix + "-b" + end)
    text = open(folder, encoding="ascii").read().replace("= dev.", "= dev-b.").replace(mef.url, "https://" + ttp.ready["https"])
    with open(mef.prefix + "-b.conf", "w", encoding="ascii") as f:
        f.write(text)
    cli("cert", "renew", mef.prefix + "-b")
    run(mef)
    assert mef.reports == [("z", 100), ("y", 20)]


def test_a_registration_that_is_gone_is_made_again(mef):
    mef.queue = [("a", NO_MORE)]
    run(mef)
    mef.gone, mef.queue = True, [("b", NO_MORE)]
    run(mef)
    assert mef.registered == 2 and mef.reports == [("a", 20), ("b", 20)]


def test_a_mef_that_never_ends_is_left(mef):
    mef.queue = [("n%d" % i, {"ccid": 9, "cmda": {}}) for i in range(80)]
    run(mef, code=1)
    assert len(mef.reports) == 64
