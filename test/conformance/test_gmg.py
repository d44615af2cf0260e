"""GMG: groups and their fan-out."""
import time

from client import CNT, GRP, SUB, rule, until


def group(ae, *members, rn="g", **more):
    """A group below the AE; its structured address."""
    ae.make(ae.path, GRP, dict({"mnm": 20, "mid": list(members)}, **more), rn=rn)
    return "%s/%s" % (ae.path, rn)


def two(ae, *rules):
    """Two containers, open to the rules."""
    policy = ae.policy("members", *(rules + (rule(ae.origin),)))
    return [ae.cnt("m1", acpi=[policy]), ae.cnt("m2", acpi=[policy])]


def inner(answer):
    """The member answers of a fan-out."""
    return answer.of(2000).root("m2m:agr")["m2m:rsp"]


def codes(answer):
    return sorted(r["rsc"] for r in inner(answer))


def test_TP_oneM2M_CSE_GMG_CRE_001(ae):
    ae.create(ae.path, GRP, mnm=1, mid=two(ae)).of(6010)


def test_TP_oneM2M_CSE_GMG_CRE_002(ae, other):
    hidden = other.cnt()
    ae.create(ae.path, GRP, mnm=5, mid=[hidden], mt=3).of(5105)
    ae.create(ae.path, GRP, mnm=5, mid=[hidden], mt=0).of(2001)             # mixed: nothing to look at


def test_TP_oneM2M_CSE_GMG_CRE_003(ae):
    a, b = two(ae)
    made = ae.make(ae.path, GRP, mnm=5, mid=[a, b, a, b, a])
    assert made["mid"] == [a, b] and made["cnm"] == 2


def test_TP_oneM2M_CSE_GMG_CRE_004(ae):
    made = ae.make(ae.path, GRP, mnm=5, mid=two(ae), mt=3)
    assert made["mt"] == 3 and made["mtv"] is True


def mixed(ae):
    return two(ae) + [ae.path]


def test_TP_oneM2M_CSE_GMG_CRE_005(ae):
    made = ae.make(ae.path, GRP, mnm=5, mid=mixed(ae), mt=3, csy=3)
    assert made["mt"] == 0 and made["cnm"] == 3


def test_TP_oneM2M_CSE_GMG_CRE_006(ae):
    made = ae.make(ae.path, GRP, mnm=5, mid=mixed(ae), mt=3, csy=1)
    assert made["mt"] == 3 and made["cnm"] == 2 and ae.path not in made["mid"] and made["mtv"] is True
    assert ae.make(ae.path, GRP, mnm=5, mid=[ae.path], mt=3)["cnm"] == 0    # the default strategy


def test_TP_oneM2M_CSE_GMG_CRE_007(ae):
    ae.create(ae.path, GRP, mnm=5, mid=mixed(ae), mt=3, csy=2, rn="no").of(4110)
    ae.retrieve(ae.path + "/no").of(4004)


def test_TP_oneM2M_CSE_GMG_UPD_001(ae, other):
    g = group(ae, *two(ae), mt=3)
    before = ae.get(g)
    ae.update(g, GRP, mid=before["mid"] + [other.cnt()]).of(5105)
    assert ae.get(g) == before


def test_TP_oneM2M_CSE_GMG_UPD_002(ae):
    a, b = two(ae)
    got = ae.change(group(ae, a), GRP, mid=[a, b, b, a])
    assert got["mid"] == [a, b] and got["cnm"] == 2


def test_TP_oneM2M_CSE_GMG_UPD_003(ae):
    a, b = two(ae)
    got = ae.change(group(ae, a, mt=3), GRP, mid=[a, b])
    assert got["mid"] == [a, b] and got["mtv"] is True and got["mt"] == 3


def test_TP_oneM2M_CSE_GMG_UPD_004_006(ae):
    a, b = two(ae)
    g = group(ae, a, rn="g3", mt=3, csy=3)
    assert ae.change(g, GRP, mid=[a, ae.path])["mt"] == 0
    g = group(ae, a, rn="g1", mt=3, csy=1)
    assert ae.change(g, GRP, mid=[a, ae.path, b])["mid"] == [a, b]
    g = group(ae, a, rn="g2", mt=3, csy=2)
    ae.update(g, GRP, mid=[a, ae.path]).of(4110)
    assert ae.get(g)["mid"] == [a]


def test_TP_oneM2M_CSE_GMG_UPD_007(ae):
    a, b = two(ae)
    g = group(ae, a, mnm=1)
    ae.update(g, GRP, mid=[a, b]).of(6010)
    assert ae.change(g, GRP, mid=[a, b], mnm=2)["cnm"] == 2


