"""core.py sees what another process holds, also what that process keeps out of its own core dumps."""
import os
import socket
import subprocess
import sys

import pytest
from witness import canary, core

PROGRAM = r"""
import ctypes, hashlib, mmap, sys
seed = sys.stdin.readline().strip()
heap = hashlib.sha256(b"heap" + seed.encode()).hexdigest()
room = mmap.mmap(-1, 4096)
room.write(hashlib.sha256(b"locked" + seed.encode()).hexdigest().encode())
address = ctypes.addressof(ctypes.c_char.from_buffer(room))
assert ctypes.CDLL(None, use_errno=True).madvise(ctypes.c_void_p(address), 4096, 16) == 0   # MADV_DONTDUMP
print("ready", flush=True)
sys.stdin.readline()
print(heap, flush=True)
"""


@pytest.fixture
def holder():
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdin.write("seed-1\n")
    child.stdin.flush()
    assert child.stdout.readline() == "ready\n"
    yield child
    child.stdin.close()
    child.wait(10)


def secret(kind):
    import hashlib
    return hashlib.sha256(kind.encode() + b"seed-1").hexdigest()


def test_image_holds_heap_and_undumped_memory(holder, tmp_path):
    path = str(tmp_path / "image")
    size, stood = core.take(holder.pid, path)
    assert size > 1000000 and stood < 5
    canary.present(path, secret("heap"))
    canary.present(path, secret("locked"))
    canary.absent(path, [secret("never made")], secret("heap"))
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline().strip() == secret("heap")      # it goes on after the image


def test_gcore_agrees_on_ordinary_memory(holder, tmp_path):
    path = str(tmp_path / "core")
    assert core.take_gcore(holder.pid, path) > 1000000
    canary.present(path, secret("heap"))


def test_sockets_are_counted(holder):
    assert core.open_connections(holder.pid) == 0


def test_who_is_connected_to_a_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert core.connections_to(port) == set()
        with socket.create_connection(("127.0.0.1", port)):
            assert core.connections_to(port) == {os.getpid()}
