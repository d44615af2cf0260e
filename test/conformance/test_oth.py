"""OTH: flexContainer, management, schedule, location, cross resource subscription, action and the like."""
from client import ACTR, AE, CRS, DEPR, FCI, LCP, NOD, NTP, NTPR, PDR, SCH, SMD, Type, until
from samples import ALWAYS, TURTLE

SWITCH = Type(28, "cod:binSh")
SWITCH_CND = "org.onem2m.common.moduleclass.binarySwitch"


def switch(ae, rn="flex", **more):
    """A flexContainer of a specialization that comes with the CSE."""
    return "%s/%s" % (ae.path, ae.make(ae.path, SWITCH, dict({"cnd": SWITCH_CND, "powSe": True}, **more), rn=rn)["rn"])


def test_L_CSE_OTH_008(ae):
    ae.create(ae.path, SWITCH, cnd="org.example.unheard.of", powSe=True).of(4125)
    ae.create(ae.path, Type(28, "cod:unheard"), cnd="org.example.unheard.of").of(4125)


def test_L_CSE_OTH_009(ae):
    ae.create(ae.path, SWITCH, cnd=SWITCH_CND, powSe=True, nonsense=1).of(4000)
    ae.create(ae.path, SWITCH, cnd=SWITCH_CND, powSe="no boolean").of(4000)
    f = switch(ae)
    ae.update(f, SWITCH, nonsense=1).of(4000)
    ae.update(f, SWITCH, powSe=5).of(4000)


def test_L_CSE_OTH_010(ae):
    f = switch(ae)
    made = ae.get(f)
    assert ae.change(f, SWITCH, lbl=["x"])["st"] == made["st"]
    changed = ae.change(f, SWITCH, powSe=False)
    assert changed["st"] == made["st"] + 1 and changed["powSe"] is False and isinstance(changed["cs"], int)


def test_L_CSE_OTH_011(ae):
    f = switch(ae, mni=2)
    assert ae.get(f)["cni"] == 1
    assert ae.change(f, SWITCH, powSe=False)["cni"] == 2
    assert ae.change(f, SWITCH, lbl=["x"])["cni"] == 2
    assert ae.change(f, SWITCH, powSe=True)["cni"] == 2         # mni
    assert ae.get(f + "/la")["powSe"] is True and ae.get(f + "/ol")["powSe"] is False
    assert ae.get(f + "/la")["ty"] == 58


def test_L_CSE_OTH_012(ae):
    f = switch(ae)
    for name in ("la", "ol"):
        ae.retrieve("%s/%s" % (f, name)).of(4004)
    assert "cni" not in ae.get(f)


def test_L_CSE_OTH_013(ae):
    f = switch(ae, mni=3)
    ae.create(f, FCI, powSe=True).of(4005)
    ae.create(f, Type(58, SWITCH.root), powSe=True).of(4005)


FWR, RBO, DVI, BAT, SWR, EVL = (Type(13, "m2m:fwr"), Type(13, "m2m:rbo"), Type(13, "m2m:dvi"), Type(13, "m2m:bat"),
                                Type(13, "m2m:swr"), Type(13, "m2m:evl"))
FIRMWARE = {"mgd": 1001, "vr": "1", "fwn": "fw", "url": "http://127.0.0.1:9/fw", "ud": False}
DEVICE = {"mgd": 1007, "dlb": "label", "man": "maker", "mod": "model", "dty": "type"}


