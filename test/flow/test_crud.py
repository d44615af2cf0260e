"""A stranger's client over TLS: registration, create, retrieve, update, delete, addresses, retention, results."""
import time

import pytest
from plant.house import SP

BASES = {"/id-in": "in", "/id-mn": "mn"}


def test_registration(field, ae):
    a = ae()
    assert a.ae["aei"] == a.ae["ri"] == a.origin and a.ae["ty"] == 2 and a.ae["pi"] == "id-in"
    assert a.retrieve(a.path).expect(2000).root("m2m:ae")["api"] == "Nproof"
    a.create("in", 2, "m2m:ae", rn="again", api="Nproof", rr=False, srv=["3"]).expect(4117)
    a.update(a.path, "m2m:ae", lbl=["x"]).expect(2004)
    assert a.retrieve(a.path).root("m2m:ae")["lbl"] == ["x"]


def test_a_certificate_speaks_for_its_own_ae_only(field, ae):
    a, b = ae(), ae()
    thief = field.client(field.server, b.origin, certificate=field.certificate("%s/id-in/%s" % (SP, a.origin)))
    refused = thief.retrieve(b.path).expect(4106)
    assert refused.debug
    b.retrieve(b.path).expect(2000)


def test_no_certificate_no_service(field):
    import requests
    from plant.onem2m import Client
    bare = Client("https://" + field.server.ready["https"], "Cnobody", field.authority.path,
                  server_name=field.server.server_name)
    with pytest.raises((requests.ConnectionError, AssertionError)):
        bare.retrieve("in").expect(2000)


def test_create_retrieve_update_delete(ae):
    a = ae()
    cnt = a.container(a.path, "c", lbl=["one", "two"], mni=10)
    assert cnt["ty"] == 3 and cnt["st"] == 0 and cnt["cni"] == 0 and cnt["cbs"] == 0 and cnt["ct"] == cnt["lt"]
    assert a.retrieve(a.path + "/c").expect(2000).root("m2m:cnt") == cnt
    changed = a.update(a.path + "/c", "m2m:cnt", lbl=None, mni=5).expect(2004).root("m2m:cnt")
    assert "lbl" not in changed and changed["mni"] == 5 and changed["st"] == 1
    cin = a.put(a.path + "/c", "21.5", "first").expect(2001).root("m2m:cin")
    assert cin["con"] == "21.5" and cin["cs"] == 4 and cin["rn"] == "first"
    a.update(a.path + "/c/first", "m2m:cin", lbl=["no"]).expect(4005)
    a.put(a.path + "/c", "21.6", "first").expect(4105)
    a.delete(a.path + "/c/first").expect(2002)
    a.retrieve(a.path + "/c/first").expect(4004)
    a.put(a.path + "/c", "x", "deep").expect(2001)
    a.delete(a.path + "/c").expect(2002)
    a.retrieve(a.path + "/c/deep").expect(4004)


@pytest.mark.parametrize("content", ["21.5", "", "ä€𝄞\\\"/\u0001", 7, -1.5e-7, True, {"t": [1, {"u": None}]}, [1, "x"]])
def test_content_comes_back_as_it_was(ae, content):
    a = ae()
    a.container(a.path, "c")
    a.put(a.path + "/c", content, "i").expect(2001)
    assert a.retrieve(a.path + "/c/la").expect(2000).root("m2m:cin")["con"] == content


def test_six_forms_of_an_address(field, ae):
    for at, cse in ((field.server, "/id-in"), (field.gateway, "/id-mn")):
        a = ae(at=at)
        cnt = a.container(a.path, "c")
        a.put(a.path + "/c", "v", "i").expect(2001)
        structured, unstructured = a.path + "/c", cnt["ri"]
        for to in (structured, unstructured):
            for form in (to, "%s/%s" % (cse, to), "%s%s/%s" % (SP, cse, to)):
                assert a.retrieve(form).expect(2000).root("m2m:cnt")["ri"] == cnt["ri"], form
                assert a.retrieve(form + "/la").expect(2000).root("m2m:cin")["con"] == "v", form
        hyphen = structured.replace(BASES[cse], "-", 1)
        assert a.retrieve(hyphen).expect(2000).root("m2m:cnt")["ri"] == cnt["ri"]
        assert a.retrieve(unstructured + "/i").expect(2000).root("m2m:cin")["con"] == "v"
        a.retrieve("%s%s-no/%s" % (SP, cse, structured)).expect(4004)


def test_latest_and_oldest(ae):
    a = ae()
    a.container(a.path, "c")
    for edge in ("la", "ol"):
        a.retrieve(a.path + "/c/" + edge).expect(4004)
    for i in range(5):
        a.put(a.path + "/c", "v%d" % i).expect(2001)
    assert a.retrieve(a.path + "/c/la").root("m2m:cin")["con"] == "v4"
    assert a.retrieve(a.path + "/c/ol").root("m2m:cin")["con"] == "v0"
    a.delete(a.path + "/c/la").expect(2002)
    a.delete(a.path + "/c/ol").expect(2002)
    assert a.retrieve(a.path + "/c/la").root("m2m:cin")["con"] == "v3"
    assert a.retrieve(a.path + "/c/ol").root("m2m:cin")["con"] == "v1"
    a.update(a.path + "/c/la", "m2m:cin", lbl=["x"]).expect(4005)
    a.create(a.path + "/c", 4, "m2m:cin", rn="la", con="x").expect(4005)


