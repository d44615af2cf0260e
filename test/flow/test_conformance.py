"""Lines of the conformance checklist that touch the hosted types, against an
open laboratory CSE as other people's test suites meet it. Each test names its lines."""
import base64
import itertools
import time

import pytest
from plant.house import House
from plant.onem2m import AE, BASE, CONTAINER, CREATE, DELETE, INSTANCE, NOTIFY, POLICY, RETRIEVE, SUBSCRIPTION, UPDATE
from plant.onem2m import Client
from plant.receiver import Receiver

CNT, CIN, SUB, ACP = "m2m:cnt", "m2m:cin", "m2m:sub", "m2m:acp"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with House(tmp_path_factory.mktemp("conformance")) as house:
        process = house.cse("lab", "in", "/id-in", "cse-in", insecure=True, extra=[("lab", {"open": "yes"})])
        process.url = "http://" + process.ready["http"]
        yield process


@pytest.fixture
def ae(lab):
    """A registered AE with its path; makes more of them on request."""
    made = []

    def make():
        name = "t%d" % next(NUMBERS)
        client = Client(lab.url, "C" + name)
        client.ae = client.register("cse-in", name)
        client.path = "cse-in/" + name
        made.append(client)
        return client
    first = make()
    first.another = make
    yield first
    for client in made:
        client.delete(client.path)
        client.close()


def rule(*who, ops=63, **more):
    return dict(acor=list(who), acop=ops, **more)


def policy(ae, name, *rules):
    ae.create(ae.path, POLICY, ACP, rn=name, pv={"acr": list(rules)}, pvs={"acr": [rule(ae.origin)]}).expect(2001)
    return "%s/%s" % (ae.path, name)


# ---- GEN ---------------------------------------------------------------------------------------------

def test_gen_every_form_for_every_operation(ae):
    """GEN/{CRE,RET,UPD,DEL}/001_*, 002_*; L/GEN/001, 002, 003, 004, 005, 006"""
    made = ae.container(ae.path, "c")
    for prefix, (ident, path) in itertools.product(("", "/id-in/", "//demo.example/id-in/"),
                                                   enumerate((made["ri"], ae.path + "/c", "-/" + ae.path[7:] + "/c"))):
        to = prefix + path
        ae.put(to, "x").expect(2001)
        assert ae.retrieve(to).expect(2000).root(CNT)["ri"] == made["ri"]
        ae.update(to, CNT, lbl=["x"]).expect(2004)
        assert ae.retrieve(to + "/la").expect(2000).root(CIN)["con"] == "x"
        ae.delete(to + "/la").expect(2002)
    admin = Client(ae.url, "CAdmin")
    assert BASE == admin.retrieve("/id-in/-").expect(2000).root("m2m:cb")["ty"]
    ae.retrieve("/id-in").expect(4000)
    ae.retrieve("//demo.example/id-in").expect(4000)
    ae.retrieve("//other.example/id-in/cse-in").expect(4004)
    ae.retrieve("/id-i/cse-in").expect(4004)
    ae.retrieve("/id-in2/cse-in").expect(4004)
    inner = ae.container(ae.path + "/c", "latest")
    ae.retrieve(inner["ri"] + "/la").expect(4004)
    ae.put(inner["ri"], "y").expect(2001)
    ae.retrieve(ae.path + "/c/latest/la").expect(2000)


def test_gen_names(ae):
    """L/GEN/007, 008"""
    for name in ("_a", "-a", ".a", "a@b", "a/b", "a b"):
        ae.create(ae.path, CONTAINER, CNT, rn=name).expect(4000)
    for name in ("a", "a" * 255):
        ae.create(ae.path, CONTAINER, CNT, rn=name).expect(2001)


def test_gen_primitives(ae):
    """L/GEN/009, 012, 013, 015-020, 022-027, 030"""
    there = ae.path
    ae.send(RETRIEVE, there, headers={"X-M2M-RI": None}).expect(4000)
    ae.send(RETRIEVE, there, headers={"X-M2M-RVI": "9"}).expect(4001)
    ae.send(RETRIEVE, there, headers={"X-M2M-RVI": None}).expect(4001)
    for release in ("2a", "3", "4", "5"):
        answer = ae.send(RETRIEVE, there, headers={"X-M2M-RVI": release}).expect(2000)
        assert answer.headers["X-M2M-RVI"] == release
    ae.send(RETRIEVE, there, headers={"X-M2M-RET": "20200101T000000"}).expect(4008)
    ae.send(RETRIEVE, there, headers={"X-M2M-RET": "3000"}).expect(2000)
    ae.send(RETRIEVE, there, headers={"X-M2M-RET": "3000", "X-M2M-RST": "2000"}).expect(4000)
    ae.send(RETRIEVE, there, headers={"X-M2M-RET": "2020"*5}).expect(4000)
    for op in (RETRIEVE, UPDATE, DELETE):
        ae.send(op, there, {"m2m:ae": {}} if op == UPDATE else None, headers={"Content-Type": "application/json;ty=2"}).expect(4000)
    ae.send(CREATE, there, {CNT: {}}, ty=999).expect(4000)
    ae.send(CREATE, there, {"m2m:grp": {}}, ty=9).expect(5001)
    ae.send(CREATE, there, {CNT: {}}, ty=CONTAINER, query={"lbl": "x"}).expect(4000)
    ae.send(CREATE, there, raw=b"{", ty=CONTAINER).expect(4000)
    ae.send(CREATE, there, {CNT: {}, CIN: {}}, ty=CONTAINER).expect(4000)
    ae.send(CREATE, there, {CIN: {"con": "x"}}, ty=CONTAINER).expect(4000)
    ae.send(CREATE, there, raw=b"x", headers={"Content-Type": "text/plain;ty=3"}).expect(4015)
    ae.send(RETRIEVE, there, headers={"Accept": "application/xml"}).expect(5207)
    assert ae.retrieve(there + "/none").expect(4004).debug


