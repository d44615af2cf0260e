"""The oneM2M face of the TTP as its checklist asks (T-01 to T-12, M-01, M-03, M-04, M-05): a stranger's client, by HTTP."""
import base64
import json
import os
import re
import time

import pytest
import requests
from plant.house import SP, TTP_NAME
from plant.onem2m import _Named
from plant.process import program, run
from witness import ten_steps
from witness.jose_stranger import b64u, sid_of
from witness.ttp_stranger import Party, fresh_kv

LATER = "20301231T000000"
CLIENT = {"/mef": ("sec:mecr", 20004), "/maf": ("sec:macr", 20003)}


class Reply:
    def __init__(self, answer):
        self.rsc, self.status, self.text = int(answer.headers["X-M2M-RSC"]), answer.status_code, answer.text
        assert answer.headers["X-M2M-RI"] == "ri-7" and "no-store" in answer.headers["Cache-Control"]
        self.body = answer.json() if answer.text and answer.headers["Content-Type"] == "application/json" else None

    def of(self, rsc):
        assert self.rsc == rsc, "%d instead of %d: %s" % (self.rsc, rsc, self.text)
        return self

    @property
    def resource(self):
        (only,) = self.body.values()
        return only


class Principal(Party):
    """A Party that speaks Mmaf and Mmef."""

    def ask(self, method, path, root=None, resource=None, ty=None, origin=None):
        headers = {"X-M2M-Origin": origin or self.identity, "X-M2M-RI": "ri-7", "X-M2M-RVI": "3"}
        if ty:
            headers["Content-Type"] = "application/json; ty=%d" % ty
        body = None if root is None else json.dumps({root: resource})
        return Reply(self.session.request(method, self.url + path, data=body, headers=headers, timeout=30))

    def enrol(self, base="/mef", adfq=TTP_NAME, signed=True, et=LATER, **more):
        root, ty = CLIENT[base]
        resource = dict({"et": et, "adfq": adfq}, **more)
        if signed:
            resource["osl"] = self.sign({"iss": self.identity, "aud": self.aud, "nonce": self.fresh_nonce(),
                                         "jwk": self.public}, "oneseal-client+jws", x5c=self.x5c)
        return self.ask("POST", base, root, resource, ty)

    def key(self, item, kv, base="/mef", origin=None, **more):
        resource = dict({"et": item["et"], "adfq": item["adfq"], "suid": item["suid"],
                         "osl": self.letter_text([item], [kv])}, **more)
        return self.ask("POST", base, "sec:skr", resource, 20006, origin)

    def get(self, name, base="/mef", **more):
        return self.ask("GET", "%s/%s" % (base, name), **more)

    def update(self, name, base="/mef", **resource):
        return self.ask("PUT", "%s/%s" % (base, name), "sec:skr", resource)

    def delete(self, name, base="/mef"):
        return self.ask("DELETE", "%s/%s" % (base, name))

    def end_text(self, kid, number, et):
        return self.sign({"iss": self.identity, "aud": self.aud, "kid": kid, "n": number, "et": et}, "oneseal-update+jws")


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    from plant.house import House
    with House(tmp_path_factory.mktemp("m2m")) as house:
        process = house.ttp()
        process.house = house
        with open(process.bundle, encoding="ascii") as f:
            process.keys = ten_steps.read_bundle(f.read())
        yield process


@pytest.fixture
def party(ttp):
    made = []

    def make(name, register=False):
        identity = SP + name
        certificate, key = ttp.house.certificate(name if name.startswith("/id-") else identity)
        one = Principal(identity, certificate, key, "https://" + ttp.ready["https"], ttp.house.authority.path,
                        _Named(TTP_NAME), ttp.keys)
        made.append(one)
        if register:
            assert one.register() == "ok"
        return one
    yield make
    for one in made:
        one.close()


@pytest.fixture
def owner(party):
    """The gateway, registered with both bases."""
    one = party("/id-mn")
    for base in CLIENT:
        assert one.enrol(base).rsc in (2001, 4105)
    return one


_numbers = iter(range(1, 1000))


