"""DMR: UPDATE and DELETE of data resources."""
from client import ACP, AE, CIN, CNT, CSR, GRP, NOD, SUB, U, rule, stamp, until
from samples import KINDS, Trees, content, optional, sink

UPDATABLE = [(kind, where) for kind, where in KINDS if kind.root not in ("m2m:cin", "m2m:tsi")]


def each(ae, kinds=UPDATABLE, **more):
    """(kind, address, client) of one new resource of every kind."""
    trees = Trees(ae)
    for kind, where in kinds:
        _, address, who = trees.make(kind, where, **more)
        yield kind, address, who
        who.delete(address)
    trees.clean()


def test_TP_oneM2M_CSE_DMR_UPD_001_x(ae):
    for kind, address, who in each(ae, lbl=["before"]):
        assert who.update(address, kind, lbl=["after"]).of(2004).root(kind.root)["lbl"] == ["after"]
        assert who.get(address)["lbl"] == ["after"]


def test_TP_oneM2M_CSE_DMR_UPD_002_x(ae):
    for kind, address, who in each(ae):
        assert "lbl" not in who.get(address)
        assert who.update(address, kind, lbl=["added"]).of(2004).one["lbl"] == ["added"]
        assert who.get(address)["lbl"] == ["added"]


def test_TP_oneM2M_CSE_DMR_UPD_003_x(ae):
    for kind, address, who in each(ae, lbl=["before"]):
        assert "lbl" not in who.update(address, kind, lbl=None).of(2004).one
        assert "lbl" not in who.get(address)
        who.update(address, kind, lbl=None).of(2004)            # harmless when it is not there


def test_TP_oneM2M_CSE_DMR_UPD_004_x(ae):
    for kind, adds, changes, removes in ((CNT, {"mni": 5}, {"lbl": ["new"]}, {"mbs": 99}), (SUB, {"pn": 1}, {"lbl": ["new"]}, {"exc": 4}),
                                         (GRP, {"gn": "g"}, {"lbl": ["new"]}, {"nar": {"num": 2}}), (AE, {"apn": "x"}, {"rr": False}, {"or": "http://o"})):
        if kind is AE:
            address = ae.path
            ae.change(address, AE, removes)
        else:
            address = "%s/%s" % (ae.path, ae.make(ae.path, kind, dict(content(kind, ae.origin), lbl=["old"], **removes))["rn"])
        got = ae.update(address, kind, dict(adds, **changes, **{n: None for n in removes})).of(2004).one
        for name, value in dict(adds, **changes).items():
            assert got[name] == value and ae.get(address)[name] == value
        assert not set(removes) & set(got)


def test_TP_oneM2M_CSE_DMR_UPD_005(ae):
    ae.update(ae.path + "/none", CNT, lbl=["x"]).of(4004)


def test_TP_oneM2M_CSE_DMR_UPD_006_x(ae, other):
    for kind, address, who in each(ae):
        other.update(address, kind, lbl=["x"]).of(4103)
        assert "lbl" not in who.get(address)


def test_TP_oneM2M_CSE_DMR_UPD_007_x(ae):
    for kind, address, who in each(ae):
        for name, value in (("ct", stamp()), ("lt", stamp())):
            who.update(address, kind, {name: value}).of(4000)
    c = ae.cnt()
    for name, value in (("st", 5), ("cni", 0), ("cbs", 0), ("cr", None), ("cr", ae.origin)):
        ae.update(c, CNT, {name: value}).of(4000)


def test_TP_oneM2M_CSE_DMR_UPD_008_x(ae):
    made = {kind: "%s/%s" % (ae.path, ae.make(ae.path, kind, content(kind, ae.origin))["rn"]) for kind in (SUB, GRP, ACP)}
    for kind, name in ((SUB, "nu"), (GRP, "mnm"), (GRP, "mid"), (ACP, "pvs"), (ACP, "pv")):
        ae.update(made[kind], kind, {name: None}).of(4000)
    ae.update(ae.path, AE, rr=None).of(4000)
    c = ae.cnt(et="20280101T000000")
    assert ae.change(c, CNT, et=None)["et"] > "20280101T000000"