def test_TP_oneM2M_CSE_GMG_UPD_008(ae):
    g = group(ae, *two(ae))
    ae.update(g, GRP, mnm=1).of(6010)
    assert ae.change(g, GRP, mnm=2)["mnm"] == 2


def subgroup(lab, remote):
    """A CSE with a group of containers."""
    host = remote(lab)
    host.peer.answer = lambda seen: (2000, {"m2m:grp": {"rn": "far", "ty": 9, "ri": "far", "pi": "r", "mt": 3, "mnm": 5, "mid": ["x"], "cnm": 1,
                                                       "mtv": True, "csy": 1, "ct": "20260101T000000", "lt": "20260101T000000",
                                                       "et": "20300101T000000"}})
    return host


def test_TP_oneM2M_CSE_GMG_UPD_009(lab, ae, remote):
    host = subgroup(lab, remote)
    a = ae.cnt()
    g = group(ae, a, mt=3)
    host.peer.down()
    got = ae.change(g, GRP, mid=[a, host.origin + "/far/fopt"])
    assert got["mtv"] is False and got["cnm"] == 2


def test_TP_oneM2M_CSE_GMG_UPD_010(lab, ae, remote):
    host = subgroup(lab, remote)
    a = ae.cnt()
    g = group(ae, a, mt=3)
    host.peer.down()
    ae.change(g, GRP, mid=[a, host.origin + "/far/fopt"])
    host.peer.up()
    until(lambda: ae.get(g)["mtv"] is True, 8, "validation after the host came back")


def test_TP_oneM2M_CSE_GMG_RET_001(ae):
    members = two(ae)
    for n, m in enumerate(members):
        ae.put(m, "v%d" % n)
    got = inner(ae.retrieve(group(ae, *members) + "/fopt/la"))
    assert sorted(r["pc"]["m2m:cin"]["con"] for r in got) == ["v0", "v1"] and [r["rsc"] for r in got] == [2000, 2000]


ACTS = [(1, 2001, lambda who, to: who.create(to, CNT, rn="made")), (4, 2004, lambda who, to: who.update(to, CNT, lbl=["x"])),
        (2, 2000, lambda who, to: who.retrieve(to)), (8, 2002, lambda who, to: who.delete(to))]


def by_policy(ae, other, good, **rights):
    """Each operation through fopt by `other`; rights name the policies of the group by the operation's bit."""
    members = two(ae, rule("all"))
    for bit, success, act in ACTS:
        more = {name: [ae.policy("%s%d" % (name, bit), *make(bit))] for name, make in rights.items()}
        g = group(ae, *members, rn="g%d" % bit, **more)
        if good:
            assert codes(act(other, g + "/fopt")) == [success, success]
        else:
            act(other, g + "/fopt").of(4103)


def test_TP_oneM2M_CSE_GMG_001_C_U_R_D(ae, other):
    by_policy(ae, other, True, macp=lambda bit: [rule(other.origin, ops=bit)])


def test_TP_oneM2M_CSE_GMG_002_x(ae, other):
    by_policy(ae, other, False, macp=lambda bit: [rule(other.origin, ops=63 ^ bit)],
              acpi=lambda bit: [rule(other.origin), rule(ae.origin)])      # macp stands in for acpi, which would allow it


def test_TP_oneM2M_CSE_GMG_003_x(ae, other):
    by_policy(ae, other, True, acpi=lambda bit: [rule(other.origin, ops=bit)])


def test_TP_oneM2M_CSE_GMG_004_x(ae, other):
    by_policy(ae, other, False, acpi=lambda bit: [rule(other.origin, ops=63 ^ bit)])


def test_TP_oneM2M_CSE_GMG_005_x(ae):
    members = two(ae)
    g = group(ae, *members)
    for _, success, act in ACTS:
        assert codes(act(ae, g + "/fopt")) == [success, success]


def test_TP_oneM2M_CSE_GMG_006_x(ae):
    members = two(ae)
    for m in members:
        ae.cnt("sub", m)
    g = group(ae, *members)
    for _, success, act in ACTS:
        assert codes(act(ae, g + "/fopt/sub")) == [success, success]
    for m in members:
        ae.retrieve(m).of(2000)
        ae.retrieve(m + "/sub").of(4004)


def test_TP_oneM2M_CSE_GMG_007(ae):
    ae.retrieve(group(ae) + "/fopt").of(4109)


def test_L_CSE_GMG_001(ae):
    a, b = two(ae)
    ae.put(a, "only here")
    g = group(ae, a, b)
    assert codes(ae.retrieve(g + "/fopt/la")) == [2000, 4004]
    assert codes(ae.retrieve(g + "/fopt/none")) == [4004, 4004]


