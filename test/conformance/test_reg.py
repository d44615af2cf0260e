"""REG: registration of AEs and of CSEs, the CSEBase."""
from client import AE, AEA, CB, CNT, CSR, MSSP, U, stamp, until
from launch import open_registration
from peer import Registrar

MANDATORY = {"api": "Nconf", "rr": True, "srv": ["3"]}
OPTIONAL_AE = {"lbl": ["one", "key:value"], "apn": "an app", "poa": ["http://127.0.0.1:9/x"], "nl": "/id-in/nodeX", "or": "http://onto.example/x",
               "csz": ["json", "xml"]}
OPTIONAL_CSR = {"lbl": ["a", "b:c"], "cst": 2, "poa": ["http://127.0.0.1:9"], "nl": "/id-x/node1"}
CSR_CHANGES = {"lbl": ["new"], "poa": ["http://127.0.0.1:8"], "nl": "/id-x/node2", "et": "20290101T000000", "rr": False}


def registered(client, cse, **more):
    """Registers the client's originator; the AE."""
    return client.make(cse.base, AE, dict(MANDATORY, **more))


def test_TP_oneM2M_CSE_REG_CRE_001(lab, anyone):
    made = registered(anyone(lab, "/Sprov-one"), lab)
    assert made["aei"].lstrip("/") == "Sprov-one"
    lab.admin.remove("%s/%s" % (lab.base, made["rn"]))


def test_TP_oneM2M_CSE_REG_CRE_002(lab, anyone):
    made = registered(anyone(lab, "Cprov-two"), lab)
    assert made["aei"] == "Cprov-two"
    lab.admin.remove(made["ri"])


def test_TP_oneM2M_CSE_REG_CRE_003(lab, anyone):
    made = registered(anyone(lab, "Sprov-three"), lab)
    assert made["aei"].lstrip("/") == "Sprov-three"
    lab.admin.remove("%s/%s" % (lab.base, made["rn"]))


def ruled(town):
    """An IN-CSE in Release 3 mode whose service subscription admits one application and some stems."""
    if "ruled" not in town.running:
        town.running["ruled"] = town.start("ruled", "in", "/id-ruled", "cse-ruled", lab=False, tls=True)
        open_registration(town.running["ruled"], ["Nconf*"], ["Cok-*"])
    return town.running["ruled"]


def test_TP_oneM2M_CSE_REG_CRE_004(town, anyone):
    cse = ruled(town)
    anyone(cse, "Cbad-1").create(cse.base, AE, MANDATORY).of(4126)
    anyone(cse, "Cok-1").create(cse.base, AE, MANDATORY).of(2001)


def test_TP_oneM2M_CSE_REG_CRE_005(lab, anyone):
    made = [registered(anyone(lab, "S"), lab) for _ in range(2)]
    assert all(m["aei"].lstrip("/").startswith("S") and len(m["aei"]) > 1 for m in made)
    assert made[0]["aei"] != made[1]["aei"]
    for m in made:
        lab.admin.remove("%s/%s" % (lab.base, m["rn"]))


def test_TP_oneM2M_CSE_REG_CRE_006(under, anyone):
    before = len(under.registrar.seen)
    registered(anyone(under, "S"), under)
    asked = [s for s in under.registrar.seen[before:] if s.op == 1 and s.ty == 10002]
    assert len(asked) == 1
    body = asked[0].body["m2m:aeA"]
    assert asked[0].headers["x-m2m-origin"] == under.csi + "/S" and body["lnk"].startswith(under.csi + "/") and body["api"] == "Nconf"
    assert body["lbl"][0].startswith("Credential-ID:")


def annc(csi, stem):
    return {"lnk": "%s/%s" % (csi, stem), "api": "Nconf", "lbl": ["Credential-ID:"], "et": "20290101T000000", "srv": ["3"]}


def test_TP_oneM2M_CSE_REG_CRE_007(lab, remote, anyone):
    csi = remote(lab).origin
    made = anyone(lab, csi + "/S").make(lab.base, AEA, annc(csi, "S"))
    assert made["ri"].startswith("S") and len(made["ri"]) > 1
    lab.admin.remove(made["ri"])