def check(a, to, wanted, sizes):
    cnt = a.retrieve(to).root("m2m:cnt")
    assert (cnt["cni"], cnt["cbs"]) == (len(wanted), sizes), cnt
    kids = a.retrieve(to, rcn=4).root("m2m:cnt").get("m2m:cin", [])
    assert [k["con"] for k in sorted(kids, key=lambda k: k["con"])] == wanted


def test_retention(ae):
    a = ae()
    a.container(a.path, "number", mni=3)
    a.container(a.path, "bytes", mbs=10)
    for i in range(6):
        a.put(a.path + "/number", "n%d" % i).expect(2001)
        a.put(a.path + "/bytes", "b%03d" % i).expect(2001)
    check(a, a.path + "/number", ["n3", "n4", "n5"], 6)
    check(a, a.path + "/bytes", ["b004", "b005"], 8)
    a.put(a.path + "/bytes", "x" * 11).expect(5207)
    check(a, a.path + "/bytes", ["b004", "b005"], 8)
    shrunk = a.update(a.path + "/number", "m2m:cnt", mni=1).expect(2004).root("m2m:cnt")
    assert shrunk["cni"] == 1
    check(a, a.path + "/number", ["n5"], 2)


def test_age(ae):
    a = ae()
    a.container(a.path, "c", mia=1)
    a.put(a.path + "/c", "old", "o").expect(2001)
    time.sleep(2.3)
    a.retrieve(a.path + "/c/o").expect(4004)
    a.retrieve(a.path + "/c/la").expect(4004)
    assert a.retrieve(a.path + "/c").root("m2m:cnt")["cni"] == 0


def test_result_content(ae):
    a = ae()
    assert a.create(a.path, 3, "m2m:cnt", rn="c", query={"rcn": 0}).expect(2001).text == ""
    assert a.create(a.path, 3, "m2m:cnt", rn="d", query={"rcn": 1}).expect(2001).root("m2m:cnt")["rn"] == "d"
    a.create(a.path, 3, "m2m:cnt", rn="e", query={"rcn": 4}).expect(4000)
    a.container(a.path + "/c", "inner")
    a.put(a.path + "/c/inner", "v", "i").expect(2001)
    plain = a.retrieve(a.path + "/c", rcn=1).expect(2000).root("m2m:cnt")
    assert "m2m:cnt" not in plain
    deep = a.retrieve(a.path + "/c", rcn=4).expect(2000).root("m2m:cnt")
    assert deep["m2m:cnt"][0]["rn"] == "inner" and deep["m2m:cnt"][0]["m2m:cin"][0]["con"] == "v"
    empty = a.retrieve(a.path + "/d", rcn=4).expect(2000).root("m2m:cnt")
    assert empty["rn"] == "d" and "m2m:cin" not in empty
    a.retrieve(a.path + "/c", rcn=99).expect(4000)
    a.retrieve(a.path + "/c", rcn="x").expect(4000)


def test_expiration(ae):
    a = ae()
    soon = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    a.container(a.path, "c", et=soon)
    a.retrieve(a.path + "/c").expect(2000)
    time.sleep(3.2)
    a.retrieve(a.path + "/c").expect(4004)
    a.create(a.path, 3, "m2m:cnt", rn="past", et="20200101T000000").expect(4000)


def test_discovery(field, ae):
    a = ae()
    top = a.path
    a.container(top, "kitchen", lbl=["room", "warm"])
    a.container(top, "cellar", lbl=["room", "cold"])
    a.container(top + "/cellar", "shelf", lbl=["cold"])
    a.put(top + "/kitchen", "v", "i", lbl=["warm"]).expect(2001)

    def find(to=top, **query):
        got = a.retrieve(to, fu=1, **query).expect(2000).root("m2m:uril")
        return sorted(u[u.index(top):] if top in u else u for u in got)
    everything = [top + t for t in ("/cellar", "/cellar/shelf", "/kitchen", "/kitchen/i")]
    assert find() == everything
    assert find(ty=4) == [top + "/kitchen/i"]
    assert find(ty=3) == [e for e in everything if not e.endswith("/i")]
    assert find(lbl="room") == [top + "/cellar", top + "/kitchen"]
    assert find(lbl=["warm", "cold"]) == everything       # the same tag again means or
    assert find(lbl="cold", ty=3) == [top + "/cellar", top + "/cellar/shelf"]
    assert find(to=top + "/cellar") == [top + "/cellar/shelf"]
    assert find(lbl="nothing") == []
    assert len(find(lim=2)) == 2
    ri = a.retrieve(top + "/kitchen").root("m2m:cnt")["ri"]
    assert any(u.endswith(ri) for u in find(lbl="room", drt=2))
    b = ae()
    assert b.retrieve(top, fu=1).expect(2000).root("m2m:uril") == []       # nothing that b may discover


def test_base(field, ae):
    admin = field.client(field.gateway, "CAdmin")
    base = admin.retrieve("mn").expect(2000).root("m2m:cb")
    assert base["csi"] == "/id-mn" and base["cst"] == 2 and base["ri"] == "id-mn" and base["ty"] == 5
    assert {1, 2, 3, 4, 16, 23} <= set(base["srt"])
    assert admin.retrieve("/id-mn/-").expect(2000).root("m2m:cb")["csi"] == "/id-mn"
    admin.send(3, "mn", {"m2m:cb": {"lbl": ["x"]}}).expect(4005)
    admin.delete("mn").expect(4005)
    admin.retrieve("/id-mn").expect(4000)
