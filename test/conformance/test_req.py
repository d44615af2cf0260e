"""REQ: non-blocking requests and long polling."""
import threading
import time

from client import CNT, PCH, REQ, Client, until


def acknowledged(answer, code):
    """Address of the request resource."""
    return answer.of(code).root("m2m:uri")


def finished(ae, uri, seconds=4):
    return until(lambda: (lambda got: got if got["rs"] not in (3, 4) else None)(ae.get(uri)), seconds, "end of the request")


def test_L_CSE_REQ_001(lab, ae):
    uri = acknowledged(ae.retrieve(ae.path, rt=1), 1001)
    got = ae.retrieve(uri).of(2000).root("m2m:req")
    assert got["ty"] == 17 and got["op"] == 2 and got["org"].endswith(ae.origin) and got["pi"] == lab.csi[1:]
    assert got["tg"].endswith(ae.path)


def test_L_CSE_REQ_002(ae):
    c = ae.cnt()
    uri = acknowledged(ae.retrieve(c, rt=1, headers={"X-M2M-OET": "500", "X-M2M-RI": "mine"}), 1001)
    assert ae.get(uri)["rs"] == 3
    got = finished(ae, uri)
    assert got["rs"] == 1 and got["ors"]["rsc"] == 2000 and got["ors"]["rqi"] == "mine" and got["ors"]["pc"] == {"m2m:cnt": ae.get(c)}
    uri = acknowledged(ae.create(ae.path, CNT, rn="later", query={"rt": 1}), 1001)
    assert finished(ae, uri)["ors"]["rsc"] == 2001
    ae.retrieve(ae.path + "/later").of(2000)


def test_L_CSE_REQ_003(ae, other):
    for answer, rsc in ((ae.retrieve(ae.path + "/none", rt=1), 4004), (other.retrieve(ae.path, rt=1), 4103),
                        (ae.create(ae.path, CNT, mni="wrong", query={"rt": 1}), 4000)):
        who = other if rsc == 4103 else ae
        got = finished(who, acknowledged(answer, 1001))
        assert got["rs"] == 2 and got["ors"]["rsc"] == rsc and got["ors"]["pc"]["m2m:dbg"]


def told(target):
    return target.wait(1, lambda s: isinstance(s.body, dict) and "m2m:rsp" in s.body)


def test_L_CSE_REQ_004(lab, app, target):
    ae = app(lab, poa=[target.url])
    ae.retrieve(ae.path, rt=2, headers={"X-M2M-RI": "async"}).of(1002)
    got = told(target)[0].body["m2m:rsp"]
    assert got["rsc"] == 2000 and got["rqi"] == "async" and got["pc"]["m2m:ae"]["ri"] == ae.ri


def test_L_CSE_REQ_005(lab, app, target, peers):
    second, own = peers(), peers()
    ae = app(lab, poa=[own.url])
    ae.retrieve(ae.path, rt=2, headers={"X-M2M-RTU": "%s&%s/x" % (target.url, second.url)}).of(1002)
    for one in (target, second):
        assert told(one)[0].body["m2m:rsp"]["rsc"] == 2000
    assert second.seen[0].path == "/x" and not own.seen


def test_L_CSE_REQ_006(lab, app, target):
    ae = app(lab, poa=[target.url])
    ae.create(ae.path, CNT, rn="silent", query={"rt": 2}, headers={"X-M2M-RTU": ""}).of(1002)
    until(lambda: ae.retrieve(ae.path + "/silent").rsc == 2000, what="the operation itself")
    target.quiet(0.4, lambda s: True)
    assert not target.seen


def test_L_CSE_REQ_007(lab, app, target):
    ae = app(lab, poa=[target.url])
    for headers in ({}, {"X-M2M-RTU": target.url}):
        answer = ae.retrieve(ae.path, rt=4, headers=headers).of(2000, 1001, 1002)
        if answer.rsc == 2000:
            assert answer.root("m2m:ae")["ri"] == ae.ri
        elif answer.rsc == 1001:
            assert finished(ae, answer.root("m2m:uri"))["ors"]["rsc"] == 2000
        else:
            assert headers and told(target)[0].body["m2m:rsp"]["rsc"] == 2000