def test_TP_oneM2M_CSE_REG_CRE_008(under, anyone):
    before = len(under.registrar.seen)
    registered(anyone(under, "Sback1"), under)
    asked = [s for s in under.registrar.seen[before:] if isinstance(s.body, dict) and "m2m:aeA" in s.body]
    assert asked and asked[0].op in (1, 3) and asked[0].headers["x-m2m-origin"] == under.csi + "/Sback1"
    assert asked[0].to == "/id-fake/Sback1" or asked[0].op == 1


def test_TP_oneM2M_CSE_REG_CRE_009(lab, remote, anyone):
    one, two = remote(lab), remote(lab)
    stem = anyone(lab, one.origin + "/S").make(lab.base, AEA, annc(one.origin, "S"))["ri"]
    moved = "%s/%s" % (two.origin, stem)
    anyone(lab, moved).update("%s/%s" % (lab.csi, stem), AEA, lnk=moved).of(2004)
    assert lab.admin.get(stem)["lnk"] == moved
    lab.admin.remove(stem)


def test_TP_oneM2M_CSE_REG_CRE_010(under, anyone):
    made = registered(anyone(under, "S"), under)
    assert made["aei"].lstrip("/") == "Sgiven%d" % under.registrar.stems


def test_TP_oneM2M_CSE_REG_CRE_011(lab, anyone):
    made = registered(anyone(lab, "C"), lab)
    assert made["aei"].startswith("C") and len(made["aei"]) > 1
    assert made["aei"] != registered(anyone(lab, "C"), lab)["aei"]
    lab.admin.remove(made["ri"])


def test_TP_oneM2M_CSE_REG_CRE_012_x(lab, anyone):
    for name, value in OPTIONAL_AE.items():
        made = registered(anyone(lab, "C"), lab, **{name: value})
        assert made[name] == value and lab.admin.get(made["ri"])[name] == value, name
        lab.admin.remove(made["ri"])


def test_TP_oneM2M_CSE_REG_CRE_013_x(lab, remote):
    for name, value in OPTIONAL_CSR.items():
        peer = remote(lab, **{name: value})
        assert peer.csr[name] == value, name


def test_TP_oneM2M_CSE_REG_CRE_016(town, anyone):
    cse = ruled(town)
    anyone(cse, "Cok-16").create(cse.base, AE, MANDATORY, api="Nother").of(4126)


def test_TP_oneM2M_CSE_REG_CRE_017_API_RR(lab, anyone):
    for missing in ("api", "rr"):
        rest = {k: v for k, v in MANDATORY.items() if k != missing}
        anyone(lab, "C").create(lab.base, AE, rest).of(4000)


def test_TP_oneM2M_CSE_REG_CRE_018(lab, remote):
    peer = remote(lab, poa=None)
    for name in ("ri", "rn", "ty", "pi", "ct", "lt", "et", "cb", "csi", "rr"):
        assert name in peer.csr, name
    assert peer.csr["ty"] == 16 and peer.csr["csi"] == peer.origin


def test_TP_oneM2M_CSE_REG_CRE_019(lab, strict, remote, anyone):
    assert remote(lab, "/id-never-heard-of").csr["csi"] == "/id-never-heard-of"      # laboratory: any CSE may register
    anyone(strict, "/id-x19").create(strict.base, CSR, cb="/id-x19/b", csi="/id-x19", rr=True, srv=["3"]).of(4107)


def test_TP_oneM2M_CSE_REG_CRE_020(under, anyone):
    assert registered(anyone(under, "Sback20"), under)["aei"].lstrip("/") == "Sback20"


def test_TP_oneM2M_CSE_REG_CRE_021(lab, ae):
    for client, to in ((ae, ae.path), (lab.admin, lab.base), (lab.admin, ae.path)):
        client.create(to, CB, csi="/id-new", srt=[1], poa=["http://h"]).of(4005)


def test_TP_oneM2M_CSE_REG_CRE_022(lab, anyone):
    client = anyone(lab, "C")
    answer = client.create(lab.base, AE, MANDATORY, headers={"X-M2M-Origin": None}).of(2001)
    assert answer.root("m2m:ae")["aei"].startswith("C")
    lab.admin.remove(answer.one["ri"])


