"""The teller: keys that cross in clear, for clients with a certificate or a pre-shared key. A stranger's client."""
import base64
import hmac
import json
import os
import secrets

import pytest
import requests
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import program, run
from witness import canary, ten_steps
from witness.teller_stranger import Refused, Wire
from witness.ttp_stranger import Party, fresh_kv, wrap

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


# --- class plain ------------------------------------------------------------------------------------------------------
MECR, MACR, SKR = 20004, 20003, 20006
BASES = {"/mef": (MECR, "sec:mecr", "EXPORTER-oneM2M-Bootstrap", 24), "/maf": (MACR, "sec:macr", "EXPORTER-oneM2M-Connection", 34)}
END = "20301231T000000"


def certified(ttp, name, **how):
    return wire(ttp, certificate=ttp.house.certificate(SP + name), **how)


def register(one, base, who):
    ty, root, _, _ = BASES[base]
    answer = one.m2m("POST", base, who, {root: {"et": END, "adfq": TTP_NAME}}, ty)
    assert answer.rsc in (2001, 4105), answer.body
    return answer


def key(value=None, suid=24, targets=(), **more):
    made = {"et": END, "adfq": TTP_NAME, "suid": suid, "tgis": list(targets), **more}
    if value is not None:
        made["kv"] = base64.b64encode(value).decode()
    return {"sec:skr": made}


def create(ttp, name, base="/mef", **what):
    with certified(ttp, name) as one:
        register(one, base, SP + name)
        return one.m2m("POST", base, SP + name, key(**what), SKR)


def get(ttp, name, path):
    with certified(ttp, name) as one:
        return one.m2m("GET", path, SP + name)


def records(ttp, name):
    """What the log says about this identity's own requests."""
    certificate = ttp.house.certificate(SP + name)
    session = requests.Session()
    session.trust_env, session.verify, session.cert = False, ttp.house.authority.path, certificate
    session.mount("https://", _Named(TTP_NAME))
    url, found, start = "https://" + ttp.ready["https"], [], 0
    while True:
        page = session.get("%s/log/entries?start=%d&count=256" % (url, start), timeout=30).json()
        if not page["entries"]:
            session.close()
            return found
        start += len(page["entries"])
        found += [json.loads(e["record"]) for e in page["entries"] if "record" in e]


@pytest.mark.parametrize("base", sorted(BASES))
def test_a_key_in_clear_goes_to_its_targets_alone(ttp, base):
    value, suid = secrets.token_bytes(64), BASES[base][3]
    made = create(ttp, "/Sowner", base, value=value, suid=suid, targets=[SP + "/Starget"], lbl=["hall 3"])
    assert (made.status, made.rsc) == (201, 2001), made.body
    resource = made.json["sec:skr"]
    assert "kv" not in resource and resource["tgis"] == [SP + "/Starget"] and resource["cr"] == SP + "/Sowner"
    path = base + "/" + resource["ri"]
    mine = get(ttp, "/Sowner", path)
    assert mine.rsc == 2000 and "kv" not in mine.json["sec:skr"] and mine.json["sec:skr"]["lbl"] == ["hall 3"]
    theirs = get(ttp, "/Starget", path)
    got = theirs.json["sec:skr"]
    assert theirs.rsc == 2000 and base64.b64decode(got["kv"]) == value and "tgis" not in got, theirs.body
    assert theirs.fields["cache-control"] == "no-store"
    refused = get(ttp, "/Sother", path)
    assert refused.rsc == 4103 and "kv" not in refused.body.decode()
    kid = "%s@%s" % (resource["ri"], TTP_NAME)
    released = [r for r in records(ttp, "/Starget") if r["op"] == "plain" and r.get("kid") == kid]
    assert len(released) == 1 and released[0]["class"] == "plain"
    assert [r["class"] for r in records(ttp, "/Sowner") if r["op"] == "register" and r.get("kid") == kid] == ["plain"]


def test_targets_change_and_the_key_goes(ttp):
    value = secrets.token_bytes(32)
    made = create(ttp, "/Sowner", value=value, targets=[SP + "/Starget"]).json["sec:skr"]
    path = "/mef/" + made["ri"]
    with certified(ttp, "/Starget") as one:
        assert one.m2m("PUT", path, SP + "/Starget", {"sec:skr": {"tgis": [SP + "/Starget"]}}).rsc == 4103
        assert one.m2m("DELETE", path, SP + "/Starget").rsc == 4103
    with certified(ttp, "/Sowner") as one:
        changed = one.m2m("PUT", path, SP + "/Sowner", {"sec:skr": {"tgis": [SP + "/Sother"]}})
        assert changed.rsc == 2004, changed.body
        assert one.m2m("PUT", path, SP + "/Sowner", {"sec:skr": {"kv": "AAAA"}}).rsc == 4000
    assert get(ttp, "/Starget", path).rsc == 4103
    assert base64.b64decode(get(ttp, "/Sother", path).json["sec:skr"]["kv"]) == value
    with certified(ttp, "/Sowner") as one:
        assert one.m2m("DELETE", path, SP + "/Sowner").rsc == 2002
    assert get(ttp, "/Sother", path).rsc == 4004


