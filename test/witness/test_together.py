"""The tools together: a client of python3-requests, a relay, a TLS server, and the exchange read from the recording."""
import threading
import time

import requests
from plant.onem2m import Client
from plant.receiver import Receiver
from witness import canary, certs, jose_stranger, recording, relay, ten_steps


def test_a_recorded_exchange_is_read_back(tmp_path):
    authority = certs.Authority(str(tmp_path / "ca"))
    server = authority.cse("/id-mn", "demo.example", "/id-in")
    device = authority.ae("//demo.example/id-mn/Cthermo-1")
    keylog = str(tmp_path / "keys.log")
    with Receiver(certificate=server, ca=authority.path) as receiver, relay.Relays(str(tmp_path / "relay")) as relays:
        receiver.server.socket.context.keylog_filename = keylog
        address = relays.add("device-gateway", "127.0.0.1:%d" % receiver.port)
        secret = canary.make()

        def talk(number):
            client = Client("https://" + address, "Cthermo-1", authority.path, device, "id-mn.id-in.demo.example")
            for i in range(5):
                assert client.put("mn/c", "%s %d %d" % (secret, number, i)).rsc == 2000
            client.close()
        threads = [threading.Thread(target=talk, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A name that the certificate does not carry is refused.
        try:
            Client("https://" + address, "C", authority.path, device, "id-in.demo.example").put("mn/c", "x")
            raise AssertionError("verified nothing")
        except requests.exceptions.SSLError:
            pass
    seen = recording.exchanges(str(tmp_path / "relay"), "device-gateway", keylog)
    assert len(seen) == 15 and all(e.response.status == 200 for e in seen)
    assert {e.request.target for e in seen} == {"/mn/c"}
    assert all(abs(e.at - time.time()) < 60 and e.answered >= e.at for e in seen)
    assert len({ten_steps.instances(e.request.body)[0]["con"] for e in seen}) == 15
    for one in recording.connections(str(tmp_path / "relay"), "device-gateway", keylog):
        assert not canary.search(one.up, secret)            # as recorded
        if one.plain("up"):
            assert canary.search(one.plain("up"), secret)   # decrypted


def test_sealed_instances_are_told_from_clear_ones():
    con = jose_stranger.seal_con(b"x", bytes(64), "//demo.example/id-mn/mn/thermo-1/data", "ttp.demo.example", 1, 0, 0)
    body = b'{"m2m:sgn":{"nev":{"rep":{"m2m:cin":{"con":"%s","cnf":"text/plain:0:1"}}}}}' % con.encode()
    row, = ten_steps.instances(body)
    assert jose_stranger.is_sealed(row["con"]) and row["cnf"].endswith(":1")
    listed = b'{"m2m:cnt":{"m2m:cin":[{"con":1},{"con":"a.b.c.d.e"}]}}'
    assert [r["con"] for r in ten_steps.instances(listed)] == [1, "a.b.c.d.e"]
    assert not jose_stranger.is_sealed(1) and not jose_stranger.is_sealed("a.b.c.d.e")
    assert ten_steps.instances(b"no json") == []