def test_TP_oneM2M_CSE_REG_CRE_023(lab, ae):
    ae.create(lab.base, AE, MANDATORY).of(4117)
    ae.create(lab.base, AE, MANDATORY, rn="elsewhere").of(4117)


def test_TP_oneM2M_CSE_REG_CRE_024(under):
    asked = under.registrar.all(lambda s: s.op == 1 and s.ty == 16)[0]
    body = asked.body["m2m:csr"]
    assert asked.headers["x-m2m-origin"] == under.csi and asked.headers["x-m2m-ri"] and asked.headers["x-m2m-rvi"]
    assert body["cb"].startswith(under.csi + "/") and body["rr"] is True and body["srv"] and body.get("csi", under.csi) == under.csi


def test_TP_oneM2M_CSE_REG_CRE_025(lab, remote):
    peer = remote(lab)
    assert lab.admin.get(peer.csr["ri"])["csi"] == peer.origin


def test_TP_oneM2M_CSE_REG_CRE_026_x(under):
    body = under.registrar.all(lambda s: s.op == 1 and s.ty == 16)[0].body["m2m:csr"]
    assert (body["lbl"], body["nl"], body["cst"]) == (["under", "kind:mn"], "/id-under/node-1", 2) and body["poa"] == [under.url]


def test_TP_oneM2M_CSE_REG_CRE_027(lab, remote):
    assert remote(lab, cst=2).csr["cst"] == 2


def test_TP_oneM2M_CSE_REG_CRE_028_x(lab, remote):
    for name, value in dict(OPTIONAL_CSR, rn="named-csr", et="20290601T000000").items():
        if name != "cst":
            assert remote(lab, **{name: value}).csr[name] == value, name


def test_TP_oneM2M_CSE_REG_RET_001(lab, ae):
    base = ae.retrieve(lab.base).of(2000).root("m2m:cb")
    for name in ("rn", "ty", "ri", "pi", "ct", "lt", "csi", "poa", "srt"):
        assert name in base, name
    assert (base["ty"], base["pi"], base["csi"], base["rn"], base["ri"]) == (5, "", lab.csi, lab.base, lab.csi[1:])
    assert base["ct"] <= base["lt"] and base["poa"] and all(isinstance(t, int) for t in base["srt"])


def test_TP_oneM2M_CSE_REG_RET_002_x(lab, ae):
    base = ae.get(lab.base)
    assert base["srv"] == ["2a", "3", "4", "5"] and "json" in " ".join(base["csz"])
    assert abs(float(base["ctm"].split(",")[0].replace("T", "")) - float(stamp().split(",")[0].replace("T", ""))) < 100
    for name in ("srv", "csz", "ctm"):
        assert list(ae.get(lab.base, atrl=name)) == [name]


def test_TP_oneM2M_CSE_REG_RET_003(ae):
    got = ae.retrieve(ae.path).of(2000).root("m2m:ae")
    for name in ("rn", "ty", "ri", "pi", "ct", "lt", "et", "api", "aei", "rr"):
        assert name in got, name
    assert (got["ty"], got["api"], got["aei"], got["rr"]) == (2, "Nconf", ae.origin, True)


def test_TP_oneM2M_CSE_REG_RET_004_x(lab, app):
    ae = app(lab, **OPTIONAL_AE)
    got = ae.get(ae.path)
    for name, value in OPTIONAL_AE.items():
        assert got[name] == value, name
        assert ae.get(ae.path, atrl=name) == {name: value}


def test_TP_oneM2M_CSE_REG_RET_005(lab, mn, asn, ae):
    assert ae.get(lab.base)["cst"] == 1
    assert mn.admin.get(mn.base)["cst"] == 2
    assert asn.admin.get(asn.base)["cst"] == 3


def test_TP_oneM2M_CSE_REG_RET_006(lab, remote):
    got = lab.admin.retrieve(remote(lab).csr["ri"]).of(2000).root("m2m:csr")
    for name in ("rn", "ty", "ri", "pi", "ct", "lt", "et", "cb", "csi", "rr"):
        assert name in got, name


def test_TP_oneM2M_CSE_REG_RET_007_x(lab, remote):
    peer = remote(lab, **OPTIONAL_CSR)
    for name, value in OPTIONAL_CSR.items():
        assert peer.get(peer.csr["ri"], atrl=name) == {name: value}