def test_gen_order_of_checks(ae):
    """L/GEN/028, 029"""
    other = ae.another()
    other.send(CREATE, ae.path + "/none", {"x": 1}, ty=CONTAINER).expect(4004)
    other.send(CREATE, ae.path, {"x": 1}, ty=CONTAINER).expect(4103)
    other.send(UPDATE, ae.path, {"x": 1}).expect(4103)
    ae.send(CREATE, ae.path, {"x": 1}, ty=CONTAINER).expect(4000)
    other.send(UPDATE, "cse-in", {"x": 1}).expect(4005)
    other.send(DELETE, "cse-in").expect(4005)


# ---- REG ---------------------------------------------------------------------------------------------

def test_reg_create(lab, ae):
    """REG/CRE/002, 011, 012_*, 017_*, 021, 022, 023; L/REG/001-004, 007"""
    made = Client(lab.url, "C").create("cse-in", AE, "m2m:ae", api="N1", rr=True, srv=["3"]).expect(2001).root("m2m:ae")
    assert made["aei"].startswith("C") and made["ri"] == made["aei"]
    owner = Client(lab.url, made["aei"])
    owner.create("cse-in", AE, "m2m:ae", api="N1", rr=True, srv=["3"]).expect(4117)
    owner.delete(made["aei"]).expect(2002)
    optional = {"lbl": ["a:b"], "apn": "name", "poa": ["http://h:1/x"], "nl": "/id-in/node", "or": "http://onto/x",
                "csz": ["json", "application/cbor"], "mei": "ext", "trps": False, "tren": True, "regs": 1, "tri": 7, "trn": 9,
                "esi": {"esf": [14]}}
    for name, value in optional.items():
        client = Client(lab.url, "C")
        made = client.create("cse-in", AE, "m2m:ae", api="N1", rr=True, srv=["3"], **{name: value}).expect(2001).root("m2m:ae")
        assert made[name] == value
        again = Client(lab.url, made["aei"])
        assert again.retrieve(made["aei"]).expect(2000).root("m2m:ae")[name] == value
        again.delete(made["aei"]).expect(2002)
    stranger = Client(lab.url, "Cmissing")
    stranger.create("cse-in", AE, "m2m:ae", rr=True, srv=["3"]).expect(4000)
    stranger.create("cse-in", AE, "m2m:ae", api="N1", srv=["3"]).expect(4000)
    stranger.create("cse-in", AE, "m2m:ae", api="x1", rr=True, srv=["3"]).expect(4000)
    stranger.create("cse-in", AE, "m2m:ae", api="N1", rr=True, srv=["3"], cr="C").expect(4000)
    Client(lab.url, "CAdmin").send(CREATE, "cse-in", {"m2m:cb": {}}, ty=BASE).expect(4005)
    stranger.create(ae.path, AE, "m2m:ae", api="N1", rr=True, srv=["3"]).expect(4108)
    Client(lab.url, "/id-x").create("cse-in", AE, "m2m:ae", api="N1", rr=True, srv=["3"]).expect(4107)


def test_reg_retrieve_update_delete(lab, ae):
    """REG/RET/001-005, 008; REG/UPD/001; REG/DEL/001, 003; L/REG/005, 006"""
    base = ae.retrieve("cse-in").expect(2000).root("m2m:cb")
    for name in ("rn", "ty", "ri", "pi", "ct", "lt", "csi", "cst", "poa", "srt", "srv", "ctm"):
        assert name in base, name
    assert base["pi"] == "" and base["cst"] == 1 and {1, 2, 3, 4, 5, 16, 23} <= set(base["srt"])
    got = ae.retrieve(ae.path).expect(2000).root("m2m:ae")
    for name in ("rn", "ty", "ri", "pi", "ct", "lt", "et", "api", "aei", "rr", "srv"):
        assert name in got, name
    ae.update(ae.path, "m2m:ae", api="N2").expect(4000)
    ae.update(ae.path, "m2m:ae", aei="C2").expect(4000)
    changed = ae.update(ae.path, "m2m:ae", rr=True, poa=["http://h/"], csz=["json"]).expect(2004).root("m2m:ae")
    assert changed["rr"] is True and changed["poa"] == ["http://h/"] and changed["csz"] == ["json"]
    ae.container(ae.path, "c")
    ae.container(ae.path + "/c", "d")
    ae.delete(ae.path).expect(2002)
    Client(lab.url, "CAdmin").retrieve(ae.path + "/c/d").expect(4004)


# ---- DMR: create -------------------------------------------------------------------------------------

