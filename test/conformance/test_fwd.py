"""FWD: requests for other CSEs."""
import threading
import time

from client import AE, CIN, CNT, CSR, PCH, Client, rule


def far(app, cse):
    """An AE on another CSE with a container open to everybody, as SP-relative address."""
    ae = app(cse)
    return ae, "%s/%s" % (cse.csi, ae.cnt(acpi=[ae.policy("p", rule("all"))]))


def test_L_CSE_FWD_001(mn, ae, app):
    there, c = far(app, mn)
    there.put(c, "hello")
    assert ae.retrieve(c).of(2000).root("m2m:cnt")["rn"] == "c"
    assert ae.get(c + "/la")["con"] == "hello"
    made = ae.create(c, CIN, con="\u00e9\u20ac").of(2001).one
    assert ae.get("%s/%s" % (mn.csi, made["ri"]))["con"] == "\u00e9\u20ac"
    ae.update(c, CNT, lbl=["from afar"]).of(2004)
    ae.delete(c + "/la").of(2002)


def forwarded(ae, host):
    host.peer.answer = lambda seen: (2000, {"m2m:cnt": {"rn": "x"}})
    to = host.origin + "/cse-r/some/where"
    ae.retrieve(to, headers={"X-M2M-RI": "my-own-id", "X-M2M-EC": "3", "X-M2M-VSI": "vendor"}).of(2000)
    seen = host.peer.seen[0]
    assert (seen.method, seen.to) == ("GET", to)
    assert seen.headers["x-m2m-ri"] == "my-own-id"              # switch 9, laboratory: unchanged
    assert seen.headers["x-m2m-origin"] == ae.far
    assert seen.headers["x-m2m-rvi"] == "3" and seen.headers["x-m2m-ec"] == "3" and seen.headers["x-m2m-vsi"] == "vendor"
    ae.create(to, CIN, con="x", lbl=["y"])
    seen = host.peer.seen[1]
    assert seen.ty == 4 and seen.body == {"m2m:cin": {"con": "x", "lbl": ["y"]}}
    ae.retrieve(to, rcn=4, lvl=2, lbl=["a", "b"])
    seen = host.peer.seen[2]
    assert seen.query["rcn"] == ["4"] and seen.query["lvl"] == ["2"] and " ".join(seen.query["lbl"]).split() == ["a", "b"]


def test_L_CSE_FWD_002(lab, ae, remote, town, strict, app, target):
    forwarded(ae, remote(lab))
    csi = "/id-proved"                                          # Release 3 text: a CSE proves who it is
    host = town.tls_client(strict, csi)
    csr = host.make(strict.base, CSR, cb=csi + "/cse-r", csi=csi, rr=True, srv=["3"], poa=[target.url])
    target.answer = lambda seen: (2000, {"m2m:cnt": {"rn": "x"}})
    there = app(strict)
    there.retrieve(csi + "/cse-r/x", headers={"X-M2M-RI": "my-own-id"}).of(2000)
    assert target.seen[0].headers["x-m2m-ri"] == there.origin + "/my-own-id"      # switch 9; the answer has its own again
    host.remove(csr["ri"])
    host.close()


def test_L_CSE_FWD_003(lab, mn, ae, app, remote):
    there, c = far(app, mn)
    ae.retrieve(c + "/none").of(4004)
    ae.retrieve("%s/%s" % (mn.csi, there.path)).of(4103)
    ae.create(c, CNT, mni="wrong").of(4000)
    host = remote(lab)
    for code in (4102, 4105, 5105, 6010):
        host.peer.answer = lambda seen: (code, {"m2m:dbg": "as it is"})
        answer = ae.retrieve(host.origin + "/cse-r/x").of(code)
        assert answer.json == {"m2m:dbg": "as it is"}


def test_L_CSE_FWD_004(lab, mn2, ae, app):
    there, c = far(app, mn2)
    there.put(c, "two hops")
    assert ae.get(c + "/la")["con"] == "two hops"
    back = ae.cnt(acpi=[ae.policy("p", rule("all"))])
    assert there.get("%s/%s" % (lab.csi, back))["rn"] == "c"    # and upwards through the registrars


def test_L_CSE_FWD_005(ae):
    ae.retrieve("/id-unknown/cse/x").of(4004)
    ae.create("/id-unknown/cse/x", CNT).of(4004)


def test_L_CSE_FWD_006(under, anyone):
    before = len(under.registrar.seen)
    anyone(under, "/id-fake").retrieve("/id-unknown/cse/x").of(4004)
    anyone(under, "/id-fake/Cx").retrieve("/id-unknown/cse/x").of(4004)
    assert not [s for s in under.registrar.seen[before:] if "unknown" in s.to]


