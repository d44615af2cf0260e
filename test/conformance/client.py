"""A oneM2M originator over HTTP, written from the tables of TS-0009 on http.client alone."""
import csv
import http.client
import itertools
import json
import os
import time
import urllib.parse
from collections import namedtuple

SPEC = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "spec")
C, R, U, D, N = 1, 2, 3, 4, 5
METHOD = {C: "POST", R: "GET", U: "PUT", D: "DELETE", N: "POST"}
NAME = {C: "CREATE", R: "RETRIEVE", U: "UPDATE", D: "DELETE", N: "NOTIFY"}

Type = namedtuple("Type", "ty root")
ACP, AE, CNT, CIN, CB = (Type(1, "m2m:acp"), Type(2, "m2m:ae"), Type(3, "m2m:cnt"), Type(4, "m2m:cin"), Type(5, "m2m:cb"))
GRP, LCP, NOD, PCH, CSR = (Type(9, "m2m:grp"), Type(10, "m2m:lcp"), Type(14, "m2m:nod"), Type(15, "m2m:pch"), Type(16, "m2m:csr"))
REQ, SCH, SUB, SMD = Type(17, "m2m:req"), Type(18, "m2m:sch"), Type(23, "m2m:sub"), Type(24, "m2m:smd")
NTPR, NTP, PDR = Type(25, "m2m:ntpr"), Type(26, "m2m:ntp"), Type(27, "m2m:pdr")
TS, TSI, DAC, CRS = Type(29, "m2m:ts"), Type(30, "m2m:tsi"), Type(34, "m2m:dac"), Type(48, "m2m:crs")
FCI, ACTR, DEPR, TSB = Type(58, "m2m:fci"), Type(65, "m2m:actr"), Type(66, "m2m:depr"), Type(60, "m2m:tsb")
ROLE, TGR = Type(31, "m2m:rol"), Type(47, "m2m:tgr")
MSSP, ASAR, SVSN = Type(11, "m2m:mssp"), Type(19, "m2m:asar"), Type(20, "m2m:svsn")
ACPA, AEA, CNTA, CINA, CBA, GRPA = (Type(10001, "m2m:acpA"), Type(10002, "m2m:aeA"), Type(10003, "m2m:cntA"),
                                    Type(10004, "m2m:cinA"), Type(10005, "m2m:cbA"), Type(10009, "m2m:grpA"))


def _status():
    with open(os.path.join(SPEC, "rsc.csv"), encoding="utf-8") as f:
        return {int(row["rsc"]): int(row["http_status"].split()[0]) for row in csv.DictReader(f)}


STATUS = _status()     # RSC -> HTTP status


def path_of(to):
    """Request target of an address in any of its three scopes (TS-0009 6.2.2.1)."""
    if to.startswith("//"):
        return "/_" + to[1:]
    return "/~" + to if to.startswith("/") else "/" + to


def stamp(seconds=0):
    """m2m:timestamp of now plus so many seconds, in whole milliseconds."""
    at = time.time() + seconds
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(at)) + ",%03d000" % int(at % 1 * 1e3)