def test_dmr_create(ae):
    """DMR/CRE/001-004, 005, 010-012, 015-017; L/DMR-C/001-005, 008-011"""
    tree = {CONTAINER: (CNT, {}), POLICY: (ACP, {"pv": {"acr": []}, "pvs": {"acr": [rule(ae.origin)]}}),
            SUBSCRIPTION: (SUB, {"nu": [ae.origin]})}
    for ty, (root, more) in tree.items():
        made = ae.create(ae.path, ty, root, **more).expect(2001).root(root)
        assert made["rn"] and made["ri"] and made["ct"] == made["lt"] and made["ty"] == ty and made["pi"] == ae.ae["ri"]
        name = "n%d" % ty
        ae.create(ae.path, ty, root, rn=name, **more).expect(2001)
        ae.create(ae.path, ty, root, rn=name, **more).expect(4105)
        ae.another().create(ae.path, ty, root, **more).expect(4103)
        assert ae.create(ae.path, ty, root, {"rcn": 0}, **more).expect(2001).text == ""
        uri = ae.create(ae.path, ty, root, {"rcn": 2}, **more).expect(2001)
        assert uri.root("m2m:uri").startswith(ae.path + "/") and uri.headers["Content-Location"] == uri.root("m2m:uri")
        both = ae.create(ae.path, ty, root, {"rcn": 3}, **more).expect(2001)
        assert both.root("m2m:rce")["uri"] == both.headers["Content-Location"] and both.root("m2m:rce")[root]["ty"] == ty
        for rcn in (4, 5, 6, 7, 8):
            ae.create(ae.path, ty, root, {"rcn": rcn}, **more).expect(4000)
    nine = ae.create(ae.path, CONTAINER, CNT, {"rcn": 9}, lbl=["mine"]).expect(2001).root(CNT)
    assert "lbl" not in nine and "ri" in nine and "ct" in nine
    for name, value in (("mni", -1), ("mbs", "5"), ("mia", 1.5), ("xyz", 1), ("ct", "20300101T000000"), ("ri", "x"), ("st", 0),
                        ("cni", 0), ("lbl", []), ("lbl", "x"), ("et", "20200101T000000"), ("cr", "Cx")):
        ae.create(ae.path, CONTAINER, CNT, **{name: value}).expect(4000)
    ae.container(ae.path, "c")
    for name in ("la", "ol"):
        ae.create(ae.path + "/c", CONTAINER, CNT, rn=name).expect(4005)
    assert ae.create(ae.path, CONTAINER, CNT, cr=None).expect(2001).root(CNT)["cr"] == ae.origin
    assert "cr" not in ae.create(ae.path, CONTAINER, CNT).expect(2001).root(CNT)
    ae.create(ae.path + "/c", AE, "m2m:ae", api="N1", rr=True, srv=["3"]).expect(4108)


def test_dmr_optional_attributes(ae):
    """DMR/CRE/012_*, 006_*"""
    for name, value in (("lbl", ["a"]), ("mni", 3), ("mbs", 100), ("mia", 60), ("or", "http://x/"), ("disr", False), ("et", "20300101T000000")):
        assert ae.create(ae.path, CONTAINER, CNT, **{name: value}).expect(2001).root(CNT)[name] == value
    ae.container(ae.path, "c")
    for name, value in (("lbl", ["a"]), ("cnf", "text/plain:0"), ("or", "http://x/"), ("et", "20300101T000000"), ("dgt", "20260101T000000")):
        assert ae.put(ae.path + "/c", "x", **{name: value}).expect(2001).root(CIN)[name] == value
    for name, value in (("lbl", ["a"]), ("exc", 5), ("pn", 1), ("nsp", 3), ("ln", True), ("nct", 3), ("nec", 2), ("et", "20300101T000000")):
        made = ae.create(ae.path, SUBSCRIPTION, SUB, nu=[ae.origin], **{name: value})
        assert made.expect(2001).root(SUB)[name] == value


def test_dmr_instances(ae):
    """DMR/CRE/007-009, 013, 014; L/DMR-C/014, 015, 016, 018; L/E2E/010, 011, 017"""
    ae.container(ae.path, "few", mni=2)
    for n in range(4):
        made = ae.put(ae.path + "/few", "c%d" % n).expect(2001).root(CIN)
        parent = ae.retrieve(ae.path + "/few").expect(2000).root(CNT)
        assert parent["cni"] == min(n + 1, 2) and parent["st"] == made["st"] == n + 1
    ae.container(ae.path, "small", mbs=10)
    for n in range(4):
        ae.put(ae.path + "/small", "12345").expect(2001)
    parent = ae.retrieve(ae.path + "/small").expect(2000).root(CNT)
    assert (parent["cni"], parent["cbs"]) == (2, 10)
    ae.put(ae.path + "/small", "12345678901").expect(5207)
    assert ae.retrieve(ae.path + "/small").expect(2000).root(CNT) == parent
    ae.container(ae.path, "tiny", mbis=3)
    ae.put(ae.path + "/tiny", "1234").expect(5207)
    ae.container(ae.path, "any")
    assert ae.put(ae.path + "/any", "\u00e9\u20ac").expect(2001).root(CIN)["cs"] == 5
    for bad in ("text", "text/plain", "text/plain:9", "text/plain:0:6", "text/plain:0:0:0"):
        ae.put(ae.path + "/any", "x", cnf=bad).expect(4000)
    sealed = base64.urlsafe_b64encode(bytes(range(200))).decode()
    for third in range(6):
        made = ae.put(ae.path + "/any", sealed, cnf="application/json:0:%d" % third).expect(2001).root(CIN)
        assert made["con"] == sealed and made["cs"] == len(sealed) and made["cnf"] == "application/json:0:%d" % third
    ae.container(ae.path, "aging", mia=60)
    made = ae.put(ae.path + "/aging", "x").expect(2001).root(CIN)
    assert made["et"] < time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 63))


