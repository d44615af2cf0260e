"""GEN: addressing and generic checks of a primitive."""
import csv
import itertools
import os
import threading
import time

from client import ACTR, AE, CIN, CNT, SPEC, C, Client, D, R, U


def scopes(cse, ident):
    """CSE-relative, SP-relative and absolute form."""
    return (ident, "%s/%s" % (cse.csi, ident), "%s%s/%s" % (cse.sp, cse.csi, ident))


def test_TP_oneM2M_CSE_GEN_CRE_RET_UPD_DEL_001_CSR_SPR_ABS(lab, ae):
    for n in range(3):
        made = ae.make(ae.path, CNT, rn="u%d" % n)
        to = scopes(lab, made["ri"])[n]
        ae.create(to, CNT, rn="child").of(2001)
        assert ae.get(to)["ri"] == made["ri"]
        ae.update(to, CNT, lbl=["x"]).of(2004)
        ae.delete(to).of(2002)
        ae.retrieve(made["ri"]).of(4004)


def test_TP_oneM2M_CSE_GEN_CRE_RET_UPD_DEL_002_CSR_SPR_ABS(lab, ae):
    for n in range(3):
        path = ae.cnt("s%d" % n)
        to = scopes(lab, path)[n]
        ae.create(to, CNT, rn="child").of(2001)
        assert ae.get(to)["rn"] == "s%d" % n
        ae.update(to, CNT, lbl=["x"]).of(2004)
        ae.delete(to).of(2002)
        ae.retrieve(path).of(4004)


def test_L_CSE_GEN_001(lab, ae):
    made = ae.make(ae.path, CNT)
    ae.put(made["ri"], "v")
    for to in scopes(lab, made["ri"] + "/la"):
        assert ae.get(to)["con"] == "v"
    ae.make(made["ri"], CNT, rn="inner")
    assert ae.get(made["ri"] + "/inner")["pi"] == made["ri"]


def test_L_CSE_GEN_002(lab, ae):
    for to in scopes(lab, "-/" + ae.name):
        assert ae.get(to)["ri"] == ae.ri
    assert ae.get("-")["ty"] == 5


def test_L_CSE_GEN_003(lab, ae):
    for to in (lab.csi + "/-", lab.sp + lab.csi + "/-"):
        assert ae.retrieve(to).of(2000).root("m2m:cb")["csi"] == lab.csi
    for to in (lab.csi, lab.sp + lab.csi):
        ae.retrieve(to).of(4000)


def test_L_CSE_GEN_004(lab, ae):
    ae.retrieve("//foreign.example%s/%s" % (lab.csi, ae.path)).of(4004)


def test_L_CSE_GEN_005(lab, ae):
    for csi in (lab.csi + "1", lab.csi[:-1]):
        ae.retrieve("%s/%s" % (csi, ae.path)).of(4004)


def test_L_CSE_GEN_006(ae):
    for name in ("latest", "ol1", "la-", "fopt1"):
        c = ae.cnt(name)
        ae.put(c, "one")
        ae.put(c, "two")
        assert ae.get(c + "/la")["con"] == "two"
        assert ae.get(c + "/ol")["con"] == "one"


def test_L_CSE_GEN_007(ae):
    for name in ("_a", "-a", ".a", "a@b", "a/b", "a b", "", "a?b", "\u00e9"):
        ae.create(ae.path, CNT, rn=name).of(4000)


def test_L_CSE_GEN_008(ae):
    for name in ("a", "7", "x" * 255, "A.b-c_d9"):
        made = ae.make(ae.path, CNT, rn=name)
        assert made["rn"] == name
        assert ae.get("%s/%s" % (ae.path, name))["ri"] == made["ri"]


def test_L_CSE_GEN_009(ae):
    ae.send(R, ae.path, headers={"X-M2M-RI": None}).of(4000)
    ae.send(R, ae.path, headers={"X-M2M-RI": ""}).of(4000)


def test_L_CSE_GEN_010(ae):
    # Over HTTP the method is the operation: one that the binding does not have is none.
    status, _, _ = ae._exchange("PATCH", "/" + ae.path, b"{}", {
        "X-M2M-Origin": ae.origin, "X-M2M-RI": "patch", "X-M2M-RVI": "3", "Content-Type": "application/json"})
    assert status == 405
    # A primitive that travels as content says its operation by number.
    c = ae.cnt("c")
    good = {"op": 3, "to": c, "fr": ae.origin, "rqi": "1", "rvi": "3", "pc": {"m2m:cnt": {"lbl": ["x"]}}}
    more = {"sri": c, "evc": {"optr": 1, "sbjt": "cni", "thld": 5}, "evm": 1, "orc": c}
    ae.create(ae.path, ACTR, more, apv=good).of(2001)
    for op in (None, 0, 6, "3"):
        bad = dict(good, op=op)
        if op is None:
            del bad["op"]
        ae.create(ae.path, ACTR, more, apv=bad).of(4000)


