#!/usr/bin/env python3
"""./dev bench-find [--json] [--sizes 1000,10000] [--million]: discovery beside the bare query, results of any length,
and whether anything grows with the length of a container.

The store is filled by find_fill with resources as the CSE writes them: an AE, a container for each hundred resources,
instances in them, every fifth and every container labelled. Server on core 0, load on core 1.

  find_by_type / find_by_label   fu=1&ty=4&lim=100, fu=1&lbl=tag&lim=100 over HTTP on one connection, against the
                                 store's own SQLite query for the same hundred rows in a program of its own on the same
                                 file; goal: median at most 3 times as long. cpu_us is the server's processor time for
                                 each, la_p50_us what a RETRIEVE of one instance takes by the same way: a busy machine
                                 makes the way long, and the ratio with it
  full_result                    a discovery of everything: seconds, octets, growth of the server's resident memory,
                                 and what another client's RETRIEVE of la takes meanwhile (p50, p99, most)
  long_container                 instructions (callgrind) of CREATE and of RETRIEVE la in a container of 1,000 and of
                                 1,000,000 instances (10,000 without --million); goal: at most 1.3 times as many

A figure is no test: the program ends with 0 when a goal is missed.
"""
import argparse
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from plant.house import House                                   # noqa: E402
from plant.process import cpu_seconds, program, run             # noqa: E402

SERVER_CORE, LOAD_CORE = "0", "1"
PER_CONTAINER = 100


def pinned(core, command):
    return ["taskset", "-c", core] + list(command)


def headers(origin="Cbench"):
    return {"X-M2M-Origin": origin, "X-M2M-RI": "b1", "X-M2M-RVI": "3", "Accept": "application/json"}


class Planted:
    """An IN-CSE whose store holds about `size` resources below in/bench."""

    def __init__(self, folder, size, containers=None, instances=None):
        self.house = House(folder)
        self.cse = self.house.cse("server", "in", "/id-in", "in", insecure=True, prefix=["taskset", "-c", SERVER_CORE])
        client = self.house.client(self.cse, "Cbench")
        client.register("in", "bench")
        self.cse.stop()
        self.db = next(os.path.join(root, f) for root, _, files in os.walk(self.cse.state) for f in files
                       if f.endswith(".db") or f.endswith(".sqlite"))
        parent = sqlite3.connect(self.db).execute("SELECT rid FROM res WHERE ty=2").fetchone()[0]
        containers = containers or max(1, size // PER_CONTAINER)
        run([program("find_fill"), "--dir", os.path.dirname(self.db), "--parent", str(parent), "--containers",
             str(containers), "--instances", str(instances or PER_CONTAINER - 1)], timeout=900, check=0)
        self.cse.start()

    def url(self, rest):
        return "http://%s/%s" % (self.cse.ready["http"], rest)

    def close(self):
        self.house.close()


def wrk_latency(url, seconds, pid=None):
    """(median us, p99 us, CPU us of process pid for each request) on one connection."""
    command = pinned(LOAD_CORE, ["wrk", "-t1", "-c1", "-d%ds" % seconds, "--latency"])
    for name, value in headers().items():
        command += ["-H", "%s: %s" % (name, value)]
    before = cpu_seconds(pid) if pid else 0
    text = subprocess.run(command + [url], stdout=subprocess.PIPE, text=True, check=True).stdout
    used = cpu_seconds(pid) - before if pid else 0
    if "Non-2xx" in text:
        raise SystemExit("bench: bad answers\n" + text)

    def us(label):
        value, unit = re.search(label + r"%\s+([\d.]+)(us|ms|s)", text).groups()
        return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
    return us("50"), us("99"), used * 1e6 / int(re.search(r"(\d+) requests in", text).group(1))


def bare(planted, by, rounds=3000):
    text = run(pinned(SERVER_CORE, [program("bare_find"), "--db", planted.db, "--by", by, "--rounds", str(rounds)]),
               timeout=300, check=0)[1]
    return json.loads(text.strip().splitlines()[-1])


def find_rows(planted, size, seconds):
    for name, by, query in (("find_by_type", "type", "fu=1&ty=4&lim=100"), ("find_by_label", "label", "fu=1&lbl=tag&lim=100")):
        rounds = []
        for _ in range(4):
            p50, p99, cpu = wrk_latency(planted.url("in?" + query), seconds, planted.cse.pid)
            la = wrk_latency(planted.url("in/bench/c0/la"), 1)[0]
            rounds.append((p50, p99, bare(planted, by), cpu, la))
        rounds = rounds[1:]                                     # the first one warms up
        ratio = statistics.median(r[0] / r[2]["p50_us"] for r in rounds)
        yield {"name": name, "resources": size, "p50_us": statistics.median(r[0] for r in rounds),
               "p99_us": statistics.median(r[1] for r in rounds),
               "bare_p50_us": statistics.median(r[2]["p50_us"] for r in rounds),
               "bare_p99_us": statistics.median(r[2]["p99_us"] for r in rounds),
               "cpu_us": round(statistics.median(r[3] for r in rounds), 1),
               "la_p50_us": statistics.median(r[4] for r in rounds),
               "ratio": round(ratio, 2), "goal": 3.0}


def rss_kb(pid, what):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(what + r":\s+(\d+) kB", f.read()).group(1))