def test_dmr_expiration(ae):
    """L/DMR-C/006, 007"""
    ae.container(ae.path, "c", et="20300101T000000")
    assert ae.create(ae.path + "/c", CONTAINER, CNT, et="20310101T000000").expect(2001).root(CNT)["et"] == "20300101T000000"
    assert ae.create(ae.path + "/c", CONTAINER, CNT).expect(2001).root(CNT)["et"] == "20300101T000000"
    assert ae.create(ae.path + "/c", CONTAINER, CNT, et="20290101T000000,5").expect(2001).root(CNT)["et"] == "20290101T000000,5"


# ---- DMR: retrieve -----------------------------------------------------------------------------------

def test_dmr_retrieve(ae):
    """DMR/RET/001-004, 006-012, 020-025; L/DMR-R/001-005, 007, 008, 010, 011, 012"""
    c = ae.path + "/c"
    ae.container(ae.path, "c", lbl=["l"])
    ae.retrieve(ae.path + "/none").expect(4004)
    ae.another().retrieve(c).expect(4103)
    assert ae.retrieve(c, atrl="lbl").expect(2000).root(CNT) == {"lbl": ["l"]}
    assert set(ae.retrieve(c, atrl="ri lbl").expect(2000).root(CNT)) == {"ri", "lbl"}
    assert set(ae.send(RETRIEVE, c, {"m2m:atrl": ["ri", "lbl"]}).expect(2000).root(CNT)) == {"ri", "lbl"}
    ae.retrieve(c, atrl="mni").expect(4004)
    ae.retrieve(c, atrl="xyz").expect(4000)
    for name in ("la", "ol"):
        ae.retrieve(c + "/" + name).expect(4004)
        ae.delete(c + "/" + name).expect(4004)
        ae.send(UPDATE, c + "/" + name, {CIN: {}}).expect(4005)
        ae.send(CREATE, c + "/" + name, {CIN: {"con": "x"}}, ty=INSTANCE).expect(4005)
    for n in range(3):
        ae.put(c, "v%d" % n, "i%d" % n).expect(2001)
    assert ae.retrieve(c + "/la").expect(2000).root(CIN)["con"] == "v2"
    assert ae.retrieve(c + "/ol").expect(2000).root(CIN)["con"] == "v0"
    ae.container(c, "d")
    ae.container(c + "/d", "e")
    for rcn in (0, 2, 3, 9):
        ae.retrieve(c, rcn=rcn).expect(4000)
    ae.retrieve(c, rcn=7).expect(4000)
    one = ae.retrieve(c, rcn=1).expect(2000).root(CNT)
    assert CIN not in one and one["lbl"] == ["l"]
    four = ae.retrieve(c, rcn=4).expect(2000).root(CNT)
    assert [i["rn"] for i in four[CIN]] == ["i0", "i1", "i2"] and four[CNT][0][CNT][0]["rn"] == "e" and four["lbl"] == ["l"]
    assert CNT not in ae.retrieve(c, rcn=4, lvl=1).expect(2000).root(CNT)[CNT][0]
    eight = ae.retrieve(c, rcn=8).expect(2000).root(CNT)
    assert set(eight) == {CIN, CNT}
    five = ae.retrieve(c, rcn=5).expect(2000).root(CNT)
    assert {r["nm"] for r in five["ch"]} == {"i0", "i1", "i2", "d", "e"} and five["lbl"] == ["l"]
    assert all(set(r) == {"nm", "typ", "val"} for r in five["ch"])
    six = ae.retrieve(c, rcn=6).expect(2000).root("m2m:rrl")["rrf"]
    assert {r["val"] for r in six} == {c + x for x in ("/i0", "/i1", "/i2", "/d", "/d/e")}
    part = ae.retrieve(c, rcn=4, lim=2).expect(2000)
    assert part.headers["X-M2M-CTS"] == "1" and len(part.root(CNT)[CIN]) == 2
    rest = ae.retrieve(c, rcn=4, ofst=part.headers["X-M2M-CTO"]).expect(2000).root(CNT)
    assert [i["rn"] for i in rest[CIN]] == ["i2"] and rest[CNT][0]["rn"] == "d"
    assert ae.retrieve(c, rcn=6, crb="20200101T000000").expect(2000).root("m2m:rrl") == {"rrf": []}
    empty = ae.container(ae.path, "empty")["rn"]
    assert ae.retrieve(ae.path + "/" + empty, rcn=8).expect(2000).root(CNT) == {}
    assert ae.retrieve(ae.path + "/" + empty, rcn=5).expect(2000).root(CNT)["ch"] == []
    assert ae.retrieve(ae.path + "/" + empty, rcn=6).expect(2000).root("m2m:rrl") == {"rrf": []}


def test_dmr_disabled(ae):
    """L/DMR-R/010, 030, 011"""
    c = ae.path + "/c"
    ae.container(ae.path, "c", disr=True)
    ae.put(c, "x", "i").expect(2001)
    for to in ("/i", "/la", "/ol"):
        ae.retrieve(c + to).expect(4005)
        ae.delete(c + to).expect(4005)
    assert CIN not in ae.retrieve(c, rcn=4).expect(2000).root(CNT)
    assert ae.update(c, CNT, disr=False).expect(2004).root(CNT)["cni"] == 0
    ae.retrieve(c + "/la").expect(4004)


