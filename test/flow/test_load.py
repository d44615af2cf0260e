"""Many clients at once on several loops: nothing is lost or torn, every client reads its own write, limits refuse at
once. Under --san=thread these are what the sanitizer watches."""
import json
import os
import socket
import threading
import time

import pytest

from plant.receiver import Receiver

SOON = 8 if os.environ.get("ONESEAL_SAN") else 1
ROUNDS = 12 if os.environ.get("ONESEAL_SAN") else 60


def ask(path, line):
    """One question to the admin socket."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10 * SOON)
        s.connect(path)
        s.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = s.recv(65536)
            if not piece:
                break
            answer += piece
    return json.loads(answer)


def busy_cse(house, tmp_path, **limits):
    rows = {"loops": "3"}
    rows.update({k.replace("_", "-"): v for k, v in limits.items()})
    cse = house.cse("busy", "in", "/id-in", "in", insecure=True,
                    extra=[("limits", rows), ("admin", {"socket": str(tmp_path / "admin")})])
    return cse


def together(jobs):
    """Runs them in threads; the first exception is raised here."""
    failures = []

    def guarded(job):
        try:
            job()
        except BaseException as why:    # pylint: disable=broad-except
            failures.append(why)
    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def no_race(process):
    assert "ThreadSanitizer" not in process.log_text(), process.tail(20000)


def test_writers_and_readers_on_three_loops(house, tmp_path):
    cse = busy_cse(house, tmp_path)
    watcher = house.client(cse, "Cload0", insecure=True)
    owners = [house.client(cse, "Cload%d" % i, insecure=True) for i in range(6)]
    for i, o in enumerate(owners):
        o.register("in", "load%d" % i)
    first = owners[0]
    first.create("in/load0", 1, "m2m:acp", rn="p", pv={"acr": [{"acor": ["all"], "acop": 63}]},
                 pvs={"acr": [{"acor": ["Cload0"], "acop": 63}]}).expect(2001)
    first.container("in/load0", "shared", acpi=["in/load0/p"])
    for i, o in enumerate(owners):
        o.container("in/load%d" % i, "own", mni=5)
    done = threading.Event()

    def writer(number, client):
        def job():
            own = "in/load%d/own" % number
            for i in range(ROUNDS):
                text = "%d-%d" % (number, i)
                client.put("in/load0/shared", text).expect(2001)
                client.put(own, text).expect(2001)
                assert client.retrieve(own + "/la").root("m2m:cin")["con"] == text
                assert client.retrieve(own).root("m2m:cnt")["cni"] == min(i + 1, 5)
                if i % 7 == 0:
                    client.update(own, "m2m:cnt", lbl=[text]).expect(2004)
                    assert client.retrieve(own).root("m2m:cnt")["lbl"] == [text]
                if i % 9 == 0:
                    client.container(own, "part")      # a child that comes and goes
                    client.delete(own + "/part").expect(2002)
                    client.retrieve(own + "/part").expect(4004)
        return job

    def reader():
        last = -1
        while not done.is_set():
            got = watcher.retrieve("in/load0/shared").root("m2m:cnt")["cni"]
            assert got >= last, "the counter went back"
            last = got
            watcher.retrieve("in", fu=1, ty=3).expect(2000)

    def writers():
        try:
            together([writer(i, o) for i, o in enumerate(owners)])
        finally:
            done.set()

    together([writers, reader])
    shared = watcher.retrieve("in/load0/shared").root("m2m:cnt")
    assert shared["cni"] == 6 * ROUNDS
    seen = [c["con"] for c in watcher.retrieve("in/load0/shared", rcn=4).root("m2m:cnt")["m2m:cin"]]
    assert sorted(seen) == sorted("%d-%d" % (n, i) for n in range(6) for i in range(ROUNDS))
    for n in range(6):      # each writer's own stand in its order
        assert [s for s in seen if s.startswith("%d-" % n)] == ["%d-%d" % (n, i) for i in range(ROUNDS)]
    status = ask(str(tmp_path / "admin"), "status")
    assert status["writer"]["changes"] >= 12 * ROUNDS and status["loops"] == 3
    assert status["writer"]["batches"] <= status["writer"]["changes"]
    no_race(cse)


def test_notices_of_a_crowd(house, tmp_path):
    """Letters written by the writer, sent by loop 0, while the other loops go on."""
    cse = busy_cse(house, tmp_path)
    owner = house.client(cse, "Cload", insecure=True)
    owner.register("in", "load")
    owner.container("in/load", "c")
    with Receiver() as receiver:
        owner.create("in/load/c", 23, "m2m:sub", rn="s", nu=[receiver.url], enc={"net": [3]}).expect(2001)
        makers = [house.client(cse, "Cload", insecure=True) for _ in range(4)]

        def maker(number):
            def job():
                for i in range(ROUNDS // 4):
                    makers[number].put("in/load/c", "%d-%d" % (number, i)).expect(2001)
            return job
        together([maker(n) for n in range(4)])
        total = 4 * (ROUNDS // 4)
        got = [n.representation["m2m:cin"]["con"] for n in receiver.wait(total, timeout=20 * SOON)]
    stored = [c["con"] for c in owner.retrieve("in/load/c", rcn=4).root("m2m:cnt")["m2m:cin"]]
    assert got[:total] == stored, "not in the order of the changes"
    deadline = time.monotonic() + 10 * SOON
    while ask(str(tmp_path / "admin"), "status")["outbox"] != 0:
        assert time.monotonic() < deadline, "letters are left over"
        time.sleep(0.1)
    no_race(cse)


def counted_refusals(tmp_path):
    status = ask(str(tmp_path / "admin"), "status")
    return status["writer"]["refused"] + status["http"]["busy"]


def eventually(holds, seconds=5):
    """The figures of other threads reach the admin socket a moment late."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def test_a_full_queue_refuses_at_once(house, tmp_path):
    cse = busy_cse(house, tmp_path, queue="1", exchanges="4")
    owner = house.client(cse, "Cload", insecure=True)
    owner.register("in", "load")
    owner.container("in/load", "c", mni=100000)
    clients = [house.client(cse, "Cload", insecure=True) for _ in range(16)]
    seen = []

    def maker(client):
        def job():
            for _ in range(ROUNDS):
                seen.append(client.put("in/load/c", "x"))
        return job
    together([maker(c) for c in clients])
    good = [a for a in seen if a.rsc == 2001]
    refused = [a for a in seen if a.rsc != 2001]
    assert good and refused, (len(good), len(refused))
    assert all(a.status == 503 and a.headers.get("Retry-After") for a in refused), refused[0]
    assert all(a.rsc // 1000 == 5 for a in refused)
    assert owner.retrieve("in/load/c").root("m2m:cnt")["cni"] == len(good)
    assert eventually(lambda: counted_refusals(tmp_path) >= len(refused)), counted_refusals(tmp_path)
    no_race(cse)


def test_told_to_stop_in_the_middle_of_work(house, tmp_path):
    """What was acknowledged is there afterwards; it ends in time although everybody goes on asking."""
    cse = busy_cse(house, tmp_path)
    owner = house.client(cse, "Cload", insecure=True)
    owner.register("in", "load")
    owner.container("in/load", "c")
    clients = [house.client(cse, "Cload", insecure=True) for _ in range(8)]
    acknowledged, stopped = [], threading.Event()

    def maker(number):
        def job():
            for i in range(100000):
                try:
                    if clients[number].put("in/load/c", "%d-%d" % (number, i)).rsc == 2001:
                        acknowledged.append("%d-%d" % (number, i))
                except Exception:   # pylint: disable=broad-except
                    if stopped.is_set():
                        return
        return job
    threads = [threading.Thread(target=maker(n)) for n in range(8)]
    for t in threads:
        t.start()
    time.sleep(0.5 * SOON)
    start = time.monotonic()
    stopped.set()
    assert cse.stop() == 0
    assert time.monotonic() - start < 2.5 * SOON
    for t in threads:
        t.join()
    no_race(cse)
    cse.start()
    again = house.client(cse, "Cload", insecure=True)
    kept = {c["con"] for c in again.retrieve("in/load/c", rcn=4).root("m2m:cnt")["m2m:cin"]}
    assert acknowledged and set(acknowledged) <= kept


@pytest.mark.parametrize("line", ["nonsense", "", "status extra words"])
def test_the_admin_socket_answers_everything(house, tmp_path, line):
    busy_cse(house, tmp_path)
    answer = ask(str(tmp_path / "admin"), line)
    assert "error" in answer or answer["v"] == 1
