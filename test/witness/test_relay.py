"""The relay carries bytes unchanged, records both directions, and cuts, pauses and mends."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from witness import relay


@pytest.fixture
def echo():
    """A server that answers each piece in upper case."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(peer):
        with peer:
            while True:
                piece = peer.recv(4096)
                if not piece:
                    return
                peer.sendall(piece.upper())

    def accept():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(peer,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    yield "127.0.0.1:%d" % server.getsockname()[1]
    server.close()


def ask(address, octets, timeout=5):
    with socket.create_connection(relay.split_address(address), timeout) as peer:
        peer.settimeout(timeout)
        peer.sendall(octets)
        got = b""
        while len(got) < len(octets):
            piece = peer.recv(65536)
            if not piece:
                break
            got += piece
        return got


def test_records_both_directions(echo, tmp_path):
    with relay.Relays(str(tmp_path)) as relays:
        address = relays.add("a-b", echo)
        big = os.urandom(300000).hex().encode()
        assert ask(address, b"hello") == b"HELLO"
        assert ask(address, big) == big.upper()
    assert (tmp_path / "a-b" / "0000.up").read_bytes() == b"hello"
    assert (tmp_path / "a-b" / "0000.down").read_bytes() == b"HELLO"
    assert (tmp_path / "a-b" / "0001.up").read_bytes() == big
    rows = [json.loads(line) for line in (tmp_path / "a-b" / "0001.times").read_text().splitlines()]
    assert sum(r["len"] for r in rows if r["dir"] == "up") == len(big)
    assert all(abs(r["t"] - time.time()) < 60 for r in rows)


def test_cut_pause_mend(echo, tmp_path):
    with relay.Relays(str(tmp_path)) as relays:
        address = relays.add("a-b", echo)
        relays.cut("a-b")
        with pytest.raises(OSError):
            assert ask(address, b"lost") == b"LOST" or not ask(address, b"lost")
            raise OSError
        relays.mend("a-b")
        assert ask(address, b"back") == b"BACK"
        relays.pause("a-b")
        with pytest.raises(TimeoutError):
            ask(address, b"held", timeout=0.3)
        threading.Timer(0.3, relays.mend, ("a-b",)).start()
        assert ask(address, b"later") == b"LATER"


def test_target_may_come_later(echo, tmp_path):
    actors = tmp_path / "actors.json"
    with relay.Relays(str(tmp_path / "r")) as relays:
        address = relays.add("a-b", relay.target_from_file(str(actors), ["b", "https"]))
        assert not ask_or_nothing(address)
        actors.write_text(json.dumps({"b": {"https": echo}}))
        assert ask(address, b"now") == b"NOW"
        assert relays.failures and relays.failures[0][0] == "a-b"


def ask_or_nothing(address):
    try:
        return ask(address, b"x")
    except OSError:
        return b""


def test_as_a_program(echo, tmp_path):
    table = tmp_path / "table.json"
    table.write_text(json.dumps([{"name": "a-b", "to": echo}, {"name": "c-d", "to": echo}]))
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = subprocess.Popen([sys.executable, "-m", "witness.relay", str(table), str(tmp_path / "out")], cwd=top,
                               stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        addresses = json.loads(program.stdout.readline())
        assert ask(addresses["c-d"], b"word") == b"WORD"
        program.stdin.write("cut c-d\n")
        program.stdin.flush()
        assert program.stdout.readline() == "done cut c-d\n"
        assert not ask_or_nothing(addresses["c-d"])
        assert ask(addresses["a-b"], b"word") == b"WORD"
    finally:
        program.send_signal(signal.SIGTERM)
        assert program.wait(5) == 0