def test_L_CSE_FWD_007(lab, ae, remote, peers):
    dead, live = peers(), peers(lambda seen: (2000, {"m2m:cnt": {"rn": "x"}}))
    host = remote(lab, poa=[dead.url, live.url])
    dead.down()
    assert ae.get(host.origin + "/cse-r/x") == {"rn": "x"}
    assert len(live.seen) == 1


def test_L_CSE_FWD_008(lab, ae, remote, peers):
    dead, also = peers(), peers()
    host = remote(lab, poa=[dead.url, also.url])
    dead.down()
    also.down()
    begin = time.monotonic()
    ae.retrieve(host.origin + "/cse-r/x").of(5103)
    assert time.monotonic() - begin < 3


def test_L_CSE_FWD_009(lab, ae, remote):
    host = remote(lab)
    ae.retrieve(host.origin + "/cse-r/x", headers={"X-M2M-RET": "20200101T000000"}).of(4008)
    assert not host.peer.seen
    host.peer.answer = lambda seen: time.sleep(1.5)
    begin = time.monotonic()
    ae.retrieve(host.origin + "/cse-r/x", headers={"X-M2M-RET": "500"}).of(4008)
    assert time.monotonic() - begin < 1.4


def test_L_CSE_FWD_011(lab, ae, remote):
    old, new = remote(lab, srv=["1"]), remote(lab, srv=["1", "2a", "3"])
    for host, has in ((old, False), (new, True)):
        host.peer.answer = lambda seen: (2000, {"m2m:cnt": {"rn": "x"}})
        answer = ae.retrieve(host.origin + "/cse-r/x", headers={"X-M2M-VSI": "vendor"}).of(2000)
        assert answer.headers["x-m2m-rvi"] == "3"
        assert ("x-m2m-rvi" in host.peer.seen[0].headers, "x-m2m-vsi" in host.peer.seen[0].headers) == (has, has)


def test_L_CSE_FWD_012(lab, mn, ae, listener, target):
    heard = listener(mn, target.url)
    c = ae.cnt()
    ae.sub(c, heard.far, enc={"net": [3]})
    ae.put(c, "over there")
    assert target.wait(1)[0].rep["con"] == "over there"
    ae.notify(heard.far, {"m2m:sgn": {"sur": lab.csi + "/s1", "nev": {"net": 1, "rep": {"m2m:cnt": {"lbl": ["direct"]}}}}}).of(2000)
    assert target.wait(2)[1].rep == {"lbl": ["direct"]}


def test_L_CSE_FWD_013(lab, mn, anyone):
    anyone(lab, "Cstray").create("%s/%s" % (mn.csi, mn.base), AE, api="N1", rr=True, srv=["3"]).of(4000)
    anyone(lab, "/id-stray").create("%s/%s" % (mn.csi, mn.base), CSR, cb="/id-stray/b", csi="/id-stray", rr=True, srv=["3"]).of(4000)


def test_L_CSE_FWD_014(lab, ae, remote):
    # The serializations that this CSE speaks are names of JSON: each hop has its own.
    host = remote(lab)
    host.peer.answer = lambda seen: (2001, {"m2m:cnt": {"rn": "x", "lbl": ["\u00e9"]}})
    answer = ae.send(1, host.origin + "/cse-r", {"m2m:cnt": {"rn": "x"}}, ty=3, media="application/vnd.onem2m-res+json",
                     headers={"Accept": "application/vnd.onem2m-res+json"}).of(2001)
    assert answer.headers["content-type"].startswith("application/vnd.onem2m-res+json") and answer.one["lbl"] == ["\u00e9"]
    seen = host.peer.seen[0]
    assert seen.headers["content-type"].replace(" ", "") == "application/json;ty=3" and seen.body == {"m2m:cnt": {"rn": "x"}}


def test_L_CSE_FWD_015(lab, ae, remote):
    host = remote(lab, poa=None, rr=False)
    channel = host.make(host.csr["ri"], PCH)["ri"]
    answers = []

    def ask():
        client = Client(lab.url, ae.origin)
        answers.append(client.retrieve(host.origin + "/cse-r/x"))
        client.close()
    thread = threading.Thread(target=ask)
    thread.start()
    request = host.retrieve(channel + "/pcu", headers={"X-M2M-RET": "4000"}).of(2000).root("m2m:rqp")
    assert (request["op"], request["to"], request["fr"]) == (2, host.origin + "/cse-r/x", ae.far)
    host.notify(channel + "/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": request["rqi"], "rvi": "3", "pc": {"m2m:cnt": {"rn": "polled"}}}}).of(2000)
    thread.join()
    assert answers[0].of(2000).one == {"rn": "polled"}
