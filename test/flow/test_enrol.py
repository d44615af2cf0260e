"""A device joins by a token, registers keys, renews: `oneseal join-token`, `oneseal enrol`, `oneseal cert renew`."""
import json
import os
import shutil
import stat
import subprocess

import pytest
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import SLOW, program
from witness import certs, ten_steps
from witness.ttp_stranger import Party, fresh_kv

APP = SP + "/Sdev-1"


def cli(*words, code=0):
    done = subprocess.run([program("oneseal"), *map(str, words)], capture_output=True, check=False, text=True,
                          timeout=60 * SLOW)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    with House(tmp_path_factory.mktemp("enrol")) as house:
        process = house.ttp(extra=[("enrol", {"ca": "own", "sp": SP, "days": "30"})])
        process.house = house
        yield process


def token(ttp, who, path, *more):
    cli("join-token", "create", "--for", who, "--state", ttp.state, "--out", path, *more)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    return path


def enrol(ttp, token_file, prefix, *name, code=0):
    return cli("enrol", "--ttp", "https://" + ttp.ready["https"], "--name", TTP_NAME, "--ca", ttp.house.authority.path,
               "--token-file", token_file, *name, "--out", prefix, code=code)


def party(ttp, identity, prefix):
    with open(ttp.bundle, encoding="ascii") as f:
        keys = ten_steps.read_bundle(f.read())
    return Party(identity, prefix + ".pem", prefix + ".key", "https://" + ttp.ready["https"], ttp.house.authority.path,
                 _Named(TTP_NAME), keys)


def fingerprint(prefix):
    return json.loads(cli("cert", "show", prefix + ".pem", "--json"))["sha256"]


def test_join_register_renew(ttp, tmp_path):
    prefix, ticket = str(tmp_path / "dev"), str(tmp_path / "token")
    token(ttp, APP, ticket)
    enrol(ttp, ticket, prefix, "--ae", APP)
    assert stat.S_IMODE(os.stat(prefix + ".key").st_mode) == 0o600
    # The key was bound: a letter signed by it is taken without any further word.
    device = party(ttp, APP, prefix)
    kv = fresh_kv()
    item = device.item(APP + "/x", kv, 1, "mine")
    assert device.letter([item], [kv]) == "ok"
    device.close()
    # The same token again, for another device of that name.
    assert "used up" in enrol(ttp, ticket, str(tmp_path / "thief"), "--ae", APP, code=4)
    assert not os.path.exists(str(tmp_path / "thief") + ".key")
    # And again for this one: nothing is overwritten.
    assert "renew" in enrol(ttp, ticket, prefix, "--ae", APP, code=5)
    first, key = fingerprint(prefix), open(prefix + ".key", "rb").read()
    shutil.copy(prefix + ".key", str(tmp_path / "old.key"))
    shutil.copy(prefix + ".pem", str(tmp_path / "old.pem"))
    cli("cert", "renew", prefix)
    second = fingerprint(prefix)
    assert second != first and open(prefix + ".key", "rb").read() != key
    assert not [n for n in os.listdir(tmp_path) if n.endswith(".next")]
    device = party(ttp, APP, prefix)                       # the new key is bound, the old one is not any more
    kv = fresh_kv()
    assert device.letter([device.item(APP + "/x", kv, 2, "mine")], [kv]) == "ok"
    device.close()
    old = party(ttp, APP, str(tmp_path / "old"))
    kv = fresh_kv()
    assert old.letter([old.item(APP + "/x", kv, 3, "mine")], [kv]) == "tampered"
    old.close()
    # Renewing by the certificate of before: refused.
    for end in ("ca.pem", "bundle"):
        shutil.copy("%s.%s" % (prefix, end), str(tmp_path / "old.") + end)
    conf = open(prefix + ".conf", encoding="ascii").read().replace("= dev.", "= old.")
    (tmp_path / "old.conf").write_text(conf)
    assert "newest certificate" in cli("cert", "renew", str(tmp_path / "old"), code=4)
    cli("cert", "renew", prefix, "--same-key")
    assert fingerprint(prefix) != second


