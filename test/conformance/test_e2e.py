"""E2E: what a CSE must leave alone, and what reaches it inside ESPrim Objects."""
import base64
import json
import os
import re

import pytest
from client import AE, CIN, stamp, until
from esprim import Session, object_of, request, when

# Opaque to the CSE: the shape of a JWE in compact form, without meaning.
OBJECT = ".".join(base64.urlsafe_b64encode(bytes([n] * 40)).decode().rstrip("=") for n in range(5))
PAIR, KID = bytes(range(100, 132)), "conf@demo.example"


def receiver(town, name, life):
    """An MN-CSE below the laboratory's IN-CSE that shares a key with /id-in/Cconf-e2e."""
    path = os.path.join(town.folder, name + ".key")
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(PAIR.hex() + "\n")
    lab = town.get("lab")
    csi = "/id-" + name
    cse = town.start(name, "mn", csi, "cse-" + name, lab, extra=[
        ("esprim " + KID, {"key-file": path, "peer": "//demo.example/id-in/Cconf-e2e"}), ("limits", {"esprim-life": life})])
    town.running[name] = cse
    until(lambda: lab.registers(csi), 10, "registration of " + csi)
    return cse


@pytest.fixture(scope="session")
def sealed(town):
    return receiver(town, "sealed", "1h")


class Far:
    """An AE of the IN-CSE that speaks to a CSE through it."""
    FR = "/id-in/Cconf-e2e"

    def __init__(self, client, cse):
        self.client, self.cse, self.to = client, cse, "%s/%s" % (cse.csi, cse.base)

    def ask(self):
        return self.client.notify(self.to, {"m2m:seci": {"sit": 3}})

    def session(self, kid=KID, **more):
        return Session(PAIR, kid, object_of(self.ask()), **more)

    def send(self, text):
        return self.client.notify(self.to, {"m2m:seci": {"sit": 5, "epo": text}})

    def inner(self, session, primitive):
        """(header, primitive) of the answer; outside it must be success."""
        seci = self.send(session.seal(primitive)).of(2000).root("m2m:seci")
        assert seci["sit"] == 5 and set(seci) == {"sit", "epo"}
        return session.open(seci["epo"])


@pytest.fixture
def far(lab, sealed, anyone):
    return Far(anyone(lab, "Cconf-e2e"), sealed)


@pytest.fixture
def open_container(sealed, app):
    """A container there that the far AE may use, when it is authenticated."""
    one = app(sealed)
    allowed = one.policy("far", {"acor": [Far.FR], "acop": 63, "acaf": True}, {"acor": [one.origin], "acop": 63})
    return one.cnt(acpi=[allowed])


def altered(text, part, at):
    """The object with another character at that place of that part."""
    parts = text.split(".")
    old = parts[part]
    parts[part] = old[:at] + ("A" if old[at] != "A" else "B") + old[at + 1:]
    return ".".join(parts)


def test_L_CSE_E2E_001(lab, listener, ae, target):
    heard = listener(lab, target.url)
    target.answer = lambda seen: (2000, {"m2m:seci": {"sit": 5, "epo": OBJECT[::-1]}})
    sent = {"m2m:seci": {"sit": 5, "epo": OBJECT}}
    answer = ae.notify(heard.path, sent).of(2000)
    assert target.seen[0].body == sent
    assert answer.json == {"m2m:seci": {"sit": 5, "epo": OBJECT[::-1]}}


def test_L_CSE_E2E_002(lab, sealed, far, open_container):
    session = far.session()
    make = request(1, open_container, Far.FR, ty=4, pc={"m2m:cin": {"rn": "inside", "con": "21.5"}})
    assert far.client.create(sealed.csi + "/" + open_container, CIN, con="in clear").of(4103)      # the rule asks for proof
    header, answer = far.inner(session, make)
    assert answer["rsc"] == 2001 and answer["rqi"] == make["rqi"] and answer["pc"]["m2m:cin"]["con"] == "21.5"
    assert header.get("cty") in (None, "vnd.onem2m-prsp+json", "application/vnd.onem2m-prsp+json")
    stored = sealed.admin.get(open_container + "/inside")
    assert stored["con"] == "21.5" and stored.get("cr", Far.FR) == Far.FR
    for espa in (10, 11, 12):
        got = far.inner(far.session(espa=espa), request(2, open_container + "/la", Far.FR))[1]
        assert got["rsc"] == 2000 and got["pc"]["m2m:cin"]["con"] == "21.5"


def test_L_CSE_E2E_003(sealed, far, open_container):
    session = far.session()
    before = sealed.admin.found(sealed.base, ty=17)
    for n, more in enumerate(({"rt": {"rtv": 1}}, {"rt": {"rtv": 2, "nu": ["http://127.0.0.1:1"]}}, {"ec": 4}, {"da": True})):
        answer = far.inner(session, request(1, open_container, Far.FR, ty=4, pc={"m2m:cin": {"con": str(n)}}, **more))[1]
        assert answer["rsc"] == 2001 and answer["pc"]["m2m:cin"]["con"] == str(n)
    assert sealed.admin.found(sealed.base, ty=17) == before                  # and no request resource is left behind


