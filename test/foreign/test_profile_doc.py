"""The reader in thirty lines at the end of doc/esdata-profile.md, as it stands there, against running programs."""
import os
import re
import subprocess
import sys
import time

import library
import pytest
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from witness import ten_steps
from witness.ttp_stranger import Party

READER, OTHER = SP + "/Sstranger", SP + "/Sother"
PLACE = SP + "/id-mn/mn/shed/data"
# The page's reader connects to the name in the TTP's certificate; here that name is this machine.
RESOLVED = """import socket, sys
usual = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: usual("127.0.0.1" if host == "%s" else host, *a, **k)
exec(compile(open(sys.argv.pop(1)).read(), "reader.py", "exec"))
""" % TTP_NAME


def script_of_the_page():
    with open(os.path.join(library.ROOT, "doc", "esdata-profile.md"), encoding="utf-8") as f:
        return re.findall(r"^```python\n(.*?)^```", f.read(), re.S | re.M)[-1]


class Plant:
    """A TTP, a server and a gateway that seals for the stranger; one reading is stored."""

    def __init__(self, folder):
        self.house = house = House(folder)
        self.ttp = house.ttp()
        self.server = house.cse("server", "in", "/id-in", "in")
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server,
                                 extra=house.sealing(self.ttp, [READER], PLACE))
        device = house.client(self.gateway, "Cshed")
        device.register("mn", "shed")
        device.container("mn/shed", "data")
        self.con = device.put("mn/shed/data", {"t": 21.5}).expect(2001).root("m2m:cin")["con"]
        with open(self.ttp.bundle, encoding="ascii") as f:
            self.bundle = ten_steps.read_bundle(f.read())
        for identity in (READER, OTHER):
            self.register(identity)
        self.script = os.path.join(str(folder), "reader.py")
        with open(self.script, "w", encoding="utf-8") as f:
            f.write(script_of_the_page())

    def register(self, identity):
        certificate, key = self.house.certificate(identity)
        party = Party(identity, certificate, key, "https://" + self.ttp.ready["https"], self.house.authority.path,
                      _Named(TTP_NAME), self.bundle)
        assert party.register() == "ok"
        party.close()

    def read(self, me=READER, address=PLACE, con=None, bundle=None):
        certificate, key = self.house.certificate(me)
        url = "https://%s:%s" % (TTP_NAME, self.ttp.ready["https"].rpartition(":")[2])
        return subprocess.run([sys.executable, "-c", RESOLVED, self.script, url, self.house.authority.path, certificate, key,
                               bundle or self.ttp.bundle, me, address, con or self.con],
                              capture_output=True, text=True, timeout=60, env=dict(os.environ, NO_PROXY="*"))


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    made = Plant(tmp_path_factory.mktemp("profile"))
    yield made
    made.house.close()


def test_thirty_lines():
    assert len([line for line in script_of_the_page().splitlines() if line.strip()]) == 30


def test_it_opens_a_reading(plant):
    deadline = time.monotonic() + 30
    done = plant.read()
    while "no-key-yet" in done.stderr and time.monotonic() < deadline:      # the gateway's letter is on its way
        time.sleep(0.3)
        done = plant.read()
    assert (done.returncode, done.stdout) == (0, '{"t": 21.5}\n'), done.stderr[-2000:]


def test_it_refuses(plant):
    assert plant.read().returncode == 0
    done = plant.read(me=OTHER)
    assert done.returncode != 0 and "refused" in done.stderr and not done.stdout, done.stderr[-800:]
    done = plant.read(address=PLACE + "-2")
    assert done.returncode != 0 and "commitment-mismatch" in done.stderr and not done.stdout, done.stderr[-800:]
    spoilt = plant.con[:-1] + ("A" if plant.con[-1] != "A" else "Q")
    done = plant.read(con=spoilt)
    assert done.returncode != 0 and not done.stdout


def test_it_trusts_its_pin_alone(plant, tmp_path):
    with House(tmp_path) as other:
        stranger = other.ttp(start=False)
        done = plant.read(bundle=stranger.bundle)
    assert done.returncode != 0 and not done.stdout
