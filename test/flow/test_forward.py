"""Requests that travel: application -> server -> gateway, and what a forwarder changes and leaves alone."""
import time

from plant.house import SP
from plant.receiver import Receiver
from witness import recording, relay


def shared(owner, readers, acop=63):
    """A container of `owner` that `readers` may use, and its path."""
    owner.create(owner.path, 1, "m2m:acp", rn="p",
                 pv={"acr": [{"acor": [owner.origin], "acop": 63}, {"acor": readers, "acop": acop}]},
                 pvs={"acr": [{"acor": [owner.origin], "acop": 63}]}).expect(2001)
    owner.container(owner.path, "c", acpi=[owner.path + "/p"])
    return owner.path + "/c"


def test_the_gateway_registered_itself(field):
    admin = field.client(field.server, "CAdmin")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = admin.retrieve("in", fu=1, ty=16).expect(2000).root("m2m:uril")
        if found:
            break
        time.sleep(0.2)
    csr = admin.retrieve(found[0]).expect(2000).root("m2m:csr")
    assert csr["csi"] == "/id-mn" and csr["poa"]


def test_through_the_server(field, ae):
    device = ae(at=field.gateway)
    app = ae("Sflow-1")
    c = shared(device, ["/Sflow-1"])
    for prefix in ("/id-mn/", SP + "/id-mn/"):
        made = app.put(prefix + c, "from afar").expect(2001).root("m2m:cin")
        assert app.retrieve(prefix + c + "/la").expect(2000).root("m2m:cin") == made
    assert device.retrieve(c + "/la").root("m2m:cin")["con"] == "from afar"
    app.update("/id-mn/" + c, "m2m:cnt", lbl=["x"]).expect(2004)
    assert app.retrieve("/id-mn/" + c, rcn=4).expect(2000).root("m2m:cnt")["m2m:cin"]
    assert app.retrieve("/id-mn/" + device.path, fu=1).expect(2000).root("m2m:uril")
    app.delete("/id-mn/" + c + "/la").expect(2002)


def test_a_c_stem_becomes_sp_relative(field, ae):
    device = ae(at=field.gateway)
    app = ae()
    c = shared(device, ["/id-in/" + app.origin])
    app.put("/id-mn/" + c, "v").expect(2001)
    stranger = ae()
    assert stranger.retrieve("/id-mn/" + c).expect(4103).debug
    # The same stem at the gateway is somebody else.
    twin = ae(app.origin, at=field.gateway)
    twin.retrieve(c).expect(4103)


def test_errors_come_back_unchanged(field, ae):
    device, app = ae(at=field.gateway), ae("Sflow-2")
    c = shared(device, ["/Sflow-2"], acop=2)
    app.retrieve("/id-mn/mn/nothing").expect(4004)
    app.put("/id-mn/" + c, "v").expect(4103)
    app.retrieve("/id-nowhere/x/y").expect(4004)
    app.retrieve("//other.example/id-mn/mn").expect(4004)


def test_a_gateway_that_is_gone(house):
    server = house.cse("server", "in", "/id-in", "in")
    gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=server)
    app = house.client(server, "Sflow-3")
    app.register("in", "flow-3")
    deadline = time.monotonic() + 15
    while app.retrieve("/id-mn/mn").rsc not in (2000, 4103) and time.monotonic() < deadline:
        time.sleep(0.2)
    gateway.kill()
    start = time.monotonic()
    assert app.retrieve("/id-mn/mn").expect(5103).debug
    assert time.monotonic() - start < 12
    gateway.start()
    # No manual step: the gateway is known again.
    deadline = time.monotonic() + 20
    while app.retrieve("/id-mn/mn").rsc not in (2000, 4103):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_notification_through_the_server(field, ae):
    """Subscribed at the gateway, notified gateway -> server -> application."""
    pair = field.certificate(SP + "/Sflow-4")
    with Receiver(certificate=pair, ca=field.authority.path) as receiver:
        device = ae(at=field.gateway)
        app = ae("Sflow-4", poa=[receiver.url], rr=True)
        c = shared(device, ["/Sflow-4"], acop=51)
        app.create("/id-mn/" + c, 23, "m2m:sub", rn="s", nu=["/Sflow-4"],
                   enc={"net": [3], "chty": [4]}).expect(2001)
        for i in range(10):
            device.put(c, str(i)).expect(2001)
        got = receiver.wait(10)
        assert [n.representation["m2m:cin"]["con"] for n in got] == [str(i) for i in range(10)]
        assert all(n.body["m2m:sgn"]["sur"].startswith("/id-mn/") for n in got)


def test_what_a_forwarder_changes(house, tmp_path):
    """Recorded on a clear link: To and content are left alone, From of an S-stem may get a solidus."""
    with relay.Relays(str(tmp_path / "relay")) as relays:
        server = house.cse("server", "in", "/id-in", "in", insecure=True)
        gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=server, insecure=True)
        address = relays.add("app-server", server.ready["http"])
        house.client(gateway, "CAdmin").retrieve("mn").expect(2000)
        app = house.client(server, "Sflow-5")
        app.register("in", "flow-5")
        over = house.client(server, "Sflow-5", insecure=True)
        over.url = "http://" + address
        over.retrieve("/id-mn/mn")
        over.close()
    seen, = recording.exchanges(str(tmp_path / "relay"), "app-server", {})
    assert seen.request.target == "/~/id-mn/mn" and seen.request.get("x-m2m-origin") == "Sflow-5"
    assert seen.response.get("x-m2m-ri") == seen.request.get("x-m2m-ri")


def test_another_service_provider(house, ae_at=None):
    """Mcc': the IN-CSE knows the other provider's IN-CSE, From becomes absolute; unknown providers are not found."""
    with Receiver() as other:
        cse = house.cse("provider", "in", "/id-in", "in", insecure=True,
                        extra=[("peer other.example", {"cse-id": "/id-o", "url": other.url})])
        app = house.client(cse, "Capp", insecure=True)
        app.register("in", "app")
        app.create("//other.example/id-o/o", 3, "m2m:cnt", rn="c").expect(2000)
        seen = other.notices[0]
        assert seen.path == "/_/other.example/id-o/o"
        assert seen.headers["x-m2m-origin"] == SP + "/id-in/Capp"
        app.retrieve("//third.example/id-o/o").expect(4004)
        assert len(other.notices) == 1
