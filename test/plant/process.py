"""Starts the programs under test, waits until they serve, ends them by their own process id."""
import os
import re
import select
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLOW = 8 if os.environ.get("ONESEAL_SAN") else 1      # sanitizers take their time
PLACES = ("src/cse", "src/ttp", "src/cli", "test/bench", "test/walls")


class Broken(AssertionError):
    """A program does not do what its contract says: no READY line, wrong exit status, no end."""


def build_folder():
    return os.environ.get("ONESEAL_BUILD") or os.path.join(ROOT, "build")


def program(name, folder=None):
    folder = folder or build_folder()
    for place in PLACES:
        path = os.path.join(folder, place, name)
        if os.access(path, os.X_OK):
            return path
    raise Broken("%s is not built in %s" % (name, folder))


def free_port():
    """A port that the kernel chose. It is free again when this returns, so a quick thief could take it."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Process:
    """One daemon in the foreground; its standard error goes to a log file, its standard output to `out` when that
    is named (then there is no READY line to wait for)."""

    def __init__(self, name, command, log, env=None, cwd=None, out=None):
        self.name, self.command, self.log = name, [str(c) for c in command], str(log)
        self.out = out
        self.env, self.cwd = dict(os.environ, **(env or {})), cwd
        self.child = None
        self.ready = {}
        self.starts = 0

    @property
    def pid(self):
        return self.child.pid

    def start(self, timeout=10.0, wait=True):
        """Starts it; with wait, until the READY line. Returns self."""
        with open(self.log, "ab") as log:
            out = open(self.out, "ab") if self.out else subprocess.PIPE
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                          env=self.env, cwd=self.cwd)
            if self.out:
                out.close()
        self.starts += 1
        if wait and not self.out:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=10.0):
        deadline = time.monotonic() + timeout * SLOW
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                self.kill()
                raise Broken("%s printed no ready line in %.0f s\n%s" % (self.name, timeout * SLOW, self.tail()))
            piece = os.read(self.child.stdout.fileno(), 4096)
            if not piece:
                raise Broken("%s ended with %s instead of getting ready\n%s"
                             % (self.name, self.child.wait(), self.tail()))
            line += piece
        text = line.decode().splitlines()[0]
        if text.split()[0].lower() != "ready":
            raise Broken("%s: first line is %r" % (self.name, text))
        self.ready = dict(re.findall(r"(\w+)=(\S+)", text))

    def running(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        if self.running():
            self.child.kill()
        if self.child:
            self.child.wait()
            if self.child.stdout:
                self.child.stdout.close()

    def stop(self, timeout=4.0):
        """SIGTERM; returns the exit status. Raises when it takes longer than it may."""
        if not self.running():
            code = self.child.wait() if self.child else None
            return code
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Broken("%s does not end on SIGTERM within %.0f s\n%s"
                         % (self.name, timeout * SLOW, self.tail())) from None

    def tail(self, octets=3000):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, "rb") as f:
            text = f.read()[-octets:].decode("utf-8", "replace")
        return "---- end of the log of %s ----\n%s" % (self.name, text)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def cpu_seconds(self):
        return cpu_seconds(self.pid)


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """{name: pid} of the direct children of a process (the rooms of a TTP)."""
    found = {}
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
        for child in f.read().split():
            try:
                with open("/proc/%s/cmdline" % child, "rb") as c:
                    words = c.read().decode("utf-8", "replace").split("\0")
                found[" ".join(w for w in words if w)] = int(child)
            except OSError:
                continue
    return found


def run(command, timeout=30.0, env=None, stdin=None, check=None):
    """Runs a program to its end: (exit status, stdout, stderr). `check` is the status that it must have."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout * SLOW, env=dict(os.environ, **(env or {})), input=stdin, check=False)
    if check is not None and done.returncode != check:
        raise Broken("%s ended with %d instead of %d\n%s\n%s"
                     % (" ".join(str(c) for c in command), done.returncode, check, done.stdout[-2000:],
                        done.stderr[-2000:]))
    return done.returncode, done.stdout, done.stderr
