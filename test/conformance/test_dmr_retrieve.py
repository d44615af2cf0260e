"""DMR: RETRIEVE of data resources."""
from client import CIN, CNT, C, R, U, rule, stamp, until
from samples import KINDS, Trees


def standing(ae, at_base):
    """(kind, address, client, resource) of one resource of every kind; directly under the CSEBase where that is allowed."""
    trees, made = Trees(ae), []
    for kind, where in KINDS:
        if at_base and kind.root in ("m2m:cnt", "m2m:grp", "m2m:acp", "m2m:sub", "m2m:sch", "m2m:lcp", "m2m:ts", "m2m:nod"):
            where = "base"
        resource, address, who = trees.make(kind, where, rn="s%d-%s" % (kind.ty, ae.origin))
        made.append((kind, address, who, resource))
    yield from made
    for kind, address, who, _ in made:
        who.delete(address)
    trees.clean()


def whole(ae, at_base):
    for kind, address, who, resource in standing(ae, at_base):
        got = who.retrieve(address).of(2000).root(kind.root)
        for name in ("rn", "ty", "ri", "pi", "ct", "lt", "et"):
            assert got[name] == resource[name], (kind, name)


def missing(ae, at_base):
    up = (ae.cse.base, ae.path)[not at_base]
    ae.retrieve(up + "/nothing-here").of(4004)
    ae.retrieve(up + "/nothing/here/either").of(4004)


def denied(ae, other, at_base):
    for kind, address, _, resource in standing(ae, at_base):
        other.retrieve(address).of(4103)
        other.retrieve(resource["ri"]).of(4103)


def single(ae, at_base, how):
    for kind, address, who, resource in standing(ae, at_base):
        for name in ("ri", "ct"):
            assert how(who, address, [name]).of(2000).root(kind.root) == {name: resource[name]}, (kind, name)


def several(ae, at_base, how):
    for kind, address, who, resource in standing(ae, at_base):
        for names in (["ri", "ct"], ["rn", "ty", "et", "pi"]):
            assert how(who, address, names).of(2000).root(kind.root) == {n: resource[n] for n in names}, (kind, names)


def by_query(who, address, names):
    return who.retrieve(address, atrl=" ".join(names))          # one argument, values joined by "+" on the wire


def by_content(who, address, names):
    return who.send(R, address, {"m2m:atrl": names})


def absent(ae, at_base, names):
    for kind, address, who, _ in standing(ae, at_base):
        if kind.root == "m2m:cin":
            continue                                            # cnf stands in for lbl there; nothing more to learn
        for how in (by_query, by_content):
            how(who, address, names).of(4004)


def test_TP_oneM2M_CSE_DMR_RET_001_x(ae):
    whole(ae, False)


def test_TP_oneM2M_CSE_DMR_RET_002(ae):
    missing(ae, False)


def test_TP_oneM2M_CSE_DMR_RET_003_x(ae, other):
    denied(ae, other, False)


def test_TP_oneM2M_CSE_DMR_RET_004_x(ae):
    single(ae, False, by_query)


def test_TP_oneM2M_CSE_DMR_RET_005_x(ae):
    single(ae, False, by_content)


def test_TP_oneM2M_CSE_DMR_RET_006_x(ae):
    several(ae, False, by_content)
    several(ae, False, by_query)


def test_TP_oneM2M_CSE_DMR_RET_007_x(ae):
    absent(ae, False, ["lbl"])                                  # valid for the type, not there
    for how in (by_query, by_content):
        how(ae, ae.path, ["nonsense"]).of(4000, 4004)           # no such name at all


def test_TP_oneM2M_CSE_DMR_RET_008_x(ae):
    absent(ae, False, ["ri", "lbl"])


def test_TP_oneM2M_CSE_DMR_RET_009(ae):
    ae.retrieve(ae.cnt() + "/la").of(4004)


def three(ae):
    c = ae.cnt()
    for text in ("old", "mid", "new"):
        ae.put(c, text)
    return c


def test_TP_oneM2M_CSE_DMR_RET_010(ae):
    assert ae.retrieve(three(ae) + "/ol").of(2000).root("m2m:cin")["con"] == "old"


def test_TP_oneM2M_CSE_DMR_RET_011(ae):
    ae.retrieve(ae.cnt() + "/ol").of(4004)


def test_TP_oneM2M_CSE_DMR_RET_012(ae):
    assert ae.retrieve(three(ae) + "/la").of(2000).root("m2m:cin")["con"] == "new"


def test_TP_oneM2M_CSE_DMR_RET_013_x_019_x(ae, other):
    whole(ae, True)
    missing(ae, True)
    denied(ae, other, True)
    single(ae, True, by_query)
    single(ae, True, by_content)
    several(ae, True, by_content)
    absent(ae, True, ["lbl"])
    absent(ae, True, ["ri", "lbl"])


