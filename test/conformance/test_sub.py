"""SUB: subscriptions, events and what a notification holds."""
from client import CNT, SUB, TS, rule, stamp, until


def refused(ae, to, rsc, target=None, **more):
    more.setdefault("nu", [target.url if target else ae.origin])
    ae.create(to, SUB, more, rn="refused").of(rsc)
    ae.retrieve(to + "/refused").of(4004)


def test_TP_oneM2M_CSE_SUB_CRE_001_SUB_CIN(ae):
    c = ae.cnt()
    ae.put(c, "x", rn="i")
    ae.sub(c, ae.origin, "s")
    refused(ae, c + "/s", 5203)
    refused(ae, c + "/i", 5203)


def test_TP_oneM2M_CSE_SUB_CRE_002(ae, other):
    c = ae.cnt(acpi=[ae.policy("p", rule(other.origin, ops=1), rule(ae.origin))])
    other.create(c, SUB, nu=[other.origin]).of(4103)
    ae.change(c, CNT, acpi=[ae.policy("q", rule(other.origin, ops=3), rule(ae.origin))])
    other.create(c, SUB, nu=[other.origin]).of(2001)


def test_TP_oneM2M_CSE_SUB_CRE_003(ae, other, target, strict, app):
    c = ae.cnt()
    target.down()
    refused(ae, c, 5204, nu=[other.origin])                     # no point of access
    refused(ae, c, 5204, nu=[other.ri])
    refused(ae, c, 5204, nu=[target.url])                       # switch 13, laboratory: URLs are verified
    there, else_ = app(strict), app(strict)
    c = there.cnt()
    refused(there, c, 5204, nu=[else_.origin])
    there.create(c, SUB, nu=[target.url]).of(2001)              # Release 3 text: URLs are not verified


def test_TP_oneM2M_CSE_SUB_CRE_004(ae, target, strict, app):
    there = app(strict)
    made = there.make(there.cnt(), SUB, nu=[target.url])
    assert made["cr"] == there.origin and there.get(made["ri"])["cr"] == there.origin
    assert "cr" not in there.make(there.cnt("d"), SUB, nu=[there.origin])
    c = ae.cnt()                                                # switch 15, laboratory: only when asked for
    assert "cr" not in ae.make(c, SUB, nu=[target.url])
    assert ae.make(c, SUB, nu=[target.url], cr=None)["cr"] == ae.origin


def test_TP_oneM2M_CSE_SUB_CRE_005(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]})
    made = ae.put(c, "hello")
    nev = target.events(1)[0]
    assert nev["net"] == 3 and nev["rep"] == {"m2m:cin": made}


def test_TP_oneM2M_CSE_SUB_CRE_011_NCT_012_NCT(ae, target):
    c = ae.cnt()
    for nct in (1, 3):
        assert ae.sub(c, target.url, enc={"net": [3]}, nct=nct)["nct"] == nct
    for nct in (1, 2, 3):
        assert ae.sub(c, target.url, enc={"net": [1]}, nct=nct)["nct"] == nct


def test_TP_oneM2M_CSE_SUB_UPD_001(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [1]})
    changed = ae.change(c, CNT, lbl=["x"])
    nev = target.events(1)[0]
    assert nev["net"] == 1 and nev["rep"] == {"m2m:cnt": changed}


def test_TP_oneM2M_CSE_SUB_UPD_002(ae, target):
    c = ae.cnt(mni=5)
    ae.sub(c, target.url, enc={"net": [1]}, nct=2)
    ae.change(c, CNT, lbl=["x"])
    rep = target.wait(1)[0].rep
    assert rep["lbl"] == ["x"] and "lt" in rep and not {"ri", "ty", "pi", "ct", "mni"} & set(rep)


def test_TP_oneM2M_CSE_SUB_UPD_003(lab, ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [1]}, nct=3)
    ae.change(c, CNT, lbl=["x"])
    assert target.wait(1)[0].nev["rep"] == {"m2m:uri": "%s/%s" % (lab.csi, ae.get(c)["ri"])}


def test_TP_oneM2M_CSE_SUB_UPD_004(ae, target):
    c = ae.cnt()
    ri = ae.sub(c, target.url, enc={"net": [1]}, exc=5)["ri"]
    for left in (4, 3):
        ae.change(c, CNT, lbl=[str(left)])
        until(lambda: ae.get(ri)["exc"] == left, what="exc %d" % left)
    assert len(target.all()) == 2


