"""SUB: how and when notifications are sent."""
import threading
import time

from client import AE, CNT, NTP, NTPR, PCH, SCH, SUB, Client, rule, stamp, until

NEVER = {"sce": ["* * * * * * 2001"]}
ALWAYS = {"sce": ["* * * * * * *"]}


def test_L_CSE_SUB_014(ae, peers):
    good, bad, also = peers(), peers(), peers()
    c = ae.cnt()
    ae.sub(c, [good.url, bad.url, also.url], enc={"net": [3]})
    bad.answer = lambda seen: 5000
    ae.put(c, "1")
    bad.down()
    ae.put(c, "2")
    for target in (good, also):
        assert [n["rep"]["m2m:cin"]["con"] for n in target.events(2)] == ["1", "2"]


def test_L_CSE_SUB_016(lab, ae, listener, peers):
    dead, live, spare = peers(), peers(), peers()
    for form in ("stem", "structured", "sp"):
        heard = listener(lab, dead.url + "/d", live.url + "/x", spare.url)
        nu = {"stem": heard.origin, "structured": heard.path, "sp": heard.far}[form]
        c = ae.cnt("c" + form)
        ae.sub(c, nu, enc={"net": [3]})
        dead.down()
        ae.put(c, form)
        got = live.wait(1, lambda s: s.event and s.rep["con"] == form)[0]
        assert got.sgn["sur"] and not [s for s in spare.all() if s.rep["con"] == form]
        dead.up()


def poll(cse, origin, channel, answers):
    client = Client(cse.url, origin)
    answers.append(client.retrieve(channel + "/pcu", headers={"X-M2M-RET": "5000"}))
    client.close()


def test_L_CSE_SUB_017(lab, app):
    ae = app(lab, rr=False)
    channel = "%s/%s" % (ae.path, ae.make(ae.path, PCH)["rn"])
    c, answers = ae.cnt(), []
    ae.sub(c, ae.origin, enc={"net": [3]})
    ae.put(c, "polled")
    poll(lab, ae.origin, channel, answers)
    request = answers[0].of(2000).root("m2m:rqp")
    assert request["op"] == 5 and request["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "polled"
    ae.notify(channel + "/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": request["rqi"], "rvi": "3"}}).of(2000)


def test_L_CSE_SUB_019(lab, ae, target):
    c = ae.cnt()
    made = ae.sub(c, target.url)
    assert len(target.seen) == 1
    asked = target.seen[0]
    assert asked.sgn == {"vrq": True, "sur": "%s/%s" % (lab.csi, made["ri"]), "cr": ae.origin}
    assert asked.headers["x-m2m-origin"] == lab.csi and asked.headers["x-m2m-ri"] and asked.headers["content-type"] == "application/json"


def test_L_CSE_SUB_020(lab, app, peers, remote):
    point, host = peers(), remote(lab)
    ae = app(lab, poa=[point.url])
    asked = {"m2m:sgn": {"vrq": True, "sur": host.origin + "/sub1", "cr": host.origin + "/Cmaker"}}
    for rules, wanted in (((host.origin,), 4101), ((host.origin + "/Cmaker",), 5205), ((host.origin, host.origin + "/Cmaker"), 2000)):
        policy = ae.policy("p%d" % wanted, rule(*rules, ops=16), rule(ae.origin))
        ae.change(ae.path, AE, acpi=[policy])
        host.notify(ae.far, asked).of(wanted)


def scheduled(ae, target, **more):
    """A container with a subscription whose notification schedule never opens; its address and the schedule's."""
    c = ae.cnt("c%d" % len(target.seen))
    ae.sub(c, target.url, "s", enc={"net": [3], "chty": [4]}, **more)
    ae.make(c + "/s", SCH, rn="notificationSchedule", se=NEVER)
    return c, c + "/s/notificationSchedule"


def texts(seen):
    return [s.rep["con"] for s in seen]