def test_L_CSE_GEN_011(ae):
    for op in (R, U, D):
        ae.send(op, ae.path, {"m2m:ae": {}} if op == U else None, headers={"X-M2M-Origin": None}).of(4000)
    ae.send(C, ae.path, {"m2m:cnt": {}}, ty=3, headers={"X-M2M-Origin": None}).of(4000)


def test_L_CSE_GEN_012(lab, ae):
    served = ae.get(lab.base)["srv"]
    for release in ("6", "9", "2b", "x"):
        assert release not in served
        ae.send(R, ae.path, headers={"X-M2M-RVI": release}).of(4001)
    for release in served:
        ae.send(R, ae.path, headers={"X-M2M-RVI": release}).of(2000)


def test_L_CSE_GEN_013(ae, strict, app):
    ae.send(R, ae.path, headers={"X-M2M-RVI": None}).of(4001)                # switch 1, laboratory
    plain = app(strict)
    plain.send(R, plain.path, headers={"X-M2M-RVI": None}).of(2000)          # Release 3 text: handled as release 1
    assert "x-m2m-rvi" not in plain.send(R, plain.path, headers={"X-M2M-RVI": None}).headers


def test_L_CSE_GEN_014(ae):
    for number, release in itertools.product(("1", "a/b:c-9", "x" * 60), ("2a", "3", "4", "5")):
        answer = ae.send(R, ae.path, headers={"X-M2M-RI": number, "X-M2M-RVI": release}).of(2000)
        assert answer.headers["x-m2m-ri"] == number and answer.headers["x-m2m-rvi"] == release
        answer = ae.send(R, ae.path + "/none", headers={"X-M2M-RI": number, "X-M2M-RVI": release}).of(4004)
        assert answer.headers["x-m2m-ri"] == number and answer.headers["x-m2m-rvi"] == release


def test_L_CSE_GEN_015(ae):
    for past in ("20200101T000000", "20200101T000000,5", "-1000"):
        ae.send(C, ae.path, {"m2m:cnt": {"rn": "late"}}, ty=3, headers={"X-M2M-RET": past}).of(4008)
        ae.retrieve(ae.path, headers={"X-M2M-RET": past}).of(4008)
    ae.retrieve(ae.path + "/late").of(4004)


def test_L_CSE_GEN_016(ae):
    for later in ("5000", "+5000", "20990101T000000"):
        ae.retrieve(ae.path, headers={"X-M2M-RET": later}).of(2000)


def test_L_CSE_GEN_017(ae):
    ae.retrieve(ae.path, headers={"X-M2M-RET": "20990102T000000", "X-M2M-RST": "20990101T000000"}).of(4000)
    ae.retrieve(ae.path, headers={"X-M2M-RET": "6000", "X-M2M-RST": "3000"}).of(4000)
    for name, bad in itertools.product(("X-M2M-RET", "X-M2M-RST", "X-M2M-OET", "X-M2M-OT"),
                                       ("tomorrow", "2099-01-01T00:00:00", "20991301T000000", "20990101T0000", "5s")):
        ae.retrieve(ae.path, headers={name: bad}).of(4000)


def test_L_CSE_GEN_018(lab, ae):
    answers = []

    def slow():
        client = Client(lab.url, ae.origin)
        answers.append(client.send(C, ae.path, {"m2m:cnt": {"rn": "timed"}}, ty=3, headers={"X-M2M-OET": "800"}))
        client.close()
    begin = time.monotonic()
    thread = threading.Thread(target=slow)
    thread.start()
    while time.monotonic() < begin + 0.6:
        ae.retrieve(ae.path + "/timed").of(4004)
        time.sleep(0.1)
    thread.join()
    assert time.monotonic() - begin >= 0.75
    answers[0].of(2001)
    ae.retrieve(ae.path + "/timed").of(2000)


def test_L_CSE_GEN_019(ae):
    c = ae.cnt()
    for op in (R, U, D):
        ae.send(op, c, {"m2m:cnt": {}} if op == U else None, ty=3).of(4000)
    ae.retrieve(c).of(2000)


def test_L_CSE_GEN_020(ae):
    ae.send(C, ae.path, {"m2m:cnt": {}}).of(4000)
    for ty in (999, 0, "x", ""):
        ae.send(C, ae.path, {"m2m:cnt": {}}, ty=ty).of(4000)


def test_L_CSE_GEN_021(lab, ae):
    with open(os.path.join(SPEC, "resources.csv"), encoding="utf-8") as f:
        known = {int(r["type_number"]) for r in csv.DictReader(f) if r["type_number"].isdigit()}
    missing = sorted(t for t in known - set(ae.get(lab.base)["srt"]) if t < 10000)
    assert missing, "no type is left that could answer 5001"
    for ty in missing[:6]:
        ae.send(C, ae.path, {"m2m:x": {}}, ty=ty).of(5001)


