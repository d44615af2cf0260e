"""Between server and application stands a hostile server with the server's own certificate, helped by a reader who has
every content key. Whatever it does, nothing that it altered, moved, dropped, repeated or forged becomes confirmed, and
the application gives a reason within one heartbeat. The same plant without a mutation confirms everything.

Prints a table: mutation, reasons of which one must be seen, what was seen."""
import json
import os
import subprocess
import threading
import time

import pytest
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import SLOW, free_port, program
from witness import head_witness, ten_steps
from witness.jose_stranger import sid_of
from witness.ttp_stranger import Party

from mutation_proxy import Proxy
from mutations import FORGED, ROWS, Mutation, claims, header, index

ACCOMPLICE = SP + "/Saccomplice"
BEFORE, AFTER = 3, 4
GROUP = 16
HEARTBEAT_S = 6         # of the application; the gateway shows a sign of life every two seconds
LATEST_S = 45 * SLOW    # a forged index is told by the first head 15 s behind it
SEGMENT, IDLE = "400ms", "2s"


def con_text(row, n):
    return "reading %d of %s" % (n, row.name)


class Stream:
    """A container, the application that reads it through the hostile server, and what was seen."""

    def __init__(self, plant, number, row):
        self.plant, self.row = plant, row
        self.stem = "Sm%02d" % number
        self.rn = "data-%02d" % number
        self.path = "mn/thermo-1/" + self.rn
        self.address = SP + "/id-mn/" + self.path
        self.mutation = Mutation(row)
        self.mutation.kv = lambda kid: plant.kv(kid)
        self.lines, self.changed = [], threading.Condition()
        self.child, self.before = None, set()
        house = plant.house
        more = dict(item.split("=") for item in row.data.split()) if row.data else {}
        plant.device.container("mn/thermo-1", self.rn, acpi=["mn/thermo-1/acp"],
                               **{k: int(v) for k, v in more.items()})
        app = plant.proxy.app(self.stem, house.certificate(SP + "/" + self.stem), self.mutation)
        folder, _ = house.profile(self.stem, SP + "/" + self.stem, plant.server, plant.ttp, [self.address],
                                  url=plant.proxy.url)
        self.app, self.conf = app, os.path.join(folder, self.stem + ".conf")
        with open(self.conf, encoding="utf-8") as f:
            whole = f.read()
        whole = whole.replace("[listen]\n", "[listen]\npoa = %s\n" % app.poa)
        whole = whole.replace("[stream s0]\n", "[stream s0]\nheartbeat = %ds\n" % HEARTBEAT_S)
        self.write(whole)
        self.folder = folder

    def write(self, conf):
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(conf)

    def put(self, n):
        self.plant.device.put(self.path, con_text(self.row, n)).expect(2001)

    # --- the application
    def watch(self):
        self.app.receiver = free_port()     # at the last moment: nobody shall have taken it
        with open(self.conf, encoding="utf-8") as f:
            whole = f.read()
        self.write(whole.replace("address = 127.0.0.1:0", "address = 127.0.0.1:%d" % self.app.receiver))
        self.child = subprocess.Popen([program("oneseal"), "watch", "%s:/id-mn/%s" % (self.stem, self.path), "--open",
                                       "--confirmed", "--json", "--config", self.folder],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for pipe in (self.child.stdout, self.child.stderr):
            threading.Thread(target=self.collect, args=(pipe,), daemon=True).start()

    def collect(self, pipe):
        for line in pipe:
            self.take(line.decode(errors="replace"))

    def take(self, line):
        try:
            row = json.loads(line)
        except ValueError:
            row = {"text": line.strip()}
        with self.changed:
            self.lines.append(row)
            self.changed.notify_all()

    def get(self, *words):
        done = subprocess.run([program("oneseal"), "get", "%s:/id-mn/%s/la" % (self.stem, self.path), "--open",
                               "--json", "--config", self.folder, *words], capture_output=True, timeout=60, check=False)
        for line in (done.stdout + done.stderr).decode(errors="replace").splitlines():
            self.take(line)
        return done.returncode

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            self.child.wait(10)

    # --- what it said
    def said(self):
        with self.changed:
            return list(self.lines)

    def reasons(self):
        """Every reason of every line, wherever it stands."""
        found = set()

        def walk(node, key=None):
            if isinstance(node, dict):
                for k, v in node.items():
                    walk(v, k)
            elif isinstance(node, list):
                for v in node:
                    walk(v, key)
            elif isinstance(node, str) and key in ("code", "reason", "verdict", "second", "flags", "confirmed"):
                found.add(node)
        for line in self.said():
            walk(line)
        return found

    def confirmed(self):
        """Plaintexts that it called confirmed."""
        return [r["plain"] for r in self.said() if "confirmed" in (r.get("second"), r.get("verdict")) and "plain" in r]

    def is_settled(self):
        wanted = self.row.reasons
        if wanted and not wanted & self.reasons():
            return False
        return not self.row.healthy or self.row.by not in ("watch",) or self.whole()

    def has(self, count):
        return {con_text(self.row, n) for n in range(count)} <= set(self.confirmed())

    def whole(self):
        return self.has(BEFORE + AFTER)

    def listens(self):
        return any(r.get("text", "").startswith("watching") for r in self.said())


class Plant:
    def __init__(self, folder):
        self.house = house = House(folder)
        self.ttp = house.ttp()
        self.server = house.cse("server", "in", "/id-in", "in")
        extra = []
        for n in range(len(ROWS)):
            place = "%s/id-mn/mn/thermo-1/data-%02d" % (SP, n)
            both = house.sealing(self.ttp, [ACCOMPLICE, "%s/Sm%02d" % (SP, n)], place, name="m%02d" % n)
            extra += both if n == 0 else both[1:]
        extra.append(("heads", {"segment": SEGMENT, "idle": IDLE}))
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, extra=extra)
        self.device = house.client(self.gateway, "Cthermo-1")
        self.device.register("mn", "thermo-1")
        self.device.create("mn/thermo-1", 1, "m2m:acp", rn="acp",
                           pv={"acr": [{"acor": ["all"], "acop": 63}]},
                           pvs={"acr": [{"acor": ["Cthermo-1"], "acop": 63}]}).expect(2001)
        with open(self.ttp.bundle, encoding="ascii") as f:
            bundle = ten_steps.read_bundle(f.read())
        certificate, key = house.certificate(ACCOMPLICE)
        self.accomplice = Party(ACCOMPLICE, certificate, key, "https://" + self.ttp.ready["https"],
                                house.authority.path, _Named(TTP_NAME), bundle)
        assert self.accomplice.register() == "ok"
        self.keys, self.lock = {}, threading.Lock()
        self.proxy = Proxy(house, self.server)
        self.streams = [Stream(self, n, row) for n, row in enumerate(ROWS)]
        control = next(s for s in self.streams if s.row.name == "control: nothing is done")
        for s in self.streams:
            s.mutation.other = control.mutation

    def kv(self, kid):
        """What the accomplice was released, as the policy says."""
        with self.lock:
            if kid not in self.keys:
                address = next(s.address for s in self.streams for o in s.mutation.originals
                               if header(o["con"])["kid"] == kid)
                _, keys = self.accomplice.release([kid], {kid: sid_of(address)})
                self.keys.update(keys)
            return self.keys[kid]

    def run(self):
        """The streams that the others borrow from go first; then a few at a time, so that the machine keeps up."""
        first = [s for s in self.streams if s.row.healthy]
        rest = [s for s in self.streams if not s.row.healthy]
        for group in [first] + [rest[n:n + GROUP] for n in range(0, len(rest), GROUP)]:
            self.run_group(group)

    def run_group(self, group):
        early = [s for s in group if s.row.by == "watch"]
        for s in early:
            s.watch()
        self.wait(early, Stream.listens)
        for n in range(BEFORE):
            for s in group:
                s.put(n)
        self.wait(early, lambda s: len(s.mutation.originals) >= BEFORE)
        for s in group:
            if s.row.by == "la":
                s.mutation.originals = self.read(s)
                assert s.get() == 0, s.said()
        self.wait(early, lambda s: s.has(BEFORE))
        for s in group:
            s.before = set(s.confirmed())
            if s.mutation.originals:
                s.mutation.begin()
        for n in range(BEFORE, BEFORE + AFTER):
            for s in group:
                s.put(n)
            time.sleep(0.6)
        for s in group:
            if s.row.by == "la":
                s.get("--confirmed")
            elif s.row.by in ("evicted", "late"):
                s.watch()
        late = [s for s in group if s.row.by in ("evicted", "late")]
        self.wait(late, Stream.listens)
        for s in late:
            s.put(99)
        self.wait(group, Stream.is_settled, LATEST_S, fail=False)
        for s in group:
            s.end()

    def read(self, s):
        """The stream's instances as the gateway has them."""
        tree = self.device.retrieve(s.path, rcn=4).root("m2m:cnt")
        return sorted((c for c in tree["m2m:cin"]), key=lambda c: index(c["con"]))

    @staticmethod
    def wait(streams, true, seconds=60 * SLOW, fail=True):
        deadline = time.monotonic() + seconds
        while not all(true(s) for s in streams):
            if time.monotonic() > deadline:
                late = [(s.row.name, s.child and s.child.poll(), s.said()[-3:]) for s in streams if not true(s)]
                assert not fail, late
                return
            time.sleep(0.2)

    def close(self):
        for s in self.streams:
            s.end()
        self.accomplice.close()
        self.proxy.close()
        self.house.close()