def fresh(owner, policy="p", suid=24, **more):
    """(item of a letter, KV, address) of a key of its own."""
    where = "%s/id-mn/mn/m2m/%d" % (SP, next(_numbers))
    kv = fresh_kv()
    return owner.item(where, kv, 1, policy, suid=suid, **more), kv, where


def name_of(item):
    return item["kid"].partition("@")[0]


def sealed_key(owner, policy, *readers, suid=24, **more):
    item, kv, where = fresh(owner, policy, suid)
    owner.key(item, kv, **more).of(2001)
    if readers:
        assert owner.policy(policy, 1, {r.identity: None for r in readers}) == "ok"
    return item, kv, where


def test_t01_who_has_no_certificate_is_refused(ttp, party):
    with requests.Session() as naked:
        naked.verify, naked.trust_env = ttp.house.authority.path, False
        naked.mount("https://", _Named(TTP_NAME))
        answer = naked.post("https://" + ttp.ready["https"] + "/mef", data='{"sec:mecr":{}}', timeout=30,
                            headers={"X-M2M-Origin": SP + "/id-mn", "X-M2M-RI": "ri-7",
                                     "Content-Type": "application/json; ty=20004"})
        assert Reply(answer).rsc == 4106
    assert party("/St01").ask("GET", "/mef").of(2000).body["sec:mefb"]["ty"] == 20002


def test_t02_the_originator_is_the_one_of_the_certificate(owner, party):
    stranger = party("/St02")
    item, kv, _ = sealed_key(owner, "t02")
    assert stranger.get(name_of(item), origin=owner.identity).rsc == 4106
    assert stranger.ask("POST", "/mef", "sec:mecr", {"et": LATER, "adfq": TTP_NAME}, 20004, owner.identity).rsc == 4106
    other, kv, _ = fresh(owner)
    assert owner.key(other, kv, origin=stranger.identity).rsc == 4106
    # a letter that another one signed, sent under one's own name
    stranger.enrol().of(2001)
    resource = {"et": other["et"], "adfq": TTP_NAME, "suid": 24, "osl": owner.letter_text([other], [kv])}
    assert stranger.ask("POST", "/mef", "sec:skr", resource, 20006).rsc == 4000
    # and a client registration of somebody else
    text = owner.sign({"iss": owner.identity, "aud": owner.aud, "nonce": owner.fresh_nonce(), "jwk": owner.public},
                      "oneseal-client+jws", x5c=owner.x5c)
    assert stranger.ask("POST", "/maf", "sec:macr", {"et": LATER, "adfq": TTP_NAME, "osl": text}, 20003).rsc == 4106


def test_t03_no_key_without_a_client_registration(party):
    writer = party("/St03", register=True)
    item, kv, _ = fresh(writer)
    assert writer.key(item, kv).rsc == 4103
    registration = writer.enrol().of(2001).resource["ri"]
    assert writer.key(dict(item, adfq="other.example"), kv, adfq="other.example").rsc == 4103
    writer.key(item, kv).of(2001)
    writer.delete(registration).of(2002)
    item, kv, _ = fresh(writer)
    assert writer.key(item, kv).rsc == 4103


@pytest.mark.parametrize("base", sorted(CLIENT))
def test_client_registration_family(party, base):
    client, other = party("/Sclient" + base[1:]), party("/Sother" + base[1:])
    assert client.enrol(base, adfq="unknown.example").rsc == 4103
    assert client.enrol(base, et="20000101T000000").rsc == 4000
    made = client.enrol(base, lbl=["ward 3", "night"]).of(2001).resource
    assert made["cr"] == client.identity and made["et"] == LATER and made["lbl"] == ["ward 3", "night"]
    assert made["adfq"] == TTP_NAME and made["pi"] == base[1:] and "ch" not in made
    assert client.enrol(base).rsc == 4105
    name = made["ri"]
    configuration = client.get(name + "/cfg", base).of(2000).body["sec:crc"]
    assert configuration["fqdn"] == TTP_NAME and configuration["adfq"] == TTP_NAME and configuration["et"] == LATER
    assert configuration["htpt"] == int(client.url.rpartition(":")[2]) and configuration["lbl"] == ["ward 3", "night"]
    root = CLIENT[base][0]
    changed = client.ask("PUT", base + "/" + name, root, {"lbl": [], "et": "20310101T000000"}).of(2004).resource
    assert changed["et"] == "20310101T000000" and "lbl" not in changed
    for wrong in ({"adfq": "x.example"}, {"et": "soon"}, {}, {"cr": other.identity}):
        assert client.ask("PUT", base + "/" + name, root, wrong).rsc == 4000
    for method, path, body in (("GET", "", None), ("GET", "/cfg", None), ("PUT", "", {"lbl": ["x"]}), ("DELETE", "", None)):
        assert other.ask(method, base + "/" + name + path, root if body else None, body).rsc == 4103
    client.delete(name, base).of(2002)
    assert client.get(name, base).rsc == 4004
    client.enrol(base).of(2001)


