"""DMR: CREATE of data resources."""
import threading
import time

from client import ACP, AE, CIN, CNT, CSR, GRP, SUB, TS, Client, rule, stamp
from samples import KINDS, PARENTS, Trees, content, optional


def test_TP_oneM2M_CSE_DMR_CRE_001_x(ae):
    trees = Trees(ae)
    for kind, parents in PARENTS:
        for where in parents:
            up, who = trees.parent(where)
            made = who.create(up, kind, content(kind, who.origin)).of(2001).root(kind.root)
            assert made["rn"] and made["ty"] == kind.ty and made["pi"] == ae.cse.admin.get(up, atrl="ri")["ri"], (kind, where)
            assert ae.cse.admin.get("%s/%s" % (up, made["rn"]))["ri"] == made["ri"], (kind, where)
            who.delete(made["ri"]).of(2002)
    trees.clean()


def test_TP_oneM2M_CSE_DMR_CRE_002_x(ae):
    trees = Trees(ae)
    for kind, parents in PARENTS:
        for where in parents:
            up, who = trees.parent(where)
            name = "fresh-%d-%s" % (kind.ty, ae.origin)
            assert who.create(up, kind, content(kind, who.origin), rn=name).of(2001).one["rn"] == name
            who.delete("%s/%s" % (up, name)).of(2002)
    trees.clean()


def test_TP_oneM2M_CSE_DMR_CRE_003_x(ae):
    trees = Trees(ae)
    for kind, where in KINDS:
        up, who = trees.parent(where)
        name = "twice-%d-%s" % (kind.ty, ae.origin)
        who.create(up, kind, content(kind, who.origin), rn=name).of(2001)
        who.create(up, kind, content(kind, who.origin), rn=name).of(4105)
        who.delete("%s/%s" % (up, name)).of(2002)
    trees.clean()


def test_TP_oneM2M_CSE_DMR_CRE_004_x(ae, other):
    trees = Trees(ae)
    for kind, where in KINDS:
        up, _ = trees.parent(where)
        other.create(up, kind, content(kind, other.origin), rn="denied").of(4103)
        ae.cse.admin.retrieve(up + "/denied").of(4004)
    trees.clean()


def test_TP_oneM2M_CSE_DMR_CRE_005_x(ae):
    for kind in (CNT, TS):
        for name in ("mni", "mbs", "mia"):
            for value in (-1, "5", 1.5, [5], True, None, ""):
                ae.create(ae.path, kind, {name: value}).of(4000)


def test_TP_oneM2M_CSE_DMR_CRE_006_x(ae):
    # Without a default of its own the CSE leaves them out; with one it must say so.
    for kind in (CNT, TS):
        made = ae.make(ae.path, kind)
        for name in ("mni", "mbs", "mia"):
            assert isinstance(made.get(name, 0), int) and ae.get(made["ri"]).get(name) == made.get(name)


def test_TP_oneM2M_CSE_DMR_CRE_007(ae):
    c = ae.cnt(mni=2)
    for n in range(4):
        ae.put(c, "v%d" % n, rn="i%d" % n)
        assert ae.get(c)["cni"] == min(n + 1, 2)
    for n in (0, 1):
        ae.retrieve("%s/i%d" % (c, n)).of(4004)
    assert (ae.get(c + "/ol")["con"], ae.get(c + "/la")["con"]) == ("v2", "v3")


def test_TP_oneM2M_CSE_DMR_CRE_008(ae):
    c = ae.cnt(mbs=10)
    for content_ in ("1234", "123", "123", "1234567"):
        ae.put(c, content_)
        got = ae.get(c)
        assert got["cbs"] <= 10
    assert (got["cni"], got["cbs"]) == (2, 10)
    assert ae.get(c + "/ol")["con"] == "123"


def test_TP_oneM2M_CSE_DMR_CRE_009(ae):
    c = ae.cnt()
    for n in range(3):
        made = ae.put(c, "x")
        assert made["st"] == ae.get(c)["st"] == n + 1
        assert ae.get(c + "/la")["st"] == n + 1


def test_TP_oneM2M_CSE_DMR_CRE_010(ae):
    ae.create(ae.cnt(), CNT, rn="la").of(4005, 4105, 4000)


def test_TP_oneM2M_CSE_DMR_CRE_011(ae):
    ae.create(ae.cnt(), CNT, rn="ol").of(4005, 4105, 4000)


def test_TP_oneM2M_CSE_DMR_CRE_012_x(ae, target):
    policy, trees = ae.policy("p", rule("all")), Trees(ae)
    for kind, where in ((CNT, "ae"), (CIN, CNT), (ACP, "ae"), (SUB, "ae")):
        up, _ = trees.parent(where)
        for name, value in optional(kind, "create", policy).items():
            made = ae.create(up, kind, content(kind, ae.origin), **{name: value}).of(2001).root(kind.root)
            assert made[name] == value, (kind.root, name, made)
            if kind is not SUB or name != "exc":
                assert ae.get(made["ri"])[name] == value
            ae.remove(made["ri"])
        if kind in (CNT, SUB):
            assert ae.create(up, kind, content(kind, ae.origin), acpi=[policy]).of(2001).one["acpi"] == [policy]
            assert ae.create(up, kind, content(kind, ae.origin), cr=None).of(2001).one["cr"] == ae.origin