def test_L_CSE_GMG_002(lab, ae):
    members = two(ae)
    got = inner(ae.retrieve(group(ae, *members) + "/fopt"))
    assert all(isinstance(r["rsc"], int) for r in got) and all(r["rqi"] for r in got)
    ids = {ae.get(m)["ri"] for m in members} | set(members)
    assert len({r["fr"] for r in got}) == 2
    for r in got:
        assert r["fr"].replace(lab.csi + "/", "") in ids, r["fr"]


def test_L_CSE_GMG_003(lab, mn, ae, app):
    far = app(mn)
    c = far.cnt(acpi=[far.policy("p", rule("all"))])
    far.put(c, "far away")
    near = ae.cnt()
    ae.put(near, "near")
    g = group(ae, near, "%s/%s" % (mn.csi, c))
    got = inner(ae.retrieve(g + "/fopt/la"))
    assert sorted(r["pc"]["m2m:cin"]["con"] for r in got) == ["far away", "near"]


def test_L_CSE_GMG_004(lab, ae, remote):
    host = remote(lab)
    host.peer.answer = lambda seen: time.sleep(2)
    g = group(ae, host.origin + "/cse-r/x")
    begin = time.monotonic()
    ae.retrieve(g + "/fopt", headers={"X-M2M-RST": "700"}).of(5209)
    assert time.monotonic() - begin < 1.9


def test_L_CSE_GMG_005(ae):
    g = group(ae, *two(ae), mt=3)
    answer = ae.create(g + "/fopt", GRP, mnm=1, mid=[])
    assert answer.rsc == 4108 or codes(answer) == [4108, 4108]


def test_L_CSE_GMG_006(ae):
    a, b = two(ae)
    g = group(ae, a, b)
    got = inner(ae.retrieve(g + "/fopt", headers={"X-M2M-GTM": a}))
    assert len(got) == 1 and got[0]["pc"]["m2m:cnt"]["rn"] == "m1"
    ae.retrieve(g + "/fopt", headers={"X-M2M-GTM": ae.path}).of(4000)


def test_L_CSE_GMG_030(ae, strict, app):
    a, b = two(ae)
    kept = ae.cnt("kept")
    ae.put(kept, "1")
    ae.put(kept, "2")
    g = group(ae, a, kept + "/la", b, ae.path + "/none")
    assert codes(ae.delete(g + "/fopt")) == [2002, 2002, 2002, 4004]
    got = ae.get(g)
    assert got["mid"] == [kept + "/la", ae.path + "/none"] and got["cnm"] == 2
    assert ae.get(kept)["cni"] == 1
    for who, stays in ((app(strict), True), (ae, False)):       # switch 28: a member is deleted by itself
        one, two_ = who.cnt("one"), who.cnt("two")
        g = group(who, one, two_, rn="alone")
        who.remove(one)
        assert who.get(g)["mid"] == ([one, two_] if stays else [two_])


def rscs(value):
    """Every response status code of nested fan-outs."""
    for r in value.get("m2m:rsp", []):
        yield r["rsc"]
        if "m2m:agr" in (r.get("pc") or {}):
            yield from rscs(r["pc"]["m2m:agr"])


def test_L_CSE_GMG_007(ae):
    c = ae.cnt()
    one = group(ae, c, rn="one")
    two_ = group(ae, one + "/fopt", rn="two")
    ae.change(one, GRP, mid=[c, two_ + "/fopt"])
    answer = ae.retrieve(one + "/fopt").of(2000)
    found = list(rscs(answer.root("m2m:agr")))
    assert 4104 in found and found.count(2000) >= 1 and len(found) < 20


def test_L_CSE_GMG_008(ae, target):
    members = two(ae)
    g = group(ae, *members, nar={"num": 2, "dur": "PT30S"})
    assert codes(ae.create(g + "/fopt", SUB, nu=[target.url], nfu=[target.url], enc={"net": [3]})) == [2001, 2001]
    for n, m in enumerate(members):
        ae.put(m, "v%d" % n)
    got = target.wait(1)
    assert len(got) == 1
    sgn = got[0].body["m2m:agn"]["m2m:sgn"]
    assert sorted(s["nev"]["rep"]["m2m:cin"]["con"] for s in sgn) == ["v0", "v1"]


def test_L_CSE_GMG_009(ae):
    a, b = two(ae)
    g = group(ae, a)
    for members in ([a, b], [], [b], [a, b, ae.path]):
        assert ae.change(g, GRP, mid=members)["cnm"] == len(members) == ae.get(g)["cnm"]


def test_L_CSE_GMG_010(ae):
    g = group(ae, mt=3)
    for name, value in (("mt", 3), ("mt", 4), ("csy", 1), ("cnm", 0), ("mtv", True)):
        ae.update(g, GRP, {name: value}).of(4000)