@pytest.fixture(name="plant", scope="module")
def a_plant(tmp_path_factory):
    made = Plant(tmp_path_factory.mktemp("mutations"))
    try:
        made.run()
        yield made
    finally:
        print(table(made))
        made.close()


def table(plant):
    lines = ["", "%-46s %-34s %s" % ("mutation", "one of", "seen")]
    for s in plant.streams:
        seen = " ".join(sorted(s.reasons() - {"opened", "ok"}))
        lines.append("%-46s %-34s %s%s" % (s.row.name, " ".join(sorted(s.row.reasons)), seen,
                                           "" if s.mutation.done or s.row.healthy else "   (NOTHING WAS DONE)"))
    return "\n".join(lines)


def test_there_are_enough():
    assert len([r for r in ROWS if not r.healthy]) >= 40
    assert len({r.name for r in ROWS}) == len(ROWS)


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[r.name for r in ROWS])
def test_mutation(plant, number):
    s = plant.streams[number]
    row = s.row
    assert row.healthy or s.mutation.done, "nothing was done"
    if row.reasons:
        assert row.reasons & s.reasons(), "%s instead of %s: %s" % (s.reasons(), row.reasons, s.said()[-6:])
    confirmed = s.confirmed()
    assert FORGED not in confirmed
    mine = {con_text(row, n) for n in list(range(BEFORE + AFTER)) + [99]}
    assert set(confirmed) <= mine, "something that is not the writer's is confirmed"
    if row.healthy and row.by == "watch":
        assert s.whole(), s.said()[-6:]
        assert not s.reasons() & {"withheld", "forged-by-reader", "proof-invalid", "tampered"}
    elif row.by == "watch":     # the control in every row: what came before is confirmed
        assert {con_text(row, n) for n in range(BEFORE)} <= s.before, s.said()[:8]


def test_a_stranger_verifies_the_heads(plant):
    """Merkle root, signature and chain, by code that shares nothing with ours."""
    s = next(s for s in plant.streams if s.row.name == "control: nothing is done")
    der_thumb = head_witness.thumbprint(head_witness.Head(s.mutation.heads[0]["con"]).header["jwk"])
    envelopes = {index(c["con"]): c["con"] for c in s.mutation.originals}
    heads = [head_witness.Head(c["con"]) for c in s.mutation.heads]
    for h in heads:
        h.verify(der_thumb)
        assert h.covers(envelopes)
    assert head_witness.follow(heads) == BEFORE + AFTER
    assert claims(s.mutation.heads[0]["con"])["kid"] == header(s.mutation.originals[0]["con"])["kid"]