def test_TP_oneM2M_CSE_SUB_UPD_005(ae, target, peers):
    c, told = ae.cnt(), peers()
    ri = ae.sub(c, target.url, enc={"net": [1]}, exc=2, su=told.url)["ri"]
    for n in range(2):
        ae.change(c, CNT, lbl=[str(n)])
    until(lambda: ae.retrieve(ri).rsc == 4004, what="end of the subscription")
    told.wait(1, lambda s: s.deletion)
    ae.change(c, CNT, lbl=["more"])
    target.quiet(0.2)
    assert len(target.all()) == 2


def test_TP_oneM2M_CSE_SUB_UPD_006(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [1], "atr": ["lbl"]})
    ae.change(c, CNT, mni=9)
    ae.change(c, CNT, lbl=["x"])                                # the next event shows that the first gave none
    assert target.wait(1)[0].rep["lbl"] == ["x"] and len(target.all()) == 1


def test_TP_oneM2M_CSE_SUB_UPD_007(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]}, bn={"num": 3, "dur": "PT60S"})
    for n in range(2):
        ae.put(c, str(n))
    target.quiet(0.2)
    ae.put(c, "2")
    got = target.wait(1)[0].body["m2m:agn"]["m2m:sgn"]
    assert [next(iter(s["nev"]["rep"].values()))["con"] for s in got] == ["0", "1", "2"] and len(target.all()) == 1


def test_TP_oneM2M_CSE_SUB_UPD_008(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]}, bn={"num": 3, "dur": "PT60S"}, ln=True)
    for n in range(3):
        ae.put(c, str(n))
    one = target.wait(1)[0]
    got = one.body["m2m:agn"]["m2m:sgn"]
    assert [s["nev"]["rep"]["m2m:cin"]["con"] for s in got] == ["2"] and one.headers["x-m2m-ec"] == "4"


def test_TP_oneM2M_CSE_SUB_UPD_009(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [1], "atr": ["lbl", "mbs"]})
    ae.change(c, CNT, lbl=["x"])
    ae.change(c, CNT, mbs=1000)
    ae.change(c, CNT, mbs=1000)                                 # named with the value that it has: still among the modified
    assert len(target.events(3)) == 3


def test_TP_oneM2M_CSE_SUB_DEL_001(lab, ae, target, peers):
    told = peers()
    made = ae.sub(ae.cnt(), target.url, su=told.url)
    ae.remove(made["ri"])
    sgn = told.wait(1, lambda s: s.deletion)[0].sgn
    assert sgn["sud"] is True and sgn["sur"] == "%s/%s" % (lab.csi, made["ri"])


def test_TP_oneM2M_CSE_SUB_DEL_002(ae, target):
    c = ae.cnt(lbl=["gone"])
    ae.sub(c, target.url, enc={"net": [2]})
    ae.remove(c)
    nev = target.events(1)[0]
    assert nev["net"] == 2 and nev["rep"]["m2m:cnt"]["lbl"] == ["gone"]


def test_TP_oneM2M_CSE_SUB_DEL_003(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [4]})
    ae.put(c, "x", rn="i")
    ae.remove(c + "/i")
    nev = target.events(1)[0]
    assert nev["net"] == 4 and nev["rep"]["m2m:cin"]["rn"] == "i"


def verification_says(ae, peers, rsc):
    target = peers(lambda seen: rsc)
    refused(ae, ae.cnt(), 5204, target)
    assert target.seen[0].verification


def test_TP_oneM2M_CSE_SUB_NTF_001(ae, peers):
    verification_says(ae, peers, 4101)


def test_TP_oneM2M_CSE_SUB_NTF_002(ae, peers):
    verification_says(ae, peers, 5205)


def test_TP_oneM2M_CSE_SUB_NTF_003(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]}, bn={"num": 50, "dur": "PT1S"})
    before = stamp()
    for n in range(2):
        ae.put(c, str(n))
    got = target.wait(1)[0]
    assert len(got.body["m2m:agn"]["m2m:sgn"]) == 2 and stamp(-0.8) > before


def test_L_CSE_SUB_001(ae):
    c = ae.cnt()
    ae.create(c, SUB).of(4000)
    ae.create(c, SUB, nu=[]).of(4000)
    ae.create(c, SUB, nu="text").of(4000)