def family(ae):
    """A container with two containers, one of them with another, two instances and a subscription."""
    c = ae.cnt(lbl=["top"])
    ae.cnt("b", ae.cnt("a", c))
    ae.cnt("z", c)
    ae.put(c, "1", rn="i1")
    ae.put(c, "2", rn="i2")
    ae.sub(c, ae.origin, "s")
    return c


def test_TP_oneM2M_CSE_DMR_RET_020_RCN_0_2_3(ae):
    for rcn in (0, 2, 3):
        ae.retrieve(ae.cnt("c%d" % rcn), rcn=rcn).of(4000)


def test_TP_oneM2M_CSE_DMR_RET_021_x(ae):
    c = family(ae)
    for kind, address in (("m2m:cnt", c), ("m2m:sub", c + "/s"), ("m2m:cin", c + "/i1"), ("m2m:ae", ae.path)):
        got = ae.retrieve(address, rcn=1).of(2000).root(kind)
        assert got == ae.get(address) and not [n for n in got if ":" in n or n == "ch"]


def test_TP_oneM2M_CSE_DMR_RET_022_x(ae):
    c = family(ae)
    got = ae.retrieve(c, rcn=4).of(2000).root("m2m:cnt")
    assert got["lbl"] == ["top"] and got["ri"]
    assert [i["con"] for i in got["m2m:cin"]] == ["1", "2"]
    assert sorted(x["rn"] for x in got["m2m:cnt"]) == ["a", "z"]
    assert [s["rn"] for s in got["m2m:sub"]] == ["s"] and got["m2m:sub"][0]["nu"] == [ae.origin]


REFS = {("i1", 4, "/i1"), ("i2", 4, "/i2"), ("a", 3, "/a"), ("b", 3, "/a/b"), ("z", 3, "/z"), ("s", 23, "/s")}


def test_TP_oneM2M_CSE_DMR_RET_023_x(ae):
    c = family(ae)
    got = ae.retrieve(c, rcn=5).of(2000).root("m2m:cnt")
    assert got["lbl"] == ["top"] and {(r["nm"], r["typ"], r["val"]) for r in got["ch"]} == {(n, t, c + v) for n, t, v in REFS}
    assert not [n for n in got if ":" in n]


def test_TP_oneM2M_CSE_DMR_RET_024_x(ae):
    c = family(ae)
    got = ae.retrieve(c, rcn=6).of(2000).root("m2m:rrl")
    assert set(got) == {"rrf"} and {(r["nm"], r["typ"], r["val"]) for r in got["rrf"]} == {(n, t, c + v) for n, t, v in REFS}


def test_TP_oneM2M_CSE_DMR_RET_025_x(ae):
    got = ae.retrieve(family(ae), rcn=8).of(2000).root("m2m:cnt")
    assert set(got) == {"m2m:cnt", "m2m:cin", "m2m:sub"} and [x for x in got["m2m:cnt"] if x["rn"] == "a"][0]["m2m:cnt"][0]["rn"] == "b"


def test_L_CSE_DMR_R_001(ae):
    got = ae.get(family(ae), rcn=4, lvl=2)
    a = [x for x in got["m2m:cnt"] if x["rn"] == "a"][0]
    assert [x["rn"] for x in a["m2m:cnt"]] == ["b"] and a["m2m:cnt"][0]["pi"] == a["ri"]


def test_L_CSE_DMR_R_002(ae):
    c = family(ae)
    got = ae.get(c, rcn=4, lvl=1)
    assert sorted(x["rn"] for x in got["m2m:cnt"]) == ["a", "z"] and not any("m2m:cnt" in x for x in got["m2m:cnt"])
    assert len(ae.get(c, rcn=5, lvl=1)["ch"]) == 5


def test_L_CSE_DMR_R_003(ae):
    c = ae.cnt()
    for name in "abcd":
        ae.cnt("below", ae.cnt(name, c))
    part = ae.retrieve(c, rcn=4, lim=4).of(2000)
    shown = part.one["m2m:cnt"]
    assert shown and len(shown) < 4 and all([x["rn"] for x in s["m2m:cnt"]] == ["below"] for s in shown)
    assert part.headers["x-m2m-cts"] == "1" and part.headers["x-m2m-cto"] == str(len(shown) + 1)
    full = ae.retrieve(c, rcn=4, lim=100).of(2000)
    assert "x-m2m-cto" not in full.headers and full.headers.get("x-m2m-cts", "2") == "2"


