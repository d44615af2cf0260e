#!/usr/bin/env python3
"""./dev kill --retention [--creates N] [--kills N] [--seed N]: 16 clients fill three containers while the CSE is killed.

The containers keep 1, 10 and 10,000 instances. Whatever was cut off when: in the end, and after every restart, the
counters of a container (cni, cbs, st) say what is in it, what it keeps are its newest instances without a gap, and
nothing that was acknowledged and is young enough to be kept is missing. Judged from answers over HTTP alone.
"""
import argparse
import collections
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from plant.process import Broken, Process, free_port, program  # noqa: E402

CLIENTS = 16
KEEP = {"one": 1, "ten": 10, "many": 10000}
CONFIGURATION = """[cse]
role = in
cse-id = /id-in
name = in
sp = //demo.example
admin = CAdmin
[storage]
path = store
durability = process
[listen http]
address = 127.0.0.1:%d
insecure = yes
[lab]
open = yes
"""


def faults(holder, mni, sure, maybe):
    """What is wrong with a container as shown with its instances; sure: {name: (st, cs)}, maybe: names."""
    shown = holder.get("m2m:cin", [])
    kept, st = {i["rn"]: i for i in shown}, holder["st"]
    missing = [n for n, (tag, _) in sure.items() if tag > st - mni and n not in kept]
    facts = {
        "every name is there once": len(kept) == len(shown),
        "cni is the number of instances": holder["cni"] == len(kept),
        "cbs is the sum of their cs": holder["cbs"] == sum(i["cs"] for i in kept.values()),
        "as many are kept as may be": len(kept) == min(mni, st),
        "the newest are kept, without a gap":
            sorted(i["st"] for i in kept.values()) == list(range(st - len(kept) + 1, st + 1)),
        "no stateTag was given twice": len({tag for tag, _ in sure.values()}) == len(sure),
        "st counts every CREATE": len(sure) <= st <= len(sure) + len(maybe),
        "what was acknowledged is there": not missing,
        "nothing is there that nobody sent": set(kept) <= set(sure) | maybe,
        "instances are as acknowledged": all((kept[n]["st"], kept[n]["cs"]) == v for n, v in sure.items() if n in kept)}
    return ["not so: %s (cni %s, cbs %s, st %s, %d there, missing %s)"
            % (fact, holder["cni"], holder["cbs"], st, len(kept), missing[:5]) for fact, so in facts.items() if not so]


class Talk:
    """One connection of one originator; opened anew when it breaks."""

    def __init__(self, port, name):
        self.port, self.name, self.number, self.line = port, name, 0, None

    def send(self, method, path, body=None, ty=None):
        """(RSC, JSON content); raises OSError or http.client.HTTPException when there is no whole answer."""
        if self.line is None:
            self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.number += 1
        head = {"X-M2M-Origin": "CAdmin", "X-M2M-RI": "%s-%d" % (self.name, self.number), "X-M2M-RVI": "3"}
        if body is not None:
            head["Content-Type"] = "application/json;ty=%d" % ty
        try:
            self.line.request(method, path, body=body and json.dumps(body), headers=head)
            answer = self.line.getresponse()
            text = answer.read()
            return int(answer.headers["X-M2M-RSC"]), json.loads(text) if text else None
        except (OSError, http.client.HTTPException):
            self.line.close()
            self.line = None
            raise


