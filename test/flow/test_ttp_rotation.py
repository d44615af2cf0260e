"""Every kind of the TTP's own keys is replaced, at once and unannounced, while a gateway seals and an application opens."""
import threading
import time

import pytest
from plant.process import SLOW, program, run
from test_sealing import BASE, HEAT, Plant
from witness import jose_stranger, ten_steps

KINDS = ("release", "log", "sealing", "identity")


@pytest.fixture
def plant(tmp_path):
    made = Plant(tmp_path)
    yield made
    made.close()


class Device(threading.Thread):
    """Creates readings one after the other; each must be taken."""

    def __init__(self, plant):
        super().__init__()
        self.plant, self.sealed, self.stop, self.fault = plant, [], False, None

    def run(self):
        try:
            while not self.stop:
                self.plant.device.create("mn/thermo-1/data", 4, "m2m:cin", con="21.5", cnf="text/plain:0").expect(2001)
                newest = self.plant.device.retrieve("mn/thermo-1/data/la").expect(2000)
                self.sealed.append(newest.json["m2m:cin"]["con"])
                time.sleep(0.02)
        except AssertionError as fault:
            self.fault = fault


def test_nothing_fails_while_every_key_changes(plant):
    device = Device(plant)
    pinned = plant.bundle
    device.start()
    try:
        for kind in KINDS + KINDS:
            before = len(device.sealed)
            run([program("oneseal"), "ttp", "rotate", kind, "now", "--state", plant.ttp.state], check=0)
            run([program("oneseal"), "ttp", "rekey", "--state", plant.ttp.state], check=0)
            deadline = time.monotonic() + 20 * SLOW
            while len(device.sealed) < before + 5 and not device.fault:
                assert time.monotonic() < deadline, "the device makes no way"
                time.sleep(0.05)
    finally:
        device.stop = True
        device.join(30 * SLOW)
    assert device.fault is None
    # The gateway has followed: new epochs' letters go to sealing keys that only newer bundles name, and arrive.
    folder, _ = plant.house.profile("heat", HEAT, plant.server, plant.ttp, [BASE + "data"])
    plant.app.bundle = ten_steps.read_bundle(plant.app.session.get(plant.app.url + "/bundle", timeout=30).text)
    assert plant.app.bundle.release != pinned.release
    for con in {jose_stranger.header_of(c)["kid"]: c for c in device.sealed}.values():
        assert plant.key_of(con)
    assert "ttp-call-failed" not in plant.gateway.log_text(), plant.gateway.log_text()
    # oneseal itself, with the bundle of before any change as its pin
    said = run([program("oneseal"), "get", "heat:" + BASE + "data/la", "--open", "--config", folder], check=0)[1]
    assert "21.5" in said