def test_L_CSE_SUB_021(lab, ae, listener, target, peers):
    c, schedule = scheduled(ae, target, pn=1)
    for n in range(3):
        ae.put(c, "v%d" % n)
    target.quiet(0.3)
    ae.change(schedule, SCH, se=ALWAYS)
    got = target.wait(1)
    assert texts(got) == ["v2"] and got[0].headers["x-m2m-ec"] == "4"
    target.quiet(0.2)
    point = peers()                                             # the same for a target that says that it cannot be reached
    heard = listener(lab, point.url)
    ae.sub(ae.cnt("d"), heard.origin, enc={"net": [3]}, pn=1)
    heard.change(heard.path, AE, rr=False)
    for n in range(3):
        ae.put(ae.path + "/d", "w%d" % n)
    point.quiet(0.3)
    heard.change(heard.path, AE, rr=True)
    got = point.wait(1)
    assert texts(got) == ["w2"] and got[0].headers["x-m2m-ec"] == "4"


def test_L_CSE_SUB_022(ae, target):
    c, schedule = scheduled(ae, target, pn=2)
    for n in range(4):
        ae.put(c, "v%d" % n)
    target.quiet(0.3)
    ae.change(schedule, SCH, se=ALWAYS)
    assert texts(target.wait(4)) == ["v0", "v1", "v2", "v3"]


def test_L_CSE_SUB_023(ae, target):
    c, schedule = scheduled(ae, target)
    ae.put(c, "dropped")
    target.quiet(0.3)
    ae.change(schedule, SCH, se=ALWAYS)
    ae.put(c, "sent")
    assert texts(target.wait(1)) == ["sent"]


def test_L_CSE_SUB_024(ae, target):
    c, schedule = scheduled(ae, target, pn=2)
    ae.put(c, "cached")
    target.quiet(0.3)
    ae.change(c + "/s", SUB, pn=None)
    ae.change(schedule, SCH, se=ALWAYS)
    ae.put(c, "sent")
    assert texts(target.wait(1)) == ["sent"] and len(target.all()) == 1


def test_L_CSE_SUB_025(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]}, rl={"mnn": 2, "tww": "PT1S"})
    for n in range(5):
        ae.put(c, str(n))
    got = target.wait(5, seconds=6)
    assert texts(got) == list("01234")
    times = [s.at for s in got]
    for first, third in zip(times, times[2:]):
        assert third - first > 0.5, "three notifications within one window: %s" % times
    assert times[-1] - times[0] > 1.5


def test_L_CSE_SUB_026(ae, target):
    c, schedule = scheduled(ae, target, pn=2)
    ae.put(c, "held")
    target.quiet(0.3)
    ae.sub(c, target.url, "urgent", enc={"net": [3], "chty": [4]}, nec=2)
    ae.make(c + "/urgent", SCH, rn="notificationSchedule", se=NEVER)
    ae.put(c, "immediate")
    assert texts(target.wait(1)) == ["immediate"] and target.all()[0].headers["x-m2m-ec"] == "2"
    ae.change(schedule, SCH, se=ALWAYS)
    assert sorted(texts(target.wait(3))) == ["held", "immediate", "immediate"]


def test_L_CSE_SUB_027(ae, peers):
    for category in (2, 3, 4, 100, 999):
        target, c = peers(), ae.cnt("c%d" % category)
        assert ae.sub(c, target.url, enc={"net": [3]}, nec=category)["nec"] == category
        ae.put(c, "x")
        assert target.wait(1)[0].headers["x-m2m-ec"] == str(category)
    ae.create(ae.cnt(), SUB, nu=[ae.origin], nec=1000).of(4000)


def test_L_CSE_SUB_028(ae, target):
    c, soon = ae.cnt(), stamp(0.6)
    ae.sub(c, target.url, enc={"net": [3]}, et=soon)
    ae.put(c, "before")
    target.wait(1)
    until(lambda: stamp() > soon)
    ae.sub(c, target.url, enc={"net": [3]}, nct=3)              # the other one shows that events go on
    ae.put(c, "after")
    got = target.wait(2)
    assert "m2m:uri" in got[1].nev["rep"] and len(target.all()) == 2


def test_L_CSE_SUB_030(ae, peers):
    first, second = peers(), peers()
    c = ae.cnt()
    s = ae.sub(c, [first.url, second.url], enc={"net": [3]}, nse=True)["ri"]
    second.answer = lambda seen: None
    for n in range(3):
        ae.put(c, str(n))
    first.wait(3)
    second.wait(3)

    def counted():
        rows = {row["tg"]: row for row in ae.get(s).get("nsi", [])}
        return all(rows.get(p.url, {}).get("rqs") == 3 and rows[p.url].get("rsr") == 3 for p in (first, second))
    until(counted, 3, "three requests and responses per target")