# ---- DMR: update and delete --------------------------------------------------------------------------

def test_dmr_update(ae):
    """DMR/UPD/001-009, 011-013; L/DMR-U/001-003, 005-010"""
    c = ae.path + "/c"
    made = ae.container(ae.path, "c", lbl=["a"], mni=5)
    changed = ae.update(c, CNT, lbl=["b"], mbs=100, mni=None).expect(2004).root(CNT)
    assert changed["lbl"] == ["b"] and changed["mbs"] == 100 and "mni" not in changed
    assert changed["lt"] > made["lt"] and changed["st"] == made["st"] + 1
    ae.update(ae.path + "/none", CNT).expect(4004)
    ae.another().update(c, CNT, lbl=["x"]).expect(4103)
    for name, value in (("ct", "20300101T000000"), ("rn", "x"), ("ri", "x"), ("pi", "x"), ("ty", 3), ("mni", -1), ("xyz", 1),
                        ("et", "20200101T000000"), ("lbl", []), ("st", 9)):
        ae.update(c, CNT, **{name: value}).expect(4000)
    assert ae.retrieve(c).expect(2000).root(CNT) == changed
    ae.send(UPDATE, c, {"m2m:ae": {}}).expect(4000)
    ae.update(c, CNT, et=None).expect(2004)
    before = ae.update(c, CNT).expect(2004).root(CNT)
    assert before["st"] == changed["st"] + 2
    assert ae.send(UPDATE, c, {CNT: {"lbl": ["q"]}}, query={"rcn": 0}).expect(2004).text == ""
    nine = ae.send(UPDATE, c, {CNT: {"lbl": ["r"]}}, query={"rcn": 9}).expect(2004).root(CNT)
    assert "lt" in nine and "ri" not in nine
    ae.send(UPDATE, c, {CNT: {}}, query={"rcn": 4}).expect(4000)
    for n in range(4):
        ae.put(c, "v", "i%d" % n).expect(2001)
    trimmed = ae.update(c, CNT, mni=2).expect(2004).root(CNT)
    assert (trimmed["cni"], trimmed["cbs"]) == (2, 2)
    ae.retrieve(c + "/i1").expect(4004)
    ae.send(UPDATE, c + "/i3", {CIN: {"lbl": ["x"]}}).expect(4005)
    ae.update(c, CNT, et="20290101T000000").expect(4000)  # L/DMR-U/004: instances live longer


def test_dmr_update_of_mandatory_attributes(ae):
    """DMR/UPD/008_*, 014-016"""
    policy(ae, "p", rule("all"))
    ae.update(ae.path + "/p", ACP, pvs=None).expect(4000)
    ae.update(ae.path + "/p", ACP, pv={"acr": []}, lbl=["x"]).expect(2004)
    ae.create(ae.path, SUBSCRIPTION, SUB, rn="s", nu=[ae.origin]).expect(2001)
    ae.update(ae.path + "/s", SUB, nu=None).expect(4000)
    ae.update(ae.path + "/s", SUB, exc=3, enc={"net": [3]}).expect(2004)
    ae.update(ae.path, "m2m:ae", rr=None).expect(4000)


def test_dmr_delete(ae):
    """DMR/DEL/001-004, 006-010; L/DMR-D/001-005"""
    c = ae.path + "/c"
    ae.container(ae.path, "c")
    for n in range(3):
        ae.put(c, "v%d" % n, "i%d" % n).expect(2001)
    ae.another().delete(c).expect(4103)
    ae.delete(c + "/none").expect(4004)
    ae.delete(c + "/la").expect(2002)
    ae.delete(c + "/ol").expect(2002)
    left = ae.retrieve(c).expect(2000).root(CNT)
    assert (left["cni"], left["cbs"]) == (1, 2)
    ae.delete(c + "/i1").expect(2002)
    ae.retrieve(c + "/i1").expect(4004)
    for rcn in (2, 3, 7, 9):
        ae.send(DELETE, c, query={"rcn": rcn}).expect(4000)
    ae.put(c, "last", "z").expect(2001)
    shown = ae.send(DELETE, c, query={"rcn": 4}).expect(2002).root(CNT)
    assert shown[CIN][0]["con"] == "last"
    ae.retrieve(c + "/z").expect(4004)
    ae.container(ae.path, "d")
    assert ae.send(DELETE, ae.path + "/d", query={"rcn": 1}).expect(2002).root(CNT)["rn"] == "d"
    ae.container(ae.path, "e")
    assert ae.delete(ae.path + "/e").expect(2002).text == ""


# ---- SUB ---------------------------------------------------------------------------------------------