def test_t05_the_key_is_in_no_answer(owner, party):
    reader = party("/St05", register=True)
    item, kv, where = fresh(owner, "t05")
    seen = [owner.key(item, kv, lbl=["a"], tgis=[reader.identity]).of(2001)]
    assert owner.policy("t05", 1, {reader.identity: None}) == "ok"
    seen += [owner.get(name_of(item)).of(2000), reader.get(name_of(item)).of(2000), owner.update(name_of(item), lbl=["b"])]
    for answer in seen:
        for form in (b64u(kv), base64.b64encode(kv).decode(), kv.hex(), kv.hex().upper()):
            assert form[:20] not in answer.text
        assert "kv" not in answer.resource
    assert seen[1].resource["tgis"] == [reader.identity] and "tgis" not in seen[2].resource
    assert seen[2].resource["osr"] == "/release" and seen[2].resource["cr"] == owner.identity
    assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1] == {item["kid"]: kv}
    clear = {"et": LATER, "adfq": TTP_NAME, "suid": 24, "kv": base64.b64encode(kv).decode()}
    answer = owner.ask("POST", "/mef", "sec:skr", clear, 20006).of(4102)
    assert clear["kv"] not in answer.text


def test_t06_who_is_listed_and_until_when(owner, party):
    first, second = party("/St06a", register=True), party("/St06b", register=True)
    item, kv, where = sealed_key(owner, "t06", first)
    name, sids = name_of(item), {item["kid"]: sid_of(where)}
    first.get(name).of(2000)
    second.get(name).of(4103)
    first.get("0" * 32).of(4004)
    # targets change by the signed policy alone
    assert owner.update(name, tgis=[second.identity]).rsc == 4000
    assert owner.update(name, tgis=[second.identity], osl=second.policy_text("t06", 2, {second.identity: None})).rsc in (
        4000, 4103)
    assert owner.update(name, tgis=[first.identity], osl=owner.policy_text("t06", 2, {second.identity: None})).rsc == 4000
    assert second.release([item["kid"]], sids)[1] == {}
    changed = owner.update(name, tgis=[second.identity], osl=owner.policy_text("t06", 2, {second.identity: None}))
    assert changed.of(2004).resource == {"tgis": [second.identity]}
    second.get(name).of(2000)
    first.get(name).of(4103)
    assert second.release([item["kid"]], sids)[1] == {item["kid"]: kv}
    assert first.release([item["kid"]], sids)[1] == {}
    # over
    soon = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    assert owner.update(name, et=soon).rsc == 4000
    owner.update(name, et=soon, osl=owner.end_text(item["kid"], 1, soon)).of(2004)
    deadline = time.monotonic() + 10
    while second.get(name).rsc == 2000:
        assert time.monotonic() < deadline
    second.get(name).of(4004)
    owner.get(name).of(4004)
    assert second.release([item["kid"]], sids)[0]["denied"] == {item["kid"]: "expired"}