def test_L_CSE_REQ_008(ae):
    assert ae.get(ae.path, rt=3) == ae.get(ae.path)


def test_L_CSE_REQ_009(ae):
    for rt in (0, 6, 99, "x", "-1"):
        ae.retrieve(ae.path, rt=rt).of(4000)


def test_L_CSE_REQ_010(town, lab, ae):
    assert 17 in ae.get(lab.base)["srt"]
    ae.retrieve(ae.path, rt=1).of(1001)
    without = town.start("without", "in", "/id-without", "cse-without", extra=[("cse", {"requests": "no"})])
    assert 17 not in without.admin.get(without.base)["srt"]
    without.admin.retrieve(without.base, rt=1).of(5206)
    without.admin.retrieve(without.base, rt=3).of(2000)
    without.stop()


def test_L_CSE_REQ_011(ae):
    uri = acknowledged(ae.retrieve(ae.path, rt=1, rp=900), 1001)
    finished(ae, uri)
    until(lambda: ae.retrieve(uri).rsc == 4004, 4, "end of the persistence")


def test_L_CSE_REQ_012(lab, ae):
    lab.admin.create(lab.base, REQ).of(4005)
    ae.create(ae.path, REQ).of(4005, 4108)
    uri = acknowledged(ae.retrieve(ae.path, rt=1), 1001)
    ae.update(uri, REQ, lbl=["x"]).of(4005)


def test_L_CSE_REQ_013(ae):
    uri = acknowledged(ae.retrieve(ae.path, rt=1), 1001)
    finished(ae, uri)
    if ae.delete(uri).of(2002, 5220).rsc == 2002:
        ae.retrieve(uri).of(4004)


def test_L_CSE_REQ_014(ae, other):
    uri = acknowledged(ae.retrieve(ae.path, rt=1), 1001)
    other.retrieve(uri).of(4103)
    other.delete(uri).of(4103)
    ae.retrieve(uri).of(2000)


def channel(ae, **more):
    return "%s/%s" % (ae.path, ae.make(ae.path, PCH, more)["rn"])


def later(lab, who, act):
    """Runs act(client of who) in a thread; returns (thread, answers)."""
    answers = []

    def run():
        client = Client(lab.url, who.origin)
        answers.append(act(client))
        client.close()
    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


HELLO = {"m2m:sgn": {"sur": "/id-in/none", "nev": {"net": 1, "rep": {"m2m:cnt": {"lbl": ["hello"]}}}}}


def test_L_CSE_REQ_015(lab, app, other):
    ae = app(lab, rr=False)
    pch = channel(ae)
    thread, answers = later(lab, ae, lambda client: client.retrieve(pch + "/pcu", headers={"X-M2M-RET": "4000"}))
    sender, _ = later(lab, ae, lambda client: client.notify(ae.path, HELLO, headers={"X-M2M-RET": "4000"}))
    thread.join()
    request = answers[0].of(2000).root("m2m:rqp")
    assert request["op"] == 5 and request["pc"] == HELLO and request["rqi"] and request["to"].endswith((ae.path, ae.ri))
    ae.notify(pch + "/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": request["rqi"], "rvi": "3"}}).of(2000)
    sender.join()


def test_L_CSE_REQ_016(lab, app):
    ae = app(lab, rr=False)
    pch = channel(ae)
    begin = time.monotonic()
    ae.retrieve(pch + "/pcu", headers={"X-M2M-RET": "600"}).of(4008)
    assert 0.5 < time.monotonic() - begin < 2


def test_L_CSE_REQ_017(lab, app, other):
    ae = app(lab, rr=False)
    pch = channel(ae)
    other.retrieve(pch + "/pcu", headers={"X-M2M-RET": "600"}).of(4103)
    lab.admin.retrieve(pch + "/pcu", headers={"X-M2M-RET": "600"}).of(4103)


