"""A JOSE library behind its driver: one process, JSON lines (README.md)."""
import json
import os
import shutil
import subprocess
import sys
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("ONESEAL_BUILD") or os.path.join(ROOT, "build")
NPM = os.path.join(ROOT, "build-npm")           # where `./dev setup` puts the npm package
FOREIGN = ("libjose", "cjose", "rhonabwy", "jwcrypto", "npm jose")


def b64u(octets):
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64u(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class NotInstalled(AssertionError):
    """`./dev setup` installs it."""


def command_of(name):
    if name == "jwcrypto":
        return [sys.executable, os.path.join(HERE, "jwcrypto_driver.py")]
    if name == "npm jose":
        if not os.path.isdir(os.path.join(NPM, "node_modules", "jose")) or not shutil.which("node"):
            raise NotInstalled("npm jose is not in %s: run ./dev setup" % NPM)
        return ["node", os.path.join(HERE, "npm_driver.mjs"), NPM]
    path = os.path.join(BUILD, "test", "foreign", name + "_driver")
    if not os.access(path, os.X_OK):
        raise NotInstalled("%s is not built: run ./dev setup, then ./dev build" % path)
    return [path]


class Library:
    def __init__(self, name):
        self.name = name
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0") if name != "ours" else None
        self.child = subprocess.Popen(command_of(name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env,
                                      stderr=subprocess.DEVNULL if name != "ours" else None, text=True)
        self.about = self.ask({"op": "about"})
        assert name in ("ours", self.about["library"]), self.about

    def close(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, request):
        return self.all([request])[0]

    def all(self, requests):
        """Answers in the order of the requests. The writing is done beside the reading: pipes are small."""
        def write():
            for request in requests:
                self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
        writer = threading.Thread(target=write)
        writer.start()
        answers = []
        for request in requests:
            line = self.child.stdout.readline()
            if not line:
                raise AssertionError("the driver of %s ended at %s" % (self.name, json.dumps(request)[:600]))
            answers.append(json.loads(line))
        writer.join()
        return answers
