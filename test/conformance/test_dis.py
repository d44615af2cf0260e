"""DIS: discovery."""
from client import AE, CIN, CNT, rule


class Wood:
    """A small tree: c1 (lbl x, k:v) with deep (x); c2 (y) with an instance i (x) of 5 octets; c_3 and cx3."""

    def __init__(self, ae):
        self.a = ae.path
        ae.cnt("c1", lbl=["x", "k:v"])
        ae.cnt("c2", lbl=["y"])
        ae.cnt("c_3")
        ae.cnt("cx3")
        ae.cnt("deep", self.a + "/c1", lbl=["x"])
        self.i = ae.put(self.a + "/c2", "12345", rn="i", lbl=["x"], cnf="text/plain:0")
        self.all = self.of("c1", "c2", "c_3", "cx3", "c1/deep", "c2/i")

    def of(self, *names):
        return {"%s/%s" % (self.a, n) for n in names}


def found(ae, **query):
    """The result as a set; nothing is listed twice."""
    got = ae.found(ae.path, **query)
    assert len(got) == len(set(got))
    return set(got)


def test_TP_oneM2M_CSE_DIS_001(ae):
    wood = Wood(ae)
    assert found(ae) == wood.all
    assert ae.retrieve(ae.path, fu=1).of(2000).root("m2m:uril")


def test_TP_oneM2M_CSE_DIS_002(ae):
    wood = Wood(ae)
    for query, names in (({"lbl": "x"}, ("c1", "c1/deep", "c2/i")), ({"ty": 4}, ("c2/i",)), ({"cty": "text/plain"}, ("c2/i",)),
                         ({"crb": "20200101T000000"}, ()), ({"cra": "20200101T000000"}, ("c1", "c2", "c_3", "cx3", "c1/deep", "c2/i")),
                         ({"ms": "20990101T000000"}, ()), ({"us": "20200101T000000"}, ()), ({"exb": "20200101T000000"}, ()),
                         ({"sts": 1}, ("c1", "c_3", "cx3", "c1/deep")), ({"stb": 1}, ("c2", "c2/i")), ({"rn": "cx3"}, ("cx3",)),
                         ({"lbl": "k:v"}, ("c1",)), ({"lbq": "k"}, ("c1",)), ({"lbq": "k EQ v"}, ("c1",)), ({"lbq": "k NE v"}, ())):
        assert found(ae, **query) == wood.of(*names), query
    assert found(ae, us="20990101T000000") == wood.all and found(ae, exa="20200101T000000") == wood.all


def test_TP_oneM2M_CSE_DIS_003(ae):
    Wood(ae)
    assert ae.retrieve(ae.path, fu=1, lbl="no such label").of(2000).json == {"m2m:uril": []}


def test_TP_oneM2M_CSE_DIS_004(ae):
    wood = Wood(ae)
    got = ae.found(ae.path, drt=2)
    assert len(got) == len(wood.all) and not any("/" in r for r in got)
    assert {ae.get(r)["rn"] for r in got} == {"c1", "c2", "c_3", "cx3", "deep", "i"}


def test_TP_oneM2M_CSE_DIS_005(ae, other):
    p = ae.policy("p", rule(other.origin, ops=32), rule(ae.origin))
    c = ae.cnt()                                                # no right at all on the root of the search
    ae.cnt("seen", c, acpi=[p])
    ae.cnt("unseen", c)
    assert other.found(c) == [c + "/seen"]


def test_TP_oneM2M_CSE_DIS_006(ae):
    ae.retrieve(ae.path + "/none", fu=1).of(4004)


def test_TP_oneM2M_CSE_DIS_007(ae):
    for bad in ({"cra": "x"}, {"crb": "2020"}, {"ty": "x"}, {"lvl": 0}, {"lvl": -1}, {"lim": "x"}, {"ofst": 0}, {"sts": 0}, {"szb": 0},
                {"fo": 4}, {"drt": 3}, {"sza": -1}, {"nonsense": "x"}):
        ae.retrieve(ae.path, fu=1, **bad).of(4000)
    ae.retrieve(ae.path, fu=9).of(4000)


def test_TP_oneM2M_CSE_DIS_008_x(ae):
    Wood(ae)
    for query in ({"crb": "20200101T000000", "cra": "20990101T000000"}, {"ms": "20990101T000000", "us": "20200101T000000"},
                  {"sts": 1, "stb": 5}, {"exb": "20200101T000000", "exa": "20990101T000000"}):
        assert found(ae, **query) == set(), query