@pytest.mark.parametrize("n,rsc", [(14, 4000), (16, 2001), (17, 4000), (128, 2001), (130, 4000)])
def test_the_length_of_a_key(ttp, n, rsc):
    assert create(ttp, "/Sowner", value=bytes(range(n)), targets=[SP + "/Starget"]).rsc == rsc


@pytest.mark.parametrize("what", [{"suid": 34}, {"targets": []}, {"suid": 22, "targets": [SP + "/Sa", SP + "/Sb"]}])
def test_rules_of_a_registration(ttp, what):
    assert create(ttp, "/Sowner", **{"value": bytes(32), "targets": [SP + "/Starget"], **what}).rsc == 4000


def test_nobody_speaks_for_another(ttp):
    with certified(ttp, "/Sother") as one:
        assert one.m2m("GET", "/mef/none", SP + "/Starget").rsc == 4106
    with wire(ttp) as one:
        assert one.m2m("GET", "/mef/none", SP + "/Starget").rsc == 4106
    with certified(ttp, "/Sstranger") as one:                # not registered
        assert one.m2m("POST", "/mef", SP + "/Sstranger", key(bytes(32), targets=[SP + "/Starget"]), SKR).rsc == 4103


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("base", sorted(BASES))
def test_the_key_of_the_session(ttp, base, version):
    _, _, label, suid = BASES[base]
    with certified(ttp, "/Sowner", version=version, export=label) as one:
        register(one, base, SP + "/Sowner")
        made = one.m2m("POST", base, SP + "/Sowner", key(suid=suid, targets=[SP + "/Starget"]), SKR)
        assert made.rsc == 2001, made.body
        assert made.json["sec:skr"]["ri"] == one.keying[:16].hex().upper()
        again = one.m2m("POST", base, SP + "/Sowner", key(suid=suid, targets=[SP + "/Starget"]), SKR)
        assert (again.status, again.rsc) == (409, 4105)
        # A key of one's own still goes on the same connection.
        assert one.m2m("POST", base, SP + "/Sowner", key(bytes(32), suid, [SP + "/Starget"]), SKR).rsc == 2001
    got = get(ttp, "/Starget", "%s/%s" % (base, made.json["sec:skr"]["ri"]))
    assert base64.b64decode(got.json["sec:skr"]["kv"]) == one.keying[16:]


def test_no_key_of_a_session_without_extended_master_secret(ttp, tmp_path, monkeypatch):
    conf = tmp_path / "openssl.cnf"
    conf.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = -ExtendedMasterSecret\n")
    monkeypatch.setenv("OPENSSL_CONF", str(conf))
    with certified(ttp, "/Sowner", version="1.2") as one:
        assert "Extended master secret: no" in one.session
        register(one, "/maf", SP + "/Sowner")
        refused = one.m2m("POST", "/maf", SP + "/Sowner", key(suid=34, targets=[SP + "/Starget"]), SKR)
        assert refused.rsc == 4000 and "extended master secret" in refused.json["what"]


def test_no_session_is_resumed(ttp, tmp_path):
    store = str(tmp_path / "session")
    for version in ("1.2", "1.3"):
        with certified(ttp, "/Sowner", version=version, more=("-sess_out", store)) as one:
            assert one.ask("GET", "/nonce").status == 200
        assert not os.path.exists(store) or "Session-ID: \n" in one.session
        if os.path.exists(store):
            with certified(ttp, "/Sowner", version=version, more=("-sess_in", store)) as one:
                assert "Reused" not in one.session
            os.remove(store)


# --- PSK clients ------------------------------------------------------------------------------------------------------
def test_a_psk_client_is_a_client(ttp):
    owner, target = enrol(ttp, "km-owner", SP + "/Spowner"), enrol(ttp, "km-target", SP + "/Sptarget")
    value = secrets.token_bytes(32)
    with wire(ttp, psk=owner, version="1.2", cipher="PSK-AES128-CBC-SHA256") as one:
        register(one, "/maf", SP + "/Spowner")
        made = one.m2m("POST", "/maf", SP + "/Spowner", key(value, 34, [SP + "/Sptarget"]), SKR)
        assert made.rsc == 2001, made.body
        assert one.m2m("GET", "/maf/none", SP + "/Sptarget").rsc == 4106
    with wire(ttp, psk=target) as one:
        got = one.m2m("GET", "/maf/" + made.json["sec:skr"]["ri"], SP + "/Sptarget")
        assert base64.b64decode(got.json["sec:skr"]["kv"]) == value
    assert [r["id"] for r in records(ttp, "/Sptarget") if r["op"] == "psk"] == [target[0].upper().partition("@")[0].lower()
                                                                              + "@" + TTP_NAME]


