"""Runs `oneseal demo --once` behind recording relays, with core images at its holding points."""
import json
import os
import signal
import subprocess
import threading
import time

from plant.process import Broken, program
from witness import core, relay

SHARED = ("gateway-server", "server-gateway", "app-heat-server", "app-other-server", "app-heat-ttp", "app-other-ttp",
          "server-app-heat")


class Mode:
    """A way of sharing the work: `host` keeps the readings, `sealer` seals and registers them, `base` is their path."""

    def __init__(self, words, host, sealer, base, cse, links):
        self.words, self.host, self.sealer, self.base, self.cse = words, host, sealer, base, cse
        self.links = SHARED + links
        self.remote = base + "/thermo-1/data"
        self.stream = "//demo.example" + self.remote


MODES = {
    "gateway": Mode(["--mode", "gateway"], "gateway", "gateway", "/id-mn/mn", b"id-mn", ("device-gateway", "gateway-ttp")),
    "device": Mode(["--mode", "device"], "gateway", "device", "/id-mn/mn", b"id-mn", ("device-gateway", "device-ttp")),
    "hosted": Mode(["--host", "device"], "host", "host", "/id-asn/asn", b"id-asn",
                   ("device-host", "host-gateway", "gateway-host", "host-ttp")),
}
ACTORS = ("app-heat", "app-other", "gateway", "server", "device", "host", "ttp")


def server_side(link):
    """The actor that a link connects to: what is left of the link's name behind the client's name."""
    for actor in ACTORS:
        if link.startswith(actor + "-"):
            return link[len(actor) + 1:]
    raise ValueError(link)


class DemoRun:
    def __init__(self, folder, mode, lines, at_hold=None, binary_folder=None, timeout=120):
        self.folder, self.mode, self.at_hold = str(folder), MODES[mode], at_hold
        os.makedirs(self.folder, exist_ok=True)
        self.state = os.path.join(self.folder, "state")
        self.cores = os.path.join(self.folder, "cores")
        os.makedirs(self.cores, exist_ok=True)
        self.keylog = os.path.join(self.folder, "keys.log")
        self.readings = os.path.join(self.folder, "readings.jsonl")
        with open(self.readings, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        self.count = len(lines)
        self.binary_folder, self.timeout = binary_folder, timeout
        self.steps, self.holds, self.summary = {}, {}, None
        self.images = {}        # (hold, actor) -> (path, unix time it was taken, octets)
        self.code = None
        self.errors = ""

    def actors(self):
        with open(os.path.join(self.state, "actors.json"), encoding="utf-8") as f:
            return json.load(f)

    def image(self, hold, actor, pid):
        path = os.path.join(self.cores, "%s-%s" % (hold, actor))
        taken = time.time()
        size, _ = core.take(pid, path)
        self.images[(hold, actor)] = (path, taken, size)

    def run(self):
        with relay.Relays(os.path.join(self.folder, "relay")) as relays:
            via = {link: relays.add(link, relay.target_from_file(os.path.join(self.state, "actors.json"),
                                                                [server_side(link), "https"]))
                   for link in self.mode.links}
            via_file = os.path.join(self.folder, "via.json")
            with open(via_file, "w", encoding="utf-8") as f:
                json.dump(via, f)
            self.relays = relays
            command = [program("oneseal", self.binary_folder), "demo", "--once", "--json", *self.mode.words, "--from",
                       self.readings, "--count", str(self.count), "--state", self.state, "--keep", "--via", via_file,
                       "--hold"]
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, env=dict(os.environ, SSLKEYLOGFILE=self.keylog))
            watchdog = threading.Timer(self.timeout, child.send_signal, (signal.SIGTERM,))
            watchdog.start()
            gathered = []
            reader = threading.Thread(target=lambda: gathered.append(child.stderr.read()), daemon=True)
            reader.start()
            try:
                for line in child.stdout:
                    self._line(line, child)
                self.code = child.wait(20)
            finally:
                watchdog.cancel()
                if child.poll() is None:
                    child.kill()
                    child.wait()
                reader.join(5)
                self.errors = "".join(gathered)
        return self

    def _line(self, line, child):
        try:
            row = json.loads(line)
        except ValueError:
            raise Broken("demo --json printed %r" % line[:200]) from None
        if "step" in row:
            self.steps[row["step"]] = row
        elif "summary" in row:
            self.summary = row["summary"]
        elif "hold" in row:
            self.holds[row["hold"]] = row
            try:
                if self.at_hold:
                    self.at_hold(self, row["hold"], row["pids"])
            finally:
                child.stdin.write("\n")
                child.stdin.flush()
