"""Core images of running processes.

take() stops the process, copies every readable mapping of /proc/PID/mem to one file and lets it go on: mappings
that the process keeps out of core dumps (MADV_DONTDUMP, locked key memory) are in it too, so the image is
stricter than a core file. take_gcore() asks gdb, as an independent second way.
"""
import os
import re
import signal
import subprocess
import time

LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) [0-9a-f]+ \S+ \d+\s*(.*)")
NOT_MEMORY = ("[vvar]", "[vsyscall]", "[vvar_vclock]")
STEP = 1 << 20


class NotDumpable(Exception):
    """The kernel or the process refuses: a shipped build does so on purpose."""


def mappings(pid):
    """[(start, end, permissions, name)]"""
    found = []
    try:
        with open("/proc/%d/maps" % pid, encoding="utf-8", errors="replace") as f:
            for line in f:
                m = LINE.match(line.rstrip("\n"))
                if m:
                    found.append((int(m.group(1), 16), int(m.group(2), 16), m.group(3), m.group(4)))
    except PermissionError as why:
        raise NotDumpable(str(why)) from None
    return found


def _state(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0]


def _stop(pid):
    os.kill(pid, signal.SIGSTOP)
    for _ in range(1000):
        if _state(pid) in "Tt":
            return
        time.sleep(0.001)
    raise NotDumpable("process %d does not stop" % pid)


def take(pid, path):
    """Writes the image of `pid` to `path`; returns (octets written, seconds the process stood still)."""
    start = time.monotonic()
    _stop(pid)
    written = 0
    try:
        with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory, open(path, "wb") as out:
            os.chmod(path, 0o600)
            for first, last, permissions, name in mappings(pid):
                if permissions[0] != "r" or name in NOT_MEMORY:
                    continue
                written += _copy(memory, first, last, out)
    except PermissionError as why:
        raise NotDumpable(str(why)) from None
    finally:
        os.kill(pid, signal.SIGCONT)
    return written, time.monotonic() - start


def _copy(memory, first, last, out):
    written, at = 0, first
    while at < last:
        try:
            memory.seek(at)
            piece = memory.read(min(STEP, last - at))
        except (OSError, OverflowError):
            piece = b""
        if not piece:
            at += 4096     # a hole, for example a file mapping beyond its end
            at -= at % 4096
            continue
        out.write(piece)
        written += len(piece)
        at += len(piece)
    return written


def take_gcore(pid, path):
    """A core file made by gdb's gcore; raises NotDumpable when it refuses."""
    done = subprocess.run(["gcore", "-a", "-o", path, str(pid)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    made = "%s.%d" % (path, pid)
    if done.returncode != 0 or not os.path.exists(made):
        raise NotDumpable(done.stdout[-400:])
    os.rename(made, path)
    return os.path.getsize(path)


def connections_to(port):
    """{process ids} that hold the client side of an established IPv4 connection to a local port."""
    inodes = set()
    with open("/proc/net/tcp", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            words = line.split()
            if words[3] == "01" and int(words[2].rpartition(":")[2], 16) == port:
                inodes.add("socket:[%s]" % words[9])
    owners = set()
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        try:
            for fd in os.listdir("/proc/%d/fd" % pid):
                if os.readlink("/proc/%d/fd/%s" % (pid, fd)) in inodes:
                    owners.add(pid)
        except OSError:
            continue
    return owners


def open_connections(pid):
    """Number of sockets the process holds."""
    count = 0
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            count += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith("socket:")
        except OSError:
            continue
    return count