def test_L_CSE_SUB_032(lab, ae, listener, peers):
    point = peers()
    c = ae.cnt(acpi=[ae.policy("p", rule("all"))])
    ae.sub(c, listener(lab, point.url).origin, enc={"net": [7], "atr": ["lbl"]})
    point.answer = lambda seen: time.sleep(0.4)
    answers = []

    def change():
        client = Client(lab.url, ae.origin)
        answers.append(client.update(c, CNT, lbl=["asked"]))
        client.close()
    thread = threading.Thread(target=change)
    begin = time.monotonic()
    thread.start()
    asked = point.wait(1)[0]
    assert asked.nev["net"] == 7 and asked.rep["lbl"] == ["asked"]
    assert "lbl" not in ae.get(c) and not answers               # held
    thread.join()
    assert time.monotonic() - begin >= 0.4
    answers[0].of(2004)
    assert ae.get(c)["lbl"] == ["asked"]
    ae.change(c, CNT, mni=4)                                    # another attribute: nobody is asked
    assert len(point.all()) == 1


def test_L_CSE_SUB_033(lab, ae, listener, peers):
    point = peers()
    c = ae.cnt()
    ae.sub(c, listener(lab, point.url).origin, enc={"net": [7]})
    point.answer = lambda seen: 4005
    ae.update(c, CNT, lbl=["refused"]).of(4127)
    assert "lbl" not in ae.get(c)


def test_L_CSE_SUB_034(lab, ae, listener, peers):
    point = peers()
    c = ae.cnt()
    ae.sub(c, listener(lab, point.url).origin, enc={"net": [7]})
    point.down()
    ae.update(c, CNT, lbl=["unheard"]).of(5107)
    assert "lbl" not in ae.get(c)


def test_L_CSE_SUB_035(ae):
    c = ae.cnt()
    ae.create(c, SUB, nu=[ae.origin], enc={"net": [7]}).of(2001)
    ae.create(c, SUB, nu=[ae.origin], enc={"net": [7]}).of(4124)
    ae.create(c, SUB, nu=[ae.origin], enc={"net": [1]}).of(2001)


def test_L_CSE_SUB_036(ae, other, target):
    c = ae.cnt()
    for more in ({"nu": [ae.origin, other.origin]}, {"bn": {"num": 2}}, {"enc": {"net": [7], "sts": 3}}, {"enc": {"net": [7], "cra": stamp()}},
                 {"nu": [target.url]}, {"enc": {"net": [7, 1]}}, {"ln": True}, {"enc": {"net": [7], "chty": [4]}}):
        ae.create(c, SUB, dict({"nu": [ae.origin], "enc": {"net": [7]}}, **more)).of(4000)


def test_L_CSE_SUB_037(ae):
    c = ae.cnt()
    s = ae.sub(c, ae.origin, enc={"net": [1]})["ri"]
    ae.update(s, SUB, enc={"net": [7]}).of(4000)
    assert ae.get(s)["enc"] == {"net": [1]}


def test_L_CSE_SUB_040(lab, ae, listener, peers):
    point, keeps = peers(), peers()
    leaver = listener(lab, point.url)
    c = ae.cnt()
    s = ae.sub(c, [leaver.origin, keeps.url], "s", enc={"net": [3]})
    policy = lab.admin.make(lab.base, NTP, acn=1, plbl="accept-%s" % ae.origin)
    ae.make(c + "/s", NTPR, ntu=[leaver.origin], npi="%s/%s" % (lab.csi, policy["ri"]))
    leaver.delete(s["ri"] + "/ntsr").of(2002)
    assert ae.get(s["ri"])["nu"] == [keeps.url]
    ae.put(c, "x")
    keeps.wait(1)
    assert not point.all()
    refuse = lab.admin.make(lab.base, NTP, acn=2, plbl="reject-%s" % ae.origin)
    ae.sub(c, [leaver.origin], "t", enc={"net": [3]})
    ae.make(c + "/t", NTPR, ntu=[leaver.origin], npi="%s/%s" % (lab.csi, refuse["ri"]))
    leaver.delete(c + "/t/ntsr").of(4103)
    for one in (policy, refuse):
        lab.admin.remove(one["ri"])
