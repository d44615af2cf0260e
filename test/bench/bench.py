#!/usr/bin/env python3
"""./dev bench [--quick] [--json]: our figures, each beside a peer that runs in turn with it on the same machine.

The server has core 0, the load (wrk) core 1; both servers have one thread. Rounds alternate between ours and the
peer, after one warm-up round of each that does not count. What is printed is the median, over the rounds, of
ours/peer, with its range, and the CPU microseconds of our process per request. A goal that is missed is printed as
missed; the program ends with 0 all the same, since a figure is no test.

--json prints {"name", "ours", "peer", "ratio", "low", "high", "goal", "unit", "cpu_us", "peer_cpu_us", "rounds"} per
line; ours and peer are the medians.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import ttp                                                      # noqa: E402
from plant.house import House                                   # noqa: E402
from plant.process import Broken, cpu_seconds, free_port, program, run   # noqa: E402
from witness import jose_stranger                               # noqa: E402

SERVER_CORE, LOAD_CORE = "0", "1"
STREAM = "//demo.example/id-in/in/bench/c"


class Bench:
    def __init__(self, quick):
        self.quick = quick
        self.rounds = 2 if quick else 7
        self.seconds = 2 if quick else 4
        self.sealing = None

    def compare(self, name, goal, unit, ours, peer):
        """ours and peer: callables -> (figure, CPU us per unit of work). Returns the record."""
        ours(), peer()                                          # warm-up
        rows = []
        for number in range(self.rounds):
            pair = (ours, peer) if number % 2 == 0 else (peer, ours)
            got = {which: which() for which in pair}
            rows.append((got[ours], got[peer]))
        ratios = [o[0] / p[0] for o, p in rows]

        def middle(values):
            return round(statistics.median(values), 2)
        return {"name": name, "ours": middle(o[0] for o, _ in rows), "peer": middle(p[0] for _, p in rows),
                "ratio": round(statistics.median(ratios), 3), "low": round(min(ratios), 3),
                "high": round(max(ratios), 3), "goal": goal, "unit": unit,
                "cpu_us": middle(o[1] for o, _ in rows), "peer_cpu_us": middle(p[1] for _, p in rows),
                "rounds": len(rows)}


def pinned(core, command):
    return ["taskset", "-c", core] + list(command)


def wrk(url, seconds, connections, pid, headers=(), script=None):
    """(requests per second, CPU us of process `pid` per request); every answer must be a 2xx."""
    command = pinned(LOAD_CORE, ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "10s"])
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    before = cpu_seconds(pid)
    done = subprocess.run(command + [url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    used = cpu_seconds(pid) - before
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    if bad:
        raise Broken("wrk: %s bad answers\n%s" % (bad.group(1), done.stdout))
    errors = re.search(r"Socket errors: (.*)", done.stdout)
    if errors and not re.fullmatch(r"connect 0, read 0, write 0, timeout 0", errors.group(1)):
        raise Broken("wrk: socket errors %s" % errors.group(1))
    total = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1)), used * 1e6 / max(1, total)


def onem2m_headers(origin):
    return ["X-M2M-Origin: " + origin, "X-M2M-RI: b1", "X-M2M-RVI: 3", "Accept: application/json"]


class Nginx:
    """nginx with one worker on the server's core, a 500-octet file, no access log."""

    def __init__(self, folder):
        self.port = free_port()
        root = os.path.join(folder, "www")
        os.makedirs(root)
        with open(os.path.join(root, "file"), "w", encoding="ascii") as f:
            f.write("x" * 500)
        conf = os.path.join(folder, "nginx.conf")
        user = "user root;\n" if os.geteuid() == 0 else ""
        with open(conf, "w", encoding="ascii") as f:
            f.write(user + """daemon off; master_process off; worker_processes 1; pid %(d)s/pid; error_log %(d)s/error;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on; tcp_nopush on;
  open_file_cache max=10 inactive=600s; open_file_cache_valid 600s; default_type application/json;
  client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f; uwsgi_temp_path %(d)s/u;
  scgi_temp_path %(d)s/s;
  server { listen 127.0.0.1:%(p)d; root %(r)s; } }
""" % {"d": folder, "p": self.port, "r": root})
        self.child = subprocess.Popen(pinned(SERVER_CORE, ["/usr/sbin/nginx", "-c", conf, "-e", folder + "/error"]),
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = "http://127.0.0.1:%d/file" % self.port
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if subprocess.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/%d" % self.port], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.05)
        raise Broken("nginx does not start; see %s/error" % folder)

    def stop(self):
        self.child.terminate()
        self.child.wait()


def start_cse(folder, durability):
    """An IN-CSE on the server's core with a container of its own; returns (house, process, client)."""
    house = House(folder)
    # Every core-bound figure is taken over plain HTTP, as nginx is; TLS costs both sides the same.
    cse = house.cse("server", "in", "/id-in", "in", insecure=True, durability=durability,
                    prefix=["taskset", "-c", SERVER_CORE])
    client = house.client(cse, "Cbench")
    client.register("in", "bench")
    client.container("in/bench", "c", mni=100000000)
    return house, cse, client


def sealed_content(plaintext_octets):
    kv = bytes(range(64))
    return jose_stranger.seal_con(b"x" * plaintext_octets, kv, STREAM, "ttp.demo.example", 1, 0, 1767225600000)


def bench_retrieve(bench, folder):
    house, cse, client = start_cse(folder, "process")
    nginx = Nginx(os.path.join(folder, "house"))
    try:
        probe = client.put("in/bench/c", "x").expect(2001)
        padding = 500 - len(client.retrieve("in/bench/c/la").text) + 1
        client.put("in/bench/c", "x" * max(1, padding)).expect(2001)
        size = len(client.retrieve("in/bench/c/la").text)
        assert abs(size - 500) <= 2 and probe, size
        url = "http://%s/in/bench/c/la" % cse.ready["http"]
        head = onem2m_headers("Cbench")
        return bench.compare(
            "retrieve_la_vs_nginx_static", 0.8, "requests/s",
            lambda: wrk(url, bench.seconds, 64, cse.pid, head),
            lambda: wrk(nginx.url, bench.seconds, 64, nginx.child.pid, head))
    finally:
        nginx.stop()
        house.close()


LUA = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json;ty=4"
wrk.body = '{"m2m:cin":{"cnf":"application/json:0:1","con":"%s"}}'
"""


def bench_create(bench, folder):
    """Durable CREATE of an instance with a 256-octet reading, sealed before it arrives; the peer writes such rows."""
    bare = program("bare_commit")
    house, cse, client = start_cse(folder, "power-loss")
    try:
        con = sealed_content(256)
        client.put("in/bench/c", con, cnf="application/json:0:1").expect(2001)
        row = len(client.retrieve("in/bench/c/la").text) - len('{"m2m:cin":}')     # what the store keeps of it
        script = os.path.join(folder, "create.lua")
        with open(script, "w", encoding="ascii") as f:
            f.write(LUA % con)
        url = "http://%s/in/bench/c?rcn=0" % cse.ready["http"]
        head = onem2m_headers("Cbench")
        number = iter(range(1, 1000))

        def peer():
            db = os.path.join(folder, "bare-%d" % next(number))
            text = run(pinned(SERVER_CORE, [bare, "--db", db, "--connections", "128", "--seconds",
                                            str(bench.seconds), "--body", str(row)]), timeout=120, check=0)[1]
            told = json.loads(text.strip().splitlines()[-1])
            return told["rows_per_s"], told["cpu_us"]
        return bench.compare("create_vs_bare_sqlite", 0.5, "creates/s",
                             lambda: wrk(url, bench.seconds, 128, cse.pid, head, script), peer)
    finally:
        house.close()


def peers_of_sealing(bench, folder):
    """What seal_peers measured, once for all figures of a run; `folder` is the run's, not the figure's."""
    if not bench.sealing:
        command = pinned(SERVER_CORE, [program("seal_peers"), "--rounds", str(bench.rounds),
                                       "--ms", "50" if bench.quick else "300"])
        bench.sealing = [json.loads(line) for line in run(command, timeout=300, check=0)[1].splitlines()]
    return bench.sealing


def sealing_figure(op, size, peer, goal):
    """Reading of `size` octets, cached epoch, the same key and header; one program measures both sides in turn."""
    def figure(bench, folder):
        row = next(r for r in peers_of_sealing(bench, folder) if (r["op"], r["size"], r["peer"]) == (op, size, peer))
        return {"ours": row["ours"], "peer": row["theirs"], "ratio": row["ratio"], "low": row["low"],
                "high": row["high"], "goal": goal, "unit": op + "s/s", "cpu_us": row["cpu_us"], "rounds": bench.rounds}
    return figure


def time_figure(op, goal_us):
    """Processor time of one operation at 100 octets beside the time that was promised: ratio = promised / needed."""
    def figure(bench, folder):
        times = [r["cpu_us"] for r in peers_of_sealing(bench, folder) if (r["op"], r["size"]) == (op, 100)]
        us = statistics.median(times)
        return {"ours": round(1e6 / us), "peer": round(1e6 / goal_us), "ratio": round(goal_us / us, 3),
                "low": round(goal_us / max(times), 3), "high": round(goal_us / min(times), 3), "goal": 1,
                "unit": op + "s/s", "cpu_us": us, "rounds": bench.rounds}
    return figure


def bench_size(_bench, _folder):
    """60 readings of 16 octets (quotes included) in one envelope; the peer is the bound, in octets."""
    readings = json.dumps(["%014d" % i for i in range(60)], separators=(",", ":")).encode()
    con = jose_stranger.seal_con(readings, bytes(range(64)), STREAM, "ttp.example.com", 1, 0, 1767225600000, "gb", "json")
    return {"ours": len(con), "peer": 1700, "ratio": round(1700 / len(con), 3), "low": 1, "high": 1, "goal": 1,
            "unit": "octets", "cpu_us": 0, "rounds": 1}


ALL = {"retrieve_la_vs_nginx_static": bench_retrieve, "create_vs_bare_sqlite": bench_create,
       "seal_100_time": time_figure("seal", 1.5), "open_100_time": time_figure("open", 2.0),
       "envelope_of_60": bench_size}
for _size, _goal in ((100, 6), (4096, 1)):
    for _op in ("seal", "open"):
        for _peer in ("libjose", "cjose", "rhonabwy"):
            ALL["%s_%d_vs_%s" % (_op, _size, _peer)] = sealing_figure(_op, _size, _peer, _goal)
ALL.update(ttp.ALL)


def main():
    args = argparse.ArgumentParser(description="figures beside their peers, in one run")
    args.add_argument("--quick", action="store_true", help="2 short rounds instead of 7")
    args.add_argument("--json", action="store_true", help="one JSON object a line")
    args.add_argument("names", nargs="*", help="which (default: all): " + ", ".join(ALL))
    args = args.parse_args()
    unknown = [n for n in args.names if n not in ALL]
    if unknown:
        sys.exit("bench: no figure %s; there are %s" % (unknown[0], ", ".join(ALL)))
    if (os.cpu_count() or 1) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")
    bench, failed = Bench(args.quick), 0
    for name in args.names or ALL:
        with tempfile.TemporaryDirectory(prefix="oneseal-bench-") as folder:
            try:
                row = dict(ALL[name](bench, folder), name=name)
            except (Broken, AssertionError, subprocess.SubprocessError) as why:
                print("bench: %s could not be measured: %s" % (name, why), file=sys.stderr)
                failed += 1
                continue
        if args.json:
            print(json.dumps(row), flush=True)
        else:
            print("%-28s %10.0f against %10.0f %s: ratio %.2f (%.2f to %.2f in %d rounds), goal %.1f %s, %.2f us CPU each"
                  % (row["name"], row["ours"], row["peer"], row["unit"], row["ratio"], row["low"], row["high"],
                     row["rounds"], row["goal"], "reached" if row["ratio"] >= row["goal"] else "MISSED",
                     row["cpu_us"]), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
