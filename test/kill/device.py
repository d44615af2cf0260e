"""The device of the kill harness: a stranger's client that stores numbered readings until all are acknowledged.

python3 -m kill.device PLAN.json     PLAN: url, server_name, ca, certificate, key, origin, container, first, count,
                                     workers, rate, journal, flying

The journal gets one line per acknowledged reading, written after its answer. A reading is repeated under its own
name until it is acknowledged; RSC 4105 on a repeat means that it is stored. `flying` is a file with one octet
per worker: 1 while its request is under way. The program may be killed at any time and started again.
"""
import json
import mmap
import os
import sys
import threading
import time

import requests
from plant.onem2m import Client


def acknowledged(journal):
    """Numbers in the journal; a last line without its end was not written whole."""
    if not os.path.exists(journal):
        return set()
    with open(journal, "rb") as f:
        return {int(line) for line in f.read().split(b"\n")[:-1] if line}


def reading(number):
    """The content of reading `number`: JSON text that names it."""
    return json.dumps({"n": number, "v": "reading-%06d-of-the-kill-run" % number}, separators=(",", ":"))


class Device:
    def __init__(self, plan):
        self.plan = plan
        done = acknowledged(plan["journal"])
        self.left = [n for n in range(plan["first"], plan["first"] + plan["count"]) if n not in done]
        self.left.reverse()
        self.lock = threading.Lock()
        self.journal = os.open(plan["journal"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        descriptor = os.open(plan["flying"], os.O_RDWR)
        self.flying = mmap.mmap(descriptor, plan["workers"])
        self.next = time.monotonic()

    def take(self):
        with self.lock:
            if not self.left:
                return None
            number = self.left.pop()
            at = self.next = max(self.next + 1.0 / self.plan["rate"], time.monotonic())
        time.sleep(max(0.0, at - time.monotonic()))
        return number

    def work(self, worker):
        plan, client = self.plan, None
        while True:
            number = self.take()
            if number is None:
                return
            while True:
                try:
                    if client is None:
                        client = Client(plan["url"], plan["origin"], plan["ca"], (plan["certificate"], plan["key"]),
                                        plan["server_name"], timeout=10)
                    self.flying[worker] = 1
                    answer = client.put(plan["container"], reading(number), "r-%06d" % number)
                    self.flying[worker] = 0
                    if answer.rsc in (2001, 4105):
                        break
                except (requests.RequestException, AssertionError):
                    self.flying[worker] = 0
                    client = None
                time.sleep(0.05)
            os.write(self.journal, b"%d\n" % number)

    def run(self):
        threads = [threading.Thread(target=self.work, args=(w,)) for w in range(self.plan["workers"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as plan_file:
        Device(json.load(plan_file)).run()
