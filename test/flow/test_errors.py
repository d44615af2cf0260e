"""Every refusal carries the code that the standard's check order demands, and names the attribute and the rule."""
import json

import pytest

BAD = [
    # what is sent, RSC, words that the text must hold
    ({"m2m:cnt": {"rn": "x", "mni": -1}}, 4000, ["mni"]),
    ({"m2m:cnt": {"rn": "x", "mni": "5"}}, 4000, ["mni"]),
    ({"m2m:cnt": {"rn": "x", "wrong": 1}}, 4000, ["wrong"]),
    ({"m2m:cnt": {"rn": "x", "ct": "20260101T000000"}}, 4000, ["ct"]),
    ({"m2m:cnt": {"rn": "a/b"}}, 4000, ["rn"]),
    ({"m2m:cnt": {"rn": "x", "lbl": "not a list"}}, 4000, ["lbl"]),
    ({"m2m:cnt": {"rn": "x", "lbl": []}}, 4000, ["lbl"]),
    ({"m2m:cnt": {"rn": "x", "et": "yesterday"}}, 4000, ["et"]),
    ({"m2m:cnt": {"rn": "x", "lbl": None}}, 4000, ["lbl"]),
    ({"m2m:ae": {"rn": "x"}}, 4000, []),
    ({}, 4000, []),
    ({"m2m:cnt": {}, "m2m:cin": {}}, 4000, []),
]


@pytest.mark.parametrize("body,rsc,words", BAD, ids=[json.dumps(b)[:60] for b, _, _ in BAD])
def test_bad_container(ae, body, rsc, words):
    a = ae()
    answer = a.send(1, a.path, body, 3).expect(rsc)
    assert answer.debug, answer.text
    for word in words:
        assert word in answer.debug, answer.debug


def test_check_order(ae):
    a, b = ae(), ae()
    a.container(a.path, "c")
    b.send(1, a.path + "/none", {"m2m:cnt": {"wrong": 1}}, 3).expect(4004)
    b.send(1, a.path + "/c", {"m2m:cnt": {"wrong": 1}}, 3).expect(4103)
    a.send(1, a.path + "/c", {"m2m:cnt": {"wrong": 1}}, 3).expect(4000)
    a.send(1, a.path + "/c", {"m2m:ae": {"api": "N", "rr": True, "srv": ["3"]}}, 2).expect(4108)
    a.send(1, a.path + "/c", {"m2m:cin": {}}, 4).expect(4000)
    a.send(1, a.path + "/c", {"m2m:cin": {"con": None}}, 4).expect(4000)
    a.send(1, a.path + "/c", {"m2m:cin": {"con": "v"}}, 99).expect(4000)
    a.send(1, a.path + "/c", {"m2m:trac": {}}, 51).expect(5001)


def test_headers(ae):
    a = ae()
    answer = a.send(2, a.path, headers={"X-M2M-RI": None})
    assert answer.rsc == 4000
    a.send(2, a.path, origin="").expect(4000)
    a.send(2, a.path, headers={"X-M2M-RVI": "99"}).expect(4001)
    a.send(2, a.path, headers={"X-M2M-RVI": "2a"}).expect(2000)
    a.send(2, a.path, headers={"X-M2M-RET": "20200101T000000"}).expect(4008)
    a.send(2, a.path, headers={"Accept": "text/plain"}).expect(5207)
    a.send(1, a.path, raw=b"{", ty=3).expect(4000)
    a.send(1, a.path, raw=b'{"m2m:cnt":{"rn":"x","rn":"y"}}', ty=3).expect(4000)
    a.send(1, a.path, raw=b'{"m2m:cnt":{"rn":"\xff"}}', ty=3).expect(4000)
    a.send(1, a.path, raw=b"[" * 100000, ty=3).expect(4000)
    a.send(1, a.path, raw=b"<m2m:cnt/>", headers={"Content-Type": "text/html; ty=3"}).expect(4015)


def test_bad_configuration_ends_with_78(house):
    from plant.process import Broken, Process, program
    server = house.cse("good", "in", "/id-in", "in", start=False)
    with open(server.conf, encoding="utf-8") as f:
        good = f.read()
    for change, words in ((("role = in", "role = inn"), ["role"]), (("cse-id", "cse-idd"), ["cse-idd", "cse-id"]),
                          (("[storage]", "[store]"), ["store"]), (("durability = process", "durability = no"),
                                                                  ["durability"])):
        conf = house.folder + "/bad.conf"
        with open(conf, "w", encoding="utf-8") as f:
            f.write(good.replace(*change))
        bad = Process("bad", [program("oneseal-cse"), "-c", conf], house.folder + "/bad.log")
        with pytest.raises(Broken, match="ended with 78"):
            bad.start()
        text = bad.log_text()
        for word in words + ["bad.conf"]:
            assert word in text, text
    house.processes.remove(server)


def test_sigterm_ends_within_two_seconds(house):
    import time
    server = house.cse("server", "in", "/id-in", "in")
    client = house.client(server, "CAdmin")
    client.retrieve("in").expect(2000)       # a connection stays open
    start = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start < 2.5


def test_state_survives(house):
    server = house.cse("server", "in", "/id-in", "in")
    a = house.client(server, "Ckeep")
    a.register("in", "keep")
    a.container("in/keep", "c")
    a.put("in/keep/c", "v", "i").expect(2001)
    server.stop()
    server.start()
    b = house.client(server, "Ckeep")
    assert b.retrieve("in/keep/c/la").expect(2000).root("m2m:cin")["con"] == "v"
    server.kill()
    server.start()
    c = house.client(server, "Ckeep")
    assert c.retrieve("in/keep/c").expect(2000).root("m2m:cnt")["cni"] == 1
