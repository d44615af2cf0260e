"""Figures of the TTP: processor time of all its rooms for requests that were made beforehand.

A stranger's requests (python3-jwcrypto) are prepared, then sent over so many keep-alive TLS connections; what counts is
the time that the rooms spent on a processor meanwhile (/proc/PID/schedstat, nanoseconds), parent included. The peer of
a figure is the time that was promised, so a ratio above 1 keeps the promise. `ttp_p99` compares the 99th percentile of
single releases with three durable commits of this disk, measured in the same run, and 5 ms.
"""
import os
import socket
import ssl
import statistics
import threading
import time

from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import Broken, children
from witness import ten_steps
from witness.jose_stranger import sid_of
from witness.ttp_stranger import Party, fresh_kv

KEYS_OF_A_BATCH = 100
CONNECTIONS = 64
READERS = 8
QUOTA = []      # configuration sections that lift the quotas of a client


def cpu_ns(pids):
    """Nanoseconds that these processes were on a processor."""
    total = 0
    for pid in pids:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total


def resident(pids):
    """Octets of memory that only these processes have (private pages)."""
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            for line in f:
                if line.startswith(("Private_Clean:", "Private_Dirty:")):
                    total += int(line.split()[1]) * 1024
    return total


class Connection:
    """One client, one request at a time; bare, so that the load costs little."""

    def __init__(self, party, address):
        context = ssl.create_default_context(cafile=party.session.verify)
        context.load_cert_chain(*party.session.cert)
        self.socket = context.wrap_socket(socket.create_connection(address), server_hostname=TTP_NAME)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask(b"GET /nonce HTTP/1.1\r\nHost: %s\r\n\r\n" % TTP_NAME.encode())     # the handshake is over

    def ask(self, request):
        """(status, body)"""
        self.socket.sendall(request)
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.more()
        head, _, body = text.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self.more()
        return int(head.split(b" ")[1]), body

    def more(self):
        got = self.socket.recv(1 << 18)
        if not got:
            raise Broken("the TTP closed a connection")
        return got

    def close(self):
        self.socket.close()


def post(path, text):
    body = text.encode()
    return (b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/jose\r\nContent-Length: %d\r\n\r\n"
            % (path.encode(), TTP_NAME.encode(), len(body))) + body


class Plant:
    """A TTP with an owner, readers, a policy that lets them read, and keys."""

    def __init__(self, folder):
        self.house = House(os.path.join(folder, "house"))
        try:
            self.ttp = self.house.ttp(extra=QUOTA)
            with open(self.ttp.bundle, encoding="ascii") as f:
                self.bundle = ten_steps.read_bundle(f.read())
            self.owner = self.party(SP + "/id-mn", "/id-mn")
            self.readers = [self.party(SP + "/Sbench-%d" % i, SP + "/Sbench-%d" % i) for i in range(READERS)]
            if self.owner.policy("bench", 1, {r.identity: None for r in self.readers}) != "ok":
                raise Broken("the policy was not taken")
        except BaseException:
            self.house.close()
            raise
        self.epoch = 0

    def party(self, identity, name):
        certificate, key = self.house.certificate(name)
        one = Party(identity, certificate, key, "https://" + self.ttp.ready["https"], self.house.authority.path,
                    _Named(TTP_NAME), self.bundle)
        if one.register() != "ok":
            raise Broken("%s was not registered" % identity)
        return one

    def pids(self):
        return [self.ttp.pid] + list(children(self.ttp.pid).values())

    def letters(self, count, items):
        """So many letters of so many epochs each, and the identifiers of their keys."""
        texts, kids = [], []
        for _ in range(count):
            some, values = [], []
            for _ in range(items):
                self.epoch += 1
                values.append(fresh_kv())
                some.append(self.owner.item("%s/id-mn/mn/dev/%d" % (SP, self.epoch % 100), values[-1], self.epoch, "bench"))
            kids.append([i["kid"] for i in some])
            texts.append(post("/letter", self.owner.letter_text(some, values)))
        return texts, kids

    def requests(self, count, kids):
        """Requests for releases, each by a reader in turn, for the given lists of identifiers in turn."""
        texts = []
        nonce = self.readers[0].fresh_nonce()
        for i in range(count):
            reader = self.readers[i % READERS]
            texts.append(post("/release", reader.request_text(kids[i % len(kids)], nonce=nonce)[0]))
        return texts

    def send(self, texts, connections, parties):
        """(CPU nanoseconds of the rooms, wall seconds, latencies in seconds); every answer must be 200."""
        host, _, port = self.ttp.ready["https"].rpartition(":")
        wires = [Connection(parties[i % len(parties)], (host, int(port))) for i in range(connections)]
        times, wrong = [], []

        def one(number):
            for text in texts[number::connections]:
                begin = time.monotonic()
                status, body = wires[number].ask(text)
                times.append(time.monotonic() - begin)
                if status != 200:
                    wrong.append((status, body[:300]))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(connections)]
        pids, begin = self.pids(), time.monotonic()
        before = cpu_ns(pids)
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        used, wall = cpu_ns(pids) - before, time.monotonic() - begin
        for wire in wires:
            wire.close()
        if wrong or len(times) != len(texts):
            raise Broken("%d of %d requests went wrong, the first: %s" % (len(wrong), len(texts), wrong[:1]))
        return used, wall, times

    def close(self):
        for one in [self.owner] + self.readers:
            one.close()
        self.house.close()


