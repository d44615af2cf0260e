"""The museum of requests in test/bad/http, each against a running server: whole, octet by octet, and in pieces.

index.tsv says what each must be answered with and which counter grows. The client is a bare socket; nothing here
imports anything of ours."""
import http.client
import json
import os
import resource
import socket
import subprocess
import threading
import time

import pytest
from plant.house import House

HERE = os.path.dirname(os.path.abspath(__file__))
MUSEUM = os.path.join(HERE, "http")
PROBE = os.path.join(os.environ.get("ONESEAL_BUILD", "build"), "test", "bad", "http_probe")


class Probe:
    def __init__(self, *args, descriptors=None):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        self.process = subprocess.Popen([PROBE, *args], stdout=subprocess.PIPE, text=True, preexec_fn=limit)
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        host, port = line.split("=")[1].strip().rsplit(":", 1)
        self.address = (host, int(port))

    def counts(self):
        c = http.client.HTTPConnection(*self.address, timeout=10)
        c.request("GET", "/counts")
        answer = json.loads(c.getresponse().read())
        c.close()
        return answer

    def connect(self):
        s = socket.create_connection(self.address, timeout=10)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0  # a sanitizer's finding would be another number


@pytest.fixture
def probe(request):
    p = Probe(*getattr(request, "param", ()))
    yield p
    p.stop()


@pytest.fixture(scope="module")
def shared():
    p = Probe("--wipe")
    yield p
    p.stop()


def exhibits():
    with open(os.path.join(MUSEUM, "index.tsv")) as index:
        for line in index:
            if not line.startswith("#"):
                name, statuses, refusal, _reason = line.rstrip("\n").split("\t")
                yield pytest.param(name, statuses.split(), refusal, id=name)


def read_all(s):
    pieces = []
    while True:
        try:
            piece = s.recv(1 << 20)
        except ConnectionResetError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def parse(raw, head_only=False):
    """All answers in raw: [(status, fields, body)]; every octet must belong to one."""
    answers, at = [], 0
    while at < len(raw):
        end = raw.index(b"\r\n\r\n", at)
        lines = raw[at:end].decode("latin1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        assert version == "HTTP/1.1"
        fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        length = 0 if head_only else int(fields.get("content-length", 0))
        at = end + 4 + length
        assert at <= len(raw)
        answers.append((status, fields, raw[end + 4:at]))
    return answers


def send(s, raw, step):
    try:
        for i in range(0, len(raw), step):
            s.sendall(raw[i:i + step])
        s.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError, OSError):
        pass  # it was answered before it had been sent


def show(probe, raw, step, head_only=False):
    s = probe.connect()
    sender = threading.Thread(target=send, args=(s, raw, step))
    sender.start()
    answers = parse(read_all(s), head_only)
    sender.join()
    s.close()
    return answers


@pytest.mark.parametrize("step", [1 << 24, 1, 7], ids=["whole", "octets", "sevens"])
@pytest.mark.parametrize("name,statuses,refusal", list(exhibits()))
def test_exhibit(shared, name, statuses, refusal, step):
    with open(os.path.join(MUSEUM, name), "rb") as f:
        raw = f.read()
    if len(raw) > 100000 and step < 100:
        step *= 1000
    before = shared.counts()
    answers = show(shared, raw, step, head_only=name == "ok-head")
    after = shared.counts()
    got = [a[0] for a in answers if a[0] != "100"]
    if refusal == "*" or (refusal != "-" and step < len(raw)):
        # In pieces it is refused as early as it can be: the reason may be a coarser one.
        assert got[:-1] == statuses[:len(got) - 1] and got[-1][0] in "45", answers
    else:
        assert got == statuses, answers
    if refusal not in "-*" and step >= len(raw):
        assert after[refusal] == before[refusal] + 1
        status, fields, body = answers[-1]
        sentence = json.loads(body)["m2m:dbg"]
        assert fields["connection"] == "close" and fields["content-type"] == "application/json"
        assert len(sentence) > 20
        if status in ("413", "414", "431"):
            assert "(limit " in sentence, sentence
    grown = [k for k in after if k.isupper() and after[k] != before[k]]
    assert grown == [] if refusal == "-" else len(grown) == 1, grown


def test_every_file_is_in_the_index():
    listed = {e.values[0] for e in exhibits()}
    assert listed == set(os.listdir(MUSEUM)) - {"index.tsv"}


