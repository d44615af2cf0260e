"""A stranger's oneM2M client on python3-requests: the HTTP binding of TS-0009, written from its tables."""
import itertools
import json
import urllib.parse
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

CREATE, RETRIEVE, UPDATE, DELETE, NOTIFY = 1, 2, 3, 4, 5
METHOD = {CREATE: "POST", RETRIEVE: "GET", UPDATE: "PUT", DELETE: "DELETE", NOTIFY: "POST"}
AE, CONTAINER, INSTANCE, BASE, SUBSCRIPTION, POLICY, REMOTE = 2, 3, 4, 5, 23, 1, 16

# RSC -> HTTP status, from the binding's table.
STATUS = {2000: 200, 2001: 201, 2002: 200, 2004: 200, 4000: 400, 4001: 501, 4004: 404, 4005: 405, 4008: 504,
          4015: 415, 4101: 403, 4102: 400, 4103: 403, 4105: 409, 4106: 403, 4107: 403, 4108: 403, 4117: 403,
          5000: 500, 5001: 501, 5103: 404, 5105: 403, 5107: 404, 5203: 403, 5204: 500, 5205: 403, 5206: 501,
          5207: 406}


class _Named(HTTPAdapter):
    """Connects to the address in the URL, and verifies that the certificate is for `name`."""

    def __init__(self, name, **kwargs):
        self.name = name
        super().__init__(**kwargs)

    def init_poolmanager(self, *args, **kwargs):
        kwargs.update(server_hostname=self.name, assert_hostname=self.name)
        super().init_poolmanager(*args, **kwargs)


def path_of(to):
    """Request target of an address in any of the six forms."""
    if to.startswith("//"):
        return "/_" + to[1:]
    return "/~" + to if to.startswith("/") else "/" + to


@dataclass
class Answer:
    status: int
    rsc: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text) if self.text else None

    def root(self, name):
        """The member of that root, for example root("m2m:cin")."""
        value = self.json
        assert isinstance(value, dict) and list(value) == [name], "wanted %s, got %s" % (name, self.text[:300])
        return value[name]

    @property
    def debug(self):
        value = self.json if self.text.startswith("{") else None
        return value.get("m2m:dbg", "") if isinstance(value, dict) else ""

    def expect(self, rsc):
        assert self.rsc == rsc, "wanted RSC %d, got %s (HTTP %d) %s" % (rsc, self.rsc, self.status, self.text[:400])
        if rsc in STATUS:
            assert self.status == STATUS[rsc], "RSC %d goes with HTTP %d, got %d" % (rsc, STATUS[rsc], self.status)
        return self


class Client:
    """One originator at one CSE."""
    numbers = itertools.count(1)

    def __init__(self, url, origin, ca=None, certificate=None, server_name=None, rvi="3", timeout=20):
        self.url, self.origin, self.rvi, self.timeout = url.rstrip("/"), origin, rvi, timeout
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = ca or False
        if certificate:
            self.session.cert = certificate
        if server_name:
            self.session.mount("https://", _Named(server_name))

    def close(self):
        self.session.close()

    def send(self, op, to, pc=None, ty=None, query=None, headers=None, origin=None, raw=None):
        number = "rq-%d" % next(self.numbers)
        head = {"X-M2M-RI": number, "Accept": "application/json"}
        origin = self.origin if origin is None else origin
        if origin:
            head["X-M2M-Origin"] = origin
        if self.rvi:
            head["X-M2M-RVI"] = self.rvi
        body = raw
        if pc is not None:
            body = json.dumps(pc, ensure_ascii=False).encode()
        if body is not None:
            head["Content-Type"] = "application/json" + ("; ty=%d" % ty if ty is not None else "")
        head.update(headers or {})
        head = {k: v for k, v in head.items() if v is not None}
        url = self.url + path_of(to)
        if query:
            # Spaces in lists travel as "+" (several values of one argument).
            url += "?" + urllib.parse.urlencode(query, doseq=True)
        got = self.session.request(METHOD[op], url, data=body, headers=head, timeout=self.timeout,
                                   allow_redirects=False)
        rsc = got.headers.get("X-M2M-RSC")
        assert rsc is not None and rsc.isdigit(), "answer without RSC: HTTP %d %s" % (got.status_code, got.text[:300])
        if "X-M2M-RI" in head:
            assert got.headers.get("X-M2M-RI") == head["X-M2M-RI"], "the answer names another request"
        if got.content:
            assert got.headers.get("Content-Type", "").startswith("application/"), got.headers
        return Answer(got.status_code, int(rsc), dict(got.headers), got.content.decode("utf-8"))

    def create(self, to, ty, root, query=None, **attributes):
        return self.send(CREATE, to, {root: attributes}, ty, query)

    def retrieve(self, to, **query):
        return self.send(RETRIEVE, to, query=query)

    def update(self, to, root, **attributes):
        return self.send(UPDATE, to, {root: attributes})

    def delete(self, to):
        return self.send(DELETE, to)

    def register(self, base, name, api="Nproof", rr=False, **more):
        """AE registration; returns the AE."""
        return self.create(base, AE, "m2m:ae", rn=name, api=api, rr=rr, srv=["3"], **more).expect(2001).root("m2m:ae")

    def container(self, parent, name, **more):
        return self.create(parent, CONTAINER, "m2m:cnt", rn=name, **more).expect(2001).root("m2m:cnt")

    def put(self, container, content, name=None, **more):
        if name:
            more["rn"] = name
        return self.create(container, INSTANCE, "m2m:cin", con=content, **more)
