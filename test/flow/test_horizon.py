"""A revoked reader reads nothing that was produced later than 31 s after the acknowledged revocation (protection 7):
with the TTP in reach, cut off from the writer, and behind a network that swallows what it is asked. Three devices seal a
reading a second; the reader has their keys, and asks for every further one."""
import subprocess
import time

import pytest
from plant.house import House
from plant.onem2m import _Named
from plant.process import program
from witness import relay, ten_steps
from witness.jose_stranger import header_of, sid_of
from witness.ttp_stranger import Party

from cli_program import run

from test_put import HEAT, SP, TTP_NAME, Field

BOUND_MS, BEFORE_S, AFTER_S = 31000, 5, 36
WAYS = {"data": None, "slow": "cut", "padded": "pause"}


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    with House(tmp_path_factory.mktemp("horizon")) as house:
        field = Field(house)
        yield field
        field.heat.close()


def writer(f, where, url):
    f.house.profile("by-" + where, SP + "/id-mn/Cthermo-1", f.gateway, f.ttp, ttp_url=url,
                    extra=[("seal", {"ttp": TTP_NAME, "policy": "own-" + where, "readers": HEAT})])
    return subprocess.Popen([program("oneseal"), "put", f"by-{where}:mn/thermo-1/{where}", "--seal", "--config", f.folder,
                             "--timeout", "2s"],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def feed(writers, seconds):
    """A reading a second for each. The clock of the test is what is tested: this waits in real time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for p in writers.values():
            p.stdin.write(b"1\n")
            p.stdin.flush()
        time.sleep(1)


def kids(f, where):
    """(kid, t_ms) of what is stored, oldest first."""
    return [(h["kid"], h["e2e"][4]) for h in map(header_of, f.contents(where))]


def released(f, where, kid):
    return kid in f.heat.release([kid], {kid: sid_of(SP + "/id-mn/mn/thermo-1/" + where)})[1]


def test_the_horizon_of_a_revoked_reader(f, tmp_path):
    with relay.Relays(str(tmp_path)) as relays:
        urls = {}
        for where, way in WAYS.items():
            urls[where] = "https://" + (relays.add(where, f.ttp.ready["https"]) if way else f.ttp.ready["https"])
        writers = {where: writer(f, where, url) for where, url in urls.items()}
        feed(writers, BEFORE_S)
        had = {where: {kids(f, where)[0][0]} for where in WAYS}
        for where in WAYS:
            assert released(f, where, *had[where]), where
        for where, way in WAYS.items():
            if way:
                getattr(relays, way)(where)
        assert run("policy", "deny", HEAT, "--profile", "thermo", "--config", f.folder).returncode == 0
        revoked = time.time() * 1000
        feed(writers, AFTER_S)
        for p in writers.values():
            p.kill()
            p.wait()
    for where in WAYS:
        rows = kids(f, where)
        assert rows[-1][1] - revoked > BOUND_MS, "nothing was written so late: the test shows nothing"
        had[where] |= {kid for kid in {k for k, _ in rows} - had[where] if released(f, where, kid)}
        horizon = max(t for kid, t in rows if kid in had[where]) - revoked
        print("%s: readable until %.1f s after" % (where, horizon / 1000))
        assert horizon <= BOUND_MS, (where, horizon)
    # The control: the writer that was cut off went on with the old key for long, because of nothing but its clock.
    assert max(t for kid, t in kids(f, "slow") if kid in had["slow"]) - revoked > 10000


OPERATOR = SP + "/Soperator"
PATTERN = "/id-mn/mn/thermo-1/*"


@pytest.mark.parametrize("way", ["pause"])
def test_the_horizon_at_a_gateway(tmp_path_factory, way):
    """The gateway seals; what it asks its TTP is swallowed from the revocation on. Denied by the operator."""
    folder = tmp_path_factory.mktemp("gateway")
    with House(folder) as house, relay.Relays(str(folder / "relays")) as relays:
        ttp = house.ttp(operator=house.certificate(OPERATOR)[0])
        address = relays.add("ttp", ttp.ready["https"])
        server = house.cse("server", "in", "/id-in", "in")
        gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=server,
                            extra=house.sealing(ttp, [HEAT], PATTERN, url="https://" + address))
        device = house.client(gateway, "Cthermo-1")
        device.register("mn", "thermo-1")
        device.create("mn/thermo-1", 3, "m2m:cnt", rn="data", mni=1000).expect(2001)
        profiles, _ = house.profile("operator", OPERATOR, gateway, ttp)
        with open(ttp.bundle, encoding="ascii") as text:
            bundle = ten_steps.read_bundle(text.read())
        certificate, key = house.certificate(HEAT)
        heat = Party(HEAT, certificate, key, "https://" + ttp.ready["https"], house.authority.path, _Named(TTP_NAME),
                     bundle)
        assert heat.register() == "ok"
        sid = sid_of(SP + "/id-mn/mn/thermo-1/data")

        def write(seconds):
            rows = []
            for _ in range(seconds):
                device.create("mn/thermo-1/data", 4, "m2m:cin", con="1").expect(2001)
                head = header_of(device.retrieve("mn/thermo-1/data/la").expect(2000).json["m2m:cin"]["con"])
                rows.append((head["kid"], head["e2e"][4]))
                time.sleep(1)
            return rows

        rows = write(5)
        had = {kid for kid in {k for k, _ in rows} if kid in heat.release([kid], {kid: sid})[1]}
        assert rows[-1][0] in had
        getattr(relays, way)("ttp")
        assert run("policy", "deny", HEAT, "--profile", "operator", "--config", profiles).returncode == 0
        revoked = time.time() * 1000
        rows += write(AFTER_S)
        had |= {kid for kid in {k for k, _ in rows} - had if kid in heat.release([kid], {kid: sid})[1]}
        heat.close()
    assert rows[-1][1] - revoked > BOUND_MS
    horizon = max(t for kid, t in rows if kid in had) - revoked
    print("gateway: readable until %.1f s after" % (horizon / 1000))
    assert 5000 < horizon <= BOUND_MS, horizon