def test_sub_refused(ae):
    """SUB/CRE/001-003; L/SUB/001, 005, 006, 008, 013, 038, 039"""
    c = ae.path + "/c"
    ae.container(ae.path, "c")
    ae.put(c, "x", "i").expect(2001)
    ae.create(c, SUBSCRIPTION, SUB, rn="s", nu=[ae.origin]).expect(2001)
    ae.create(c + "/i", SUBSCRIPTION, SUB, nu=[ae.origin]).expect(5203)
    ae.create(c + "/s", SUBSCRIPTION, SUB, nu=[ae.origin]).expect(5203)
    ae.another().create(c, SUBSCRIPTION, SUB, nu=[ae.origin]).expect(4103)
    ae.create(c, SUBSCRIPTION, SUB, nu=[ae.another().origin]).expect(5204)
    for bad in ({}, {"nu": []}, {"nu": [ae.origin], "enc": {"net": [3], "chty": [2]}}, {"nu": [ae.origin], "enc": {"net": [1], "om": [{"ops": 2}]}},
                {"nu": [ae.origin], "enc": {"net": [3]}, "nct": 2}, {"nu": [ae.origin], "enc": {"net": [1]}, "nct": 4},
                {"nu": [ae.origin], "enc": {"net": [1]}, "nct": 5}, {"nu": [ae.origin], "enc": {"sts": 0}}, {"nu": [ae.origin], "enc": {"szb": 0}},
                {"nu": [ae.origin], "enc": {"net": [8]}}, {"nu": [ae.origin], "enc": {"md": {"num": 1, "dur": "PT1S"}}}):
        ae.create(c, SUBSCRIPTION, SUB, **bad).expect(4000)
    ae.create(ae.path, SUBSCRIPTION, SUB, nu=[ae.origin], enc={"net": [5]}).expect(4000)
    assert ae.create(c, SUBSCRIPTION, SUB, nu=[ae.origin], enc={"net": [3]}).expect(2001).root(SUB)["nct"] == 1


def test_sub_events(ae):
    """SUB/CRE/005; SUB/UPD/001-006, 009; SUB/DEL/001-003; L/SUB/003, 004, 010, 011, 029, 031"""
    c = ae.path + "/c"
    with Receiver() as receiver:
        def subscribe(name, to=c, **more):
            return ae.create(to, SUBSCRIPTION, SUB, rn=name, nu=[receiver.url], **more).expect(2001).root(SUB)

        def events(count):
            """nev of the next notices; verifications and deletions left out."""
            return [n.body["m2m:sgn"]["nev"] for n in receiver.wait(count, match=lambda n: "nev" in n.body.get("m2m:sgn", {}))[-count:]]
        ae.container(ae.path, "c")
        made = subscribe("children", enc={"net": [3], "chty": [4]})
        ae.container(c, "ignored")
        ae.put(c, "x").expect(2001)
        (nev,) = events(1)
        assert nev["net"] == 3 and nev["rep"][CIN]["con"] == "x"
        assert receiver.notices[-1].body["m2m:sgn"]["sur"] == "/id-in/" + made["ri"]
        ae.delete(c + "/children").expect(2002)
        subscribe("modified", enc={"net": [1], "atr": ["lbl"]}, nct=2)
        ae.update(c, CNT, mni=100).expect(2004)
        ae.update(c, CNT, lbl=["x"]).expect(2004)
        ae.update(c, CNT, lbl=None).expect(2004)
        first, second = [e["rep"][CNT] for e in events(3)[1:]]
        assert first["lbl"] == ["x"] and second["lbl"] is None and "ri" not in first and "ty" not in first and "lt" in first
        ae.delete(c + "/modified").expect(2002)
        subscribe("where", enc={"net": [1]}, nct=3)
        ae.update(c, CNT, lbl=["y"]).expect(2004)
        assert events(4)[-1]["rep"]["m2m:uri"].startswith("/id-in/")
        ae.delete(c + "/where").expect(2002)
        subscribe("twice", enc={"net": [1]}, exc=2, su=receiver.url)
        ae.update(c, CNT, lbl=["1"]).expect(2004)
        events(5)
        for _ in range(40):
            left = ae.retrieve(c + "/twice")
            if left.rsc == 2000 and left.root(SUB)["exc"] == 1:
                break
            time.sleep(0.05)
        assert left.root(SUB)["exc"] == 1
        ae.update(c, CNT, lbl=["2"]).expect(2004)
        receiver.wait(1, match=lambda n: n.deletion)
        ae.retrieve(c + "/twice").expect(4004)
        subscribe("gone", enc={"net": [2, 4]}, su=receiver.url)
        ae.put(c, "x", "child").expect(2001)
        ae.delete(c + "/child").expect(2002)
        assert events(7)[-1]["net"] == 4
        ae.container(c, "deep")
        ae.container(c + "/deep", "deeper")
        ae.delete(c + "/deep/deeper").expect(2002)
        ae.delete(c).expect(2002)
        assert events(8)[-1]["net"] == 2
        receiver.wait(2, match=lambda n: n.deletion)


# ---- ACP ---------------------------------------------------------------------------------------------

OPERATIONS = [
    (1, lambda who, c: who.put(c, "x"), 2001), (2, lambda who, c: who.retrieve(c), 2000),
    (4, lambda who, c: who.update(c, CNT, lbl=["z"]), 2004), (8, lambda who, c: who.delete(c + "/inner"), 2002),
]


def test_acp_bits(ae):
    """SEC/ACP/001_*, 004_*; L/ACP/001, 002, 015"""
    other = ae.another()
    for bit, do, good in OPERATIONS:
        for granted in (bit, 63 ^ bit):
            name = "b%d-%d" % (bit, granted)
            acp = policy(ae, "p" + name, rule("all", ops=granted))
            c = "%s/%s" % (ae.path, name)
            ae.container(ae.path, name, acpi=[acp])
            ae.create(c, CONTAINER, CNT, rn="inner", acpi=[acp])
            Client(ae.url, "CAdmin").create(c, CONTAINER, CNT, rn="inner", acpi=[acp])
            do(other, c).expect(good if granted == bit else 4103)
    for ops in (0, 64):
        ae.create(ae.path, POLICY, ACP, pv={"acr": [rule("all", ops=ops)]}, pvs={"acr": [rule("all")]}).expect(4000)


