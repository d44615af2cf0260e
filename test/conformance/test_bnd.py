"""BND: the HTTP binding, and shapes of the JSON that it carries."""
import csv
import os

from client import ACP, CIN, CNT, GRP, SPEC, STATUS, C, N, R, U, rule


def test_L_CSE_BND_001(lab, ae):
    c = ae.cnt()
    assert ae.get("%s/%s" % (lab.csi, c)) == ae.get("%s%s/%s" % (lab.sp, lab.csi, c)) == ae.get(c)
    for target in ("/%s/~/x" % c, "/%s/_/x" % c, "/%s/~%s/%s" % (lab.base, lab.csi, c)):
        status, headers, _ = ae._exchange("GET", target, None, {"X-M2M-Origin": ae.origin, "X-M2M-RI": "x", "X-M2M-RVI": "3"})
        assert headers["x-m2m-rsc"] in ("4004", "4000"), (target, status)


def test_L_CSE_BND_002(lab, listener, ae, target):
    heard = listener(lab, target.url)
    note = {"m2m:sgn": {"sur": "/id-in/s", "nev": {"net": 1, "rep": {"m2m:cnt": {"lbl": ["posted"]}}}}}
    ae.send(N, heard.path, note).of(2000)
    assert target.wait(1)[0].body == note
    ae.send(C, ae.path, {"m2m:cnt": {"rn": "lost-its-ty"}}).of(4000)
    ae.retrieve(ae.path + "/lost-its-ty").of(4004)


def test_L_CSE_BND_003(ae):
    c = ae.cnt()
    ae.put(c, "x")
    ae.sub(c, ae.origin)
    both = ae.found(ae.path, ty="4 3")                          # "+" on the wire
    assert both == ae.found(ae.path, ty=[4, 3]) and len(both) == 2
    assert len(ae.found(ae.path, ty=[3, 4, 23])) == 3


def test_L_CSE_BND_004(ae, other):
    c = ae.cnt()
    for answer, rsc in ((ae.retrieve(c), 2000), (ae.create(c, CIN, con="x"), 2001), (ae.update(c, CNT, lbl=["x"]), 2004), (other.retrieve(c), 4103),
                        (ae.retrieve(c + "/none"), 4004), (ae.send(C, c, raw=b"{", ty=3), 4000), (ae.delete(c), 2002)):
        assert answer.headers["x-m2m-rsc"] == str(rsc) and answer.of(rsc).headers["x-m2m-ri"]
    for method, target in (("PATCH", "/" + ae.path), ("GET", "/"), ("OPTIONS", "/x"), ("GET", "/" + "x" * 3000)):
        _, headers, _ = ae._exchange(method, target, None, {"X-M2M-Origin": ae.origin, "X-M2M-RI": "r", "X-M2M-RVI": "3"})
        assert headers.get("x-m2m-rsc", "").isdigit(), (method, target[:20])


def test_L_CSE_BND_005(lab, ae, remote):
    # A remote entity may answer with every code of the table: the HTTP status of ours must be the table's.
    host = remote(lab)
    with open(os.path.join(SPEC, "rsc.csv"), encoding="utf-8") as f:
        codes = [int(row["rsc"]) for row in csv.DictReader(f)]
    assert len(codes) > 70
    for code in codes:
        if code >= 2000:
            host.peer.answer = lambda seen: (code, {"m2m:cnt": {"rn": "x"}} if code < 3000 else {"m2m:dbg": "x"})
            answer = ae.retrieve(host.origin + "/cse-r/x").of(code)
            assert answer.status == STATUS[code]
    host.peer.answer = lambda seen: (4999, {"m2m:dbg": "x"})
    answer = ae.retrieve(host.origin + "/cse-r/x")
    assert (answer.rsc, answer.status) == (4999, 500)


