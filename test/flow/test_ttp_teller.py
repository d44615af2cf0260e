"""The teller: keys that cross in clear, for clients with a certificate or a pre-shared key. A stranger's client."""
import secrets

import pytest
from plant.house import SP, TTP_NAME, House
from plant.process import program, run
from witness import ten_steps
from witness.teller_stranger import Refused, Wire
from witness.ttp_stranger import wrap

SUITES = [("1.2", "PSK-AES128-CBC-SHA256"), ("1.2", "PSK-AES128-GCM-SHA256"), ("1.2", "ECDHE-PSK-CHACHA20-POLY1305"),
          ("1.3", None)]


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    with House(tmp_path_factory.mktemp("teller")) as house:
        process = house.ttp(extra=[("teller", {"listen": "127.0.0.1:0"})])
        process.house = house
        with open(process.bundle, encoding="ascii") as f:
            process.keys = ten_steps.read_bundle(f.read())
        yield process


def wire(ttp, **how):
    return Wire(ttp.ready["teller"], ttp.house.authority.path, TTP_NAME, **how)


def say(ttp, *words, check=0):
    return run([program("oneseal"), "ttp", *words, "--state", ttp.state, "--json"], check=check)


def enrol(ttp, relative, client, base="both", key=None, thumbprint=None):
    """(identity, key) of a PSK client that the operator enrolled."""
    key = key or secrets.token_bytes(32)
    identity = "%s@%s" % (relative, TTP_NAME)
    words = [identity, base, client] + ([thumbprint] if thumbprint else [])
    say(ttp, "psk-add", *words, wrap(key, ttp.keys.sealing, ttp.keys.sealing_kid))
    return identity, key


@pytest.mark.parametrize("version,cipher", SUITES)
def test_a_pre_shared_key_opens_the_door(ttp, version, cipher):
    psk = enrol(ttp, "km-%s-%s" % (version, (cipher or "13").lower()), SP + "/Spsk")
    with wire(ttp, psk=psk, version=version, cipher=cipher) as one:
        assert cipher is None or cipher in one.session
        assert one.ask("GET", "/nonce").status == 200
        assert one.ask("POST", "/release", b"nothing signed").status == 400      # the second one of the connection


@pytest.mark.parametrize("version,cipher", SUITES)
def test_an_unknown_identity_fails_as_a_wrong_key_does(ttp, version, cipher):
    identity, _ = enrol(ttp, "known-%s-%s" % (version, (cipher or "13").lower()), SP + "/Spsk")
    heard = []
    for who in (identity, "nobody@" + TTP_NAME, "no-domain"):
        with pytest.raises(Refused) as why:
            wire(ttp, psk=(who, secrets.token_bytes(32)), version=version, cipher=cipher)
        heard.append(why.value.args[0])
    assert heard[0] and heard[0] == heard[1] == heard[2], heard