class Node:
    """A node below the CSEBase, made by its administrator."""

    def __init__(self, cse, name):
        self.admin, self.path = cse.admin, "%s/node-%s" % (cse.base, name)
        self.made = self.admin.make(cse.base, NOD, ni="id-of-" + name, rn="node-" + name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.admin.delete(self.path)


def test_L_CSE_OTH_014(lab, ae):
    with Node(lab, ae.origin) as node:
        node.admin.create(node.path, BAT, dict(FIRMWARE)).of(4000)
        node.admin.create(node.path, BAT, mgd=1001, btl=50, bts=1).of(4000)
        node.admin.create(node.path, BAT, mgd=9999, btl=50, bts=1).of(4000)
        node.admin.create(node.path, BAT, mgd=1006, btl=50, bts=1).of(2001)


def test_L_CSE_OTH_015(lab, ae):
    with Node(lab, ae.origin) as node:
        made = node.admin.make(node.path, FWR, dict(FIRMWARE), rn="fw")
        assert made["uds"]["sus"] in (0, 1, 2, 3)
        node.admin.change(node.path + "/fw", FWR, ud=True)
        until(lambda: node.admin.get(node.path + "/fw")["uds"]["sus"] in (1, 2, 3), 3, "status of the update")


def test_L_CSE_OTH_016(lab, ae):
    with Node(lab, ae.origin) as node:
        for bad in ("* * * * * *", "60 * * * * * *", "* * 24 * * * *", "* * * 0 * * *", "* * * * 13 * *", "* * * * * 7 *", "* * * * * * x",
                    "* * * * * * * *", "", "5-2 * * * * * *"):
            node.admin.create(node.path, SCH, se={"sce": [bad]}).of(4000)
        for empty in ({"sce": []}, {}, None):
            node.admin.create(node.path, SCH, se=empty).of(4000)
        node.admin.create(node.path, SCH, se={"sce": ["*/10 0-30 2,6,10 * 1-12/2 0-6 2000-2099"]}).of(2001)


def test_L_CSE_OTH_017(lab, ae):
    lab.admin.create(lab.base, SCH, se=ALWAYS, nco=True).of(4102)
    with Node(lab, ae.origin) as node:
        node.admin.create(node.path, SCH, se=ALWAYS, nco=True).of(2001)


def test_L_CSE_OTH_018(lab, ae):
    made = ae.make(ae.path, LCP, los=2, lon="places")
    box = ae.retrieve(made["loi"]).of(2000).root("m2m:cnt")
    assert box["rn"] == "places" and box["li"].endswith(made["ri"])
    ae.remove(made["ri"])


def test_L_CSE_OTH_019(lab, ae, app):
    with Node(lab, ae.origin) as node:
        node.admin.create(node.path, DVI, dict(DEVICE)).of(2001)
        guest = app(lab, nl="%s/%s" % (lab.csi, node.made["ri"]))
        links = until(lambda: node.admin.get(node.path).get("hael"), 3, "hael")
        assert any(link.endswith(guest.origin) or link.endswith(guest.ri) for link in links)
        guest.change(guest.path, AE, nl=None)
        until(lambda: not node.admin.get(node.path).get("hael"), 3, "hael without the AE")


def test_L_CSE_OTH_020(ae):
    c = ae.cnt()
    for more in ({"dcrp": 99, "dsp": TURTLE}, {"dcrp": 5, "dsp": "no base64 !"}, {"dcrp": 5}, {"dsp": TURTLE}, {"dcrp": 1, "dsp": TURTLE}):
        ae.create(c, SMD, dict(more)).of(4000)
    ae.create(c, SMD, dcrp=5, dsp=TURTLE).of(2001)


def test_L_CSE_OTH_039(ae):
    made = ae.make(ae.cnt(), SMD, dcrp=5, dsp=TURTLE)
    soe = "INSERT DATA { <http://a> <http://b> <http://d> }"
    ae.update(made["ri"], SMD, soe=soe, dsp=TURTLE).of(4000)


CHILD = {"encn": [{"net": [3]}]}


def cross(ae, target, *regular, **more):
    rows = {"nu": [target.url], "twt": 2, "tws": "PT1S", "rrat": list(regular), "encs": CHILD}
    return ae.create(ae.path, CRS, {k: v for k, v in dict(rows, **more).items() if v is not None})


def test_L_CSE_OTH_021(lab, ae, target):
    a, b = ae.cnt("a"), ae.cnt("b")
    made = cross(ae, target, a, b, tws="PT3S").of(2001).one
    ae.put(a, "1")
    ae.put(b, "2")
    got = target.wait(1, lambda s: s.sgn and not s.verification, seconds=6)[0]
    assert got.sgn["sur"] == "%s/%s" % (lab.csi, made["ri"])


def test_L_CSE_OTH_022(ae, target):
    a, b = ae.cnt("a"), ae.cnt("b")
    cross(ae, target, a, b).of(2001)
    ae.put(a, "1")
    target.quiet(1.6, lambda s: not s.verification)
    ae.put(a, "2")
    ae.put(b, "3")
    target.wait(1, lambda s: s.sgn and not s.verification)


def test_L_CSE_OTH_023(ae, target):
    cross(ae, target, ae.path + "/none").of(5221)


def test_L_CSE_OTH_032(ae, target):
    a, b, c = ae.cnt("a"), ae.cnt("b"), ae.cnt("c")
    cross(ae, target, rrat=None, encs=None).of(4000)
    cross(ae, target, a, encs=None).of(4000)
    cross(ae, target, a, b, c, encs={"encn": [{"net": [3]}] * 2}).of(4000)
    cross(ae, target, a, b, encs={"encn": [{"net": [3]}, {"net": [1]}]}).of(2001)
    for missing in ("twt", "tws", "nu"):
        cross(ae, target, a, **{missing: None}).of(4000)


def test_L_CSE_OTH_033(ae, target):
    a = ae.cnt("a")
    cross(ae, target, a, ae.path + "/none", rn="crs").of(5221)
    assert ae.found(a, ty=23) == []
    ae.retrieve(ae.path + "/crs").of(4004)


def test_L_CSE_OTH_034(lab, ae, target):
    places = [ae.cnt(n) for n in "abc"]
    made = cross(ae, target, *places).of(2001).one
    assert len(made["rrats"]) == 3
    for place, sub in zip(places, made["rrats"]):
        got = ae.retrieve(sub).of(2000).root("m2m:sub")
        assert got["pi"] == ae.get(place)["ri"] and any(e.endswith(made["ri"]) for e in got["acrs"])


def acting(ae, rn="act", **more):
    """(watched container, changed container, structured address of the action)."""
    c, out = ae.cnt("in-" + rn), ae.cnt("out-" + rn)
    rows = {"sri": c, "evc": {"optr": 5, "sbjt": "cni", "thld": 2}, "evm": 1, "orc": out,
            "apv": {"op": 1, "to": out, "fr": ae.origin, "rqi": "act", "rvi": "3", "ty": 4, "pc": {"m2m:cin": {"con": "acted"}}}}
    ae.make(ae.path, ACTR, dict(rows, **more), rn=rn)
    return c, out, "%s/%s" % (ae.path, rn)


def test_L_CSE_OTH_024(ae):
    c, out, actr = acting(ae)
    ae.put(c, "1")
    assert ae.get(out)["cni"] == 0
    ae.put(c, "2")
    until(lambda: ae.get(out)["cni"] == 1, 3, "the action")
    until(lambda: ae.get(actr).get("air"), 3, "its result")
    ae.put(c, "3")
    ae.put(c, "4")
    control, other_out, _ = acting(ae, "control")               # fires after ours could have fired a second time
    for n in range(2):
        ae.put(control, str(n))
    until(lambda: ae.get(other_out)["cni"] == 1, 3, "the other action")
    assert ae.get(out)["cni"] == 1


def test_L_CSE_OTH_025(ae):
    gate = ae.cnt("gate")
    c, out, actr = acting(ae)
    made = ae.make(actr, DEPR, sfc=False, evc={"optr": 5, "sbjt": "cni", "thld": 1}, rri=gate)
    ae.change(actr, ACTR, dep=[made["ri"]])
    for n in range(2):
        ae.put(c, str(n))
    control, other_out, _ = acting(ae, "control")
    for n in range(2):
        ae.put(control, str(n))
    until(lambda: ae.get(other_out)["cni"] == 1, 3, "the action without a dependency")
    assert ae.get(out)["cni"] == 0
    ae.put(gate, "open")
    ae.put(c, "again")
    until(lambda: ae.get(out)["cni"] == 1, 3, "the action once its dependency holds")


def test_L_CSE_OTH_035(lab, ae):
    policy = lab.admin.make(lab.base, NTP, acn=1, plbl="l-" + ae.origin, rrs=1)
    for wanted in (2001, 2001, 4105):
        lab.admin.create(policy["ri"], PDR, dr={"tod": ["* * * * * * *"]}).of(wanted)
    lab.admin.remove(policy["ri"])


def test_L_CSE_OTH_036(ae, target):
    c = ae.cnt()
    ae.sub(c, [ae.origin, target.url], "s")
    ae.create(c + "/s", NTPR, ntu=[target.url]).of(2001)
    ae.create(c + "/s", NTPR, ntu=[ae.origin, target.url]).of(4105)
    ae.create(c + "/s", NTPR, ntu=[ae.origin]).of(2001)


def test_L_CSE_OTH_037(lab, ae):
    with Node(lab, ae.origin) as node:
        node.admin.make(node.path, RBO, mgd=1009, rn="rbo")
        node.admin.update(node.path + "/rbo", RBO, rbo=True, far=True).of(4000)
        node.admin.make(node.path, SWR, mgd=1002, vr="1", swn="sw", url="http://127.0.0.1:9/sw", rn="sw")
        node.admin.update(node.path + "/sw", SWR, {"in": True, "un": True}).of(4000)
        node.admin.update(node.path + "/sw", SWR, act=True, dea=True).of(4000)
        node.admin.make(node.path, EVL, mgd=1010, lgt=1, lgd="", lgst=2, rn="log")
        node.admin.update(node.path + "/log", EVL, lga=True, lgo=True).of(4000)


def test_L_CSE_OTH_038(lab, strict, ae, app):
    with Node(strict, ae.origin) as node:
        node.admin.make(node.path, DVI, dict(DEVICE), rn="dev")
        for name in ("man", "mod"):
            node.admin.update(node.path + "/dev", DVI, {name: "changed"}).of(4000)
    with Node(lab, ae.origin) as node:                          # switch 12, laboratory: UPDATE O
        node.admin.make(node.path, DVI, dict(DEVICE), rn="dev")
        assert node.admin.change(node.path + "/dev", DVI, man="changed")["man"] == "changed"