def test_L_CSE_SUB_002(ae, target, strict, app):
    c = ae.cnt()
    made = ae.sub(c, target.url)
    assert made["enc"] == {"net": [1]}                          # switch 18, laboratory
    ae.put(c, "ignored")
    ae.change(c, CNT, lbl=["x"])
    assert target.events(1)[0]["net"] == 1
    there = app(strict)
    assert "enc" not in there.sub(there.cnt(), there.origin)


def test_L_CSE_SUB_003(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [1, 2, 3, 4]})
    ae.put(c, "x", rn="i")
    ae.remove(c + "/i")
    ae.change(c, CNT, lbl=["x"])
    ae.remove(c)
    assert [n["net"] for n in target.events(4)] == [3, 4, 1, 2]


def test_L_CSE_SUB_004(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3, 4], "chty": [4]})
    ae.cnt("box", c)
    ae.remove(c + "/box")
    ae.put(c, "x", rn="i")
    ae.remove(c + "/i")
    assert [(n["net"], list(n["rep"])) for n in target.events(2)] == [(3, ["m2m:cin"]), (4, ["m2m:cin"])]


def test_L_CSE_SUB_005(ae):
    c = ae.cnt()
    for chty in ([2], [30], [4, 14], [5]):
        refused(ae, c, 4000, enc={"net": [3], "chty": chty})


def test_L_CSE_SUB_006(ae):
    refused(ae, ae.cnt(), 4000, enc={"net": [1], "om": [{"ops": 2}]})


def test_L_CSE_SUB_007(ae, other, target, strict, app, peers):
    c = ae.cnt(acpi=[ae.policy("p", rule("all"))])
    ae.sub(c, target.url, enc={"om": [{"ops": 2, "or": other.origin}]})
    ae.retrieve(c).of(2000)                                     # the operation, but of somebody else
    other.change(c, CNT, lbl=["x"])                             # the originator, but another operation
    other.retrieve(c).of(2000)
    nev = target.events(1)[0]
    om = nev["om"][0] if isinstance(nev["om"], list) else nev["om"]
    assert om.get("ops", om.get("op")) == 2 and om["or"].endswith(other.origin)
    there = app(strict)
    for who, update, notified in ((there, 4, 3), (ae, 3, 3)):   # switch 19: a bit mask, or the number of the operation
        point, c = peers(), who.cnt("om%d" % update)
        who.sub(c, point.url, enc={"om": [{"ops": update}]})
        who.get(c)
        who.change(c, CNT, lbl=["x"])
        nev = point.events(1)[0]
        om = nev["om"][0] if isinstance(nev["om"], list) else nev["om"]
        assert om.get("ops", om.get("op")) == notified


def test_L_CSE_SUB_008(ae):
    c = ae.cnt()
    for net, nct in ((3, 2), (4, 2), (2, 2), (1, 4), (1, 5), (3, 4), (3, 5)):
        refused(ae, c, 4000, enc={"net": [net]}, nct=nct)
    for nct in (0, 6, "1"):
        refused(ae, c, 4000, nct=nct)


def test_L_CSE_SUB_009(ae):
    c = ae.cnt()
    for net in (1, 2, 3, 4, 5):
        made = ae.sub(c, ae.origin, enc={"net": [net]})
        assert made["nct"] == 1 and ae.get(made["ri"])["nct"] == 1


def test_L_CSE_SUB_010(ae, target):
    c = ae.cnt(lbl=["x"])
    ae.sub(c, target.url, enc={"net": [1]}, nct=2)
    ae.change(c, CNT, lbl=None)
    rep = target.wait(1)[0].rep
    assert "lbl" in rep and rep["lbl"] is None


def test_L_CSE_SUB_011(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [4]})
    ae.cnt("grandchild", ae.cnt("child", c))
    ae.cnt("tree", c)
    ae.cnt("leaf", c + "/tree")
    ae.remove(c + "/child/grandchild")                          # no direct child
    ae.remove(c + "/tree")                                      # one, with a subtree
    ae.remove(c + "/child")
    assert [n["rep"]["m2m:cnt"]["rn"] for n in target.events(2)] == ["tree", "child"]