def until(probe, seconds=5.0, what="condition"):
    """The first true value of probe(), asked every 20 ms; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, "%s: not within %.0f s" % (what, seconds)
        time.sleep(0.02)


class Answer:
    def __init__(self, asked, status, headers, raw):
        self.asked, self.status, self.headers, self.raw = asked, status, headers, raw
        self.text = raw.decode("utf-8")
        rsc = headers.get("x-m2m-rsc", "")
        assert rsc.isdigit(), "%s: answer without RSC: HTTP %d %s" % (asked, status, self.text[:300])
        self.rsc = int(rsc)

    @property
    def json(self):
        return json.loads(self.text) if self.text else None

    def of(self, *rscs):
        """Asserts the response status code, and that the HTTP status is the one that belongs to it."""
        assert self.rsc in rscs, "%s: wanted %s, got %d %s" % (self.asked, " or ".join(map(str, rscs)), self.rsc, self.text[:300])
        assert self.status == STATUS[self.rsc], "%s: RSC %d goes with HTTP %d, got %d" % (
            self.asked, self.rsc, STATUS[self.rsc], self.status)
        return self

    def root(self, name):
        """The value of the one root object, which must have that name."""
        value = self.json
        assert isinstance(value, dict) and list(value) == [name], "%s: wanted one root %s, got %s" % (self.asked, name, self.text[:300])
        return value[name]

    @property
    def one(self):
        """The value of the one root object, whatever its name."""
        value = self.json
        assert isinstance(value, dict) and len(value) == 1, "%s: wanted one root, got %s" % (self.asked, self.text[:300])
        return next(iter(value.values()))

    @property
    def debug(self):
        value = self.json if self.text.startswith("{") else None
        return value.get("m2m:dbg", "") if isinstance(value, dict) else ""


class Client:
    """One originator at one CSE, on a connection of its own."""
    numbers = itertools.count(1)

    def __init__(self, url, origin, rvi="3", timeout=20, tls=None):
        """tls: (ssl context, name in the server's certificate), for https."""
        self.url, self.origin, self.rvi, self.timeout, self.tls = url, origin, rvi, timeout, tls
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def _connect(self):
        host = self.url.split("//")[1]
        if not self.tls:
            return http.client.HTTPConnection(host, timeout=self.timeout)
        context, name = self.tls
        connection = http.client.HTTPSConnection(host, timeout=self.timeout, context=context)
        plain = http.client.HTTPConnection(host, timeout=self.timeout)
        plain.connect()
        connection.sock = context.wrap_socket(plain.sock, server_hostname=name)
        return connection

    def _exchange(self, method, target, body, head):
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = self._connect()
            try:
                self.connection.putrequest(method, target, skip_accept_encoding=True)
                for name, value in head.items():
                    self.connection.putheader(name, value)
                if body is not None or method in ("POST", "PUT"):
                    self.connection.putheader("Content-Length", str(len(body or b"")))
                self.connection.endheaders(body)
                got = self.connection.getresponse()
                raw = got.read()
                return got.status, {k.lower(): v for k, v in got.getheaders()}, raw
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if fresh or attempt == 2:   # an idle connection may have been closed meanwhile; a new one may not
                    raise

    def send(self, op, to, pc=None, ty=None, query=None, headers=None, raw=None, media="application/json"):
        """Any request at all. A header whose value is None is left out."""
        head = {"X-M2M-Origin": self.origin, "X-M2M-RI": "c%d" % next(self.numbers), "X-M2M-RVI": self.rvi,
                "Accept": "application/json"}
        body = raw if pc is None else json.dumps(pc, ensure_ascii=False).encode()
        if body is not None or ty is not None:
            head["Content-Type"] = media + (";ty=%s" % ty if ty is not None else "")
        for name, value in (headers or {}).items():
            for old in [h for h in head if h.lower() == name.lower()]:
                del head[old]
            head[name] = value
        head = {k: v for k, v in head.items() if v is not None}
        target = path_of(to)
        if query:
            target += "?" + urllib.parse.urlencode(query, doseq=True)
        asked = "%s %s %s of %s%s" % (NAME[op], to, query or "", self.origin, " " + body[:200].decode("utf-8", "replace") if body else "")
        status, got, data = self._exchange(METHOD[op], target, body, head)
        answer = Answer(asked, status, got, data)
        sent = next((v for k, v in head.items() if k.lower() == "x-m2m-ri"), None)
        if sent is not None:
            assert got.get("x-m2m-ri") == sent, "%s: the answer names request %s instead of %s" % (asked, got.get("x-m2m-ri"), sent)
        return answer

    # one for each operation: the answer, whatever it is
    def create(self, to, kind, attributes=None, query=None, headers=None, **more):
        return self.send(C, to, {kind.root: dict(attributes or {}, **more)}, kind.ty, query, headers)

    def retrieve(self, to, pc=None, headers=None, **query):
        return self.send(R, to, pc, query=query, headers=headers)

    def update(self, to, kind, attributes=None, query=None, headers=None, **more):
        return self.send(U, to, {kind.root: dict(attributes or {}, **more)}, query=query, headers=headers)

    def delete(self, to, headers=None, **query):
        return self.send(D, to, query=query, headers=headers)

    def notify(self, to, pc, headers=None):
        return self.send(N, to, pc, headers=headers)

    # the same, which must succeed: the resource
    def make(self, to, kind, attributes=None, **more):
        return self.create(to, kind, attributes, **more).of(2001).root(kind.root)

    def get(self, to, **query):
        return self.retrieve(to, **query).of(2000).one

    def change(self, to, kind, attributes=None, **more):
        return self.update(to, kind, attributes, **more).of(2004).root(kind.root)

    def remove(self, to):
        return self.delete(to).of(2002)

    def put(self, to, content, **more):
        return self.make(to, CIN, con=content, **more)

    def found(self, to, **query):
        """A discovery's list."""
        return self.retrieve(to, fu=1, **query).of(2000).root("m2m:uril")


class App(Client):
    """A registered AE."""

    def __init__(self, cse, stem, rr=True, api="Nconf", **more):
        super().__init__(cse.url, stem)
        self.cse = cse
        self.name = "ae-" + stem
        self.ae = self.make(cse.base, AE, rn=self.name, api=api, rr=rr, srv=["3"], **more)
        self.path = "%s/%s" % (cse.base, self.name)
        self.ri = self.ae["ri"]
        self.far = "%s/%s" % (cse.csi, self.ri)          # SP-relative, as another CSE addresses it

    def cnt(self, name="c", parent=None, **more):
        """A container below the AE (or below parent); its structured address."""
        parent = parent or self.path
        self.make(parent, CNT, rn=name, **more)
        return "%s/%s" % (parent, name)

    def policy(self, name, *rules, own=None):
        """An accessControlPolicy below the AE; its structured address."""
        self.make(self.path, ACP, rn=name, pv={"acr": list(rules)}, pvs={"acr": own or [rule(self.origin)]})
        return "%s/%s" % (self.path, name)

    def sub(self, to, nu, name=None, **more):
        if name:
            more["rn"] = name
        return self.make(to, SUB, nu=nu if isinstance(nu, list) else [nu], **more)


def rule(*who, ops=63, **more):
    """An accessControlRule."""
    return dict(acor=list(who), acop=ops, **more)