class Run:
    def __init__(self, folder, creates, kills, seed, say, keep=None):
        self.folder, self.creates, self.kills, self.say = folder, creates, kills, say
        self.keep = keep or KEEP
        self.rng = random.Random(seed)
        self.port = free_port()
        self.lock = threading.Lock()
        self.left, self.serial, self.flying = creates, 0, 0
        self.acknowledged = collections.defaultdict(dict)   # container -> name -> (st, cs)
        self.doubtful = collections.defaultdict(set)        # container -> names whose answer was lost
        self.in_flight, self.wrong = [], []

    # --- the clients ---------------------------------------------------------------------------------------------
    def take(self, rng):
        with self.lock:
            if self.left == 0:
                return None
            self.left -= 1
            self.serial += 1
            number = self.serial
        where = rng.choices(list(self.keep), [1, 2, 12])[0]
        return where, "i%d" % number, "v" * rng.randint(1, 40)

    def work(self, worker, seed):
        rng, talk = random.Random(seed), Talk(self.port, "w%d" % worker)
        while True:
            job = self.take(rng)
            if job is None:
                return
            where, name, content = job
            with self.lock:
                self.flying += 1
            try:
                rsc, got = talk.send("POST", "/in/" + where, {"m2m:cin": {"rn": name, "con": content}}, 4)
            except (OSError, http.client.HTTPException):
                rsc, got = None, None
            with self.lock:
                self.flying -= 1
                if rsc == 2001:
                    self.acknowledged[where][name] = (got["m2m:cin"]["st"], got["m2m:cin"]["cs"])
                elif rsc is None:
                    self.doubtful[where].add(name)
                else:
                    self.wrong.append("CREATE of %s answered %s: %s" % (name, rsc, got))
            if rsc is None:
                time.sleep(0.02)

    # --- the kills -----------------------------------------------------------------------------------------------
    def start(self):
        path = os.path.join(self.folder, "cse.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONFIGURATION % self.port)
        self.cse = Process("cse", [program("oneseal-cse"), "-c", path], os.path.join(self.folder, "cse.log"),
                           cwd=self.folder)
        self.cse.start()
        talk = Talk(self.port, "setup")
        for name, mni in self.keep.items():
            rsc, _ = talk.send("POST", "/in", {"m2m:cnt": {"rn": name, "mni": mni}}, 3)
            if rsc != 2001:
                raise Broken("the container %s was not made: %s" % (name, rsc))

    def done(self):
        with self.lock:
            return self.creates - self.left

    def kill_one(self, number):
        wanted, deadline = self.creates * number // (self.kills + 1), time.monotonic() + 120
        while self.done() < wanted:
            if time.monotonic() > deadline:
                raise Broken("no progress")
            time.sleep(0.002)
        time.sleep(self.rng.random() * 0.02)
        while self.flying == 0 and self.left:
            time.sleep(0.0005)
        flying = self.flying
        self.cse.kill()
        self.in_flight.append(flying)
        self.say("kill %d: %d requests under way, %d sent" % (number, flying, self.done()))
        self.cse.start(timeout=30)

    # --- judging -------------------------------------------------------------------------------------------------
    def judge(self):
        talk, figures = Talk(self.port, "judge"), {}
        for where, mni in self.keep.items():
            rsc, got = talk.send("GET", "/in/%s?rcn=4&ty=4&lvl=1" % where)
            if rsc != 2000:
                raise Broken("the container %s cannot be read: %s" % (where, rsc))
            sure, maybe = self.acknowledged[where], self.doubtful[where]
            self.wrong += ["%s: %s" % (where, fault) for fault in faults(got["m2m:cnt"], mni, sure, maybe)]
            figures[where] = {"kept": got["m2m:cnt"]["cni"], "acknowledged": len(sure), "without answer": len(maybe),
                              "st": got["m2m:cnt"]["st"]}
        return figures

    def run(self):
        self.start()
        try:
            threads = [threading.Thread(target=self.work, args=(w, self.rng.random())) for w in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for number in range(1, self.kills + 1):
                self.kill_one(number)
            for thread in threads:
                thread.join()
            figures = self.judge()
            return {"creates": self.creates, "kills": self.kills, "clients": CLIENTS,
                    "requests under way at a kill": {"least": min(self.in_flight, default=0),
                                                     "most": max(self.in_flight, default=0),
                                                     "sum": sum(self.in_flight)}, "containers": figures}
        finally:
            self.left = 0
            self.cse.kill()


def main():
    args = argparse.ArgumentParser(description="counters and retention under load, with kill -9 in between")
    args.add_argument("--creates", type=int, default=40000)
    args.add_argument("--kills", type=int, default=20)
    args.add_argument("--seed", type=int, default=int(time.time()))
    args = args.parse_args()
    print("seed %d" % args.seed, flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="oneseal-retention-") as folder:
        run = Run(folder, args.creates, args.kills, args.seed, lambda text: print(text, flush=True))
        result = run.run()
    result["seconds"] = round(time.monotonic() - start, 1)
    print(json.dumps(result))
    for line in run.wrong:
        print("retention: " + line, file=sys.stderr)
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
