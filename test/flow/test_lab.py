"""./dev lab: an open laboratory CSE for other people's clients and test suites, on plain HTTP."""
import os
import signal
import socket
import subprocess
import time

import pytest
import requests
from plant.onem2m import Client
from plant.process import ROOT, SLOW, build_folder, free_port
from plant.receiver import Receiver


def start(folder, port, *more):
    """./dev lab on `port`; its output goes to `log` in the folder."""
    log = folder / "log"
    with open(log, "wb") as out:
        child = subprocess.Popen([os.path.join(ROOT, "dev"), "lab", "--port", str(port), "--request-timeout", "2",
                                  *more], stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, stdin=subprocess.DEVNULL,
                                 env=dict(os.environ, ONESEAL_BUILD=build_folder()))
    child.log, child.url = log, "http://127.0.0.1:%d" % port
    return child


def until(child, true):
    deadline = time.monotonic() + 120 * SLOW      # ./dev lab builds first
    while not true():
        assert child.poll() is None and time.monotonic() < deadline, child.log.read_text()
        time.sleep(0.1)


def answers(url):
    try:
        requests.get(url, timeout=5)
        return True
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    child = start(tmp_path_factory.mktemp("lab"), free_port())
    until(child, lambda: answers(child.url + "/cse-in"))
    yield child
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) in (0, -15)


def port_pair():
    """A free port whose successor is free, too."""
    while True:
        port = free_port()
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


def client(lab, origin, **more):
    return Client(lab.url, origin, **more)


def test_it_says_that_everything_is_open(lab):
    assert "open" in lab.log.read_text().lower()


def test_anybody_registers(lab):
    base = client(lab, "CAdmin").retrieve("cse-in").expect(2000).root("m2m:cb")
    assert base["csi"] == "/id-in" and base["ri"] == "id-in" and base["srv"] == ["2a", "3", "4", "5"]
    for stem in ("Cone", "C", None, ""):
        ae = client(lab, stem).create("cse-in", 2, "m2m:ae", api="Nx", rr=False, srv=["3"])
        made = ae.expect(2001).root("m2m:ae")
        assert made["aei"] == made["ri"] and made["aei"].startswith("C")
        owner = client(lab, made["aei"])
        owner.delete(made["ri"]).expect(2002)
    # A stem whose AE was deleted is free again at once.
    again = client(lab, "Cone")
    again.register("cse-in", "again")
    again.delete("cse-in/again").expect(2002)


def test_switches_of_the_laboratory(lab):
    client(lab, "CAdmin", rvi=None).retrieve("cse-in").expect(4001)            # 1
    client(lab, "CAdmin", rvi="1").retrieve("cse-in").expect(4001)
    client(lab, "Cstranger").retrieve("cse-in").expect(4103)                   # 8: access control alone decides
    client(lab, "no/such/name").retrieve("cse-in").expect(4103)                # 20
    client(lab, "CAdmin").retrieve("cse-in/").expect(4000)                     # 24
    client(lab, "Cpol").create("cse-in", 1, "m2m:acp", rn="pol", pv={"acr": []},
                               pvs={"acr": [{"acor": ["Cpol"], "acop": 63}]}).expect(2001)     # 22
    a = client(lab, "Cswitch")
    a.register("cse-in", "switch")
    a.retrieve("cse-in").expect(2000)                                          # 22
    a.container("cse-in/switch", "c")
    with Receiver() as receiver:                                               # 13, 18, 15
        sub = a.create("cse-in/switch/c", 23, "m2m:sub", rn="s", nu=[receiver.url],
                       su=receiver.url + "/end").expect(2001).root("m2m:sub")
        assert sub["enc"] == {"net": [1]} and "cr" not in sub
        assert receiver.wait(1, match=lambda n: n.verification)
        a.update("cse-in/switch/c", "m2m:cnt", lbl=["x"]).expect(2004)
        assert "cr" not in receiver.wait(1)[0].body["m2m:sgn"]
        a.delete("cse-in/switch/c/s").expect(2002)
        assert any(n.deletion for n in receiver.notices)                       # 16: sent before the answer
    a.create("cse-in/switch/c", 23, "m2m:sub", rn="t", nu=["http://127.0.0.1:%d" % free_port()]).expect(5204)
    a.send(2, "cse-in/switch", headers={"X-M2M-RET": "PT2S"}).expect(2000)     # 27
    a.delete("cse-in/switch").expect(2002)


def test_a_second_cse_registered_with_the_first(tmp_path):
    port = port_pair()
    child = start(tmp_path, port, "--mn")
    try:
        until(child, lambda: child.log.read_text().count("ready http=127.0.0.1:") == 2)
        server = Client(child.url, "CAdmin")
        gateway = Client("http://127.0.0.1:%d" % (port + 1), "CAdmin")
        base = gateway.retrieve("cse-mn").expect(2000).root("m2m:cb")
        assert base["csi"] == "/id-mn" and base["cst"] == 2
        until(child, lambda: server.retrieve("/id-in/cse-in/id-mn").rsc == 2000)
        until(child, lambda: gateway.retrieve("cse-mn/id-in").rsc == 2000)
        # Both ways: what is open to everybody. (The administrator of one CSE is nobody at the other.)
        server.retrieve("/id-mn/cse-mn", fu=1, ty=2).expect(2000).root("m2m:uril")
        gateway.retrieve("/id-in/cse-in", fu=1, ty=2).expect(2000).root("m2m:uril")
        server.retrieve("/id-mn/cse-mn").expect(4103)
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) in (0, -15)
    assert not answers(child.url) and not answers("http://127.0.0.1:%d" % (port + 1))