def test_acp_originators(ae):
    """SEC/ACP/002_*, 003_*, 005-006_*, 009-012_*; L/ACP/005, 007, 008, 009, 017"""
    other = ae.another()
    stem = other.origin
    year = time.gmtime().tm_year
    for n, (r, good) in enumerate([
            (rule(stem), True), (rule("/id-in/" + stem), True), (rule("//demo.example/id-in/" + stem), True), (rule("/id-x/" + stem), False),
            (rule(stem[:-1] + "*"), True), (rule("C*"), True), (rule("S*"), False), (rule("/id-in/*"), True), (rule("/*"), False),
            (rule("//demo.example"), True), (rule("//other.example"), False), (rule("demo.example"), True), (rule("Cnobody"), False),
            (rule("all", acco=[{"actw": ["* * * * * * %d" % year]}]), True), (rule("all", acco=[{"actw": ["* * * * * * %d" % (year + 1)]}]), False),
            (rule("all", acco=[{"acip": {"ipv4": ["127.0.0.0/8"]}}]), True), (rule("all", acco=[{"acip": {"ipv4": ["10.0.0.0/8"]}}]), False),
            (rule("all", acco=[{"acip": {"ipv6": ["::1"]}}]), False), (rule("all", acco=[{"aclr": {"accc": ["FR"]}}]), False),
            (rule("all", acaf=True), False), (rule("all", acaf=False), True), (rule("mn/none"), False)]):
        acp = policy(ae, "p%d" % n, r)
        ae.container(ae.path, "c%d" % n, acpi=[acp])
        other.retrieve("%s/c%d" % (ae.path, n)).expect(2000 if good else 4103)
    dead = policy(ae, "dead", rule("Cnobody"))
    alive = policy(ae, "alive", rule(stem))
    ae.container(ae.path, "two", acpi=[dead, alive])
    other.retrieve(ae.path + "/two").expect(2000)
    ae.container(ae.path, "none")
    other.retrieve(ae.path + "/none").expect(4103)
    ae.retrieve(ae.path + "/none").expect(2000)
    only = policy(ae, "only", rule(stem, acod=[{"chty": [4]}]))
    ae.container(ae.path, "kinds", acpi=[only])
    other.put(ae.path + "/kinds", "x").expect(2001)
    other.create(ae.path + "/kinds", CONTAINER, CNT).expect(4103)


def test_acp_of_policies(ae):
    """SEC/ACP/CRE/001-004, UPD/001, 002; L/ACP/003, 004, 010, 012, 013, 014"""
    other = ae.another()
    ae.create(ae.path, POLICY, ACP, pv={"acr": [rule("C1"), rule("C2", ops=2)]}, pvs={"acr": [rule("C1"), rule(ae.origin)]}).expect(2001)
    acp = policy(ae, "p", rule(other.origin))
    other.retrieve(acp).expect(4103)                                # pv does not open the policy itself
    ae.update(acp, ACP, pvs={"acr": []}).expect(4000)
    c = ae.path + "/c"
    ae.container(ae.path, "c", acpi=[acp])
    other.update(c, CNT, acpi=None).expect(4103)                    # pv grants UPDATE, but acpi asks pvs
    ae.update(c, CNT, acpi=[acp], lbl=["x"]).expect(4000)
    ae.update(c, CNT, acpi=[ae.path + "/none"]).expect(4000)
    ae.update(c, CNT, acpi=[c]).expect(4000)
    ae.create(ae.path, CONTAINER, CNT, acpi=[ae.path]).expect(4000)
    other.retrieve(c).expect(2000)
    shut = policy(ae, "shut", rule("Cnobody"))
    ae.update(c, CNT, acpi=[shut]).expect(2004)
    other.retrieve(c).expect(4103)                                  # effective for the very next request
    ae.update(c, CNT, acpi=[acp]).expect(2004)
    ae.delete(acp).expect(2002)
    assert "acpi" not in ae.retrieve(c).expect(2000).root(CNT)      # switch 21, laboratory
    other.retrieve(c).expect(4103)


def test_acp_custodian(ae):
    """L/ACP/011"""
    other = ae.another()
    ae.container(ae.path, "c", cstn=other.origin)
    other.retrieve(ae.path + "/c").expect(2000)
    ae.retrieve(ae.path + "/c").expect(4103)
    other.delete(ae.path + "/c").expect(2002)


# ---- DIS ---------------------------------------------------------------------------------------------

def found(ae, to, **query):
    return ae.retrieve(to, fu=1, **query).expect(2000).root("m2m:uril")


