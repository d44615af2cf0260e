"""Subscriptions with a notification receiver in Python: verification, net 1 to 4, order, and a target that is down."""
import time

import pytest
from plant.process import free_port
from plant.receiver import Receiver


@pytest.fixture
def receiver():
    with Receiver() as r:
        yield r


def subscribe(client, to, name, nu, net=(3,), **more):
    enc = {"net": list(net)}
    if set(net) & {3, 4}:
        enc["chty"] = [4]       # subscriptions are children too
    return client.create(to, 23, "m2m:sub", rn=name, nu=nu, enc=enc, **more)


def test_events(ae, receiver):
    a = ae()
    a.container(a.path, "c")
    c = a.path + "/c"
    for net in (1, 2, 3, 4):
        subscribe(a, c, "s%d" % net, ["%s/net%d" % (receiver.url, net)], [net]).expect(2001)

    def of(net):
        return lambda n: n.path == "/net%d" % net and not n.verification
    a.update(c, "m2m:cnt", lbl=["changed"]).expect(2004)
    one, = receiver.wait(1, match=of(1))
    assert one.representation["m2m:cnt"]["lbl"] == ["changed"] and one.body["m2m:sgn"]["nev"]["net"] == 1
    a.put(c, "v", "i").expect(2001)
    three, = receiver.wait(1, match=of(3))
    assert three.representation["m2m:cin"]["con"] == "v" and three.body["m2m:sgn"]["nev"]["net"] == 3
    assert three.body["m2m:sgn"]["sur"].startswith("/id-in/")
    assert three.headers["content-type"].startswith("application/") and "x-m2m-ri" in three.headers
    a.delete(c + "/i").expect(2002)
    four, = receiver.wait(1, match=of(4))
    assert four.representation["m2m:cin"]["rn"] == "i"
    a.delete(c).expect(2002)
    two = receiver.wait(1, match=lambda n: n.path == "/net2" and not n.verification and not n.deletion)
    assert two[0].representation["m2m:cnt"]["rn"] == "c"
    assert len([n for n in receiver.notices if of(3)(n) and not n.deletion]) == 1
    assert len([n for n in receiver.notices if of(4)(n) and not n.deletion]) == 1


def test_default_is_net_1(ae, receiver):
    a = ae()
    a.container(a.path, "c")
    a.create(a.path + "/c", 23, "m2m:sub", rn="s", nu=[receiver.url]).expect(2001)
    a.update(a.path + "/c", "m2m:cnt", lbl=["x"]).expect(2004)
    assert receiver.wait(1)[0].representation["m2m:cnt"]["lbl"] == ["x"]


def test_order_and_no_loss(ae, receiver):
    a = ae()
    a.container(a.path, "c")
    subscribe(a, a.path + "/c", "s", [receiver.url]).expect(2001)
    for i in range(60):
        a.put(a.path + "/c", str(i)).expect(2001)
    got = [n.representation["m2m:cin"]["con"] for n in receiver.wait(60)]
    assert got == [str(i) for i in range(60)]


def test_verification_of_an_ae_target(field, ae):
    """nu by resource-ID: the AE behind it is asked before the answer, at its point of access."""
    pair = field.certificate("//demo.example/id-in/Creader")
    with Receiver(certificate=pair, ca=field.authority.path) as receiver:
        reader = ae("Creader", poa=[receiver.url], rr=True)
        owner = ae()
        owner.create(owner.path, 1, "m2m:acp", rn="p", pv={"acr": [{"acor": [owner.origin, reader.origin],
                                                                  "acop": 63}]},
                     pvs={"acr": [{"acor": [owner.origin], "acop": 63}]}).expect(2001)
        owner.container(owner.path, "c", acpi=[owner.path + "/p"])
        # The creator of the subscription needs the right to NOTIFY the target.
        subscribe(owner, owner.path + "/c", "s", ["/id-in/" + reader.origin]).expect(5204)
        assert not receiver.notices
        reader.create(reader.path, 1, "m2m:acp", rn="p",
                      pv={"acr": [{"acor": [owner.origin], "acop": 16}, {"acor": [reader.origin], "acop": 63}]},
                      pvs={"acr": [{"acor": [reader.origin], "acop": 63}]}).expect(2001)
        reader.update(reader.path, "m2m:ae", acpi=[reader.path + "/p"]).expect(2004)
        # Another AE's identifier: verified.
        subscribe(owner, owner.path + "/c", "s", ["/id-in/" + reader.origin]).expect(2001)
        asked = receiver.wait(1, match=lambda n: n.verification)
        assert asked[0].body["m2m:sgn"]["vrq"] is True and asked[0].body["m2m:sgn"]["sur"]
        owner.put(owner.path + "/c", "v").expect(2001)
        assert receiver.wait(1)[0].representation["m2m:cin"]["con"] == "v"
        # A target that refuses.
        receiver.answer = lambda n: (403, 4101) if n.verification else None
        subscribe(owner, owner.path + "/c", "t", ["/id-in/" + reader.origin]).expect(5204)
        owner.retrieve(owner.path + "/c/t").expect(4004)


def test_a_target_that_cannot_be_reached_is_refused(ae):
    a, b = ae(), ae()
    a.container(a.path, "c")
    assert subscribe(a, a.path + "/c", "s", ["/id-in/" + b.origin]).expect(5204).debug


def test_a_target_that_is_down_gets_all_later(ae):
    port = free_port()
    a = ae()
    a.container(a.path, "c")
    subscribe(a, a.path + "/c", "s", ["http://127.0.0.1:%d/x" % port]).expect(2001)
    for i in range(5):
        a.put(a.path + "/c", str(i)).expect(2001)
    time.sleep(1)
    with Receiver(port=port) as receiver:
        got = [n.representation["m2m:cin"]["con"] for n in receiver.wait(5, timeout=40)]
    assert got == [str(i) for i in range(5)]
    a.retrieve(a.path + "/c/s").expect(2000)        # never deleted because its target was down


def test_refused_subscriptions(ae, receiver):
    a, b = ae(), ae()
    a.container(a.path, "c")
    subscribe(b, a.path + "/c", "s", [receiver.url]).expect(4103)
    a.create(a.path + "/c", 23, "m2m:sub", rn="s").expect(4000)
    a.create(a.path + "/c", 23, "m2m:sub", rn="s", nu=[]).expect(4000)
    subscribe(a, a.path + "/c", "s", [receiver.url], [99]).expect(4000)
    a.put(a.path + "/c", "v", "i").expect(2001)
    refused = subscribe(a, a.path + "/c/i", "s", [receiver.url])
    assert refused.rsc in (5203, 4108), refused
    assert not receiver.notices


def test_nobody_is_told_of_his_own_subscription(ae, receiver):
    a = ae()
    a.container(a.path, "c")
    for name in ("s", "t"):
        a.create(a.path + "/c", 23, "m2m:sub", rn=name, nu=[receiver.url + "/" + name],
                 enc={"net": [3, 4]}).expect(2001)
    told, = receiver.wait(1, match=lambda n: n.path == "/s")
    assert told.representation["m2m:sub"]["rn"] == "t"
    receiver.quiet(0.4, match=lambda n: n.path == "/t")