@pytest.mark.parametrize("base,suids", [("/mef", range(20, 30)), ("/maf", range(30, 40))])
def test_t07_suid_base_and_number_of_targets(owner, base, suids):
    assigned = {"/mef": (21, 22, 23, 24, 25), "/maf": (32, 33, 34, 35)}[base]
    elsewhere = {"/mef": "/maf", "/maf": "/mef"}[base]
    one, two = [SP + "/Sa"], [SP + "/Sa", SP + "/Sb"]
    for suid in suids:
        item, kv, _ = fresh(owner, "t07", suid)
        if suid not in assigned:
            assert owner.key(item, kv, base, tgis=one).rsc == 4000
            continue
        assert owner.key(item, kv, elsewhere, tgis=one).rsc == 4000
        if suid % 10 <= 3:
            assert owner.key(item, kv, base, tgis=two).rsc == 4000
            assert owner.key(item, kv, base, tgis=[]).rsc == 4000
            assert owner.key(item, kv, base).rsc == 4000
        assert owner.key(item, kv, base, tgis=one).of(2001).resource["suid"] == suid


def test_t08_only_the_creator_changes_and_never_the_key(owner, party):
    reader = party("/St08", register=True)
    item, kv, where = sealed_key(owner, "t08", reader)
    name = name_of(item)
    assert reader.update(name, lbl=["mine"]).rsc == 4103
    assert reader.delete(name).rsc == 4103
    for wrong in ({"kv": base64.b64encode(kv).decode()}, {"suid": 25}, {"adfq": "x.example"}, {"cr": reader.identity}, {}):
        assert owner.update(name, **wrong).rsc == 4000
    assert owner.update(name, lbl=["theirs", "ours"]).of(2004).resource == {"lbl": ["theirs", "ours"]}
    assert owner.get(name).of(2000).resource["lbl"] == ["theirs", "ours"]
    far = "20320101T000000"
    assert owner.update(name, et=far, osl=reader.end_text(item["kid"], 1, far)).rsc == 4000
    other, _, _ = sealed_key(owner, "t08")
    assert owner.update(name, et=far, osl=owner.end_text(other["kid"], 1, far)).rsc == 4000
    text = owner.end_text(item["kid"], 1, far)
    assert owner.update(name, et=far, osl=text).of(2004).resource == {"et": far}
    assert owner.update(name, et=far, osl=text).rsc == 4105
    assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1] == {item["kid"]: kv}


def test_t09_no_identifier_comes_back(ttp, owner, party):
    item, kv, _ = sealed_key(owner, "t09")
    kept, kept_kv, _ = sealed_key(owner, "t09")
    owner.delete(name_of(item)).of(2002)
    for _ in range(2):
        assert owner.key(item, kv).rsc in (4103, 4105)
        assert owner.get(name_of(item)).rsc == 4004
        owner.get(name_of(kept)).of(2000)
        owner.key(kept, kept_kv).of(2001)                          # the same again is the same registration
        assert owner.key(dict(kept, ep=2), kept_kv).rsc == 4105    # another content is not
        ttp.stop()
        ttp.start()
        owner.url = "https://" + ttp.ready["https"]
    assert re.fullmatch("[0-9A-F]{32}", name_of(kept))


def test_t10_the_disk_has_no_key(ttp, owner):
    item, kv, _ = sealed_key(owner, "t10")
    octets = b"".join(open(os.path.join(ttp.state, f), "rb").read()
                      for f in os.listdir(ttp.state) if f.startswith("ledger.db"))
    assert name_of(item).encode() in octets                        # the control: the row is there
    for form in (kv, kv[:32], b64u(kv).encode(), base64.b64encode(kv), kv.hex().encode()):
        assert form[:16] not in octets


def test_t11_every_operation_has_its_record(owner, party):
    reader = party("/St11", register=True)
    item, kv, _ = sealed_key(owner, "t11", reader)
    reader.get(name_of(item)).of(2000)
    owner.get(name_of(item)).of(2000)
    owner.update(name_of(item), lbl=["x"]).of(2004)
    owner.delete(name_of(item)).of(2002)

    def records(who):
        found, start = [], 0
        while True:
            page = who.session.get(who.url + "/log/entries", params={"start": start, "count": 256}, timeout=30).json()
            if not page["entries"]:
                return found
            found += [json.loads(e["record"]) for e in page["entries"] if "record" in e]
            start += len(page["entries"])
    mine = [r["op"] for r in records(owner) if r.get("kid") == item["kid"]
            or any(i["kid"] == item["kid"] for i in r.get("items", ()))]
    assert mine == ["letter", "retrieve", "update", "shred"]
    assert [r["op"] for r in records(reader) if r.get("kid") == item["kid"]] == ["retrieve"]