def test_TP_oneM2M_CSE_DMR_UPD_009_x(ae):
    for kind, address, who in each(ae):
        before = who.get(address)
        for name, value in (("nonsense", 1), ("lbl", 5), ("lbl", []), ("et", "x"), ("lbl", ["double  blank"])):
            who.update(address, kind, {name: value}).of(4000)
        assert who.get(address) == before
    for bad in (-1, "5", 1.5):
        ae.update(ae.cnt("c%s" % bad), CNT, mni=bad).of(4000)


def test_TP_oneM2M_CSE_DMR_UPD_010(ae):
    c = ae.cnt()
    ae.cnt("child", c)
    before = ae.get(c)["st"]
    ae.change(c + "/child", CNT, lbl=["x"])
    assert ae.get(c)["st"] == before                            # switch 5: both modes


def test_TP_oneM2M_CSE_DMR_UPD_011(ae, other):
    c = ae.cnt()
    ae.put(c, "x", rn="i")
    for client in (ae, other):                                  # before existence and rights
        client.update(c + "/i", CIN, lbl=["x"]).of(4005)
    assert ae.get(c + "/i")["con"] == "x"


def test_TP_oneM2M_CSE_DMR_UPD_012(ae):
    c = ae.cnt()
    ae.update(c + "/la", CIN, lbl=["x"]).of(4005)
    ae.put(c, "x")
    ae.update(c + "/la", CIN, lbl=["x"]).of(4005)


def test_TP_oneM2M_CSE_DMR_UPD_013(ae):
    c = ae.cnt()
    ae.update(c + "/ol", CIN, lbl=["x"]).of(4005)
    ae.put(c, "x")
    ae.update(c + "/ol", CIN, lbl=["x"]).of(4005)


def every(who, kind, address, policy, without=()):
    for name, value in optional(kind, "update", policy).items():
        if name not in without:
            assert who.update(address, kind, {name: value}).of(2004).root(kind.root)[name] == value, (kind, name)
            assert who.get(address)[name] == value, (kind, name)


def test_TP_oneM2M_CSE_DMR_UPD_014_x(ae):
    policy = ae.policy("all", rule("all"))
    for kind in (ACP, CNT, SUB):
        every(ae, kind, "%s/%s" % (ae.path, ae.make(ae.path, kind, content(kind, ae.origin))["rn"]), policy)
        if kind is not ACP:
            made = ae.make(ae.path, kind, content(kind, ae.origin))
            assert ae.change(made["ri"], kind, acpi=[policy])["acpi"] == [policy]


def test_TP_oneM2M_CSE_DMR_UPD_015_x(lab, ae, remote):
    policy, admin = ae.policy("all", rule("all")), lab.admin
    peer = remote(lab)
    every(peer, CSR, peer.csr["ri"], policy)
    every(ae, AE, ae.path, policy, without=("et",))        # its policy would outlive it
    for kind in (CNT, ACP, SUB, GRP, NOD):
        made = admin.make(lab.base, kind, content(kind, "CAdmin"))
        every(admin, kind, "%s/%s" % (lab.base, made["rn"]), policy)
        admin.remove(made["ri"])


def test_TP_oneM2M_CSE_DMR_UPD_016_x(lab, ae, remote):
    peer = remote(lab)
    assert peer.change(peer.csr["ri"], CSR, rr=False)["rr"] is False
    assert ae.change(ae.path, AE, rr=False)["rr"] is False
    for kind, name, value in ((ACP, "pv", {"acr": []}), (ACP, "pvs", {"acr": [rule("CAdmin", "Cx")]}), (SUB, "nu", [sink()]), (SUB, "nct", 3),
                              (GRP, "mnm", 5), (GRP, "mid", [ae.path]), (NOD, "ni", "another-name"), (CNT, "et", "20290101T000000")):
        made = lab.admin.make(lab.base, kind, content(kind, "CAdmin"))
        assert lab.admin.change(made["ri"], kind, {name: value})[name] == value, (kind, name)
        lab.admin.remove(made["ri"])