def test_TP_oneM2M_CSE_REG_RET_008(lab, ae):
    srt = ae.get(lab.base)["srt"]
    assert len(srt) == len(set(srt))
    for ty in (1, 2, 3, 4, 5, 9, 10, 13, 14, 15, 16, 17, 18, 23, 24, 28, 29, 30, 34, 48, 10001, 10002, 10003, 10004, 10009):
        assert ty in srt, ty


def test_TP_oneM2M_CSE_REG_RET_009(under, app):
    ae = app(under)
    mine = under.registrar.registrations[-1]
    ae.retrieve("/id-fake/" + mine["ri"]).of(2000)
    asked = under.registrar.wait(1, lambda s: s.op == 2 and s.to.endswith("/" + mine["ri"]))
    assert asked[-1].headers["x-m2m-origin"].startswith(under.csi)


def test_TP_oneM2M_CSE_REG_RET_010(lab, remote):
    peer = remote(lab)
    assert peer.get(peer.csr["ri"])["csi"] == peer.origin


def test_TP_oneM2M_CSE_REG_UPD_001(lab, ae, remote):
    for client in (ae, lab.admin, remote(lab)):
        client.update(lab.base, CB, lbl=["x"]).of(4005)
    lab.admin.send(U, lab.base).of(4000)                    # a missing body comes first


def test_TP_oneM2M_CSE_REG_UPD_002_x(lab, remote):
    peer = remote(lab)
    for name, value in CSR_CHANGES.items():
        assert peer.change(peer.csr["ri"], CSR, {name: value})[name] == value, name


def test_TP_oneM2M_CSE_REG_UPD_003_x(town):
    registrar = Registrar("/id-short", "cse-short")
    registrar.lifetime = 3
    cse = town.start("refresh", "mn", "/id-refresh", "cse-refresh", url=registrar.url, parent_csi="/id-short")
    change = registrar.wait(1, lambda s: s.op == 3 and "m2m:csr" in (s.body or {}), seconds=5)[0]
    first = registrar.registrations[0]
    assert change.headers["x-m2m-origin"] == cse.csi and change.to.rpartition("/")[2] in (first["ri"], first["rn"])
    assert cse.stop() == 0
    registrar.close()


def test_TP_oneM2M_CSE_REG_DEL_001(lab, ae, remote):
    for client in (ae, lab.admin, remote(lab)):
        client.delete(lab.base).of(4005)


def test_TP_oneM2M_CSE_REG_DEL_002(lab, remote):
    peer = remote(lab)
    peer.delete(peer.csr["ri"]).of(2002)
    lab.admin.retrieve(peer.csr["ri"]).of(4004)


def test_TP_oneM2M_CSE_REG_DEL_003(lab, app):
    ae = app(lab)
    inner = ae.cnt("d", ae.cnt())
    ae.put(inner, "x")
    ae.delete(ae.path).of(2002)
    for to in (ae.path, ae.ri, ae.path + "/c", inner, inner + "/la"):
        lab.admin.retrieve(to).of(4004)


def test_TP_oneM2M_CSE_REG_DEL_004(town):
    registrar = Registrar("/id-leave", "cse-leave")
    cse = town.start("leave", "mn", "/id-leaver", "cse-leaver", url=registrar.url, parent_csi="/id-leave",
                     extra=[("parent", {"leave": "yes"})])
    until(lambda: cse.admin.found(cse.base, ty=16), what="registration")
    assert cse.stop() == 0
    asked = registrar.wait(1, lambda s: s.op == 4)[0]
    assert asked.headers["x-m2m-origin"] == cse.csi and asked.to.rpartition("/")[2] in ("csr0", registrar.registrations[0]["rn"])
    registrar.close()


def test_L_CSE_REG_001(lab, anyone):
    for api in ("x1", "1", "n.app", "", "-N"):
        anyone(lab, "C").create(lab.base, AE, MANDATORY, api=api).of(4000)
    for api in ("Nx", "R0.1.2"):
        lab.admin.remove(registered(anyone(lab, "C"), lab, api=api)["ri"])
    lab.admin.remove(registered(anyone(lab, "C", rvi="3"), lab, api="r0.1")["ri"])
    anyone(lab, "C", rvi="4").create(lab.base, AE, MANDATORY, api="r0.1").of(4000)