def promised(used_us, goal_us, unit, rounds):
    """A record: processor microseconds of one piece of work beside what was promised."""
    us = statistics.median(used_us)
    return {"ours": round(1e6 / us), "peer": round(1e6 / goal_us), "ratio": round(goal_us / us, 3),
            "low": round(goal_us / max(used_us), 3), "high": round(goal_us / min(used_us), 3), "goal": 1, "unit": unit,
            "cpu_us": round(us, 1), "rounds": rounds}


def release_figure(keys, requests, goal_us):
    """Releases of `keys` keys each."""
    def figure(bench, folder):
        plant = Plant(folder)
        try:
            letters, kids = plant.letters(4, KEYS_OF_A_BATCH)
            plant.send(letters, 4, [plant.owner])
            wanted = [k[i:i + keys] for k in kids for i in range(0, len(k), keys)]
            used = []
            for round_ in range(bench.rounds + 1):              # the first warms up
                texts = plant.requests(requests, wanted)
                took = plant.send(texts, CONNECTIONS, plant.readers)[0] / 1000 / requests / keys
                used += [took] if round_ else []
            return promised(used, goal_us, "keys/s", bench.rounds)
        finally:
            plant.close()
    return figure


def letter_figure(items, count, goal_us):
    """Registrations, `items` epochs in a letter."""
    def figure(bench, folder):
        plant = Plant(folder)
        try:
            used = []
            for round_ in range(bench.rounds + 1):
                letters = plant.letters(count, items)[0]
                took = plant.send(letters, CONNECTIONS if items == 1 else 8, [plant.owner])[0] / 1000 / count / items
                used += [took] if round_ else []
            return promised(used, goal_us, "epochs/s", bench.rounds)
        finally:
            plant.close()
    return figure


def commits(folder, count=50):
    """Milliseconds of durable writes of 4 KB to this disk."""
    took = []
    fd = os.open(os.path.join(folder, "fsyncs"), os.O_WRONLY | os.O_CREAT, 0o600)
    for i in range(count):
        begin = time.monotonic()
        os.pwrite(fd, bytes(4096), i * 4096)
        os.fsync(fd)
        took.append((time.monotonic() - begin) * 1000)
    os.close(fd)
    return took


def p99_figure(bench, folder):
    """Wall clock of a single release, 4 clients; ratio = what is allowed / what it took."""
    plant = Plant(folder)
    try:
        letters, kids = plant.letters(1, KEYS_OF_A_BATCH)
        plant.send(letters, 1, [plant.owner])
        rows = []
        for round_ in range(bench.rounds + 1):
            texts = plant.requests(400, [[k] for k in kids[0]])
            disk = statistics.median(commits(folder))
            times = sorted(plant.send(texts, 4, plant.readers)[2])
            rows += [(3 * disk + 5, times[len(times) * 99 // 100] * 1000)] if round_ else []
        ratios = [allowed / took for allowed, took in rows]
        return {"ours": round(statistics.median(t for _, t in rows), 2), "peer": round(statistics.median(a for a, _ in rows), 2),
                "ratio": round(statistics.median(ratios), 3), "low": round(min(ratios), 3), "high": round(max(ratios), 3),
                "goal": 1, "unit": "ms", "cpu_us": 0, "rounds": bench.rounds}
    finally:
        plant.close()


ALL = {"ttp_release": release_figure(1, 400, 333), "ttp_release_batch_100": release_figure(KEYS_OF_A_BATCH, 64, 20),
       "ttp_registration": letter_figure(1, 200, 250), "ttp_epochs_of_100": letter_figure(KEYS_OF_A_BATCH, 24, 50),
       "ttp_p99": p99_figure}