def test_a_lost_answer_is_made_up_for(ttp, tmp_path):
    """Cut off after the vault has issued: the next run finds the new key and is given its certificate."""
    prefix, name = str(tmp_path / "gw"), SP + "/id-mn-3"
    enrol(ttp, token(ttp, name, str(tmp_path / "t")), prefix, "--cse", name, "--in", "/id-in")
    assert "signing-key-file" in open(prefix + ".conf", encoding="ascii").read()
    pair = {end: open(prefix + end, "rb").read() for end in (".key", ".pem")}
    cli("cert", "renew", prefix)
    os.rename(prefix + ".key", prefix + ".key.next")
    for end, octets in pair.items():
        certs_file = prefix + end
        with open(certs_file, "wb") as f:
            f.write(octets)
        os.chmod(certs_file, 0o600)
    newest = open(prefix + ".key.next", "rb").read()
    cli("cert", "renew", prefix)
    assert open(prefix + ".key", "rb").read() == newest
    device = party(ttp, name, prefix)
    kv = fresh_kv()
    assert device.letter([device.item(name + "/x", kv, 1, "mine")], [kv]) == "ok"
    device.close()
    # Cut off between the two renamings.
    os.rename(prefix + ".pem", prefix + ".pem.next")
    (tmp_path / "gw.pem").write_bytes(pair[".pem"])
    cli("cert", "renew", prefix, "--same-key")
    assert certs.private_key(prefix + ".key") and open(prefix + ".key", "rb").read() == newest


def test_a_false_ttp_is_not_joined(ttp, tmp_path):
    """Another TTP with a certificate of the right name, in the network's place: the fingerprint in the token, or the
    pinned bundle, tells it apart before anything is sent."""
    ticket = token(ttp, APP, str(tmp_path / "t"))
    with House(tmp_path / "false", authority=ttp.house.authority) as house:
        false = house.ttp(extra=[("enrol", {"ca": "own", "sp": SP})])
        false.house = house
        assert "identity that is pinned" in enrol(false, ticket, str(tmp_path / "x"), "--ae", APP, code=6)
        assert "identity that is pinned" in enrol(false, ticket, str(tmp_path / "x"), "--ae", APP, "--bundle", ttp.bundle,
                                                  code=6)
        # The control: without a pin in the way, the false TTP refuses the token, which means that it saw its proof.
        assert "join token" in enrol(false, ticket, str(tmp_path / "x"), "--ae", APP, "--bundle", false.bundle, code=4)


def test_files_and_words(ttp, tmp_path):
    ticket = token(ttp, SP + "/Sdev-*", str(tmp_path / "t"), "--ttl", "1h", "--uses", "2")
    os.chmod(ticket, 0o644)
    assert "chmod 600" in enrol(ttp, ticket, str(tmp_path / "a"), "--ae", APP, code=9)
    os.chmod(ticket, 0o600)
    for name in ((), ("--ae", "Sdev"), ("--ae", APP, "--cse", SP + "/id-mn"), ("--cse", "/id-mn")):
        enrol(ttp, ticket, str(tmp_path / "a"), *name, code=2)
    assert "another name" in enrol(ttp, ticket, str(tmp_path / "a"), "--ae", SP + "/Sother", code=4)
    (tmp_path / "no").write_text("osj1.x\n")
    os.chmod(str(tmp_path / "no"), 0o600)
    assert "no join token" in enrol(ttp, str(tmp_path / "no"), str(tmp_path / "a"), "--ae", APP, code=9)
    listed = json.loads(cli("join-token", "list", "--state", ttp.state, "--json"))["tokens"]
    one = [t for t in listed if t["for"] == SP + "/Sdev-*"]
    assert len(one) == 1 and one[0]["uses"] == 2 and not one[0]["expired"]
    cli("join-token", "revoke", one[0]["id"], "--state", ttp.state)
    cli("join-token", "revoke", one[0]["id"], "--state", ttp.state, code=3)
    enrol(ttp, ticket, str(tmp_path / "a"), "--ae", APP, code=4)
    cli("cert", "renew", str(tmp_path / "nothing"), code=3)