def test_L_CSE_E2E_004(far, open_container):
    session = far.session()
    for primitive, rsc in ((request(2, open_container + "/nothing", Far.FR), 4004),
                           (request(2, far.cse.base, Far.FR, rcn=77), 4000),
                           (request(1, open_container, Far.FR, ty=4, pc={"m2m:cin": {}}), 4000)):
        answer = far.inner(session, primitive)[1]
        assert answer["rsc"] == rsc and answer["rqi"] == primitive["rqi"]


def test_L_CSE_E2E_005(far, open_container):
    session = far.session(kid="nobody@demo.example")
    far.send(session.seal(request(2, open_container, Far.FR))).of(4112)


def test_L_CSE_E2E_006(far, open_container):
    session = far.session()
    text = session.seal(request(2, open_container, Far.FR))
    for part, at in ((2, 3), (3, 0), (3, 10), (4, 0), (4, 12)):
        far.send(altered(text, part, at)).of(4115, 5210)
    # the header is authenticated as well: another cty under the same tag
    head, rest = session.seal(request(2, open_container, Far.FR), cty="x"), text.split(".", 1)[1]
    far.send(head.split(".")[0] + "." + rest).of(4115, 5210)
    assert far.inner(session, request(2, open_container, Far.FR))[1]["rsc"] == 2000       # the session itself is sound


def test_L_CSE_E2E_007(far, open_container):
    session = far.session()
    for fr in ("/id-in/Cother", "CAdmin", "//other.example/id-in/Cconf-e2e"):
        answer = far.send(session.seal(request(2, open_container, fr)))
        if answer.rsc == 2000:                  # a valid session is known, so the refusal may be protected (TS-0003 8.4.2)
            assert session.open(answer.one["epo"])[1]["rsc"] == 4116
        else:
            answer.of(4116)


def test_L_CSE_E2E_008(far, open_container):
    session = far.session()
    read = request(2, open_container, Far.FR)
    for header in ({"alg": "A256KW"}, {"enc": "A256CBC-HS512"}, {"enc": "A128GCM"}, {"zip": "DEF"}):
        head = session.seal(read, **header) if "zip" not in header else zipped(session, read)
        far.send(head).of(4111)
    far.send(far.session(esk=2).seal(read)).of(4111)
    far.send(far.session(espa=12, **{"esrv": "v"}).seal(read)).of(2000)      # nothing wrong: the control


def zipped(session, primitive):
    text = session.seal(primitive)
    aad, rest = text.split(".", 1)
    header = json.loads(base64.urlsafe_b64decode(aad + "=" * (-len(aad) % 4)))
    return base64.urlsafe_b64encode(json.dumps(dict(header, zip="DEF")).encode()).decode().rstrip("=") + "." + rest


def test_L_CSE_E2E_009(lab, sealed, far):
    answer = far.ask()
    made = answer.of(2000).root("m2m:seci")
    assert made["sit"] == 4 and set(made["ero"]) == {"esri", "esrv", "esrx", "esks", "espa"}
    assert made["ero"]["esks"] == [1] and set(made["ero"]["espa"]) <= {10, 11, 12} and made["ero"]["espa"]
    for name in ("esri", "esrv"):
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]*", made["ero"][name])                 # xs:NCName
    again = json.loads(object_of(far.ask()))
    assert again["esri"] != made["ero"]["esri"] and again["esrv"] != made["ero"]["esrv"]
    shared = sealed.admin.get(sealed.base)["esi"]
    assert 13 in shared["esf"] and shared["esro"]["esri"] not in (made["ero"]["esri"], again["esri"])
    copy = until(lambda: lab.registers(sealed.csi).get("esi"), 10, "esi at the registrar")
    assert copy == shared                                                     # where originators elsewhere find it
    text = sealed.admin.retrieve(sealed.base).text
    text = text[text.index('"esro":') + 7:]
    session = Session(PAIR, KID, text[:text.index("}") + 1])
    assert far.inner(session, request(2, sealed.base, Far.FR))[1]["rsc"] in (2000, 4103)


def test_L_CSE_E2E_010(ae):
    c = ae.cnt()
    for third in range(6):
        made = ae.put(c, OBJECT, cnf="application/json:0:%d" % third)
        got = ae.get(made["ri"])
        assert made["cnf"] == got["cnf"] == "application/json:0:%d" % third and got["con"] == OBJECT
    for bad in ("application/json:0:6", "application/json:0:x", "application/json:0:10"):
        ae.create(c, CIN, con=OBJECT, cnf=bad).of(4000)


