"""Sealed and unsealed: what the TTP does without its keys, and every way of giving them to it."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
import requests
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import SLOW, children, program
from witness import ten_steps
from witness.ttp_stranger import Party

PASS = b"correct horse battery staple\n"


@pytest.fixture
def house(tmp_path):
    with House(tmp_path / "house") as one:
        yield one


def say(ttp, *words, stdin=None):
    done = subprocess.run([program("oneseal"), "ttp", *words, "--state", ttp.state, "--json"], capture_output=True,
                          check=False, timeout=60 * SLOW, input=stdin)
    return done.returncode, json.loads(done.stdout if done.returncode == 0 else done.stderr)


def unseal(ttp, secret):
    return say(ttp, "unseal", "--secret-file", "-", stdin=secret)


def rooms(ttp):
    found = {}
    for words, pid in children(ttp.pid).items():
        match = re.search(r"--room=(\w+)", words)
        if match:
            found[match.group(1)] = pid
    return found


def wait_for(what, seconds=15.0):
    deadline = time.monotonic() + seconds * SLOW
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def party(house, ttp, name="/Sreader-1", register=True):
    identity = SP + name
    certificate, key = house.certificate(identity)
    with open(ttp.bundle, encoding="ascii") as f:
        bundle = ten_steps.read_bundle(f.read())
    one = Party(identity, certificate, key, "https://" + ttp.ready["https"], house.authority.path, _Named(TTP_NAME),
                bundle)
    if register:
        assert one.register() == "ok"
    return one


def asked(one, path="/nonce", method="GET"):
    """(status, JSON) of a plain request; a front that is just starting again is waited for."""
    deadline = time.monotonic() + 10 * SLOW
    while True:
        try:
            answer = one.session.request(method, one.url + path, timeout=5 * SLOW)
            return answer.status_code, answer
        except requests.exceptions.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def attended(house, **more):
    return house.ttp(custody=dict({"kind": "passphrase"}, **more), secret=PASS)


def test_a_passphrase_that_only_the_operator_has(house):
    ttp = attended(house)
    assert say(ttp, "status")[1]["state"] == "sealed"
    assert sorted(rooms(ttp)) == ["front", "ledger"]
    one = party(house, ttp, register=False)
    for path, method in (("/nonce", "GET"), ("/bundle", "GET"), ("/release", "POST"), ("/letter", "POST"), ("/poll", "POST")):
        began = time.monotonic()
        status, answer = asked(one, path, method)
        assert status == 503 and answer.json()["code"] == "ttp-sealed", answer.text
        assert time.monotonic() - began < 3 * SLOW                 # at once, never a hang
    code, answer = unseal(ttp, b"wrong horse battery staple\n")
    assert code == 4 and "does not open" in answer["error"]["what"], answer
    assert say(ttp, "status")[1]["state"] == "sealed"
    code, answer = unseal(ttp, b"short\n")
    assert code == 4, answer
    code, answer = unseal(ttp, PASS)
    assert code == 0 and answer["state"] == "open", answer
    assert sorted(rooms(ttp)) == ["front", "ledger", "vault"]
    assert party(house, ttp) is not None
    assert PASS.strip().decode() not in ttp.log_text()


def test_seal_and_unseal(house):
    ttp = attended(house)
    unseal(ttp, PASS)
    one = party(house, ttp)
    size = say(ttp, "status")[1]["size"]
    assert asked(one, "/log/checkpoint")[0] == 200
    code, answer = say(ttp, "seal")
    assert code == 0 and answer["state"] == "sealed", answer
    assert sorted(rooms(ttp)) == ["front", "ledger"]
    assert asked(one)[1].json()["code"] == "ttp-sealed"
    status, checkpoint = asked(one, "/log/checkpoint")              # the log may still be read
    assert status == 200 and checkpoint.text.splitlines()[0] == TTP_NAME + "/log"
    assert say(ttp, "storage")[1]["leaves"] == size + 1             # the seal itself has its leaf
    for words in (("note", "x"), ("seal",), ("quarantine", "x")):
        code, answer = say(ttp, *words)
        assert code == 8 and answer["error"]["code"] == "ttp-sealed"
    assert unseal(ttp, PASS)[0] == 0
    assert asked(one)[0] == 200 and say(ttp, "status")[1]["size"] == size + 1
    assert unseal(ttp, PASS)[0] == 5                                # it is open


def test_start_sealed_where_nobody_has_to_type(house):
    folder = os.path.join(house.folder, "ttp")
    ttp = house.ttp(custody={"passphrase-file": folder + "/passphrase", "start": "sealed"})
    assert say(ttp, "status")[1]["state"] == "sealed"
    assert say(ttp, "unseal")[1]["state"] == "open"
    party(house, ttp)


def test_a_vault_that_dies_leaves_a_sealed_house(house):
    ttp = attended(house)
    unseal(ttp, PASS)
    one = party(house, ttp)
    os.kill(rooms(ttp)["vault"], signal.SIGKILL)
    wait_for(lambda: say(ttp, "status")[1].get("state") == "sealed")
    assert asked(one)[1].json()["code"] == "ttp-sealed"
    assert unseal(ttp, PASS)[0] == 0 and asked(one)[0] == 200
    ttp.stop()                                                      # and the next start is sealed, too
    ttp.start()
    assert say(ttp, "status")[1]["state"] == "sealed"
    assert unseal(ttp, PASS)[0] == 0


def test_a_credential_of_the_service_manager(house, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "root").write_bytes(os.urandom(32))
    env = {"CREDENTIALS_DIRECTORY": str(credentials)}
    ttp = house.ttp(custody={"kind": "credential", "credential": "root"}, env=env)
    party(house, ttp)
    ttp.stop()
    (credentials / "root").write_bytes(os.urandom(32))
    child = subprocess.run([program("oneseal-ttp"), "-c", ttp.conf], capture_output=True, check=False,
                           env=dict(os.environ, **env), timeout=30 * SLOW)
    assert child.returncode == 1 and b"does not open the keys" in child.stderr
    (credentials / "root").write_bytes(b"too short")
    child = subprocess.run([program("oneseal-ttp"), "-c", ttp.conf], capture_output=True, check=False,
                           env=dict(os.environ, **env), timeout=30 * SLOW)
    assert child.returncode == 1 and b"32 to 4095" in child.stderr


def shares(house, needed=3, n=5, name="ttp"):
    """(TTP that is started sealed, its shares)"""
    out, into = os.pipe()
    ttp = house.ttp(name, custody={"kind": "shares", "shares": n, "shares-needed": needed}, secret_fd=into)
    os.close(into)
    with os.fdopen(out, "rb") as f:
        lines = f.read().splitlines(keepends=True)
    assert len(lines) == n
    return ttp, lines


def test_three_of_five_shares(house):
    ttp, lines = shares(house)
    assert len({line.split(b"-")[5] for line in lines}) == 5        # Y: all different
    assert say(ttp, "status")[1]["state"] == "sealed"
    code, answer = unseal(ttp, lines[4])
    assert code == 0 and answer["state"] == "sealed" and (answer["shares"], answer["needed"]) == (1, 3), answer
    wrong = bytearray(lines[1])
    wrong[-2:-1] = b"0" if wrong[-2:-1] != b"0" else b"1"
    forged = lines[1].split(b"-")
    for share, words in ((lines[4], "share 5 was given already"), (bytes(wrong), "no share"), (b"hello\n", "no share"),
                         (b"-".join(forged[:-1]) + b"-00000000\n", "no share")):
        code, answer = unseal(ttp, share)
        assert code == 4 and words in answer["error"]["what"], (share, answer)
    other, foreign = shares(house, name="other")
    code, answer = unseal(ttp, foreign[1])
    assert code == 4 and "share 2 belongs to another sharing" in answer["error"]["what"], answer
    assert unseal(ttp, lines[1].upper().replace(b"ONESEAL-SHARE", b"oneseal-share"))[1]["shares"] == 2
    code, answer = unseal(ttp, lines[2])
    assert code == 0 and answer["state"] == "open", answer
    party(house, ttp)
    ttp.stop()
    for share in lines:
        assert share.strip().decode() not in ttp.log_text()
    ttp.start()
    for share in (lines[0], lines[3], lines[1]):
        assert unseal(ttp, share)[0] == 0
    assert say(ttp, "status")[1]["state"] == "open"


def test_fewer_shares_than_needed_open_nothing(house):
    ttp, lines = shares(house, 2, 3)
    unseal(ttp, lines[0])
    for _ in range(3):
        assert unseal(ttp, lines[0])[0] == 4
    assert sorted(rooms(ttp)) == ["front", "ledger", "unsealer"] and say(ttp, "status")[1]["state"] == "sealed"
    assert unseal(ttp, lines[2])[1]["state"] == "open"


class Tpm:
    """swtpm behind a UNIX socket; its state in `folder`, so that it can be switched off and on."""

    def __init__(self, folder):
        self.folder, self.path, self.child = folder, str(folder / "socket"), None
        folder.mkdir()
        self.on()

    def on(self):
        self.child = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", "dir=%s" % self.folder, "--server",
                                       "type=unixio,path=" + self.path, "--flags", "not-need-init,startup-clear"])
        wait_for(lambda: os.path.exists(self.path))

    def off(self):
        self.child.terminate()
        self.child.wait()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def extend(self, pcr):
        """TPM2_PCR_Extend with 32 octets 0x42, as a machine does that starts something else."""
        body = pcr.to_bytes(4, "big") + bytes.fromhex("00000009400000090000000000" "00000001" "000b") + b"\x42" * 32
        command = b"\x80\x02" + (10 + len(body)).to_bytes(4, "big") + b"\x00\x00\x01\x82" + body
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10 * SLOW)
            s.connect(self.path)
            s.sendall(command)
            assert s.recv(4096)[6:10] == bytes(4)


@pytest.fixture
def tpm(tmp_path):
    if not shutil.which("swtpm"):
        pytest.skip("SWTPM IS MISSING: nobody tried custody by a TPM; ./dev setup installs it")
    one = Tpm(tmp_path / "tpm")
    yield one
    one.off()


def refuses(ttp, env=None):
    """Starts it; what it says when it ends with 1."""
    child = subprocess.run([program("oneseal-ttp"), "-c", ttp.conf], capture_output=True, check=False,
                           timeout=60 * SLOW, env=dict(os.environ, **(env or {})))
    assert child.returncode == 1, child
    return child.stderr.decode()


def test_a_tpm_opens_what_it_sealed_when_the_machine_started_as_then(house, tpm, tmp_path):
    ttp = house.ttp(custody={"kind": "tpm2", "tpm": tpm.path, "tpm-pcrs": "7,16"})
    party(house, ttp)
    assert say(ttp, "status")[1]["custody"] == "tpm2"
    os.kill(rooms(ttp)["vault"], signal.SIGKILL)                    # nobody has to type anything
    wait_for(lambda: say(ttp, "status")[1].get("state") == "open")
    assert say(ttp, "seal")[0] == 0 and say(ttp, "unseal")[1]["state"] == "open"
    ttp.stop()
    tpm.extend(16)
    assert "did not start as when" in refuses(ttp)
    tpm.off()
    tpm.on()                                                        # PCRs are as at the start again
    ttp.start()
    party(house, ttp)
    ttp.stop()
    other = Tpm(tmp_path / "other")                                 # the disk on another machine
    with open(ttp.conf, encoding="utf-8") as f:
        text = f.read()
    with open(ttp.conf, "w", encoding="utf-8") as f:
        f.write(text.replace(tpm.path, other.path))
    try:
        assert "not the TPM that sealed" in refuses(ttp)
    finally:
        other.off()


def test_the_disk_on_another_machine_opens_nothing(house):
    ttp = house.ttp()
    ttp.stop()
    path = os.path.join(ttp.state, "xk")
    with open(path, "rb") as f:
        right = f.read()
    with open(path, "wb") as f:
        f.write(os.urandom(32))                                     # a backup has no XK
    assert "does not open the keys" in refuses(ttp)
    with open(path, "wb") as f:
        f.write(right)
    ttp.start()
    assert say(ttp, "status")[1]["state"] == "open"


def conf_of(house, name, **custody):
    """A TTP that is not made yet, and its configuration."""
    ttp = house.ttp(name, start=False)
    shutil.rmtree(ttp.state)
    with open(ttp.conf, encoding="utf-8") as f:
        text = f.read()
    section = "[custody]\n" + "".join("%s=%s\n" % (key.replace("_", "-"), value) for key, value in custody.items())
    with open(ttp.conf, "w", encoding="utf-8") as f:
        f.write(re.sub(r"\[custody\]\n[^\[]*", section, text))
    return ttp


def test_the_operator_makes_a_ttp(house, tmp_path):
    ttp = conf_of(house, "typed", kind="passphrase")
    init = [program("oneseal"), "ttp", "init", "--config", ttp.conf, "--bundle-out", ttp.bundle]
    assert subprocess.run(init + ["--secret-file", "-"], input=PASS, check=False, timeout=60 * SLOW).returncode == 0
    ttp.start()
    assert unseal(ttp, PASS)[1]["state"] == "open"
    again = subprocess.run(init + ["--secret-file", "-"], input=PASS, check=False, timeout=60 * SLOW)
    assert again.returncode == 9                                    # there is one already
    shared = conf_of(house, "shared", kind="shares", shares=3, shares_needed=2)
    init = [program("oneseal"), "ttp", "init", "--config", shared.conf, "--bundle-out", shared.bundle]
    assert subprocess.run(init, check=False, timeout=60 * SLOW).returncode == 2
    folder = tmp_path / "shares"
    folder.mkdir()
    assert subprocess.run(init + ["--shares-out", str(folder)], check=False, timeout=60 * SLOW).returncode == 0
    assert sorted(os.listdir(folder)) == ["share-1", "share-2", "share-3"]
    assert os.stat(folder / "share-2").st_mode & 0o777 == 0o600
    shared.start()
    for name in ("share-3", "share-1"):
        assert unseal(shared, (folder / name).read_bytes())[0] == 0
    assert say(shared, "status")[1]["state"] == "open"
