"""tls.py against OpenSSL: every suite it knows, key updates, several sessions in one recording, and refusals."""
import os
import re
import socket
import subprocess
import time

import pytest
from witness import certs, recording, relay, tls

KINDS = [("-tls1_3", ["-ciphersuites", name]) for name in
         ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")]
KINDS += [("-tls1_2", ["-cipher", name]) for name in
          ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    """openssl s_server that sends back each line reversed, with a key log, behind a recording relay."""

    def __init__(self, folder, *options):
        authority = certs.Authority(str(folder / "ca"))
        self.ca = authority.path
        certificate, key = authority.issue("server", dns=["server.example"])
        self.keylog = str(folder / "keys.log")
        port = free_port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-cert", certificate, "-key", key, "-rev",
             "-keylogfile", self.keylog, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        self.folder = str(folder / "relay")
        self.relays = relay.Relays(self.folder)
        self.address = self.relays.add("c-s", "127.0.0.1:%d" % port)

    def stop(self):
        self.relays.stop()
        self.process.kill()
        self.process.wait()

    def talk(self, version, options, lines, wait_for):
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", self.address, version, "-servername", "server.example", "-CAfile",
             self.ca, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in lines:
            client.stdin.write(line)
            client.stdin.flush()
            time.sleep(0.15)
        seen, deadline = b"", time.monotonic() + 10
        os.set_blocking(client.stdout.fileno(), False)
        while wait_for not in seen and time.monotonic() < deadline:
            seen += client.stdout.read() or b""
            time.sleep(0.01)
        client.stdin.close()
        client.kill()
        client.wait()
        assert wait_for in seen, seen[-2000:]


@pytest.mark.parametrize("version,options", KINDS, ids=[o[1] for _, o in KINDS])
def test_suite(tmp_path, version, options):
    server = Server(tmp_path)
    try:
        server.talk(version, options + ["-quiet"], [b"a word in clear\n"], b"raelc ni drow a")
    finally:
        server.stop()
    one, = recording.connections(server.folder, "c-s", server.keylog)
    assert b"a word in clear" not in one.up and b"raelc ni drow a" not in one.down
    assert one.plain("up") == b"a word in clear\n"
    assert one.plain("down").strip() == b"raelc ni drow a"
    assert one.session.server_name == "server.example"
    assert one.session.suite == options[1] or one.session.suite.endswith(options[1].replace("ECDHE-ECDSA", ""))
    assert abs(one.time_of("up", 0) - time.time()) < 60


def test_key_update_and_several_sessions(tmp_path):
    server = Server(tmp_path)
    try:
        server.talk("-tls1_3", [], [b"first\n", b"K\n", b"second\n"], b"dnoces")
        server.talk("-tls1_3", [], [b"third\n"], b"driht")
    finally:
        server.stop()
    first, second = recording.connections(server.folder, "c-s", server.keylog)
    assert first.plain("up") == b"first\nsecond\n"
    assert first.session.up.key_updates == 1 and first.session.down.key_updates == 1
    assert re.sub(rb"\s", b"", first.plain("down")) == b"tsrifdnoces"
    assert second.plain("up") == b"third\n"
    assert first.session.client_random != second.session.client_random


def test_hello_retry(tmp_path):
    server = Server(tmp_path, "-groups", "P-384")
    try:
        server.talk("-tls1_3", ["-groups", "X25519:P-384", "-quiet"], [b"again\n"], b"niaga")
    finally:
        server.stop()
    one, = recording.connections(server.folder, "c-s", server.keylog)
    assert one.plain("up") == b"again\n"


def test_refuses_to_guess(tmp_path):
    server = Server(tmp_path)
    try:
        server.talk("-tls1_3", ["-quiet"], [b"a word in clear\n"], b"raelc ni drow a")
    finally:
        server.stop()
    one, = recording.connections(server.folder, "c-s", server.keylog)
    log = tls.load_keylog(server.keylog)
    with pytest.raises(tls.TlsError, match="not in the key log"):
        tls.decrypt(one.up, one.down, {})
    changed = bytearray(one.up)
    changed[-1] ^= 1
    with pytest.raises(tls.TlsError, match="does not authenticate"):
        tls.decrypt(bytes(changed), one.down, log)
    wrong = {k: bytes(len(v)) for k, v in log.items()}
    with pytest.raises(tls.TlsError, match="does not authenticate"):
        tls.decrypt(one.up, one.down, wrong)
    assert tls.decrypt(one.up[:-3], one.down, log).up.truncated
    with pytest.raises(tls.TlsError):
        tls.decrypt(b"GET / HTTP/1.1\r\n\r\n", one.down, log)