def get(url):
    request = urllib.request.Request(url, headers=headers())
    with urllib.request.urlopen(request, timeout=600) as answer:
        n, tail = 0, b""
        while True:
            piece = answer.read(1 << 16)
            if not piece:
                return n, tail, answer.headers
            n += len(piece)
            tail = piece[-64:]


def full_row(planted, size):
    """One client takes everything, slowly enough to be behind; another one asks for la all the time."""
    pid = planted.cse.pid
    get(planted.url("in/bench/c0/la"))
    before = rss_kb(pid, "VmRSS")
    with open("/proc/%d/clear_refs" % pid, "w", encoding="ascii") as f:
        f.write("5")                                            # the peak counts from here
    over, waits = threading.Event(), []

    def other():
        while not over.is_set():
            started = time.monotonic()
            get(planted.url("in/bench/c0/la"))
            waits.append((time.monotonic() - started) * 1e3)
    beside = threading.Thread(target=other)
    beside.start()
    started = time.monotonic()
    octets, tail, head = get(planted.url("in?fu=1"))
    took = time.monotonic() - started
    over.set()
    beside.join()
    waits.sort()
    assert tail.endswith(b"]}"), tail
    return {"name": "full_result", "resources": size, "seconds": round(took, 2), "octets": octets,
            "partial": head.get("X-M2M-CTS") == "1", "memory_growth_kb": rss_kb(pid, "VmHWM") - before,
            "la_p50_ms": round(waits[len(waits) // 2], 2), "la_p99_ms": round(waits[len(waits) * 99 // 100], 2),
            "la_most_ms": round(waits[-1], 2)}


def instructions(folder, db_folder, what):
    out = os.path.join(folder, "callgrind." + what)
    run(["valgrind", "--tool=callgrind", "--toggle-collect=measured", "--callgrind-out-file=" + out,
         program("long_container"), "--dir", db_folder, "--do", what], timeout=900, check=0)
    with open(out, encoding="ascii", errors="replace") as f:
        return int(re.search(r"^(?:summary|totals): (\d+)", f.read(), re.M).group(1)) / 200


def long_rows(folder, long):
    got = {}
    for size in (1000, long):
        planted = Planted(os.path.join(folder, "long-%d" % size), size, containers=1, instances=size)
        planted.cse.stop()
        for what in ("create", "la"):
            got[what, size] = instructions(folder, os.path.dirname(planted.db), what)
        planted.close()
    for what in ("create", "la"):
        yield {"name": "long_container_" + what, "instances": long, "instructions": round(got[what, long]),
               "instructions_at_1000": round(got[what, 1000]),
               "ratio": round(got[what, long] / got[what, 1000], 3), "goal": 1.3}


def show(row, as_json):
    if as_json:
        print(json.dumps(row), flush=True)
        return
    text = " ".join("%s %s" % (k, v) for k, v in row.items() if k not in ("name", "goal"))
    goal = "" if "goal" not in row else "; goal %.1f %s" % (row["goal"], "reached" if row["ratio"] <= row["goal"] else "MISSED")
    print("%-22s %s%s" % (row["name"], text, goal), flush=True)


def main():
    args = argparse.ArgumentParser(description="discovery, long results and long containers")
    args.add_argument("--json", action="store_true")
    args.add_argument("--sizes", default="1000,10000", help="resources, comma separated (1000,10000)")
    args.add_argument("--million", action="store_true", help="sizes 1,000 to 1,000,000, and a container of 1,000,000")
    args.add_argument("--seconds", type=int, default=2, help="of each round (2)")
    args.add_argument("parts", nargs="*", help="find, full, long (default: all)")
    args = args.parse_args()
    parts = args.parts or ["find", "full", "long"]
    sizes = [1000, 10000, 100000, 1000000] if args.million else [int(s) for s in args.sizes.split(",")]
    with tempfile.TemporaryDirectory(prefix="oneseal-find-") as folder:
        for size in sizes if {"find", "full"} & set(parts) else []:
            planted = Planted(os.path.join(folder, "store-%d" % size), size)
            try:
                for row in find_rows(planted, size, args.seconds) if "find" in parts else []:
                    show(row, args.json)
                if "full" in parts:
                    show(full_row(planted, size), args.json)
            finally:
                planted.close()
        for row in long_rows(folder, 1000000 if args.million else 10000) if "long" in parts else []:
            show(row, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