def test_L_CSE_DMR_R_004(ae):
    c = ae.cnt()
    for n in range(7):
        ae.put(c, str(n))
    assert [i["con"] for i in ae.get(c, rcn=4, ofst=1)["m2m:cin"]] == list("0123456")
    got, offset = [], "1"
    while offset:
        part = ae.retrieve(c, rcn=4, lim=3, ofst=offset).of(2000)
        got += [i["con"] for i in part.one.get("m2m:cin", [])]
        offset = part.headers.get("x-m2m-cto")
        assert len(got) <= 7
    assert got == list("0123456")


def test_L_CSE_DMR_R_005(ae, other):
    p = ae.policy("p", rule(other.origin, ops=2), rule(ae.origin))
    c = ae.cnt(acpi=[p])
    ae.cnt("shown", c, acpi=[p])
    ae.cnt("hidden", c)
    got = other.get(c, rcn=4)
    assert [x["rn"] for x in got["m2m:cnt"]] == ["shown"]
    assert [r["nm"] for r in other.get(c, rcn=5)["ch"]] == ["shown"]
    assert [r["nm"] for r in other.get(c, rcn=6)["rrf"]] == ["shown"]


def test_L_CSE_DMR_R_006(lab, mn, app):
    owner = app(mn)
    p = owner.policy("p", rule("all", ops=2), rule(owner.origin))
    made = owner.make(owner.path, CNT, rn="orig", at=[lab.csi], lbl=["the original"], mni=9, acpi=[p])
    copy = made["at"][0]
    assert lab.admin.retrieve(copy).of(2000).root("m2m:cntA")["lnk"].startswith(mn.csi)
    got = lab.admin.retrieve(copy, rcn=7).of(2000).root("m2m:cnt")
    assert got["ri"] == made["ri"] and got["mni"] == 9


def test_L_CSE_DMR_R_007(ae):
    ae.retrieve(ae.cnt(), rcn=7).of(4000)


def test_L_CSE_DMR_R_008(ae, strict, app):
    there = app(strict)
    c = there.cnt()
    there.retrieve(c, rcn=1, ms="20990101T000000").of(4004)
    there.retrieve(c, ms="20990101T000000").of(4004)
    there.retrieve(c, rcn=1, ms="20200101T000000").of(2000)
    assert there.retrieve(c, rcn=6, ms="20990101T000000").of(2000).json == {"m2m:rrl": {"rrf": []}}
    c = ae.cnt()                                                # switch 25, laboratory: conditions never select the target
    assert ae.retrieve(c, rcn=1, ms="20990101T000000").of(2000).root("m2m:cnt") == ae.get(c)
    assert ae.retrieve(c, rcn=6, ms="20990101T000000").of(2000).json == {"m2m:rrl": {"rrf": []}}


def test_L_CSE_DMR_R_009(ae):
    c = ae.cnt()
    ae.put(c, "stays", rn="stays")
    soon = stamp(0.7)
    ae.put(c, "goes", rn="goes", et=soon)
    assert ae.get(c + "/la")["con"] == "goes"
    while stamp() < soon:
        assert ae.get(c + "/la")["con"] == "goes" or stamp() >= soon
    for _ in range(20):
        assert ae.get(c + "/la")["con"] == "stays" and ae.get(c + "/ol")["con"] == "stays"
    until(lambda: ae.get(c)["cni"] == 1, 2, "counter after the expiry")


def test_L_CSE_DMR_R_010(ae):
    c = ae.cnt(disr=True)
    ae.put(c, "x", rn="i")
    for name in ("i", "la", "ol"):
        ae.retrieve("%s/%s" % (c, name)).of(4005)


def test_L_CSE_DMR_R_030(ae):
    c = ae.cnt(disr=True)
    ae.put(c, "x")
    ae.put(c, "y")
    assert ae.change(c, CNT, disr=False)["cni"] == 0
    assert ae.get(c)["cbs"] == 0
    ae.retrieve(c + "/la").of(4004)
    plain = ae.cnt("plain")
    ae.put(plain, "x")
    assert ae.change(plain, CNT, disr=False)["cni"] == 1        # it was never true


def test_L_CSE_DMR_R_011(ae):
    c = three(ae)
    for name in ("/la", "/ol"):
        ae.send(U, c + name, {"m2m:cin": {"lbl": ["x"]}}).of(4005)
        ae.send(C, c + name, {"m2m:cin": {"con": "x"}}, ty=4).of(4005)
        ae.send(C, c + name, {"m2m:sub": {"nu": [ae.origin]}}, ty=23).of(4005)


def test_L_CSE_DMR_R_012(ae, other):
    c = ae.cnt(acpi=[ae.policy("p", rule(other.origin, ops=2), rule(ae.origin))])
    ae.put(c, "x", rn="i")
    for name in ("/i", "/la", "/ol"):
        assert other.get(c + name)["con"] == "x"
    other.create(c, CIN, con="y").of(4103)
    ae.change(c, CNT, acpi=None)
    for name in ("/i", "/la", "/ol"):
        other.retrieve(c + name).of(4103)
