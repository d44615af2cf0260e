"""`--esprim`: requests that only the gateway opens, from an application behind the server. Real processes, TLS on each hop."""
import json
import os
import time

import pytest
from plant.process import SLOW

from cli_program import fault, ok, run

SP = "//demo.example"
HEAT, KID = SP + "/Sapp-heat", "heat@demo.example"
DATA = "/id-mn/mn/thermo-1/data"


def key_file(folder, name, octets, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, mode)) as f:
        f.write(octets.hex() + "\n")
    os.chmod(path, mode)
    return path


@pytest.fixture
def field(house):
    key = key_file(house.folder, "pair.key", bytes(range(32)))
    house.server = house.cse("server", "in", "/id-in", "in")
    house.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=house.server,
                              extra=[("esprim " + KID, {"key-file": key, "peer": HEAT})])
    house.profiles, _ = house.profile("heat", HEAT, house.server,
                                      extra=[("esprim " + KID, {"key-file": key, "peer": SP + "/id-mn"})])
    device = house.client(house.gateway, "Cthermo-1")
    device.register("mn", "thermo-1")
    mine = {"acor": ["/id-mn/Cthermo-1"], "acop": 63}
    device.create("mn/thermo-1", 1, "m2m:acp", rn="acp", pvs={"acr": [mine]},
                  pv={"acr": [{"acor": ["/Sapp-heat"], "acop": 51, "acaf": True}, mine]}).expect(2001)
    device.create("mn/thermo-1", 3, "m2m:cnt", rn="data", acpi=["mn/thermo-1/acp"]).expect(2001)
    device.create("mn/thermo-1/data", 4, "m2m:cin", rn="first", con="21.5 Cel").expect(2001)
    house.client(house.server, "Sapp-heat").register("in", "heat")
    deadline = time.monotonic() + 10 * SLOW
    while oneseal(house, "get", "heat:" + DATA, "--esprim").returncode != 0:
        assert time.monotonic() < deadline, oneseal(house, "get", "heat:" + DATA, "--esprim").stderr.decode()
        time.sleep(0.1)
    return house


def oneseal(house, *words, **more):
    return run(*words, "--config", house.profiles, **more)


def test_only_inside_an_object(field):
    plain = oneseal(field, "get", "heat:" + DATA + "/la", "--json")
    assert plain.returncode == 4 and fault(plain)["rsc"] == 4103        # the policy wants an authenticated originator
    inside = oneseal(field, "get", "heat:" + DATA + "/la", "--esprim", "--json")
    assert json.loads(inside.stdout)["resource"]["m2m:cin"]["con"] == "21.5 Cel"
    for form in (SP + DATA + "/la", DATA + "/first"):
        assert b"21.5 Cel" in ok("get", "heat:" + form, "--esprim", "--config", field.profiles).stdout
    put = oneseal(field, "put", "heat:" + DATA, "--esprim", "--json", stdin=b'{"t":19}\n{"t":20}\n')
    assert [json.loads(line)["rsc"] for line in put.stdout.splitlines()] == [2001, 2001]
    last = oneseal(field, "get", "heat:" + DATA + "/la", "--esprim", "--json")
    assert json.loads(last.stdout)["resource"]["m2m:cin"]["con"] == {"t": 20}
    missing = oneseal(field, "get", "heat:/id-mn/mn/thermo-1/nothing", "--esprim", "--json")
    assert fault(missing)["rsc"] == 4004                                 # what went wrong inside is told as such


def test_after_a_restart_of_the_gateway(field):
    field.gateway.stop()
    field.gateway.start()
    deadline = time.monotonic() + 15 * SLOW
    while (done := oneseal(field, "get", "heat:" + DATA + "/la", "--esprim")).returncode != 0:
        assert time.monotonic() < deadline, done.stderr.decode()
        time.sleep(0.1)


def test_keys_that_do_not_fit(field):
    other = key_file(field.folder, "other.key", bytes(32))
    open_to_all = key_file(field.folder, "open.key", bytes(32), 0o644)
    for name, path, peer, code, words in (
            ("wrong", other, "/id-mn", 1, "authenticate"), ("loose", open_to_all, "/id-mn", 9, "chmod 600"),
            ("lost", field.folder + "/nowhere", "/id-mn", 9, "no such file"), ("none", other, "/id-x", 9, "no key")):
        field.profile(name, HEAT, field.server, extra=[("esprim " + KID, {"key-file": path, "peer": SP + peer})])
        done = oneseal(field, "get", name + ":" + DATA, "--esprim", "--json")
        assert words in fault(done)["what"], done.stderr
        assert done.returncode == code, done.stderr


