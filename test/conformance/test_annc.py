"""ANNC: announcement, from an MN-CSE to the IN-CSE where it is registered."""
from client import ACP, CIN, CNT, CNTA, GRP, rule, until
from samples import content

ANNOUNCED = {ACP: "m2m:acpA", CNT: "m2m:cntA", GRP: "m2m:grpA"}


def announced(lab, ae, kind=CNT, **more):
    """(structured address of the original, the original, address of the copy, the copy)."""
    made = ae.make(ae.path, kind, dict(content(kind, ae.origin), at=[lab.csi], **more))
    assert made["at"][0].startswith(lab.csi + "/"), made["at"]
    copy = made["at"][0]
    return "%s/%s" % (ae.path, made["rn"]), made, copy, lab.admin.get(copy)


def test_TP_oneM2M_CSE_ANNC_001_ACP_CNT_GRP_CRE(lab, mn, app):
    ae = app(mn)
    for kind, root in ANNOUNCED.items():
        _, made, copy, there = announced(lab, ae, kind)
        assert list(lab.admin.retrieve(copy).json) == [root] and len(made["at"]) == 1
        assert there["ty"] == kind.ty + 10000


def test_TP_oneM2M_CSE_ANNC_001_x_UPD(lab, mn, app):
    ae = app(mn)
    for kind, root in ANNOUNCED.items():
        address = "%s/%s" % (ae.path, ae.make(ae.path, kind, content(kind, ae.origin))["rn"])
        got = ae.change(address, kind, at=[lab.csi])
        assert got["at"][0].startswith(lab.csi + "/") and list(lab.admin.retrieve(got["at"][0]).of(2000).json) == [root]


def test_TP_oneM2M_CSE_ANNC_001_CIN_CRE(lab, mn, app):
    ae = app(mn)
    c, _, _, parent = announced(lab, ae)
    made = ae.make(c, CIN, con="x", at=[lab.csi])
    there = lab.admin.retrieve(made["at"][0]).of(2000).root("m2m:cinA")
    assert there["pi"] == parent["ri"] and there["lnk"].endswith("/" + made["ri"])


def test_L_CSE_ANNC_001(lab, mn, app):
    ae = app(mn)
    _, made, _, there = announced(lab, ae, lbl=["a", "b:c"], et="20290101T000000")
    assert there["ty"] == 10003 and there["lnk"].split("/", 2)[1] == mn.csi[1:] and there["lnk"].endswith("/" + made["ri"])
    assert there["lbl"] == ["a", "b:c"] and there["et"] <= "20290101T000000" and there["acpi"]
    for name in ("rn", "ri", "pi", "ct", "lt"):
        assert name in there
    assert "at" not in there and "aa" not in there and "cni" not in there


def test_L_CSE_ANNC_002(lab, mn, app):
    ae = app(mn)
    assert "mni" not in announced(lab, ae, mni=7)[3]
    there = announced(lab, ae, mni=7, mbs=99, aa=["mni"])[3]
    assert there["mni"] == 7 and "mbs" not in there


def bases(lab, mn):
    """The CSEBaseAnnc resources of a CSE."""
    return [r for r in lab.admin.found(lab.base, ty=10005) if lab.admin.get(r)["lnk"].split("/")[1] == mn.csi[1:]]


def test_L_CSE_ANNC_003(lab, mn, app):
    ae = app(mn)
    first = announced(lab, ae)[3]
    second = announced(lab, ae)[3]
    found = bases(lab, mn)
    assert len(found) == 1
    base = lab.admin.get(found[0])
    assert base["ty"] == 10005 and first["pi"] == second["pi"] == base["ri"]


def test_L_CSE_ANNC_004(lab, mn, app):
    ae = app(mn)
    ae.create(ae.cnt(), CIN, con="x", at=[lab.csi]).of(4005)


def test_L_CSE_ANNC_005(lab, mn, app):
    ae = app(mn)
    c, _, copy, _ = announced(lab, ae, lbl=["old"])
    ae.change(c, CNT, lbl=["new"])
    until(lambda: lab.admin.get(copy).get("lbl") == ["new"], what="new label at the copy")


def test_L_CSE_ANNC_006(lab, mn, app):
    ae = app(mn)
    c, _, copy, _ = announced(lab, ae, lbl=["old"])
    ae.change(c, CNT, lbl=None)
    until(lambda: "lbl" not in lab.admin.get(copy), what="no label at the copy")


def test_L_CSE_ANNC_007(lab, mn, app):
    ae = app(mn)
    c, _, copy, _ = announced(lab, ae, mni=7, mbs=99)
    ae.change(c, CNT, aa=["mni", "mbs"])
    until(lambda: lab.admin.get(copy).get("mni") == 7 and lab.admin.get(copy).get("mbs") == 99, what="both attributes")
    ae.change(c, CNT, mni=8)
    until(lambda: lab.admin.get(copy).get("mni") == 8, what="changed attribute")
    ae.change(c, CNT, aa=["mbs"])
    until(lambda: "mni" not in lab.admin.get(copy), what="attribute that is announced no more")
    assert lab.admin.get(copy)["mbs"] == 99


def test_L_CSE_ANNC_008(lab, mn, app):
    ae = app(mn)
    c, _, copy, _ = announced(lab, ae)
    assert "at" not in ae.change(c, CNT, at=None)
    until(lambda: lab.admin.retrieve(copy).rsc == 4004, what="end of the copy")


def test_L_CSE_ANNC_009(lab, mn, app):
    ae = app(mn)
    c, _, copy, _ = announced(lab, ae)
    ae.remove(c)
    until(lambda: lab.admin.retrieve(copy).rsc == 4004, what="end of the copy")


def test_L_CSE_ANNC_010(lab, mn, app):
    ae = app(mn)
    for name in ("st", "cni", "rn", "at", "cr"):
        ae.create(ae.path, CNT, at=[lab.csi], aa=[name]).of(4000)
    c = announced(lab, ae)[0]
    ae.update(c, CNT, aa=["cni"]).of(4000)


def test_L_CSE_ANNC_011(lab, mn, ae, remote, app):
    owner = app(mn)
    policy = owner.policy("p", rule("all"))
    _, _, copy, there = announced(lab, owner, acpi=[policy])
    for who in (ae, remote(lab)):
        who.update(copy, CNTA, lbl=["forged"]).of(4103)
        who.delete(copy).of(4103)
    assert lab.admin.get(copy) == there


def test_L_CSE_ANNC_012(lab, mn, app):
    ae = app(mn)
    _, _, copy, there = announced(lab, ae)
    made = lab.admin.create(copy, CNT, rn="local").of(2001).root("m2m:cnt")
    assert made["pi"] == there["ri"]


def test_L_CSE_ANNC_013(lab, mn, app, remote):
    gone = remote(lab)
    gone.peer.down()
    ae = app(lab)
    for target in ("/id-nowhere", gone.origin):
        made = ae.create(ae.path, CNT, at=[target]).of(2001).one
        assert target not in made.get("at", []) and "at" not in ae.get(made["ri"])
