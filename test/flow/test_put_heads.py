"""Heads of a device that seals for itself: what it signed is checked by another library against what is stored."""
import base64
import hashlib
import json
import signal
import sqlite3
import subprocess
import time

import pytest
from jwcrypto import jwk, jws
from plant.process import SLOW, program
from witness.jose_stranger import b64u, header_of, unb64u
from witness.release_witness import leaf_hash, tree_root

from test_put import Field


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    from plant.house import House
    with House(tmp_path_factory.mktemp("heads")) as house:
        field = Field(house)
        for name, more in (("plain", {}), ("small", {"mni": 10}), ("killed", {}), ("dark", {}), ("lost", {})):
            field.device.create("mn/thermo-1", 3, "m2m:cnt", rn=name, **more).expect(2001)
        yield field
        field.heat.close()


def heads_of(f, where):
    """[(claims, JWS, hashes or None)], the signature verified by the key in the header, which must be the writer's."""
    found = []
    for con in f.contents(where):
        hashes = None
        if con.startswith("{"):
            flat = json.loads(con)
            hashes = unb64u(flat.pop("hashes"))
            con = flat["protected"] + "." + flat["payload"] + "." + flat["signature"]
        header = json.loads(unb64u(con.split(".")[0]))
        assert header["typ"] == "oneseal-head+jws" and header["alg"] == "ES256"
        token = jws.JWS()
        token.deserialize(con, jwk.JWK(**header["jwk"]))
        claims = json.loads(token.payload)
        assert jwk.JWK(**header["jwk"]).thumbprint() == writers_key(f, claims)
        found.append((claims, con, hashes))
    return found


def writers_key(f, claims):
    """`wk` that the TTP released with the key."""
    sid = unb64u(claims["sid"])
    verdict, _ = f.heat.release([claims["kid"]], {claims["kid"]: sid})
    return verdict["answer"]["wk"][claims["kid"]]


def root_of(envelopes):
    return b64u(tree_root([leaf_hash(hashlib.sha256(e.encode()).digest()) for e in envelopes]))


def by_index(envelopes, kid):
    rows = {header_of(e)["e2e"][3]: e for e in envelopes if header_of(e)["kid"] == kid}
    return [rows[i] for i in sorted(rows)]


def identity(token):
    return b64u(hashlib.sha256(token.encode()).digest())


def test_each_run_closes_its_epoch(f):
    for lines in (b'{"n":1}\n{"n":2}\n{"n":3}\n', b'{"n":4}\n'):
        f.rows("plain", stdin=lines)
    box = f.device.retrieve("mn/thermo-1/plain/e2e-heads").expect(2000).json["m2m:cnt"]
    assert box["lbl"] == ["e2e:heads"]
    (one, text, hashes), (two, _, _) = heads_of(f, "plain/e2e-heads")
    assert hashes is None and one["closed"] and two["closed"]
    assert (one["first"], one["last"], two["first"], two["last"]) == (0, 2, 0, 0)
    assert two["ep"] == one["ep"] + 1 and two["prev"] == identity(text) and one.get("prev", "") == ""
    data = f.contents("plain")
    assert one["root"] == root_of(by_index(data, one["kid"])) and two["root"] == root_of(by_index(data, two["kid"]))
    assert one["oldest"] == 0 and one["ttp"].startswith(f.heat.bundle.fqdn + "/log\n")


def test_where_retention_is_short_the_hashes_are_stored(f):
    f.rows("small", stdin=b"".join(b"%d\n" % i for i in range(14)))
    ((claims, _, hashes),) = heads_of(f, "small/e2e-heads")
    assert (claims["first"], claims["last"], claims["oldest"]) == (0, 13, 4)
    assert len(hashes) == 14 * 32
    listed = [hashes[i:i + 32] for i in range(0, len(hashes), 32)]
    assert claims["root"] == b64u(tree_root([leaf_hash(h) for h in listed]))
    for con in f.contents("small"):
        assert hashlib.sha256(con.encode()).digest() == listed[header_of(con)["e2e"][3]]
    box = f.device.retrieve("mn/thermo-1/small/e2e-heads").expect(2000).json["m2m:cnt"]
    assert box["mni"] > 10