def test_L_CSE_REQ_018(lab, app):
    ae = app(lab, rr=False)
    pch = channel(ae)
    thread, answers = later(lab, ae, lambda client: client.notify(ae.path, HELLO, headers={"X-M2M-RI": "waits", "X-M2M-RET": "5000"}))
    request = ae.retrieve(pch + "/pcu", headers={"X-M2M-RET": "4000"}).of(2000).root("m2m:rqp")
    assert not answers
    ae.notify(pch + "/pcu", {"m2m:rsp": {"rsc": 5105, "rqi": request["rqi"], "rvi": "3", "pc": {"m2m:dbg": "from the poller"}}}).of(2000)
    thread.join()
    assert answers[0].of(5105).debug == "from the poller" and answers[0].headers["x-m2m-ri"] == "waits"


def test_L_CSE_REQ_019(lab, app):
    ae = app(lab, rr=False)
    pch = channel(ae)
    ae.update(pch + "/pcu", PCH, lbl=["x"]).of(4005)
    ae.delete(pch + "/pcu").of(4005)


def test_L_CSE_REQ_020(lab, app, other):
    ae = app(lab, rr=False)
    other.create(ae.path, PCH).of(4103)
    pch = channel(ae)
    other.retrieve(pch).of(4103)
    other.update(pch, PCH, lbl=["x"]).of(4103)
    other.delete(pch).of(4103)
    ae.retrieve(pch).of(2000)
    ae.update(pch, PCH, lbl=["x"]).of(2004)
    ae.delete(pch).of(2002)


def test_L_CSE_REQ_021(lab, app):
    ae = app(lab, rr=False)
    pch = channel(ae, rqag=True)
    waiting = [later(lab, ae, lambda client: client.notify(ae.path, HELLO, headers={"X-M2M-RET": "4000"})) for _ in range(3)]
    got = []

    def all_of_them():
        answer = ae.retrieve(pch + "/pcu", headers={"X-M2M-RET": "2000"})
        if answer.rsc == 2000:
            batch = answer.root("m2m:agrp")["m2m:rqp"]
            assert isinstance(batch, list)
            got.extend(batch)
        return len(got) >= 3
    time.sleep(0.2)                                             # let all three arrive: then they come together
    until(all_of_them, what="three requests")
    assert len(got) == 3
    for request in got:
        ae.notify(pch + "/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": request["rqi"], "rvi": "3"}}).of(2000)
    for thread, answers in waiting:
        thread.join()
        answers[0].of(2000)


def test_L_CSE_REQ_030(ae):
    uri = acknowledged(ae.retrieve(ae.path, rt=1), 1001)
    for rt in (1, 2):
        ae.retrieve(uri, rt=rt).of(4000)
        ae.delete(uri, rt=rt).of(4000)
    ae.retrieve(uri, rt=3).of(2000)


def test_L_CSE_REQ_031(lab, ae, remote):
    host = remote(lab)
    host.peer.answer = lambda seen: (1001, {"m2m:uri": host.origin + "/req1"})
    uri = acknowledged(ae.retrieve(host.origin + "/cse-r/x", rt=1), 1001)
    until(lambda: ae.get(uri)["rs"] == 4, what="status FORWARDED")
    ae.delete(uri).of(5220)
    ae.retrieve(uri).of(2000)


def test_L_CSE_REQ_032(ae):
    uri = acknowledged(ae.retrieve(ae.path, rt=1, headers={"X-M2M-OET": "1500", "X-M2M-RI": "fresh"}), 1001)
    got = ae.get(uri)
    assert got["rs"] == 3 and got["ors"]["rsc"] == 1000 and got["ors"]["rqi"] == "fresh" and got["rid"] == "fresh"
    assert len(got["lbl"]) == 1 and got["lbl"][0].endswith(ae.origin) and got["mi"]


def test_L_CSE_REQ_033(ae, other):
    uri = acknowledged(ae.create(ae.path, CNT, query={"rt": 1}), 1001)
    other.retrieve(uri).of(4103)
    assert ae.get(uri)["op"] == 1