def test_dis(ae):
    """DIS/001-007, 009; L/DIS/001-005, 007, 009-015"""
    a, other = ae.path, ae.another()
    ae.container(a, "c1", lbl=["x", "k:v"])
    ae.container(a, "c2", lbl=["y"])
    ae.container(a, "c_3")
    ae.container(a, "cx3")
    ae.container(a + "/c1", "deep", lbl=["x"])
    ae.put(a + "/c2", "12345", "i", lbl=["x"]).expect(2001)
    everything = {a + s for s in ("/c1", "/c2", "/c_3", "/cx3", "/c1/deep", "/c2/i")}
    assert set(found(ae, a)) == everything
    assert set(found(ae, a, lbl="x")) == {a + "/c1", a + "/c1/deep", a + "/c2/i"}
    assert set(found(ae, a, lbl=["x", "y"])) == {a + "/c1", a + "/c1/deep", a + "/c2/i", a + "/c2"}
    assert found(ae, a, lbl="none") == []
    assert set(found(ae, a, ty="3 4")) == everything
    assert found(ae, a, ty=4, lbl="x") == [a + "/c2/i"]
    assert set(found(ae, a, ty=4, lbl="y", fo=2)) == {a + "/c2/i", a + "/c2"}
    assert set(found(ae, a, ty=4, lbl="x", fo=3)) == {a + "/c1", a + "/c1/deep"}
    plain = found(ae, a, drt=2)
    assert len(plain) == len(everything) and not any("/" in u for u in plain)
    assert found(other, a) == []
    ae.retrieve(a + "/none", fu=1).expect(4004)
    for bad in ({"cra": "x"}, {"ty": "x"}, {"lvl": 0}):
        ae.retrieve(a, fu=1, **bad).expect(4000)
    assert found(ae, a, crb="20200101T000000", cra="20300101T000000") == []
    assert set(found(ae, a, rn="c_3")) == {a + "/c_3"}
    assert set(found(ae, a, rn="c*")) == everything - {a + "/c1/deep", a + "/c2/i"}
    assert set(found(ae, a, lvl=1)) == everything - {a + "/c1/deep", a + "/c2/i"}
    assert len(found(ae, a, lim=2)) == 2
    assert found(ae, a, sza=5) == [a + "/c2/i"] and found(ae, a, szb=5) == []
    made = ae.retrieve(a + "/c2/i").expect(2000).root(CIN)
    assert a + "/c2/i" in found(ae, a, cra=made["ct"]) and a + "/c2/i" not in found(ae, a, crb=made["ct"])
    refs = ae.retrieve(a, fu=1, rcn=6, ty=4).expect(2000).root("m2m:rrl")["rrf"]
    assert refs == [{"nm": "i", "typ": 4, "val": a + "/c2/i"}]
    ae.retrieve(a, fu=1, rcn=1).expect(4000)
    ae.send(RETRIEVE, a, query={"fu": 1, "rcn": 1}, headers={"X-M2M-RVI": "2a"}).expect(2000)
    assert found(ae, a) == found(ae, a)
    for refused in ("st", "ct", "lt", "et", "cs", "cnf"):
        ae.retrieve(a, fu=1, **{refused: "1"}).expect(4000)


def test_dis_rights(ae):
    """DIS/005, 009; L/ACP/016"""
    other = ae.another()
    acp = policy(ae, "p", rule(other.origin, ops=32))
    ae.container(ae.path, "shown", acpi=[acp])
    ae.container(ae.path, "hidden")
    assert found(other, ae.path) == [ae.path + "/shown"]
    other.retrieve(ae.path + "/shown").expect(4103)


def test_dis_inactive(ae):
    """L/DIS/016"""
    other = ae.another()
    other.container(other.path, "c")
    other.update(other.path, "m2m:ae", regs=2).expect(2004)
    assert not [u for u in found(Client(ae.url, "CAdmin"), "cse-in") if u.startswith(other.path)]


def test_dis_relatives(ae):
    """L/DIS/008"""
    a = ae.path
    ae.container(a, "p", lbl=["parent"])
    ae.container(a + "/p", "k", lbl=["kid"])
    ae.put(a + "/p/k", "x", "i").expect(2001)
    assert found(ae, a, clbl="kid") == [a + "/p"]
    assert found(ae, a, palb="parent") == [a + "/p/k"]
    assert found(ae, a, chty=4) == [a + "/p/k"]
    assert set(found(ae, a, pty=3)) == {a + "/p/k", a + "/p/k/i"}
    assert found(ae, a, **{"c.rn": "k"}) == [a + "/p"]
    assert set(found(ae, a, **{"p.rn": "p"})) == {a + "/p/k"}


# ---- bindings ----------------------------------------------------------------------------------------

def test_bnd(ae):
    """L/BND/002, 003, 004, 007, 008, 009"""
    ae.send(NOTIFY, "cse-in", {CNT: {}}).expect(4000)
    ae.container(ae.path, "c")
    ae.put(ae.path + "/c", "x").expect(2001)
    assert found(ae, ae.path, ty="3 4") == found(ae, ae.path, ty=[3, 4])
    answer = ae.send(RETRIEVE, ae.path, headers={"X-M2M-RI": None, "x-m2m-ri": "lower", "X-M2M-Origin": None, "x-M2m-oRigin": ae.origin})
    assert answer.expect(2000).headers["X-M2M-RI"] == "lower"
    assert ae.retrieve(ae.path + "/none").expect(4004).debug and ae.send(UPDATE, ae.path + "/c/la", {CIN: {}}).expect(4005).debug
    ae.send(RETRIEVE, ae.path, query={"rt": 3}).expect(2000)
    ae.send(RETRIEVE, ae.path, query={"rt": 1}).expect(5206)
    ae.send(RETRIEVE, ae.path, headers={"X-M2M-RTU": "http://h/"}).expect(4000)