def test_every_split_of_a_pipeline(shared):
    """Two segments, cut at every octet; the answers are the same."""
    raw = (b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
           b"POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n"
           b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwxyz")
    want = None
    for cut in range(1, len(raw)):
        s = shared.connect()
        s.sendall(raw[:cut])
        time.sleep(0.0005)
        s.sendall(raw[cut:])
        got = [(a[0], a[2]) for a in parse(read_all(s))]
        s.close()
        want = want or got
        assert got == want and [b for _, b in got[1:]] == [b"abcde", b"wxyz"], cut


def test_a_refusal_reaches_a_client_that_is_still_sending(shared):
    """No reset while the client writes: it gets to read why."""
    c = http.client.HTTPConnection(*shared.address, timeout=10)
    c.request("POST", "/x", body=b"b" * (3 << 20))
    r = c.getresponse()
    assert r.status == 413
    assert json.loads(r.read())["m2m:dbg"] == "the request body is too large (limit body = 1048576 octets)"
    c.close()


def test_expect_continue(shared):
    s = shared.connect()
    s.sendall(b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    s.sendall(b"abc")
    s.shutdown(socket.SHUT_WR)
    assert parse(read_all(s))[0][2] == b"abc"
    s.close()


def test_expect_continue_waits_for_older_answers(shared):
    s = shared.connect()
    s.sendall(b"GET /late?ms=50 HTTP/1.1\r\nHost: h\r\n\r\n"
              b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    got = b""
    while not got.endswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
        piece = s.recv(1000)
        assert piece
        got += piece
    assert got.startswith(b"HTTP/1.1 200 ")
    s.sendall(b"abc")
    s.shutdown(socket.SHUT_WR)
    assert parse(read_all(s))[0][2] == b"abc"
    s.close()


def test_a_strangers_client(shared):
    c = http.client.HTTPConnection(*shared.address, timeout=10)
    for n in (0, 1, 1000, 20000, 1 << 20):
        c.request("POST", "/body", body=iter([b"c" * (n // 2), b"d" * (n - n // 2)]), encode_chunked=True,
                  headers={"Transfer-Encoding": "chunked"})
        r = c.getresponse()
        assert r.status == 200 and r.read() == b"c" * (n // 2) + b"d" * (n - n // 2)
    c.close()


def test_a_thousand_pipelined(shared):
    s = shared.connect()
    raw = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % i for i in range(1000))
    sender = threading.Thread(target=send, args=(s, raw, 1 << 20))
    sender.start()
    answers = parse(read_all(s))
    sender.join()
    assert [json.loads(a[2])["target"] for a in answers] == [f"/{i}" for i in range(1000)]
    s.close()


def test_more_late_answers_than_the_pipeline_holds(shared):
    s = shared.connect()
    raw = b"".join(b"GET /late?ms=%d HTTP/1.1\r\nHost: h\r\n\r\n" % (i % 3) for i in range(200))
    sender = threading.Thread(target=send, args=(s, raw, 1 << 20))
    sender.start()
    assert [a[0] for a in parse(read_all(s))] == ["200"] * 200
    sender.join()
    s.close()


def test_large_answers_to_a_slow_reader(shared):
    """100 answers of 256 KiB that nobody takes for a while: reading stops, memory stays bounded, nothing is lost."""
    body = b"z" * (256 << 10)
    raw = b"".join(b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body for _ in range(100))
    s = shared.connect()
    sender = threading.Thread(target=send, args=(s, raw, 1 << 20))
    sender.start()
    time.sleep(0.3)
    answers = parse(read_all(s))
    sender.join()
    assert len(answers) == 100 and all(a[2] == body for a in answers)
    s.close()


@pytest.mark.parametrize("probe", [("--set", "head_ms=100", "--set", "body_ms=100", "--set", "idle_ms=100")], indirect=True)
def test_deadlines(probe):
    s = probe.connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")
    assert parse(read_all(s))[0][0] == "408"
    s.close()
    s = probe.connect()
    start = time.monotonic()
    try:
        while time.monotonic() - start < 5:  # one octet at a time does not buy more time
            s.sendall(b"G" if time.monotonic() - start < 0.01 else b"E")
            time.sleep(0.02)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert time.monotonic() - start < 4
    s.close()
    s = probe.connect()
    s.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel")
    answer = parse(read_all(s))[0]
    assert answer[0] == "408" and "limit body_ms = 100 ms" in json.loads(answer[2])["m2m:dbg"]
    s.close()
    s = probe.connect()
    assert read_all(s) == b""
    s.close()
    counts = probe.counts()
    assert counts["BODY_TIME"] == 1 and counts["IDLE_TIME"] == 1 and counts["HEAD_TIME"] >= 1


@pytest.mark.parametrize("probe", [("--set", "write_ms=200",)], indirect=True)
def test_a_peer_that_never_reads(probe):
    body = b"z" * (1 << 20)
    s = probe.connect()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw = b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    sender = threading.Thread(target=send, args=(s, raw * 20, 1 << 20))
    sender.start()
    for _ in range(100):
        if probe.counts()["WRITE_TIME"] == 1:
            break
        time.sleep(0.05)
    assert probe.counts()["WRITE_TIME"] == 1
    sender.join()
    s.close()


@pytest.mark.parametrize("probe", [("--set", "connections=3")], indirect=True)
def test_connections_in_all(probe):
    held = [probe.connect() for _ in range(3)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert s.recv(1000)
    s = probe.connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    status, fields, body = parse(read_all(s))[0]
    assert status == "503" and fields["retry-after"] == "1"
    assert "limit connections = 3" in json.loads(body)["m2m:dbg"]
    s.close()
    held.pop().close()
    time.sleep(0.1)
    assert probe.counts()["CONNECTIONS"] == 1  # there is room again
    for s in held:
        s.close()


@pytest.mark.parametrize("probe", [("--set", "per_peer=2")], indirect=True)
def test_connections_of_one_peer(probe):
    held = [probe.connect() for _ in range(2)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert s.recv(1000)
    s = probe.connect()
    assert parse(read_all(s))[0][0] == "503"
    s.close()
    other = socket.socket()
    other.bind(("127.0.0.2", 0))
    other.connect(probe.address)
    other.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert parse(read_all(other))[0][0] == "200"
    other.close()
    for s in held:
        s.close()


def test_many_connections_come_and_go(shared):
    held = [shared.connect() for _ in range(300)]
    for s in held:
        s.sendall(b"GET / HT")
    for s in held:
        s.sendall(b"TP/1.1\r\nHost: h\r\n\r\n")
    for s in held:
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
        s.close()
    for _ in range(50):
        if shared.counts()["open"] == 1:
            break
        time.sleep(0.02)
    assert shared.counts()["open"] == 1


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_no_descriptors_left():
    """Connections beyond the process's descriptors wait in the kernel's queue; the loop does not spin; then they are served."""
    p = Probe(descriptors=24)
    held = [p.connect() for _ in range(40)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert held[0].recv(1000).startswith(b"HTTP/1.1 200")
    before = cpu_seconds(p.process.pid)
    time.sleep(0.5)
    assert cpu_seconds(p.process.pid) - before < 0.25
    for s in held[:30]:
        s.close()
    assert held[39].recv(1000).startswith(b"HTTP/1.1 200")
    for s in held:
        s.close()
    p.stop()


def test_idle_connections_do_not_spin(shared):
    held = [shared.connect() for _ in range(20)]
    for i, s in enumerate(held):
        s.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" if i % 2 else b"GET / HT")
    time.sleep(0.1)
    before = cpu_seconds(shared.process.pid)
    time.sleep(0.5)
    assert cpu_seconds(shared.process.pid) - before < 0.1
    for s in held:
        s.close()


# ---- the same museum against a CSE: its refusals are oneM2M answers too

@pytest.fixture(scope="module")
def cse(tmp_path_factory):
    with House(str(tmp_path_factory.mktemp("http"))) as house:
        process = house.cse("server", "in", "/id-in", "in", insecure=True)
        yield process
        assert process.running()
        assert process.stop() == 0


def cse_connect(process):
    host, port = process.ready["http"].rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=20)


@pytest.mark.parametrize("name,statuses,refusal", list(exhibits()))
def test_exhibit_at_a_cse(cse, name, statuses, refusal):
    with open(os.path.join(MUSEUM, name), "rb") as f:
        raw = f.read()
    s = cse_connect(cse)
    sender = threading.Thread(target=send, args=(s, raw, 1 << 24))
    sender.start()
    answers = parse(read_all(s), head_only=name == "ok-head")
    sender.join()
    s.close()
    assert len(answers) == len(statuses)
    for status, fields, _ in answers:
        assert fields["x-m2m-rsc"] and status[0] in "45"  # nobody here has said who asks
    if refusal not in "-*":
        status, fields, body = answers[-1]
        assert status == statuses[-1] and fields["connection"] == "close"
        assert len(json.loads(body)["m2m:dbg"]) > 20
