"""What is left of a request that came inside an ESPrim Object: nothing in the memory and files of the server that passed it
on, and of the gateway that opened it only what the request itself stores, which here is sealed."""
import json
import os
import time

import pytest
from plant.house import SP, House
from plant.process import SLOW, program, run
from witness import canary, core, ten_steps

WITNESS = os.environ.get("ONESEAL_WITNESS")
pytestmark = pytest.mark.skipif(not WITNESS, reason="no witness build (sanitizers)")
HEAT, KID, DATA = SP + "/Sapp-heat", "pair@demo.example", "/id-mn/mn/thermo-1/data"


class Plant:
    def __init__(self, folder):
        self.house = house = House(folder)
        key = os.path.join(house.folder, "pair.key")
        with open(key, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(os.urandom(32).hex() + "\n")
        self.ttp = house.ttp()
        debug = [("log", {"level": "debug"})]
        self.server = house.cse("server", "in", "/id-in", "in", build=WITNESS, extra=debug)
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, build=WITNESS,
                                 extra=debug + [("esprim " + KID, {"key-file": key, "peer": HEAT})] +
                                 house.sealing(self.ttp, [HEAT], SP + DATA))
        self.profiles, _ = house.profile("heat", HEAT, self.server,
                                         extra=[("esprim " + KID, {"key-file": key, "peer": SP + "/id-mn"})])
        device = house.client(self.gateway, "Cthermo-1")
        device.register("mn", "thermo-1")
        mine = {"acor": ["/id-mn/Cthermo-1"], "acop": 63}
        device.create("mn/thermo-1", 1, "m2m:acp", rn="acp", pvs={"acr": [mine]},
                      pv={"acr": [{"acor": ["/Sapp-heat"], "acop": 63, "acaf": True}, mine]}).expect(2001)
        device.create("mn/thermo-1", 3, "m2m:cnt", rn="data", acpi=["mn/thermo-1/acp"]).expect(2001)
        self.app = house.client(self.server, "Sapp-heat")
        self.app.register("in", "heat")
        deadline = time.monotonic() + 20 * SLOW
        while self.app.retrieve(DATA).rsc != 4103:      # the way is there; in clear the policy says no
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def put(self, to, text):
        return run([program("oneseal"), "put", "heat:" + to, "--esprim", "--json", "--config", self.profiles],
                   stdin=json.dumps(text, ensure_ascii=False) + "\n")

    def image(self, process):
        path = os.path.join(self.house.folder, process.name + ".core")
        core.take(process.pid, path)
        return path


def test_nothing_decrypted_stays(tmp_path):
    plant = Plant(tmp_path)
    try:
        secrets = [canary.make() for _ in range(4)]
        for text in secrets[:3]:
            code, _, said = plant.put(DATA, text)
            assert code == 0, said
        stored = plant.house.client(plant.gateway, "Cthermo-1").retrieve("mn/thermo-1/data/la").root("m2m:cin")["con"]
        assert stored.count(".") == 4                                      # sealed by the gateway
        # an error inside, last: what its memory held would not have been overwritten by chance
        code, _, said = plant.put(DATA + "-none", secrets[3] * 20)
        assert code != 0 and json.loads(said.strip().splitlines()[-1])["error"]["rsc"] == 4004, said
        canary.absent(plant.image(plant.gateway), secrets, stored.split(".")[0])
        canary.absent(plant.image(plant.server), secrets + [DATA[1:].replace("id-mn/", "") + "-none"], "id-mn")
        for process in (plant.server, plant.gateway):
            for path in ten_steps.files_below(process.state) + ten_steps.files_below(process.log):
                with open(path, "rb") as f:
                    octets = f.read()
                own = ten_steps._own_text(path, octets)
                if own:
                    canary.absent_in(octets, secrets, own, path)
    finally:
        plant.house.close()
