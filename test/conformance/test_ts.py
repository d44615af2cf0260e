"""TS and the time series lines of OTH."""
import calendar
import time

from client import TS, TSI, stamp, until


def series(ae, rn="ts", **more):
    return "%s/%s" % (ae.path, ae.make(ae.path, TS, dict(more), rn=rn)["rn"])


def point(ae, ts, at, con="v"):
    return ae.make(ts, TSI, dgt=at, con=con)


WATCH = {"pei": 400, "peid": 50, "mdt": 100, "mdd": True}


def after(first, milliseconds):
    """The timestamp that much later, in the same form."""
    total = calendar.timegm(time.strptime(first[:15], "%Y%m%dT%H%M%S")) * 1000 + int(first[16:19]) + milliseconds
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(total // 1000)) + ",%03d000" % (total % 1000)


def same(one, other):
    """Two timestamps mean the same time; a fraction may be left out or be shorter."""
    def plain(text):
        head, _, fraction = text.partition(",")
        return head + "," + fraction.ljust(6, "0")
    return plain(one) == plain(other)


def test_TP_oneM2M_CSE_TS_001(ae):
    ts = series(ae, **WATCH)
    assert ae.get(ts)["mdc"] == 0
    first = stamp()
    point(ae, ts, first)
    got = until(lambda: (lambda g: g if g["mdc"] >= 2 else None)(ae.get(ts)), 4, "two missing points")
    assert got["mdc"] == len(got["mdlt"])
    assert same(got["mdlt"][-1], after(first, 400)) and same(got["mdlt"][-2], after(first, 800)), (first, got["mdlt"])


def test_TP_oneM2M_CSE_TS_002(ae):
    ts = series(ae, mdn=2, **WATCH)
    first = stamp()
    point(ae, ts, first)
    fourth = after(first, 1600)
    until(lambda: any(same(m, fourth) for m in ae.get(ts).get("mdlt", [])), 5, "the fourth missing point")
    got = ae.get(ts)
    assert got["mdc"] == 2 and len(got["mdlt"]) == 2 and not any(same(m, after(first, 400)) for m in got["mdlt"])


def test_TP_oneM2M_CSE_TS_003_005(ae, target):
    # The window may not be longer than the interval (line L/CSE/OTH/031): every missing point reaches a threshold of one,
    # and each window starts anew.
    ts = series(ae, **WATCH)
    ae.sub(ts, target.url, enc={"net": [8], "md": {"num": 1, "dur": "PT0.4S"}})
    first = stamp()
    point(ae, ts, first)
    got = target.wait(3, seconds=5)
    told = []
    for seen in got:
        assert seen.nev["net"] == 8 and list(seen.nev["rep"]) == ["m2m:tsn"]
        assert seen.rep["mdc"] >= 1 and seen.rep["mdlt"]
        told += [m for m in seen.rep["mdlt"] if not any(same(m, t) for t in told)]
    assert all(any(same(m, after(first, 400 * n)) for m in told) for n in (1, 2, 3)), (first, told)


def test_L_CSE_OTH_001(ae):
    ts = series(ae)
    ae.create(ts, TSI, con="x").of(4000)
    ae.create(ts, TSI, dgt=stamp()).of(4000)
    ae.create(ts, TSI, dgt=stamp(), con=5).of(2001)


def test_L_CSE_OTH_002(ae):
    ts, at = series(ae), stamp()
    point(ae, ts, at)
    ae.create(ts, TSI, dgt=at, con="again").of(4105)
    assert ae.get(ts)["cni"] == 1


def test_L_CSE_OTH_003(ae):
    ts = series(ae)
    i = point(ae, ts, stamp())["ri"]
    ae.update(i, TSI, lbl=["x"]).of(4005)
    ae.update(ts + "/la", TSI, lbl=["x"]).of(4005)


def test_L_CSE_OTH_004(ae):
    ts = series(ae)
    ae.retrieve(ts + "/la").of(4004)
    for at, con in (("20260101T000200", "second"), ("20260101T000300", "third"), ("20260101T000100", "first")):
        point(ae, ts, at, con)
    assert ae.retrieve(ts + "/la").of(2000).root("m2m:tsi")["con"] == "third" and ae.get(ts + "/ol")["con"] == "first"
    ae.delete(ts + "/la").of(2002)
    assert ae.get(ts + "/la")["con"] == "second" and ae.get(ts)["cni"] == 2


def test_L_CSE_OTH_005(ae):
    for mdt in (100, 50):
        ae.create(ae.path, TS, pei=1000, peid=100, mdd=True, mdt=mdt).of(4000)
    ae.create(ae.path, TS, pei=1000, peid=100, mdd=True, mdt=101).of(2001)


def test_L_CSE_OTH_006(ae):
    ts = series(ae, **WATCH)
    for name, value in (("pei", 500), ("peid", 20), ("mdt", 300), ("mdn", 4)):
        ae.update(ts, TS, {name: value}).of(4000)
    ae.change(ts, TS, mdd=False)
    assert ae.change(ts, TS, pei=500)["pei"] == 500


def test_L_CSE_OTH_007(ae):
    ts = series(ae, **WATCH)
    point(ae, ts, stamp())
    until(lambda: ae.get(ts)["mdc"] >= 1, 4, "a missing point")
    stopped = ae.change(ts, TS, mdd=False)
    assert stopped["mdc"] >= 1 and len(stopped["mdlt"]) == stopped["mdc"]
    again = ae.change(ts, TS, mdd=True)
    assert again["mdc"] == 0 and not again.get("mdlt")


def test_L_CSE_OTH_026(ae):
    ae.create(ae.path, TS, pei=1000, peid=501).of(4000)
    ae.create(ae.path, TS, pei=1000, peid=500).of(2001)
    assert ae.make(ae.path, TS, pei=1000)["peid"] <= 500


def test_L_CSE_OTH_027(ae):
    ae.create(ae.path, TS, pei=1000, peid=100, mdd=True).of(4000)
    ae.create(ae.path, TS, pei=1000, peid=100, mdd=False).of(2001)


def test_L_CSE_OTH_028(ae):
    ts = series(ae, pei=1000, peid=100, mdt=200, mdd=False)
    for name, value in (("pei", 900), ("peid", 90), ("mdt", 300), ("mdn", 4)):
        ae.update(ts, TS, {"mdd": True, name: value}).of(4000)
    ae.update(ts, TS, mdd=True).of(2004)


def test_L_CSE_OTH_029(ae):
    ts = series(ae, **WATCH)
    control = series(ae, "control", **WATCH)
    point(ae, control, stamp())
    until(lambda: ae.get(control)["mdc"] >= 2, 4, "missing points of the other one")
    got = ae.get(ts)
    assert got["mdc"] == 0 and not got.get("mdlt")


def test_L_CSE_OTH_030(ae):
    ts = series(ae, mni=2)
    for at, con in (("20260101T000200", "two"), ("20260101T000100", "one"), ("20260101T000300", "three")):
        point(ae, ts, at, con)
    assert ae.get(ts)["cni"] == 2
    assert (ae.get(ts + "/ol")["con"], ae.get(ts + "/la")["con"]) == ("two", "three")


def test_L_CSE_OTH_031(ae, target, peers):
    control = peers()
    ts = series(ae, **WATCH)
    ae.sub(ts, target.url, enc={"net": [8], "md": {"num": 1, "dur": "PT2S"}})
    ae.sub(ts, control.url, enc={"net": [8], "md": {"num": 1, "dur": "PT0.4S"}})
    point(ae, ts, stamp())
    control.wait(3, seconds=5)
    assert not target.all()