def test_TP_oneM2M_CSE_DMR_CRE_013(ae):
    c = ae.cnt(mbs=10)
    ae.put(c, "12345")
    before = ae.get(c)
    ae.create(c, CIN, con="12345678901").of(5207)
    assert ae.get(c) == before and ae.get(c + "/la")["con"] == "12345"


def test_TP_oneM2M_CSE_DMR_CRE_014(ae):
    c, total = ae.cnt(), 0
    for text in ("", "a", "bcd", "x" * 1000):
        made = ae.put(c, text)
        total += made["cs"]
        assert made["cs"] == len(text) and ae.get(c)["cbs"] == total


def each_kind(ae, rcn):
    trees = Trees(ae)
    for kind, where in KINDS:
        up, who = trees.parent(where)
        answer = who.create(up, kind, content(kind, who.origin), rn="shown-%d-%s" % (kind.ty, ae.origin), query={"rcn": rcn}).of(2001)
        yield kind, "%s/shown-%d-%s" % (up, kind.ty, ae.origin), answer
        who.remove("%s/shown-%d-%s" % (up, kind.ty, ae.origin))
    trees.clean()


def test_TP_oneM2M_CSE_DMR_CRE_015_x(ae):
    for _, _, answer in each_kind(ae, 0):
        assert answer.text == ""


def test_TP_oneM2M_CSE_DMR_CRE_016_x(ae):
    for _, address, answer in each_kind(ae, 2):
        assert answer.json == {"m2m:uri": address}


def test_TP_oneM2M_CSE_DMR_CRE_017_x(ae):
    for kind, address, answer in each_kind(ae, 3):
        both = answer.root("m2m:rce")
        assert set(both) == {"uri", kind.root} and both["uri"] == address and both[kind.root]["ty"] == kind.ty


ANNOUNCEABLE = [(CNT, "ae"), (GRP, "ae"), (ACP, "ae"), (TS, "ae")]


def test_TP_oneM2M_CSE_DMR_CRE_020_x(ae, mn):
    for kind, _ in ANNOUNCEABLE:
        made = ae.create(ae.path, kind, content(kind, ae.origin), at=[mn.csi]).of(2001).one
        assert made["at"][0].startswith(mn.csi + "/")


def test_TP_oneM2M_CSE_DMR_CRE_021_x(ae, mn):
    for kind, names in ((CNT, ["mni"]), (GRP, ["mid", "mnm"]), (TS, ["mni"])):
        more = {"mni": 5} if kind != GRP else {}
        assert ae.create(ae.path, kind, dict(content(kind, ae.origin), **more), at=[mn.csi], aa=names).of(2001).one["aa"] == names


def test_L_CSE_DMR_C_001(ae):
    made = ae.create(ae.path, CNT, lbl=["mine"], mni=3, query={"rcn": 9}).of(2001).root("m2m:cnt")
    assert {"ri", "rn", "pi", "ct", "lt", "et", "st", "cni", "cbs"} <= set(made)
    assert "lbl" not in made and "mni" not in made


def test_L_CSE_DMR_C_002(ae):
    for rcn in (4, 5, 6, 7, 8, 10, 11, 12, 99, "x"):
        ae.create(ae.path, CNT, query={"rcn": rcn}).of(4000)


def test_L_CSE_DMR_C_003(ae):
    trees = Trees(ae)
    for kind, where in KINDS:
        up, who = trees.parent(where)
        for name in ("nonsense", "aei", "csi"):
            who.create(up, kind, content(kind, who.origin), **{name: "x"}).of(4000)
    trees.clean()


def test_L_CSE_DMR_C_004(ae):
    for name, value in (("ct", stamp()), ("lt", stamp()), ("ri", "abc"), ("pi", ae.ri), ("st", 0), ("cni", 0), ("cbs", 0), ("ty", 3)):
        ae.create(ae.path, CNT, {name: value}).of(4000)
    for name, value in (("cs", 1), ("st", 1), ("ct", stamp())):
        ae.create(ae.cnt("c-" + name), CIN, {name: value}, con="x").of(4000)


def test_L_CSE_DMR_C_005(ae):
    for name, value in (("mni", "5"), ("mni", 5.5), ("lbl", 5), ("lbl", "text"), ("lbl", []), ("lbl", [5]), ("acpi", []), ("disr", "true"),
                        ("disr", 1), ("rn", 5), ("et", 5), ("et", "2030"), ("or", 5), ("mbs", {}), ("daci", [])):
        ae.create(ae.path, CNT, {name: value}).of(4000)


def test_L_CSE_DMR_C_006(ae):
    for past in ("20200101T000000", stamp(-2)):
        ae.create(ae.path, CNT, et=past).of(4000)


