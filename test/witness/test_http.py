"""http.py reads what RFC 9112 allows and refuses to guess."""
import pytest
from witness import http

ASK = (b"POST /mn/a HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nContent-Type: application/json; ty=4\r\n"
       b"Content-Length: 5\r\n\r\nhello")
GET = b"GET /~/id-mn/mn/a/la HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"


def test_pipelined_pairs():
    pairs = http.exchanges(ASK + GET + HEAD + GET, OK + b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED
                           + b"HTTP/1.1 200\r\nContent-Length: 9\r\n\r\n")
    assert [(r.method, r.target) for r, _ in pairs] == [("POST", "/mn/a"), ("GET", "/~/id-mn/mn/a/la"),
                                                        ("HEAD", "/"), ("GET", "/~/id-mn/mn/a/la")]
    assert [a.body if a else None for _, a in pairs] == [b"abc", b"abcde", b"", None]
    assert pairs[0][0].body == b"hello" and pairs[0][0].get("x-m2m-ri") == "1"
    assert pairs[0][1].status == 200 and pairs[0][1].get("X-M2M-RSC") == "2000"
    assert pairs[1][0].at == len(ASK)


def test_unfinished_messages_are_left_out():
    assert len(http.requests(ASK + ASK[:-1])) == 1
    assert http.responses(OK[:-1]) == []
    assert http.responses(b"HTTP/1.1 200\r\n\r\nto the end")[0].body == b"to the end"


@pytest.mark.parametrize("bad", [
    ASK.replace(b"Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 5"),
    ASK.replace(b"Content-Length: 5", b"Content-Length: +5"),
    ASK.replace(b"Host: x", b"Host : x"),
    ASK.replace(b"Host: x", b"Host: x\r\n folded"),
    ASK.replace(b"HTTP/1.1", b"HTTP/2.0"),
    ASK.replace(b"Host: x", b"Transfer-Encoding: chunked"),
])
def test_refuses(bad):
    with pytest.raises(http.HttpError):
        http.requests(bad)


def test_more_answers_than_questions():
    with pytest.raises(http.HttpError):
        http.exchanges(GET, OK + OK)