def test_TP_oneM2M_CSE_DIS_009(ae, other):
    Wood(ae)
    assert other.retrieve(ae.path, fu=1, ty=3).of(2000).json == {"m2m:uril": []}


def test_L_CSE_DIS_001(ae):
    wood = Wood(ae)
    assert found(ae) == found(ae, drt=1) == wood.all            # CSE-relative, structured


def test_L_CSE_DIS_002(ae):
    wood = Wood(ae)
    assert ae.path not in found(ae) and ae.found(wood.a + "/c1") == [wood.a + "/c1/deep"]


def test_L_CSE_DIS_003(ae):
    wood = Wood(ae)
    assert found(ae, ty=[3, 4]) == found(ae, ty="3 4") == wood.all
    assert found(ae, ty=4, lbl="x") == wood.of("c2/i")
    assert found(ae, lbl=["x", "y"]) == wood.of("c1", "c1/deep", "c2/i", "c2")
    assert found(ae, ty=[3, 4], lbl=["k:v", "y"]) == wood.of("c1", "c2")


def test_L_CSE_DIS_004(ae):
    wood = Wood(ae)
    assert found(ae, ty=4, lbl="y", fo=2) == wood.of("c2", "c2/i")
    assert found(ae, ty=4, lbl="x", fo=3) == wood.of("c1", "c1/deep")
    assert found(ae, ty=4, lbl="x", fo=1) == wood.of("c2/i")
    assert found(ae, ty=4, lbl="x", sza=5, fo=3) == wood.of("c1", "c1/deep", "c2/i")    # an odd number is true


def test_L_CSE_DIS_005(ae):
    wood = Wood(ae)
    ae.cnt("mine", cr=None)
    assert found(ae, cr=ae.origin) == wood.of("mine")
    assert found(ae, cr="C*") == wood.of("mine") and found(ae, cr="*") == wood.of("mine")
    assert found(ae, cr="X*") == set()
    assert found(ae, cni=1) == wood.of("c2")
    assert found(ae, rn="*3") == wood.of("c_3", "cx3")


def test_L_CSE_DIS_006(ae):
    wood = Wood(ae)
    for name, value in (("ct", wood.i["ct"]), ("lt", "2*"), ("st", "1"), ("et", "2*"), ("cs", "5"), ("cnf", "text/plain:0")):
        answer = ae.retrieve(ae.path, fu=1, **{name: value}).of(4000, 2000)
        assert answer.rsc == 4000 or set(answer.one) == wood.all, "%s works as a condition although it must not" % name


def test_L_CSE_DIS_007(ae):
    wood = Wood(ae)
    assert found(ae, lvl=1) == wood.of("c1", "c2", "c_3", "cx3")
    assert found(ae, lvl=2) == wood.all
    assert ae.found(wood.a + "/c1", lvl=1) == [wood.a + "/c1/deep"]
    whole = ae.found(ae.path)
    assert ae.found(ae.path, lim=2) == whole[:2] and ae.found(ae.path, lim=100) == whole
    assert ae.found(ae.path, ofst=1) == whole
    assert ae.found(ae.path, ofst=3, lim=2) == whole[2:4]
    assert ae.found(ae.path, ofst=100) == []


def test_L_CSE_DIS_008(ae):
    wood = Wood(ae)
    assert found(ae, clbl="x") == wood.of("c1", "c2")           # parents of what is labelled so
    assert found(ae, palb="x") == wood.of("c1/deep")            # children of what is labelled so
    assert found(ae, palb="y") == wood.of("c2/i")
    assert found(ae, chty=4) == wood.of("c2") and found(ae, chty=3) == wood.of("c1")
    assert found(ae, pty=3) == wood.of("c1/deep", "c2/i") and found(ae, pty=2) == wood.of("c1", "c2", "c_3", "cx3")
    assert found(ae, **{"c.rn": "deep"}) == wood.of("c1")
    assert found(ae, **{"p.rn": "c*"}) == wood.of("c1/deep", "c2/i")


def test_L_CSE_DIS_009(ae):
    wood = Wood(ae)
    assert found(ae, sza=5) == wood.of("c2/i") and found(ae, sza=6) == set()
    assert found(ae, szb=6, ty=4) == wood.of("c2/i") and found(ae, szb=5, ty=4) == set()