def test_L_CSE_DMR_U_001(ae):
    c = ae.cnt()
    made = ae.get(c)
    ae.update(c, CNT, mni="wrong").of(4000)
    assert ae.get(c)["lt"] == made["lt"]
    until(lambda: stamp() > made["lt"])                         # the clock has moved
    changed = ae.change(c, CNT, lbl=["x"])
    assert changed["lt"] > made["lt"] and changed["ct"] == made["ct"] and ae.get(c)["lt"] == changed["lt"]


def test_L_CSE_DMR_U_002(ae):
    c = ae.cnt()
    for n in range(1, 4):
        assert ae.change(c, CNT, lbl=["l%d" % n])["st"] == n
    ae.update(c, CNT, mni="wrong").of(4000)
    assert ae.get(c)["st"] == 3


def test_L_CSE_DMR_U_003(ae):
    c = ae.cnt(lbl=["a"], mni=5)
    before = ae.get(c)
    ae.update(c, CNT, lbl=["b"], mbs=7, mni=None, mia=-1).of(4000)
    assert ae.get(c) == before


def test_L_CSE_DMR_U_004(ae):
    c = ae.cnt(et="20290101T000000")
    ae.cnt("child", c, et="20281231T000000")
    ae.update(c, CNT, et="20280101T000000").of(4000)
    assert ae.get(c)["et"] == "20290101T000000"
    ae.update(c, CNT, et="20281231T000001").of(2004)


def test_L_CSE_DMR_U_005(ae):
    c = ae.cnt()
    ae.update(c, CNT, et="20200101T000000").of(4000)
    ae.update(c, CNT, et=stamp(-2)).of(4000)


def test_L_CSE_DMR_U_006(ae):
    c = ae.cnt()
    assert ae.update(c, CNT, {"lbl": ["0"]}, query={"rcn": 0}).of(2004).text == ""
    whole = ae.update(c, CNT, {"lbl": ["1"]}, query={"rcn": 1}).of(2004).root("m2m:cnt")
    assert whole == ae.get(c)
    changed = ae.update(c, CNT, {"lbl": ["9"]}, query={"rcn": 9}).of(2004).root("m2m:cnt")
    assert "lt" in changed and "st" in changed and "lbl" not in changed and "ri" not in changed


def test_L_CSE_DMR_U_007(ae):
    c = ae.cnt()
    for rcn in (2, 3, 4, 5, 6, 7, 8):
        ae.update(c, CNT, {"lbl": ["x"]}, query={"rcn": rcn}).of(4000)
    assert "lbl" not in ae.get(c)


def test_L_CSE_DMR_U_008(ae):
    c = ae.cnt()
    for root in ("m2m:ae", "m2m:cin", "m2m:nonsense", "cnt"):
        ae.send(U, c, {root: {"lbl": ["x"]}}).of(4000, 4102)
    assert "lbl" not in ae.get(c)


def test_L_CSE_DMR_U_009(ae):
    c = ae.cnt()
    for n in range(5):
        ae.put(c, "v%d" % n)
    got = ae.change(c, CNT, mni=2)
    assert (got["cni"], got["cbs"]) == (2, 4)
    assert (ae.get(c + "/ol")["con"], ae.get(c + "/la")["con"]) == ("v3", "v4")
    assert ae.change(c, CNT, mbs=3)["cni"] == 1 and ae.get(c + "/ol")["con"] == "v4"


def test_L_CSE_DMR_U_010(ae):
    c = ae.cnt()
    got = ae.get(c)
    for name in ("rn", "ri", "pi", "ty"):
        ae.update(c, CNT, {name: got[name]}).of(4000)
        ae.update(c, CNT, {name: "other" if name != "ty" else 4}).of(4000)


def test_TP_oneM2M_CSE_DMR_DEL_001_x(ae):
    for kind, address, who in each(ae, KINDS):
        who.delete(address).of(2002)
        who.retrieve(address).of(4004)