def test_L_CSE_REG_002(lab, ae, anyone):
    c = ae.cnt()
    for to in (c, ae.path):
        ae.create(to, AE, MANDATORY).of(4108)
        anyone(lab, "C").create(to, AE, MANDATORY).of(4108)


def test_L_CSE_REG_003(lab, anyone):
    for origin in ("C", "Cstem-three"):
        made = registered(anyone(lab, origin), lab)
        assert made["ri"] == made["aei"]
        lab.admin.remove(made["ri"])


def test_L_CSE_REG_004(lab, anyone):
    made = registered(anyone(lab, ""), lab)
    assert made["aei"][0] in "CS"
    lab.admin.remove(made["ri"])


def test_L_CSE_REG_005(ae):
    for name, value in (("api", "Nnew"), ("aei", "Cnew")):
        ae.update(ae.path, AE, {name: value}).of(4000)


def test_L_CSE_REG_006(ae):
    for name, value in (("rr", False), ("poa", ["http://127.0.0.1:7"]), ("csz", ["xml", "json"])):
        assert ae.change(ae.path, AE, {name: value})[name] == value
        assert ae.get(ae.path)[name] == value


def test_L_CSE_REG_007(lab, anyone):
    for creator in ("C", "CAdmin", None):
        anyone(lab, "C").create(lab.base, AE, MANDATORY, cr=creator).of(4000)


def test_L_CSE_REG_008(lab, ae):
    ae.create(lab.base, CSR, cb="/id-fromae/b", csi="/id-fromae", rr=True, srv=["3"]).of(4005)


def test_L_CSE_REG_009(lab, remote):
    peer = remote(lab)
    peer.create(lab.base, CSR, cb=peer.origin + "/b", csi=peer.origin, rr=True, srv=["3"]).of(4117)


def test_L_CSE_REG_010(asn, anyone):
    anyone(asn, "/id-below").create(asn.base, CSR, cb="/id-below/b", csi="/id-below", rr=True, srv=["3"]).of(4005)


def dcse(cse, csi):
    return (cse.registers(csi) or {}).get("dcse", [])


def test_L_CSE_REG_011(lab, mn, mn2):
    until(lambda: mn2.csi in dcse(lab, mn.csi), what="dcse with the CSE below")


def test_L_CSE_REG_012(lab, mn, remote):
    below = remote(mn, dcse=["/id-deeper"])
    until(lambda: {below.origin, "/id-deeper"} <= set(dcse(lab, mn.csi)), what="dcse with both")
    below.delete(below.csr["ri"]).of(2002)
    until(lambda: not {below.origin, "/id-deeper"} & set(dcse(lab, mn.csi)), what="dcse without both")


def test_L_CSE_REG_013(lab, anyone):
    bare = anyone(lab, "/id-omits")
    made = bare.make(lab.base, CSR, cb="/id-omits/b", rr=True, srv=["3"])
    assert made["csi"] == "/id-omits"
    bare.remove(made["ri"])


def test_L_CSE_REG_014(lab, anyone):
    one, two = anyone(lab, "Cshort-lived"), anyone(lab, "/id-short-lived")
    soon = stamp(1.2)
    registered(one, lab, et=soon)
    more = {"cb": "/id-short-lived/b", "csi": "/id-short-lived", "rr": True, "srv": ["3"]}
    csr = two.make(lab.base, CSR, more, et=soon)
    one.create(lab.base, AE, MANDATORY).of(4117)
    until(lambda: lab.admin.retrieve("Cshort-lived").rsc == 4004, 4, "end of the AE")
    until(lambda: lab.admin.retrieve(csr["ri"]).rsc == 4004, 4, "end of the remoteCSE")
    assert stamp() >= soon
    registered(one, lab)
    two.make(lab.base, CSR, more)
    lab.admin.remove("Cshort-lived")
    lab.admin.remove([r for r in lab.admin.found(lab.base, ty=16) if lab.admin.get(r)["csi"] == two.origin][0])


def test_L_CSE_REG_015(mn, asn):
    for cse in (mn, asn):
        cse.admin.create(cse.base, MSSP).of(4005)