def test_configuration_is_checked(house):
    loose = key_file(house.folder, "loose.key", bytes(32), 0o640)
    good = key_file(house.folder, "good.key", bytes(32))
    for rows, words in (({"key-file": loose, "peer": HEAT}, "chmod 600"), ({"key-file": good, "peer": "/Sapp"}, "absolute"),
                        ({"key-file": good + "x", "peer": HEAT}, "no such file")):
        cse = house.cse("bad", "in", "/id-in", "in", start=False, extra=[("esprim k", rows)])
        house.processes.remove(cse)
        from plant.process import program
        import subprocess
        done = subprocess.run([program("oneseal-cse"), "--check", cse.conf], stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 78 and words in done.stderr, done.stderr


def test_a_key_by_certificates(house):
    """ESCertKE, then ESPrim under what was agreed; nobody else is let in."""
    house.server = house.cse("server", "in", "/id-in", "in")
    house.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=house.server,
                              extra=[("escertke", {"initiators": HEAT, "life": "1h"})])
    house.profiles, _ = house.profile("heat", HEAT, house.server)
    house.profile("cold", SP + "/Sapp-cold", house.server)
    for name, stem in (("heat", "Sapp-heat"), ("cold", "Sapp-cold")):
        house.client(house.server, stem).register("in", name)
    device = house.client(house.gateway, "Cthermo-1")
    device.register("mn", "thermo-1")
    mine = {"acor": ["/id-mn/Cthermo-1"], "acop": 63}
    device.create("mn/thermo-1", 1, "m2m:acp", rn="acp", pvs={"acr": [mine]},
                  pv={"acr": [{"acor": ["/Sapp-heat"], "acop": 2, "acaf": True}, mine]}).expect(2001)
    device.create("mn/thermo-1", 3, "m2m:cnt", rn="data", acpi=["mn/thermo-1/acp"]).expect(2001)
    device.create("mn/thermo-1/data", 4, "m2m:cin", con="21.5 Cel").expect(2001)
    path = os.path.join(house.folder, "agreed.key")
    deadline = time.monotonic() + 10 * SLOW
    while (done := oneseal(house, "key", "agree", "heat:/id-mn", "--out", path, "--json")).returncode != 0:
        assert time.monotonic() < deadline, done.stderr.decode()
        time.sleep(0.1)
    agreed = json.loads(done.stdout)
    assert agreed["peer"] == SP + "/id-mn" and len(agreed["kid"]) == 32 and agreed["kid"] == agreed["kid"].upper()
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, encoding="ascii") as f:
        text = f.read()
    assert len(bytes.fromhex(text)) == 32 and text.strip().encode() not in done.stdout + done.stderr
    house.profile("heat", HEAT, house.server, extra=[("esprim " + agreed["kid"], {"key-file": path, "peer": agreed["peer"]})])
    inside = oneseal(house, "get", "heat:" + DATA + "/la", "--esprim", "--json")
    assert json.loads(inside.stdout)["resource"]["m2m:cin"]["con"] == "21.5 Cel", inside.stderr
    # the same key for ESData: sealed by one end, opened with the file alone
    name = "notes@demo.example"
    app = house.client(house.server, "Sapp-heat")
    app.container("in/heat", "notes")
    house.profile("heat", HEAT, house.server, streams=[SP + "/id-in/in/heat/notes"], extra=[
        ("seal", {"key": "provisioned", "key-file": path, "key-id": name}), ("key " + name, {"key-file": path, "suid": 14})])
    put = oneseal(house, "put", "heat:in/heat/notes", "--seal", "--json", stdin=b'{"t":21.75}\n')
    assert put.returncode == 0 and json.loads(put.stdout)["kid"] == name, put.stderr
    stored = app.retrieve("in/heat/notes/la").root("m2m:cin")
    assert stored["cnf"] == "application/json:0:1" and "21.75" not in stored["con"]
    opened = oneseal(house, "get", "heat:in/heat/notes/la", "--open")
    assert opened.returncode == 0 and b'{"t":21.75}' in opened.stdout, opened.stderr
    # a file that is there stays as it is
    assert oneseal(house, "key", "agree", "heat:/id-mn", "--out", path).returncode == 5
    with open(path, encoding="ascii") as f:
        assert f.read() == text
    # who is not on the list agrees nothing, and neither does a CSE without the section
    cold = oneseal(house, "key", "agree", "cold:/id-mn", "--out", path + "2", "--json")
    assert fault(cold)["rsc"] == 4103 and not os.path.exists(path + "2")
    assert oneseal(house, "key", "agree", "heat:/id-in", "--out", path + "2").returncode != 0