def states(ae, target, count, name, enc):
    """st of the events of `count` updates."""
    c = ae.cnt(name)
    ae.sub(c, target.url, "s", enc=dict(enc, net=[1]))
    ae.sub(c, target.url, "mark", enc={"net": [1], "atr": ["mni"]})
    before = len(target.all())
    for n in range(count):
        ae.change(c, CNT, lbl=["l%d" % n])
    ae.change(c, CNT, mni=5)                                    # the mark: everything before it has been decided
    mark = until(lambda: [s for s in target.all()[before:] if s.sgn["sur"].endswith(ae.get(c + "/mark")["ri"])], what="mark")
    assert mark
    mine = ae.get(c + "/s")["ri"]
    return [s.rep["st"] for s in target.all()[before:] if s.sgn["sur"].endswith("/" + mine) and s.rep["st"] <= count]


def test_L_CSE_SUB_012(ae, target):
    # Bigger and smaller are both strict here (switch 7).
    for name, enc, wanted in (("a", {"sts": 3}, [1, 2]), ("b", {"stb": 3}, [4, 5]), ("c", {"sts": 5, "stb": 1}, [2, 3, 4]),
                              ("d", {"sts": 5, "stb": 1, "fo": 1}, [2, 3, 4]), ("e", {"sts": 2, "stb": 4, "fo": 2}, [1, 5]),
                              ("f", {"sts": 4, "stb": 2, "fo": 3}, [1, 2, 4, 5]), ("g", {"cra": "20200101T000000", "sts": 2}, [1]),
                              ("h", {"cra": "20990101T000000"}, []), ("i", {"exb": "20200101T000000"}, []),
                              ("j", {"exb": "20990101T000000", "stb": 4}, [5])):
        assert states(ae, target, 5, name, enc) == wanted, (name, enc)


def test_L_CSE_SUB_013(ae):
    c = ae.cnt()
    refused(ae, c, 4000, enc={"sts": 0})
    refused(ae, c, 4000, enc={"szb": 0})


def test_L_CSE_SUB_029(lab, ae, target):
    c = ae.cnt()
    made = ae.sub(c, target.url, cr=None)
    bare = ae.sub(c, target.url)
    ae.change(c, CNT, lbl=["x"])
    got = {s.sgn["sur"]: s.sgn for s in target.wait(2)}
    mine = got["%s/%s" % (lab.csi, made["ri"])]
    assert mine["cr"] == ae.origin and set(mine) <= {"sur", "nev", "cr"}
    assert "cr" not in got["%s/%s" % (lab.csi, bare["ri"])]
    assert set(mine["nev"]) == {"rep", "net"}


def test_L_CSE_SUB_031(ae, target, peers):
    c, second = ae.cnt(), peers()
    s = ae.sub(c, target.url, enc={"net": [1]})["ri"]
    ae.change(s, SUB, nu=[second.url])
    ae.change(c, CNT, lbl=["x"])
    second.wait(1)
    assert not target.all()
    ae.change(s, SUB, enc={"net": [3]})
    ae.change(c, CNT, lbl=["y"])
    ae.put(c, "z")
    assert [n["net"] for n in second.events(2)] == [1, 3]
    ae.change(s, SUB, bn={"num": 2, "dur": "PT60S"})
    ae.put(c, "1")
    ae.put(c, "2")
    assert len(second.wait(3)[-1].body["m2m:agn"]["m2m:sgn"]) == 2


def test_L_CSE_SUB_038(ae):
    c = ae.cnt()
    ts = "%s/%s" % (ae.path, ae.make(ae.path, TS, rn="ts")["rn"])
    refused(ae, ts, 4000, enc={"net": [8]})
    refused(ae, c, 4000, enc={"net": [8], "md": {"num": 1, "dur": "PT1S"}})
    refused(ae, c, 4000, enc={"net": [1], "md": {"num": 1, "dur": "PT1S"}})


def test_L_CSE_SUB_039(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [5]})
    refused(ae, ae.path, 4000, enc={"net": [5]})
    ae.get(c, rcn=4)                                            # nothing expired yet: no event
    soon = stamp(0.3)
    ae.put(c, "short", et=soon)
    ae.put(c, "long")
    until(lambda: stamp() > soon)
    until(lambda: ae.get(c, rcn=8) and target.all(), 3, "event of net 5")
    assert target.wait(1)[0].nev["net"] == 5