def test_a_key_for_one_base_does_not_open_the_other(ttp):
    psk = enrol(ttp, "km-maf-only", SP + "/Spmaf", base="maf")
    with wire(ttp, psk=psk) as one:
        assert one.m2m("GET", "/mef/none", SP + "/Spmaf").rsc == 4103
        assert one.m2m("GET", "/maf/none", SP + "/Spmaf").rsc == 4004


def test_a_dropped_key_opens_nothing(ttp):
    psk = enrol(ttp, "km-dropped", SP + "/Spdrop")
    with wire(ttp, psk=psk) as one:
        assert one.ask("GET", "/nonce").status == 200
    say(ttp, "psk-drop", psk[0])
    with pytest.raises(Refused):
        wire(ttp, psk=psk)


def test_a_key_made_at_the_mef_opens_the_maf(ttp):
    """SUID 21: Ke by the exporter of the MEF; Km = HMAC(Ke, label || MAF-ID); psk_identity = KeID."""
    with certified(ttp, "/Senrolee", export="EXPORTER-oneM2M-Bootstrap") as one:
        register(one, "/mef", SP + "/Senrolee")
        made = one.m2m("POST", "/mef", SP + "/Senrolee", key(suid=21, targets=[TTP_NAME]), SKR)
        assert made.rsc == 2001, made.body
    km = hmac.digest(one.keying[16:], b"oneM2M Enrolment Key to Master Credential derivation" + TTP_NAME.encode(),
                     "sha256")
    identity = "%s@%s" % (one.keying[:16].hex().upper(), TTP_NAME)
    with wire(ttp, psk=(identity, km)) as one:
        assert register(one, "/maf", SP + "/Senrolee").rsc == 2001
        assert one.m2m("GET", "/mef/none", SP + "/Senrolee").rsc == 4103      # it is for the MAF


# --- class sealed -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("plain", [None, False, True])
def test_a_sealed_key_leaves_in_clear_only_when_its_owner_signed_that(ttp, plain):
    owner = Party(SP + "/id-mn", *ttp.house.certificate("/id-mn"), "https://" + ttp.ready["https"],
                  ttp.house.authority.path, _Named(TTP_NAME), ttp.keys)
    assert owner.register() == "ok"
    kv, name = fresh_kv(), "sealed-%s" % plain
    item = owner.item("%s/id-mn/mn/dev/%s" % (SP, name), kv, 1, name, **({} if plain is None else {"plain": plain}))
    assert owner.letter([item], [kv]) == "ok" and owner.policy(name, 1, {SP + "/Starget": None}) == "ok"
    owner.close()
    path = "/mef/" + item["kid"].partition("@")[0]
    answer = get(ttp, "/Starget", path)
    if plain:
        assert base64.b64decode(answer.json["sec:skr"]["kv"]) == kv
        assert [r["class"] for r in records(ttp, "/Starget") if r["op"] == "plain" and r["kid"] == item["kid"]] == ["sealed"]
    else:
        assert answer.rsc == 4103 and not canary.search(answer.body, kv)
        assert not [r for r in records(ttp, "/Starget") if r["op"] == "plain" and r["kid"] == item["kid"]]
    assert get(ttp, "/Sother", path).rsc == 4103
    with wire(ttp, certificate=ttp.house.certificate("/id-mn")) as one:       # nor does a teller destroy it
        assert one.m2m("DELETE", path, SP + "/id-mn").rsc == 4103


def test_the_front_gives_no_key_in_clear(ttp):
    value = secrets.token_bytes(32)
    made = create(ttp, "/Sowner", value=value, targets=[SP + "/Starget"]).json["sec:skr"]
    certificate = ttp.house.certificate(SP + "/Starget")
    session = requests.Session()
    session.trust_env, session.verify, session.cert = False, ttp.house.authority.path, certificate
    session.mount("https://", _Named(TTP_NAME))
    answer = session.get("https://%s/mef/%s" % (ttp.ready["https"], made["ri"]), timeout=30,
                         headers={"X-M2M-Origin": SP + "/Starget", "X-M2M-RI": "1", "X-M2M-RVI": "3"})
    session.close()
    assert not canary.search(answer.content, value)