def test_L_CSE_DIS_010(ae):
    wood = Wood(ae)
    ct = wood.i["ct"]
    assert found(ae, cra=ct, ty=4) == wood.of("c2/i") and found(ae, crb=ct, ty=4) == set()
    assert found(ae, ms=wood.i["lt"], ty=4) == wood.of("c2/i") and found(ae, us=wood.i["lt"], ty=4) == set()
    assert found(ae, exa=wood.i["et"], ty=4) == wood.of("c2/i") and found(ae, exb=wood.i["et"], ty=4) == set()
    assert found(ae, stb=wood.i["st"], ty=4) == wood.of("c2/i") and found(ae, sts=wood.i["st"], ty=4) == set()


def test_L_CSE_DIS_011(ae):
    wood = Wood(ae)
    refs = ae.retrieve(ae.path, fu=1, rcn=6).of(2000).root("m2m:rrl")["rrf"]
    assert {(r["nm"], r["typ"], r["val"]) for r in refs} == {(v.rpartition("/")[2], 4 if v.endswith("/i") else 3, v) for v in wood.all}
    assert ae.retrieve(ae.path, fu=1, rcn=6, lbl="none").of(2000).json == {"m2m:rrl": {"rrf": []}}


def test_L_CSE_DIS_012(ae, strict, app):
    for release in ("3", "4", "5"):
        ae.retrieve(ae.path, fu=1, rcn=1, headers={"X-M2M-RVI": release}).of(4000)
    wood = Wood(ae)
    got = ae.retrieve(ae.path, fu=1, rcn=1, headers={"X-M2M-RVI": "2a"}).of(2000)
    assert set(got.root("m2m:uril")) == wood.all
    there = app(strict)
    wood = Wood(there)
    for release in ("1", None):
        got = there.retrieve(there.path, fu=1, rcn=1, headers={"X-M2M-RVI": release}).of(2000)
        assert set(got.root("m2m:uril")) == wood.all


def test_L_CSE_DIS_013(ae):
    wood = Wood(ae)
    ae.cnt("below", wood.a + "/c_3")
    ae.cnt("below", wood.a + "/cx3")
    assert ae.found(wood.a + "/c_3") == [wood.a + "/c_3/below"]
    assert found(ae, rn="c_3") == wood.of("c_3")
    assert found(ae, rn="c%3") == set()


def test_L_CSE_DIS_014(ae):
    Wood(ae)
    for n in range(20):
        ae.cnt("n%d" % (n * 7 % 20))
    first = ae.found(ae.path)
    for _ in range(3):
        assert ae.found(ae.path) == first
    assert [r for n in range(9) for r in ae.found(ae.path, lim=3, ofst=1 + 3 * n)] == first[:27]


def test_L_CSE_DIS_015(ae):
    wood = Wood(ae)
    ae.sub(wood.a + "/c1", ae.origin, "s")
    assert not [r for r in ae.found(ae.path) if r.rpartition("/")[2] in ("la", "ol", "ntsr", "fopt", "pcu")]


def test_L_CSE_DIS_016(lab, ae, other):
    other.cnt("c")
    assert other.path in lab.admin.found(lab.base)
    other.change(other.path, AE, regs=2)
    assert not [r for r in lab.admin.found(lab.base) if r.startswith(other.path)]
    other.change(other.path, AE, regs=1)
    assert {other.path, other.path + "/c"} <= set(lab.admin.found(lab.base))


def test_L_CSE_DIS_017(ae):
    whole = {"gmty": 1, "geom": "[1.0,2.0]", "gsf": 1}
    for left in (("gmty",), ("geom",), ("gsf",), ("gmty", "geom"), ("gmty", "gsf"), ("geom", "gsf")):
        ae.retrieve(ae.path, fu=1, **{n: whole[n] for n in left}).of(4000)
    ae.cnt("here", loc={"typ": 1, "crd": "[1.0,2.0]"})
    ae.cnt("elsewhere", loc={"typ": 1, "crd": "[30.0,40.0]"})
    ring = {"gmty": 3, "geom": "[[[0,0],[3,0],[3,3],[0,3],[0,0]]]", "gsf": 1}
    assert found(ae, **ring) == {ae.path + "/here"}
