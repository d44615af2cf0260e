#!/usr/bin/env python3
"""./dev kill [--readings N] [--kills N] [--seed N] [--keep DIR]: kill -9 of any process while readings flow.

Device -> gateway (seals) -> server -> application (opens), and a TTP in rooms, all real processes over TLS. After
every readings/kills acknowledged readings one process, chosen at random among device, gateway, server,
application, the TTP and its rooms, gets SIGKILL while requests of the device are under way; their number is
logged. A supervisor starts again whatever ended, with the same command line: there is no manual step.

In the end: every acknowledged reading is at the gateway and in the application's store, opened exactly once
by (kid, i). Full size: 100 kills in a run of 5,000 readings.
"""
import argparse
import collections
import json
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from kill.device import acknowledged                                    # noqa: E402
from plant.house import MN_NAME, SP, House                              # noqa: E402
from plant.process import Broken, Process, children, free_port, program  # noqa: E402

APP = SP + "/Sapp-heat"
DEVICE = SP + "/id-mn/Cthermo-1"
STREAM = SP + "/id-mn/mn/thermo-1/data"
WORKERS = 8
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Supervisor:
    """Starts again what ended; knows which processes serve."""

    def __init__(self, say):
        self.say = say
        self.processes = {}
        self.serving = set()
        self.stopping = threading.Event()
        self.failures = []
        self.threads = []

    def watch(self, process, ready=True):
        self.processes[process.name] = process
        self.serving.add(process.name)
        thread = threading.Thread(target=self._keep, args=(process, ready), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _keep(self, process, ready):
        quick = 0
        while not self.stopping.is_set():
            code = process.child.wait()
            if self.stopping.is_set():
                return
            self.serving.discard(process.name)
            if code == 0 and not ready:
                return                                       # the device has finished
            if code not in (-9, 0):
                self.say("%s ended by itself with %s" % (process.name, code))
            try:
                process.start(timeout=30)
                quick = 0
                self.serving.add(process.name)
            except Broken as why:
                quick += 1
                self.say("%s does not start (%d): %s" % (process.name, quick, str(why)[:600]))
                if quick > 20:
                    self.failures.append(str(why))
                    return
                time.sleep(0.3)

    def stop(self):
        self.stopping.set()
        for process in reversed(list(self.processes.values())):
            process.kill()
        for thread in self.threads:
            thread.join(5)


class Run:
    def __init__(self, folder, readings, kills, seed, say):
        self.folder, self.readings, self.kills, self.say = folder, readings, kills, say
        self.rng = random.Random(seed)
        self.house = House(folder)
        self.supervisor = Supervisor(say)
        self.journal = os.path.join(folder, "journal")
        self.flying = os.path.join(folder, "flying")
        self.victims = collections.Counter()
        self.in_flight = []

    # --- the field -----------------------------------------------------------------------------------------------
    def build(self):
        h = self.house
        ports = {name: free_port() for name in ("ttp", "server", "gateway", "app")}
        ttp = h.ttp(port=ports["ttp"])
        server = h.cse("server", "in", "/id-in", "in", port=ports["server"])
        gateway = h.cse("gateway", "mn", "/id-mn", "mn", port=ports["gateway"], parent=server,
                        extra=h.sealing(ttp, [APP], STREAM))
        device = h.client(gateway, "Cthermo-1")
        device.register("mn", "thermo-1")
        device.create("mn/thermo-1", 1, "m2m:acp", rn="acp",
                      pv={"acr": [{"acor": ["Cthermo-1"], "acop": 63}, {"acor": ["/Sapp-heat"], "acop": 51}]},
                      pvs={"acr": [{"acor": ["Cthermo-1"], "acop": 63}]}).expect(2001)
        device.container("mn/thermo-1", "data", acpi=["mn/thermo-1/acp"], mni=10000000)
        profiles, self.book = h.profile("app-heat", APP, server, ttp, [STREAM], port=ports["app"])
        app = Process("app-heat", [program("oneseal"), "watch", "app-heat:" + STREAM[len(SP):], "--open", "--config",
                                   profiles], os.path.join(self.folder, "app-heat.log"),
                      out=os.path.join(self.folder, "app-heat.out"))
        h.processes.append(app)
        app.start()
        self.gateway = gateway
        for process in (ttp, server, gateway, app):
            self.supervisor.watch(process, ready=process is not app)
        self.start_device(gateway)

    def start_device(self, gateway):
        certificate, key = self.house.certificate(DEVICE)
        with open(self.flying, "wb") as f:
            f.write(bytes(WORKERS))
        plan = {"url": "https://" + gateway.ready["https"], "server_name": MN_NAME, "ca": self.house.authority.path,
                "certificate": certificate, "key": key, "origin": "Cthermo-1", "container": "mn/thermo-1/data",
                "first": 0, "count": self.readings, "workers": WORKERS, "rate": 200, "journal": self.journal,
                "flying": self.flying}
        path = os.path.join(self.folder, "device.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(plan, f)
        device = Process("device", [sys.executable, "-m", "kill.device", path],
                         os.path.join(self.folder, "device.log"), cwd=TOP,
                         out=os.path.join(self.folder, "device.out"))
        self.house.processes.append(device)
        device.start()
        self.supervisor.watch(device, ready=False)

    # --- killing -------------------------------------------------------------------------------------------------
    def acked(self):
        return len(acknowledged(self.journal))

    def flying_now(self):
        with open(self.flying, "rb") as f:
            return sum(f.read())

    def candidates(self):
        """[(name, pid)] of everything that may be killed now; rooms of the TTP count as processes of their own."""
        found = []
        for name in list(self.supervisor.serving):
            process = self.supervisor.processes[name]
            if not process.running():
                continue
            found.append((name, process.pid))
            if name == "ttp":
                try:
                    for words, pid in children(process.pid).items():
                        room = next((r for r in ("front", "ledger", "vault", "unsealer") if r in words), "room")
                        found.append(("ttp " + room, pid))
                except OSError:
                    continue
        return found

    def choose(self):
        """A kind of victim first, evenly, then one of that kind."""
        found = self.candidates()
        if not found:
            return None
        fewest = min(self.victims[n] for n, _ in found)
        return self.rng.choice([c for c in found if self.victims[c[0]] <= fewest + 1])

    def kill_one(self, number):
        """Waits for its turn; False when the readings are over before."""
        wanted = self.readings * number // (self.kills + 1)
        deadline = time.monotonic() + 120
        while self.acked() < wanted:
            if self.supervisor.failures or time.monotonic() > deadline:
                raise Broken("no progress at %d acknowledged readings: %s"
                             % (self.acked(), self.supervisor.failures or self.state()))
            time.sleep(0.005)
        time.sleep(self.rng.random() * 0.05)
        while time.monotonic() < deadline:
            flying, victim = self.flying_now(), self.choose()
            if flying and victim:
                try:
                    os.kill(victim[1], 9)
                except ProcessLookupError:
                    continue
                self.victims[victim[0]] += 1
                self.in_flight.append(flying)
                self.say("kill %d: %s (process %d), %d requests under way, %d acknowledged"
                         % (number, victim[0], victim[1], flying, self.acked()))
                return
            time.sleep(0.001)
        raise Broken("no request under way for two minutes")

    def state(self):
        return {n: (p.running(), n in self.supervisor.serving) for n, p in self.supervisor.processes.items()}

    # --- judging -------------------------------------------------------------------------------------------------
    def opened(self):
        """[(kid, i, part, plain text)] from the application's store."""
        if not os.path.exists(self.book):
            return []
        db = sqlite3.connect("file:%s?mode=ro" % self.book, uri=True, timeout=10)
        try:
            return db.execute("SELECT kid, i, part, plain FROM reading").fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def finish(self, timeout):
        deadline = time.monotonic() + timeout
        while self.acked() < self.readings or len(self.opened()) < self.readings:
            if time.monotonic() > deadline or self.supervisor.failures:
                break
            time.sleep(0.2)
        time.sleep(1.0)                 # room for a repeat that must not come
        return self.judge()

    def judge(self):
        acked = acknowledged(self.journal)
        rows = self.opened()
        numbers = collections.Counter(json.loads(plain)["n"] for _, _, _, plain in rows)
        events = collections.Counter((kid.upper(), i, part) for kid, i, part, _ in rows)
        device = self.house.client(self.gateway, "Cthermo-1")
        stored = device.retrieve("mn/thermo-1/data").expect(2000).root("m2m:cnt")["cni"]
        return {"readings": self.readings, "acknowledged": len(acked), "stored at the gateway": stored,
                "kills": sum(self.victims.values()), "victims": dict(self.victims),
                "requests under way at a kill": {"least": min(self.in_flight, default=0),
                                                 "most": max(self.in_flight, default=0), "sum": sum(self.in_flight)},
                "opened": len(rows), "keys": len({kid for kid, _, _, _ in rows}),
                "lost": sorted(acked - set(numbers))[:20],
                "lost count": len(acked - set(numbers)),
                "opened twice": sorted(n for n, c in numbers.items() if c > 1)[:20],
                "events twice": [e for e, c in events.items() if c > 1][:20]}

    def run(self):
        try:
            self.build()
            for number in range(1, self.kills + 1):
                self.kill_one(number)
            return self.finish(180)
        finally:
            self.supervisor.stop()
            for client in self.house.clients:
                client.close()


def verdict(result):
    """What is wrong with a result; empty: nothing."""
    wrong = []
    if result["acknowledged"] != result["readings"]:
        wrong.append("%d of %d readings were acknowledged" % (result["acknowledged"], result["readings"]))
    if result["stored at the gateway"] != result["readings"]:
        wrong.append("the gateway holds %d readings" % result["stored at the gateway"])
    if result["lost count"]:
        wrong.append("%d acknowledged readings were not opened" % result["lost count"])
    if result["opened twice"] or result["events twice"] or result["opened"] != result["readings"]:
        wrong.append("%d opened readings" % result["opened"])
    return wrong


def main():
    args = argparse.ArgumentParser(description="kill -9 of any process while readings flow")
    args.add_argument("--readings", type=int, default=5000)
    args.add_argument("--kills", type=int, default=100)
    args.add_argument("--seed", type=int, default=int(time.time()))
    args.add_argument("--keep", metavar="DIR", help="state and logs, kept")
    args = args.parse_args()
    print("seed %d" % args.seed, flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="oneseal-kill-") as folder:
        result = Run(args.keep or folder, args.readings, args.kills, args.seed,
                     lambda text: print(text, flush=True)).run()
    result["seconds"] = round(time.monotonic() - start, 1)
    print(json.dumps(result))
    wrong = verdict(result)
    for line in wrong:
        print("kill: " + line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