def test_L_CSE_GEN_022(ae):
    for query in ({"lbl": "x"}, {"fu": 1}, {"crb": "20990101T000000"}, {"lim": 3}):
        ae.create(ae.path, CNT, query=query).of(4000)


def test_L_CSE_GEN_023(ae):
    for raw in (b"{", b'{"m2m:cnt":{}', b"{'m2m:cnt':{}}", b'{"m2m:cnt":{"rn":"a",}}', b"[]", b'"x"', b"\xff\xfe", b'{"m2m:cnt":{}} x',
                b'{"m2m:cnt":{"lbl":["\xc3"]}}', b'{"m2m:cnt":{"rn":"a","rn":"b"}}', b'{"m2m:cnt":{}} // x'):
        ae.send(C, ae.path, raw=raw, ty=3).of(4000)


def test_L_CSE_GEN_024(ae):
    ae.send(C, ae.path, {"m2m:cnt": {}, "m2m:cin": {"con": "x"}}, ty=3).of(4000)
    ae.send(U, ae.path, {"m2m:ae": {}, "m2m:cnt": {}}).of(4000)
    ae.send(C, ae.path, {}, ty=3).of(4000)


def test_L_CSE_GEN_025(ae):
    ae.send(C, ae.path, {"m2m:cin": {"con": "x"}}, ty=3).of(4000)
    ae.send(C, ae.path, {"cnt": {}}, ty=3).of(4000)
    ae.send(C, ae.path, {"m2m:cnt": {}}, ty=23).of(4000)


def test_L_CSE_GEN_026(ae):
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/vnd.onem2m-res+yaml"):
        ae.send(C, ae.path, raw=b"x", media=media, ty=3).of(4015)


def test_L_CSE_GEN_027(ae):
    for wanted in ("text/html", "image/png"):
        ae.retrieve(ae.path, headers={"Accept": wanted}).of(5207)
    for wanted in ("*/*", "application/*", "application/vnd.onem2m-res+json", "text/html;q=1, application/json;q=0.1"):
        ae.retrieve(ae.path, headers={"Accept": wanted}).of(2000)


def test_L_CSE_GEN_028(ae, other):
    for op, pc, ty in ((R, None, None), (U, {"m2m:cnt": {}}, None), (D, None, None), (C, {"m2m:cnt": {}}, 3)):
        other.send(op, ae.path + "/none", pc, ty).of(4004)


def test_L_CSE_GEN_029(ae, other):
    c = ae.cnt()
    other.send(C, c, {"m2m:cnt": {"mni": "no number", "nonsense": 1}}, ty=3).of(4103)
    other.send(U, c, {"m2m:cnt": {"mni": "no number", "nonsense": 1}}).of(4103)


def test_L_CSE_GEN_030(lab, ae, other):
    c = ae.cnt()
    refused = [ae.retrieve(c + "/none").of(4004), other.retrieve(c).of(4103), ae.create(c, CNT, mni="x").of(4000),
               ae.send(U, c + "/la", {"m2m:cin": {}}).of(4005), ae.send(C, c, raw=b"{", ty=3).of(4000),
               ae.create(ae.path, AE, api="N1", rr=True, srv=["3"]).of(4108),
               ae.retrieve(c, headers={"X-M2M-RVI": "9"}).of(4001)]
    for answer in refused:
        text = answer.root("m2m:dbg")
        assert isinstance(text, str) and text
        for inner in (".c:", "src/", "sqlite", "SELECT ", "errno", "0x"):
            assert inner not in text, text
    secret = "a-very-secret-content"
    answer = ae.create(c, CIN, con=secret, cnf="wrong").of(4000)
    assert secret not in answer.text
    assert answer.debug


def test_L_CSE_GEN_031(strict, anyone, app):
    there = app(strict)
    anyone(strict, "Cnobody").retrieve(there.path).of(4106)
    anyone(strict, strict.csi + "/Cnobody").retrieve(there.path).of(4106, 4107)


def test_L_CSE_GEN_032(strict, anyone, app):
    there = app(strict)
    anyone(strict, "/id-else").retrieve(there.path).of(4107)
    anyone(strict, "/id-else").create(strict.base, AE, api="Nx", rr=False, srv=["3"]).of(4107)


def test_L_CSE_GEN_033(town, secure):
    name = "%s%s/Creal" % (secure.sp, secure.csi)
    mine = town.tls_client(secure, "Creal", name)
    assert mine.retrieve(secure.base).rsc not in (4106, 4107)
    for false in ("Cfalse", "Screal"):
        forged = town.tls_client(secure, false, name)
        forged.retrieve(secure.base).of(4106)
        forged.close()
    mine.close()
