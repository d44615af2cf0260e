"""E2E: what a CSE must leave alone."""
import base64
import json

from client import AE, CIN

# Opaque to the CSE: the shape of a JWE in compact form, without meaning.
OBJECT = ".".join(base64.urlsafe_b64encode(bytes([n] * 40)).decode().rstrip("=") for n in range(5))


def test_L_CSE_E2E_001(lab, listener, ae, target):
    heard = listener(lab, target.url)
    target.answer = lambda seen: (2000, {"m2m:seci": {"sit": 5, "epo": OBJECT[::-1]}})
    sent = {"m2m:seci": {"sit": 5, "epo": OBJECT}}
    answer = ae.notify(heard.path, sent).of(2000)
    assert target.seen[0].body == sent
    assert answer.json == {"m2m:seci": {"sit": 5, "epo": OBJECT[::-1]}}


def test_L_CSE_E2E_010(ae):
    c = ae.cnt()
    for third in range(6):
        made = ae.put(c, OBJECT, cnf="application/json:0:%d" % third)
        got = ae.get(made["ri"])
        assert made["cnf"] == got["cnf"] == "application/json:0:%d" % third and got["con"] == OBJECT
    for bad in ("application/json:0:6", "application/json:0:x", "application/json:0:10"):
        ae.create(c, CIN, con=OBJECT, cnf=bad).of(4000)


def test_L_CSE_E2E_011(ae, target):
    c = ae.cnt()
    ae.sub(c, target.url, enc={"net": [3]})
    for con in (OBJECT, json.dumps({"protected": "e30", "recipients": [{"header": {}}], "iv": "AA/==", "x": "\u00e9"}), " \t\n\"\\/ "):
        made = ae.put(c, con, cnf="application/json:0:2")
        assert made["con"] == con and ae.get(made["ri"])["con"] == con and ae.get(c + "/la")["con"] == con
        assert target.wait(1, lambda s: s.event and s.rep["ri"] == made["ri"])[0].rep["con"] == con
    value = {"ciphertext": "AAEC", "n": 1.50, "list": [1, None, True], "z": {"y": "x"}}
    made = ae.put(c, value, cnf="application/json:0:2")
    assert ae.get(made["ri"])["con"] == value and list(ae.get(made["ri"])["con"]) == list(value)


def test_L_CSE_E2E_012(lab, mn, app):
    capabilities = {"esf": [14, 34], "escert": ["AAECAwQ="]}
    ae = app(mn, esi=capabilities, at=[lab.csi])
    assert ae.get(ae.path)["esi"] == capabilities
    copy = ae.get(ae.path)["at"][0]
    assert lab.admin.retrieve(copy).of(2000).root("m2m:aeA")["esi"] == capabilities
    ae.change(ae.path, AE, esi={"esf": [14]})
    assert ae.get(ae.path)["esi"] == {"esf": [14]}


def test_L_CSE_E2E_017(ae):
    c, total = ae.cnt(), 0
    for con, cnf in ((OBJECT, "application/json:0:1"), (OBJECT + "\u20ac", "text/plain:0:2"), ("AAEC", "text/plain:1:3")):
        made = ae.put(c, con, cnf=cnf)
        total += made["cs"]
        assert made["cs"] == len(con.encode())
    assert ae.get(c)["cbs"] == total


def test_L_CSE_E2E_018(ae):
    c = ae.cnt()
    sealed = json.dumps({"secret": "value", "protected": "e30"})
    ae.put(c, sealed, rn="sealed", cnf="application/json:0:2")
    ae.put(c, OBJECT, rn="compact", cnf="application/json:0:1")
    for query in ("$.secret", "$[?(@.secret=='value')]", "$..*"):
        answer = ae.retrieve(c, fu=1, cfs=1, cfq=query)
        if answer.rsc == 2000:                                  # otherwise content filters are not served at all
            assert not [r for r in answer.one if r.endswith(("sealed", "compact"))]
        else:
            answer.of(5001, 4000)
    assert len(ae.found(c)) == 2                                # and no copy of anything has been made