def test_a_time_series_has_its_heads_beside_it(f):
    f.rows("series", "--as", "tsi", stdin=b"1\n2\n")
    heads = heads_of(f, "series-e2e-heads")
    assert heads[-1][0]["root"] == root_of(by_index(f.contents("series"), heads[-1][0]["kid"]))


def test_heads_follow_the_rights_of_the_data(f):
    f.device.create("mn/thermo-1", 1, "m2m:acp", rn="acp2",
                    pv={"acr": [{"acor": ["/id-mn/Cthermo-1"], "acop": 63}]},
                    pvs={"acr": [{"acor": ["/id-mn/Cthermo-1"], "acop": 63}]}).expect(2001)
    f.device.update("mn/thermo-1/lost", "m2m:cnt", acpi=["mn/thermo-1/acp2"]).expect(2004)
    f.rows("lost", stdin=b"1\n")
    data, box = (f.device.retrieve("mn/thermo-1/" + n).expect(2000).json["m2m:cnt"] for n in ("lost", "lost/e2e-heads"))
    assert box["acpi"] == data["acpi"]


def killed(f, where):
    """Three readings, then SIGKILL; the key's identifier."""
    writer = subprocess.Popen([program("oneseal"), "put", "thermo:mn/thermo-1/" + where, "--seal", "--json", "--config",
                               f.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for i in range(3):
        writer.stdin.write(b"%d\n" % i)
        writer.stdin.flush()
        row = json.loads(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.wait(10 * SLOW)
    writer.stdin.close()
    writer.stdout.close()
    assert heads_of(f, where + "/e2e-heads") == []
    return row["kid"]


def test_a_writer_that_was_killed_closes_its_epoch_later(f):
    kid = killed(f, "killed")
    f.rows("killed", stdin=b"3\n")
    (left, text, _), (now, _, _) = heads_of(f, "killed/e2e-heads")
    assert left["kid"] == kid and left["closed"] and (left["first"], left["last"], left["oldest"]) == (0, 2, 3)
    assert left["root"] == root_of(by_index(f.contents("killed"), kid))
    assert now["prev"] == identity(text) and now["ep"] == left["ep"] + 1


def test_after_a_loss_of_power_nothing_is_closed(f):
    """The newest hashes may be gone with the machine: to close the epoch would call their envelopes forged."""
    kid = killed(f, "dark")
    with sqlite3.connect(f.book) as book:
        book.execute("UPDATE owed SET boot='another'")
        book.execute("DELETE FROM owed_hash WHERE i=2")
    book.close()
    f.rows("dark", stdin=b"3\n")
    (left, _, _), (now, _, _) = heads_of(f, "dark/e2e-heads")
    assert left["kid"] == kid and not left["closed"] and (left["first"], left["last"]) == (0, 1)
    assert left["root"] == root_of(by_index(f.contents("dark"), kid)[:2])
    assert now["prev"] == "" and now["ep"] == left["ep"] + 1


def test_a_head_comes_while_nothing_else_does(f):
    """Ten seconds after the first reading of a segment, although the input is silent."""
    writer = subprocess.Popen([program("oneseal"), "put", "thermo:mn/thermo-1/padded", "--seal", "--json", "--config",
                               f.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        writer.stdin.write(b"1\n")
        writer.stdin.flush()
        kid = json.loads(writer.stdout.readline())["kid"]
        deadline = time.monotonic() + 20 * SLOW
        while not (mine := [c for c, _, _ in heads_of(f, "padded/e2e-heads") if c["kid"] == kid]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        (head,) = mine
        assert not head["closed"] and (head["first"], head["last"]) == (0, 0)
        writer.stdin.close()
        assert writer.wait(10 * SLOW) == 0
        closing = [c for c, _, _ in heads_of(f, "padded/e2e-heads") if c["kid"] == kid][1]
        assert closing["closed"] and closing["first"] == 1 and closing["last"] == 0
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()


def test_a_provisioned_key_has_no_heads(f, tmp_path):
    path = tmp_path / "k"
    path.write_text(base64.b16encode(bytes(32)).decode() + "\n")
    path.chmod(0o600)
    f.profile("bare", **{"key": "provisioned", "key-file": str(path), "key-id": "bare@keys.demo.example"})
    f.rows("table", stdin=b"1\n", profile="bare")
    f.device.retrieve("mn/thermo-1/table/e2e-heads").expect(4004)