def test_L_CSE_DMR_C_007(ae):
    c = ae.cnt(et="20290101T000000")
    for asked in ("20300101T000000", "20291231T235959", None):
        made = ae.make(c, CNT, {} if asked is None else {"et": asked})
        assert made["et"] == "20290101T000000"
    assert ae.make(c, CNT, et="20280101T000000")["et"] == "20280101T000000"


def test_L_CSE_DMR_C_008(ae):
    for kind in (CNT, SUB, GRP, TS):
        assert ae.make(ae.path, kind, content(kind, ae.origin), cr=None)["cr"] == ae.origin
        assert "cr" not in ae.make(ae.path, kind, content(kind, ae.origin))
    ae.create(ae.path, ACP, content(ACP, ae.origin), cr=None).of(4000)      # not an attribute of this type


def test_L_CSE_DMR_C_009(ae):
    for value in (ae.origin, "Cother", ""):
        ae.create(ae.path, CNT, cr=value).of(4000)


def test_L_CSE_DMR_C_010(ae):
    c = ae.cnt()
    ae.create(c, ACP, content(ACP, ae.origin)).of(4108)
    ae.create(c, GRP, content(GRP, ae.origin)).of(4108)
    ae.create(ae.path, CIN, con="x").of(4108)
    ae.create(c, CSR, cb="/x/y", rr=True, srv=["3"]).of(4108, 4005)
    ae.create(c, AE, api="N1", rr=True, srv=["3"]).of(4108)


def test_L_CSE_DMR_C_011(ae):
    trees = Trees(ae)
    for kind, where in KINDS:
        made, _, who = trees.make(kind, where)
        assert made["lt"] == made["ct"], kind
        if where == "base":
            who.remove(made["ri"])
    trees.clean()


def together(lab, origin, count, act):
    """act(client, number) from so many threads at the same time; the answers."""
    answers, barrier = [None] * count, threading.Barrier(count)

    def one(n):
        client = Client(lab.url, origin)
        barrier.wait()
        answers[n] = act(client, n)
        client.close()
    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def test_L_CSE_DMR_C_012(lab, ae):
    for attempt in range(5):
        got = together(lab, ae.origin, 2, lambda client, n: client.create(ae.path, CNT, rn="race%d" % attempt))
        assert sorted(a.rsc for a in got) == [2001, 4105]


def test_L_CSE_DMR_C_013(lab, ae):
    c = ae.cnt()
    got = together(lab, ae.origin, 20, lambda client, n: client.create(c, CIN, con="x" * n))
    made = [a.of(2001).one for a in got]
    assert sorted(m["st"] for m in made) == list(range(1, 21))
    end = ae.get(c)
    assert (end["cni"], end["cbs"], end["st"]) == (20, sum(range(20)), 20)


def test_L_CSE_DMR_C_014(ae):
    c = ae.cnt()
    for text in ("\u00e9", "\u20ac\u20ac", "\U0001f600", "plain"):
        made = ae.put(c, text)
        assert made["cs"] == len(text.encode()) and made["con"] == text
    assert ae.get(c)["cbs"] == 2 + 6 + 4 + 5


def test_L_CSE_DMR_C_015(ae):
    c = ae.cnt()
    for bad in ("text", "text/plain", "text/plain:3", "text/plain:9", "text/plain:x", "text/plain:0:6", "text/plain:0:0:0", ":0", ""):
        ae.create(c, CIN, con="x", cnf=bad).of(4000)
    for good in ("text/plain:0", "application/octet-stream:2", "application/json:1:3", "text/plain:0:0"):
        assert ae.put(c, "eA==", cnf=good)["cnf"] == good


def test_L_CSE_DMR_C_016(ae):
    c = ae.cnt(mia=60)
    for more in ({}, {"et": "20300101T000000"}):
        made = ae.put(c, "x", **more)
        assert made["et"] <= time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 61)), made
    soon = stamp(20)
    assert ae.put(c, "x", et=soon)["et"] == soon


def test_L_CSE_DMR_C_017(ae, target):
    c = ae.cnt(mni=1)
    ae.sub(c, target.url, enc={"net": [4]})
    ae.put(c, "one", rn="one")
    ae.put(c, "two", rn="two")          # evicts one
    ae.remove(c + "/two")
    assert target.wait(1)[0].rep["rn"] == "two" and len(target.all()) == 1


def test_L_CSE_DMR_C_018(ae):
    c = ae.cnt(mbis=5)
    ae.create(c, CIN, con="123456").of(5207)
    ae.create(c, CIN, con="12345").of(2001)
    assert ae.get(c)["cni"] == 1


def test_L_CSE_DMR_C_019(ae):
    for rcn in (2, 3):
        answer = ae.create(ae.path, CNT, query={"rcn": rcn}).of(2001)
        uri = answer.one if rcn == 2 else answer.one["uri"]
        assert answer.headers["content-location"] == uri
    for rcn in (0, 1, 9):
        assert "content-location" not in ae.create(ae.path, CNT, query={"rcn": rcn}).of(2001).headers