def test_t12_spellings_of_one_identity(owner, party):
    reader = party("/St12", register=True)
    item, kv, _ = sealed_key(owner, "t12")
    name, domain = name_of(item), SP[2:]
    for version, spelled in enumerate(["/St12", "St12", "//" + domain.upper() + "/St12", SP + "/St12"], 1):
        changed = owner.update(name, tgis=[spelled], osl=owner.policy_text("t12", version, {reader.identity: None}))
        assert changed.of(2004).resource["tgis"] == [reader.identity]
    foreign = "//other.example/St12"
    assert owner.update(name, tgis=[foreign], osl=owner.policy_text("t12", 5, {reader.identity: None})).rsc == 4000
    assert owner.update(name, tgis=["sth"], osl=owner.policy_text("t12", 5, {reader.identity: None})).rsc == 4000
    reader.get(name, origin="/St12").of(2000)
    assert reader.get(name, origin=foreign).rsc == 4106
    assert reader.get(name, origin="/St13").rsc == 4106


def test_m01_long_names_are_read(owner):
    item, kv, _ = fresh(owner, "m01", 25)
    resource = {"expirationTime": item["et"], "adminFQDN": TTP_NAME, "SUID": 25, "labels": ["l"],
                "targetIDs": [SP + "/Sx"], "onesealLetter": owner.letter_text([item], [kv])}
    made = owner.ask("POST", "/mef", "sec:symmKeyReg", resource, 20006).of(2001).resource
    assert made["suid"] == 25 and made["lbl"] == ["l"]
    assert owner.ask("POST", "/mef", "sec:symmKeyReg", dict(resource, SUID=25, suid=25), 20006).rsc == 4000


def says(ttp, *words):
    status, out = run([program("oneseal"), "ttp", *words, "--state", ttp.state], check=None)[:2]
    return status, out


def test_m03_commands_one_after_the_other(ttp, party):
    client = party("/Sm03")
    made = client.enrol().of(2001).resource
    path = "/mef/%s/cmd" % made["ri"]
    assert client.ask("GET", path).rsc == 4004 and "ch" not in made

    def report(cmid, cmst):
        return client.ask("PUT", path, "sec:mecm", {"cmid": cmid, "cmst": cmst})
    est = "https://%s:8443/est" % TTP_NAME
    assert says(ttp, "command", "add", client.identity, "CERT_PROV", "EST", est, "AE", client.identity)[0] == 0
    assert says(ttp, "command", "add", client.identity, "DEV_CFG", "3:coaps://%s/dm" % TTP_NAME)[0] == 0
    # M-05: nobody is sent elsewhere
    assert says(ttp, "command", "add", client.identity, "CERT_PROV", "EST", "https://evil.example/est", "AE",
                client.identity)[0] != 0
    (child,) = client.get(made["ri"]).of(2000).resource["ch"]
    assert child["val"] == path and child["typ"] == 20005
    first = client.ask("GET", child["val"]).of(2000).resource
    assert first["cmst"] == 10 and first["cmdd"] == {"ccid": 1, "cmda": {"cpca": {
        "cppi": 1, "uri": est, "cstp": 3, "csid": client.identity}}}
    assert party("/Sm03b").ask("GET", path).rsc == 4103
    assert report("nobody", 20).rsc == 4000 and report(first["cmid"], 300).rsc == 4000
    second = report(first["cmid"], 20).of(2004).resource
    assert second["cmdd"]["ccid"] == 2 and second["cmid"] != first["cmid"]
    # M-04: the client saw it before; the answer names what comes next
    last = report(second["cmid"], 40).of(2004).resource
    assert last["cmdd"] == {"ccid": 0, "cmda": {"nmca": {"rdur": "PT1H"}}}
    assert report(second["cmid"], 40).of(2004).resource["cmid"] == last["cmid"]
    assert "cmdd" not in report(last["cmid"], 20).of(2004).resource
    assert client.ask("GET", path).rsc == 4004
    assert re.search(r"status\s+20\b", says(ttp, "command", "list", client.identity)[1])