def test_L_CSE_BND_006(ae):
    for rcn in (2, 3):
        answer = ae.create(ae.path, CNT, rn="c%d" % rcn, query={"rcn": rcn}).of(2001)
        uri = answer.one if rcn == 2 else answer.one["uri"]
        assert answer.headers["content-location"] == uri == "%s/c%d" % (ae.path, rcn)


def test_L_CSE_BND_007(ae):
    for shape in (str.lower, str.upper, str.title):
        answer = ae.send(R, ae.path, headers={"X-M2M-Origin": None, "X-M2M-RI": None, "X-M2M-RVI": None, shape("x-m2m-origin"): ae.origin,
                                              shape("x-m2m-ri"): "any-case", shape("x-m2m-rvi"): "3"}).of(2000)
        assert answer.headers["x-m2m-ri"] == "any-case"
    ae.send(C, ae.path, raw=b'{"m2m:cnt":{}}', headers={"Content-Type": None, "CONTENT-TYPE": "application/json;   TY=3".replace("TY", "ty")}).of(2001)


def test_L_CSE_BND_008(ae):
    c = ae.cnt()
    for answer in (ae.retrieve(c + "/none").of(4004), ae.send(U, c + "/la", {"m2m:cin": {}}).of(4005),
                   ae.create(ae.cnt("small", mbs=1), CIN, con="too long").of(5207)):
        assert answer.root("m2m:dbg") and answer.headers["content-type"] == "application/json"
        assert int(answer.headers["content-length"]) == len(answer.raw)


def test_L_CSE_BND_009(lab, app, target, peers):
    second = peers()
    ae = app(lab)
    ae.retrieve(ae.path, rt=2, headers={"X-M2M-RTU": target.url + "&" + second.url}).of(1002)
    for one in (target, second):
        assert one.wait(1, lambda s: True)[0].body["m2m:rsp"]["rsc"] == 2000
    ae.retrieve(ae.path, rt=2, headers={"X-M2M-RTU": ""}).of(1002)
    ae.retrieve(ae.path, rt=3, headers={"X-M2M-RTU": target.url}).of(4000)
    target.quiet(0.2, lambda s: True)
    assert len(target.seen) == 1


def test_L_CSE_BND_010(ae):
    c = ae.cnt()
    tag = ae.retrieve(c).of(2000).headers.get("etag")
    if tag is None:                                             # "should": without it a condition has no meaning here
        return

    def conditional(method, name, value):
        return ae._exchange(method, "/" + c, b'{"m2m:cnt":{"lbl":["x"]}}' if method == "PUT" else None, {
            "X-M2M-Origin": ae.origin, "X-M2M-RI": "tag", "X-M2M-RVI": "3", "Content-Type": "application/json", name: value})[0]
    assert conditional("PUT", "If-Match", '"another"') == 412
    assert conditional("GET", "If-Match", tag) == 200
    assert conditional("PUT", "If-Match", tag) == 200
    assert conditional("PUT", "If-Match", tag) == 412           # it has changed since


def test_L_CSE_BND_032(ae):
    assert ae.make(ae.path, GRP, mnm=3, mid=[])["mid"] == []
    assert ae.make(ae.path, ACP, pv={"acr": []}, pvs={"acr": [rule(ae.origin)]})["pv"] == {"acr": []}
    c = ae.cnt()
    assert ae.get(c, rcn=5)["ch"] == [] and ae.get(c, rcn=6) == {"rrf": []} and ae.found(c) == []


def test_L_CSE_BND_033(ae):
    c = ae.cnt()
    ae.put(ae.cnt("e", ae.cnt("d", c)), "x", rn="i")
    wanted = {("d", 3, c + "/d"), ("e", 3, c + "/d/e"), ("i", 4, c + "/d/e/i")}
    got = ae.get(c, rcn=5)["ch"]
    assert {(r["nm"], r["typ"], r["val"]) for r in got} == wanted and len(got) == 3
    assert {r["nm"] for r in ae.get(c, rcn=5, lvl=2)["ch"]} == {"d", "e"}
