"""The museum of oneM2M requests in test/bad/m2m, each sent to a running MN-CSE over a bare socket.

A file is a request: head with plain line ends (Host and Content-Length are added), an empty line, and the body octet for
octet. index.tsv says the response status code, words that the error text must hold (which attribute, which rule), and why.
Every one must be refused, the connection must stay usable unless the answer closes it, and nothing at all may have changed afterwards."""
import json
import os
import socket

import pytest
from plant.house import House

MUSEUM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "m2m")

# Response status codes and their HTTP status (TS-0009 table 6.3.2-1), written down here once more.
STATUS = {2000: 200, 2001: 201, 4000: 400, 4001: 501, 4004: 404, 4005: 405, 4008: 504, 4015: 415, 4105: 409, 4106: 403,
          4107: 403, 4108: 403, 4117: 403, 5001: 501, 5203: 403, 5206: 501, 5207: 406}

TREE = [  # path of the parent, type, representation
    ("/mn", 2, {"m2m:ae": {"rn": "bad", "api": "N1", "rr": True, "srv": ["3"]}}),
    ("/mn/bad", 3, {"m2m:cnt": {"rn": "c"}}),
    ("/mn/bad", 3, {"m2m:cnt": {"rn": "empty"}}),
    ("/mn/bad", 3, {"m2m:cnt": {"rn": "small", "mbs": 10}}),
    ("/mn/bad/c", 4, {"m2m:cin": {"rn": "one", "con": "x"}}),
    ("/mn/bad/c", 23, {"m2m:sub": {"rn": "s", "nu": ["Cbad"], "enc": {"net": [2]}}}),
    ("/mn/bad", 1, {"m2m:acp": {"rn": "p", "pv": {"acr": []}, "pvs": {"acr": [{"acor": ["Cbad"], "acop": 63}]}}}),
]


class Wire:
    """One connection; answers are read by their Content-Length."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.rest = b""

    def ask(self, request):
        head, _, body = request.partition(b"\n\n")
        lines = head.split(b"\n") + [b"Host: cse", b"Content-Length: %d" % len(body)]
        self.socket.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        return self.answer()

    def answer(self):
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        length = int(fields.get("content-length", 0))
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(first.split()[1]), fields, body

    def more(self):
        octets = self.socket.recv(65536)
        assert octets, "the connection was closed"
        self.rest += octets

    def close(self):
        self.socket.close()


def simple(method, path, ty=None, body=None):
    head = "%s %s HTTP/1.1\nX-M2M-Origin: Cbad\nX-M2M-RI: set-up\nX-M2M-RVI: 3" % (method, path)
    if body is not None:
        head += "\nContent-Type: application/json" + (";ty=%d" % ty if ty else "")
    return head.encode() + b"\n\n" + (json.dumps(body).encode() if body is not None else b"")


@pytest.fixture(scope="module")
def cse(tmp_path_factory):
    with House(tmp_path_factory.mktemp("museum")) as house:
        server = house.cse("server", "in", "/id-in", "in")
        process = house.cse("gateway", "mn", "/id-mn", "mn", parent=server, insecure=True)
        wire = Wire(process.ready["http"])
        for path, ty, body in TREE:
            status, fields, answer = wire.ask(simple("POST", path, ty, body))
            assert status == 201, answer
        wire.close()
        yield process


def exhibits():
    with open(os.path.join(MUSEUM, "index.tsv"), encoding="utf-8") as index:
        for line in index:
            if not line.startswith("#"):
                name, rsc, words, _ = line.rstrip("\n").split("\t")
                yield name, int(rsc), words


def whole(wire):
    status, _, body = wire.ask(simple("GET", "/mn/bad?rcn=4"))
    assert status == 200, body
    return body


def test_the_index_lists_every_file():
    names = [name for name, *_ in exhibits()]
    assert len(names) == len(set(names)) > 200
    assert sorted(names + ["index.tsv"]) == sorted(os.listdir(MUSEUM))


@pytest.mark.parametrize("name,rsc,words", list(exhibits()), ids=lambda v: v if isinstance(v, str) else "")
def test_refused(cse, name, rsc, words):
    wire = Wire(cse.ready["http"])
    try:
        before = whole(wire)
        with open(os.path.join(MUSEUM, name), "rb") as f:
            status, fields, body = wire.ask(f.read())
        assert fields.get("x-m2m-rsc") == str(rsc), (status, fields, body[:500])
        assert status == STATUS[rsc]
        text = json.loads(body)["m2m:dbg"]
        assert text.startswith("%d " % rsc) and words in text and len(text) < 600, text
        if fields.get("connection") == "close":
            wire.close()
            wire = Wire(cse.ready["http"])
        assert whole(wire) == before
    finally:
        wire.close()