def test_L_CSE_E2E_011(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]})
    for con in (OBJECT, json.dumps({"protected": "e30", "recipients": [{"header": {}}], "iv": "AA/==", "x": "\u00e9"}), " \t\n\"\\/ "):
        made = ae.put(c, con, cnf="application/json:0:2")
        assert made["con"] == con and ae.get(made["ri"])["con"] == con and ae.get(c + "/la")["con"] == con
        assert target.wait(1, lambda s: s.event and s.rep["ri"] == made["ri"])[0].rep["con"] == con
    value = {"ciphertext": "AAEC", "n": 1.50, "list": [1, None, True], "z": {"y": "x"}}
    made = ae.put(c, value, cnf="application/json:0:2")
    assert ae.get(made["ri"])["con"] == value and list(ae.get(made["ri"])["con"]) == list(value)


def test_L_CSE_E2E_012(lab, mn, app):
    capabilities = {"esf": [14, 34], "escert": ["AAECAwQ="]}
    ae = app(mn, esi=capabilities, at=[lab.csi])
    assert ae.get(ae.path)["esi"] == capabilities
    copy = ae.get(ae.path)["at"][0]
    assert lab.admin.retrieve(copy).of(2000).root("m2m:aeA")["esi"] == capabilities
    ae.change(ae.path, AE, esi={"esf": [14]})
    assert ae.get(ae.path)["esi"] == {"esf": [14]}


def test_L_CSE_E2E_013(town, lab, far, open_container, anyone):
    read = request(2, open_container, Far.FR)
    session = far.session()
    far.send(session.seal(read, oro=False)).of(4113)                          # never seen
    far.send(session.seal(read, ori="O9")).of(4113)                           # not the one that it brings
    far.send(far.session(expiry="20200101T000000").seal(read)).of(4113)
    for rri in ("R9", session.rri[:-1] + ("A" if session.rri[-1] != "A" else "B")):
        far.send(session.seal(read, rri=rri)).of(4114)
    assert far.inner(session, read)[1]["rsc"] == 2000
    assert session.open(far.send(session.seal(read, oro=False)).of(2000).one["epo"])[1]["rsc"] == 2000   # known by now
    # expired, at a CSE whose objects live for three seconds
    brief = Far(anyone(lab, "Cconf-e2e"), receiver(town, "brief", "3s"))
    short = brief.session()
    until(lambda: brief.send(short.seal(request(2, brief.cse.base, Far.FR))).rsc == 4114, 15, "the object expires")


def test_L_CSE_E2E_014(far):
    good = far.session().seal(request(2, far.cse.base, Far.FR))
    head, _, iv, sealed, tag = good.split(".")
    for text in ("", "x", "a.b.c", head, good + ".x", good + "=", head + ".AA." + ".".join([iv, sealed, tag]),
                 ".".join([head, "", iv, sealed, tag[:11]]), ".".join([head, "", iv, "", tag]),
                 ".".join([head[:-2], "", iv, sealed, tag]), ".".join(["e30", "", iv, sealed, tag])):
        far.send(text).of(4000)
    for pc in ({"sit": 5}, {"sit": 5, "epo": 7}, {"sit": "5", "epo": good}, {"sit": 4}, {"sit": 99}, {}):
        far.client.notify(far.to, {"m2m:seci": pc}).of(4000)


def test_L_CSE_E2E_015(far, open_container):
    session = far.session()
    for _ in range(3):
        header, answer = far.inner(session, request(2, open_container, Far.FR))
        assert answer["rsc"] == 2000                                          # opened under the session of its request
        assert header["ori"] == session.ori and header["rri"] == session.rri and "oro" not in header


def test_L_CSE_E2E_016(far, open_container):
    read = request(2, open_container, Far.FR)
    ero = object_of(far.ask())
    later = stamp(when(json.loads(ero)["esrx"]) - when(stamp()) + 60)[:15]
    answer = far.send(Session(PAIR, KID, ero, expiry=later).seal(read))
    assert 4000 <= answer.rsc < 6000 and answer.rsc != 2000
    assert far.inner(Session(PAIR, KID, ero), read)[1]["rsc"] == 2000         # the same, ending with the receiver's


def test_L_CSE_E2E_017(ae):
    c, total = ae.cnt(), 0
    for con, cnf in ((OBJECT, "application/json:0:1"), (OBJECT + "\u20ac", "text/plain:0:2"), ("AAEC", "text/plain:1:3")):
        made = ae.put(c, con, cnf=cnf)
        total += made["cs"]
        assert made["cs"] == len(con.encode())
    assert ae.get(c)["cbs"] == total


def test_L_CSE_E2E_018(ae):
    c = ae.cnt()
    sealed = json.dumps({"secret": "value", "protected": "e30"})
    ae.put(c, sealed, rn="sealed", cnf="application/json:0:2")
    ae.put(c, OBJECT, rn="compact", cnf="application/json:0:1")
    for query in ("$.secret", "$[?(@.secret=='value')]", "$..*"):
        answer = ae.retrieve(c, fu=1, cfs=1, cfq=query)
        if answer.rsc == 2000:                                  # otherwise content filters are not served at all
            assert not [r for r in answer.one if r.endswith(("sealed", "compact"))]
        else:
            answer.of(5001, 4000)
    assert len(ae.found(c)) == 2                                # and no copy of anything has been made