def test_TP_oneM2M_CSE_DMR_DEL_002_x(ae, other):
    for kind, address, who in each(ae, KINDS):
        other.delete(address).of(4103)
        who.retrieve(address).of(2000)


def test_TP_oneM2M_CSE_DMR_DEL_003(ae):
    ae.delete(ae.path + "/none").of(4004)


def test_TP_oneM2M_CSE_DMR_DEL_004_x(ae):
    c = ae.cnt()
    ae.cnt("d", c)
    ae.put(c, "x", rn="i")
    ae.sub(c, ae.origin, "s")
    ae.remove(c)
    for name in ("d", "i", "s", "la"):
        ae.delete("%s/%s" % (c, name)).of(4004)


def test_TP_oneM2M_CSE_DMR_DEL_005(ae):
    c = ae.cnt()
    ae.cnt("d", c)
    ae.put(c, "x", rn="i")
    before = ae.get(c)["st"]
    ae.remove(c + "/d")
    ae.remove(c + "/i")
    assert ae.get(c)["st"] == before                            # switch 5: both modes


def filled(ae):
    c = ae.cnt()
    for text in ("a", "bb", "ccc"):
        ae.put(c, text)
    return c


def test_TP_oneM2M_CSE_DMR_DEL_006(ae):
    c = filled(ae)
    ae.remove(ae.get(c + "/la")["ri"])
    got = ae.get(c)
    assert (got["cni"], got["cbs"]) == (2, 3) and ae.get(c + "/la")["con"] == "bb"


def test_TP_oneM2M_CSE_DMR_DEL_007(ae):
    c = filled(ae)
    ae.delete(c + "/la").of(2002)
    assert ae.get(c + "/la")["con"] == "bb" and ae.get(c)["cni"] == 2


def test_TP_oneM2M_CSE_DMR_DEL_008(ae):
    ae.delete(ae.cnt() + "/la").of(4004)


def test_TP_oneM2M_CSE_DMR_DEL_009(ae):
    c = filled(ae)
    ae.delete(c + "/ol").of(2002)
    assert ae.get(c + "/ol")["con"] == "bb" and ae.get(c)["cbs"] == 5


def test_TP_oneM2M_CSE_DMR_DEL_010(ae):
    ae.delete(ae.cnt() + "/ol").of(4004)


def test_L_CSE_DMR_D_001(ae):
    for n in range(20):
        c = ae.cnt("c%d" % n)
        ae.put(c, "x", rn="i")
        ae.delete(c).of(2002)
        ae.retrieve(c).of(4004)
        ae.retrieve(c + "/i").of(4004)


def test_L_CSE_DMR_D_002(ae):
    assert ae.delete(ae.cnt("a")).of(2002).text == ""
    c = ae.cnt("b", lbl=["shown"])
    before = ae.get(c)
    assert ae.delete(c, rcn=1).of(2002).root("m2m:cnt") == before


def test_L_CSE_DMR_D_003(ae):
    for rcn in (4, 5, 6, 8):
        c = ae.cnt("c%d" % rcn, lbl=["l"])
        ae.cnt("inner", ae.cnt("d", c))
        ae.put(c, "x", rn="i")
        asked = ae.retrieve(c, rcn=rcn).of(2000).json
        assert ae.delete(c, rcn=rcn).of(2002).json == asked
        ae.retrieve(c).of(4004)


def test_L_CSE_DMR_D_004(ae):
    c = ae.cnt()
    for rcn in (2, 3, 7, 9):
        ae.delete(c, rcn=rcn).of(4000)
    ae.retrieve(c).of(2000)


def test_L_CSE_DMR_D_005(ae):
    c = ae.cnt()
    d = ae.cnt("d", c)
    found = [ae.get(x)["ri"] for x in (c, d)]
    found += [ae.put(d, "x")["ri"], ae.sub(d, ae.origin)["ri"], ae.sub(c, ae.origin)["ri"]]
    ae.remove(c)
    for ri in found:
        ae.retrieve(ri).of(4004)
    assert ae.found(ae.path) == []
