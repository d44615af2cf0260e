"""The TTP's rooms as processes: what each has and has not, and what is left when one is killed."""
import base64
import fcntl
import hashlib
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest
import requests
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import SLOW, children, program, run
from witness import release_witness, ten_steps
from witness.jose_stranger import b64u, sid_of
from witness.ttp_stranger import Party, fresh_kv

ROOMS = ("front", "ledger", "vault")


def rooms(ttp):
    found = {}
    for words, pid in children(ttp.pid).items():
        match = re.search(r"--room=(\w+)", words)
        if match:
            found[match.group(1)] = pid
    return found


def wait_for(what, seconds=15.0):
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def status(pid, field):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return re.search(r"^%s:\s*(\S+)" % field, f.read(), re.M).group(1)


def filters(pid):
    """How many seccomp filters a process lives under."""
    return int(status(pid, "Seccomp_filters"))


def descriptors(pid):
    found = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            pass
    return found


def flags(pid, fd):
    with open("/proc/%d/fdinfo/%d" % (pid, fd), encoding="ascii") as f:
        return int(re.search(r"^flags:\s*(\d+)", f.read(), re.M).group(1), 8)


def party(house, ttp, name, register=True):
    identity = SP + name
    certificate, key = house.certificate(name if name.startswith("/id-") else identity)
    with open(ttp.bundle, encoding="ascii") as f:
        bundle = ten_steps.read_bundle(f.read())
    one = Party(identity, certificate, key, "https://" + ttp.ready["https"], house.authority.path, _Named(TTP_NAME),
                bundle)
    if register:
        assert stubborn(one.register) == "ok"
    return one


def stubborn(what, *args, seconds=20.0):
    """Asks until there is an answer: a room may just be starting again."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        try:
            return what(*args)
        except requests.exceptions.ConnectionError:
            assert time.monotonic() < deadline, "no answer any more"
            time.sleep(0.05)


@pytest.fixture
def house(tmp_path):
    with House(tmp_path / "house") as one:
        yield one


def test_each_room_has_what_it_needs_and_no_more(house):
    ttp = house.ttp()
    found = rooms(ttp)
    assert sorted(found) == sorted(ROOMS)                    # the unsealer has gone
    for pid in (ttp.pid, *found.values()):
        assert status(pid, "Seccomp") == "2"
        assert status(pid, "NoNewPrivs") == "1"
    # The control: whoever started the parent lives under none of them, and each room has one of its own on top.
    outside = filters(os.getpid())
    assert filters(ttp.pid) == outside + 1
    assert [filters(pid) for pid in found.values()] == [outside + 2] * len(found)
    vault, ledger, front = (descriptors(found[r]) for r in ("vault", "ledger", "front"))
    null_or_log = ("/dev/null", ttp.log)
    assert sorted(n for n, to in vault.items() if to not in null_or_log) == [3, 4, 5]
    assert all(vault[n].startswith("socket:") for n in (3, 4))
    # The pipe through which a root comes: the vault reads it, the parent keeps the end for writing, nobody else has any.
    assert vault[5].startswith("pipe:")
    for pid, way in ((found["vault"], os.O_RDONLY), (ttp.pid, os.O_WRONLY)):
        fds = [n for n, to in descriptors(pid).items() if to == vault[5]]
        assert [flags(pid, n) & os.O_ACCMODE for n in fds] == [way], (pid, fds)
    assert vault[5] not in [*ledger.values(), *front.values()]
    front_ends = {to for to in front.values() if to.startswith("socket:")}
    assert not front_ends & {to for to in vault.values()}    # no way from the front to the vault
    assert not [to for to in front.values() if to.startswith("/") and to not in null_or_log]
    assert any(to.endswith("ledger.db") for to in ledger.values())
    tcp = socket_inodes("/proc/%d/net/tcp" % found["front"])
    assert tcp & inodes(front) and not tcp & inodes(ledger) and not tcp & inodes(vault)
    for room, pid in found.items():                          # names of the rooms, never a secret, in the arguments
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            assert f.read().split(b"\0")[1:-1] == [b"--room=" + room.encode()]


def unsealer(ttp, passphrase, custody):
    """The unsealer alone, as the parent starts it; the passphrase is a pipe, so that it waits. (process, pipe, root)"""
    pass_out, pass_in = os.pipe()
    root_out, root_in = os.pipe()
    ends = [pass_out, os.open(custody, os.O_RDONLY), os.open(os.path.join(ttp.state, "xk"), os.O_RDONLY), root_in,
            os.open("/dev/null", os.O_RDWR), os.open("/dev/null", os.O_RDWR)]
    # From 20 on, so that no end is overwritten before it is moved.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in ends]
    words = "exec \"$0\" --room=unsealer 3<&%d 4<&%d 5<&%d 6>&%d 7>&%d 8>&%d" % tuple(high)
    child = subprocess.Popen(["bash", "-c", words, program("oneseal-ttp")], pass_fds=high, stderr=subprocess.PIPE)
    for fd in ends + high:
        os.close(fd)
    os.write(pass_in, passphrase[:3])
    return child, pass_in, root_out


def test_the_unsealer_reads_no_secret_before_it_is_confined(house, tmp_path):
    ttp = house.ttp(start=False)
    house.processes.remove(ttp)
    with open(os.path.join(os.path.dirname(ttp.state), "passphrase"), "rb") as f:
        passphrase = f.read()
    with open(os.path.join(ttp.state, "custody"), encoding="ascii") as f:
        text = f.read()
    lanes, broken = tmp_path / "lanes", tmp_path / "broken"
    lanes.write_text(text.replace(" p=1 ", " p=4 "), encoding="ascii")         # lanes are no threads here
    broken.write_text(text.replace(" m=", " w="), encoding="ascii")
    roots = []
    for custody, octets, code in ((os.path.join(ttp.state, "custody"), 32, 0), (lanes, 32, 0), (broken, 0, 1)):
        child, pipe, root = unsealer(ttp, passphrase, custody)
        wait_for(lambda: status(child.pid, "Seccomp_filters") == str(filters(os.getpid()) + 1))
        assert status(child.pid, "Seccomp") == "2"
        assert not select.select([root], [], [], 0)[0]
        os.write(pipe, passphrase[3:])
        os.close(pipe)
        said = child.communicate(timeout=30 * SLOW)[1].decode()
        assert child.returncode == code, said
        assert ("cannot make the root key" in said) == (code != 0), said
        roots.append(os.read(root, 100))
        os.close(root)
        assert len(roots[-1]) == octets
    assert roots[0] != roots[1]


def test_rooms_that_were_stopped_go_on(house):
    """A machine that slept, a debugger: the kernel restarts the wait by a system call of its own."""
    ttp = house.ttp()
    reader = party(house, ttp, "/Sreader-1")
    before = rooms(ttp)
    for pid in (*before.values(), ttp.pid):
        wait_for(lambda: status(pid, "State") == "S")
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: status(pid, "State") == "T")
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: status(pid, "State") == "S")
        stubborn(reader.fresh_nonce)
    assert rooms(ttp) == before and "room-ended" not in ttp.log_text()


def test_the_service_manager_is_told_without_a_new_socket(house, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10 * SLOW)
        ttp = house.ttp(env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
        assert "notify-failed" not in ttp.log_text()


def inodes(links):
    return {re.search(r"\d+", to).group() for to in links.values() if to.startswith("socket:[")}


def socket_inodes(path):
    with open(path, encoding="ascii") as f:
        return {line.split()[9] for line in list(f)[1:]}


@pytest.mark.skipif(os.geteuid() != 0, reason="root may look at everybody's limits")
def test_rooms_leave_no_core(house):
    ttp = house.ttp()
    for pid in rooms(ttp).values():
        with open("/proc/%d/limits" % pid, encoding="ascii") as f:
            assert re.search(r"Max core file size\s+0\s+0", f.read())


def test_it_ends_in_time(house):
    ttp = house.ttp()
    pids = rooms(ttp).values()
    begin = time.monotonic()
    assert ttp.stop() == 0
    assert time.monotonic() - begin < 2 * SLOW
    assert not [pid for pid in pids if os.path.exists("/proc/%d" % pid)]


class Writer(threading.Thread):
    """Registers epochs and remembers those that were acknowledged."""

    def __init__(self, owner, first):
        super().__init__()
        self.owner, self.first, self.kept, self.stop = owner, first, {}, False

    def run(self):
        number = self.first
        while not self.stop:
            kv, where = fresh_kv(), "%s/id-mn/mn/dev/%d" % (SP, number)
            item = self.owner.item(where, kv, 1, "kill")
            text = self.owner.letter_text([item], [kv])
            try:
                if stubborn(self.owner.acknowledged, "/letter", text) == "ok":
                    self.kept[item["kid"]] = (kv, sid_of(where))
                    number += 1
            except (AssertionError, KeyError, ValueError):
                self.stop = True
                raise


def check_everything(reader, denied, writers):
    """All that was acknowledged is there; nothing that was revoked is."""
    kept = {}
    for writer in writers:
        kept.update(writer.kept)
    kids = list(kept)
    for at in range(0, len(kids), 256):
        piece = kids[at:at + 256]
        verdict, keys = stubborn(reader.release, piece, {k: kept[k][1] for k in piece})
        assert keys == {k: kept[k][0] for k in piece}, verdict["denied"]
        verdict, keys = stubborn(denied.release, piece, {k: kept[k][1] for k in piece})
        assert not keys and set(verdict["denied"].values()) == {"refused"}
    return len(kids)


@pytest.mark.parametrize("victim", ROOMS)
def test_a_killed_room_costs_nothing_acknowledged(house, victim):
    ttp = house.ttp()
    owner, reader, denied = (party(house, ttp, n) for n in ("/id-mn", "/Sreader-1", "/Sdenied-1"))
    assert owner.policy("kill", 1, {reader.identity: None, denied.identity: None}) == "ok"
    assert owner.deny(denied.identity) == "ok"
    writers = [Writer(party(house, ttp, "/id-mn", register=False), 1000 * i) for i in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(4):
            before = rooms(ttp)
            wait_for(lambda: sum(len(w.kept) for w in writers) > 3)
            os.kill(before[victim], signal.SIGKILL)
            # All rooms are new ones: messages under way had lost an owner.
            wait_for(lambda: set(rooms(ttp)) >= set(ROOMS) and not set(rooms(ttp).values()) & set(before.values()))
            stubborn(reader.fresh_nonce)
    finally:
        for writer in writers:
            writer.stop = True
        for writer in writers:
            writer.join(30 * SLOW)
    assert check_everything(reader, denied, writers) >= 4
    assert "room-ended" in ttp.log_text() and "rooms-restart" in ttp.log_text()


def test_a_killed_unsealer_is_run_again(house):
    ttp = house.ttp()
    reader = party(house, ttp, "/Sreader-1")
    caught = 0
    for _ in range(5):
        os.kill(rooms(ttp)["vault"], signal.SIGKILL)
        deadline = time.monotonic() + 5 * SLOW
        while time.monotonic() < deadline:
            pid = rooms(ttp).get("unsealer")
            if pid:
                os.kill(pid, signal.SIGKILL)
                caught += 1
                break
        stubborn(reader.fresh_nonce)
    assert caught > 0 and ttp.running()
    assert "room=unsealer signal=9" in ttp.log_text()


def test_a_killed_parent_takes_its_rooms_along_and_loses_nothing(house):
    ttp = house.ttp()
    owner, reader, denied = (party(house, ttp, n) for n in ("/id-mn", "/Sreader-1", "/Sdenied-1"))
    assert owner.policy("kill", 1, {reader.identity: None, denied.identity: None}) == "ok"
    assert owner.deny(denied.identity) == "ok"
    writer = Writer(owner, 1000)
    writer.start()
    kept = None
    try:
        for _ in range(3):
            wait_for(lambda: len(writer.kept) > 3)
            old = rooms(ttp)
            kid = next(iter(writer.kept))
            verdict, _ = stubborn(reader.release, [kid], {kid: writer.kept[kid][1]}, kept)   # proves consistency
            size, root = release_witness.verify_checkpoint(verdict["answer"]["head"], reader.bundle.vkey)
            kept = {"size": size, "root": b64u(root)}
            ttp.kill()
            wait_for(lambda: not [p for p in old.values() if os.path.exists("/proc/%d" % p)])
            port = int(ttp.ready["https"].rpartition(":")[2])
            with open(ttp.conf, encoding="utf-8") as f:
                text = re.sub(r"listen = .*", "listen = 127.0.0.1:%d" % port, f.read())
            with open(ttp.conf, "w", encoding="utf-8") as f:
                f.write(text)
            ttp.start()
    finally:
        writer.stop = True
        writer.join(30 * SLOW)
    assert check_everything(reader, denied, [writer]) >= 4
    assert "cold-start" in ttp.log_text()                    # said aloud: rollback while off is not detected


def test_yesterdays_ledger_under_a_living_parent_is_refused(house):
    ttp = house.ttp()
    owner, reader = party(house, ttp, "/id-mn"), party(house, ttp, "/Sreader-1")
    kv, where = fresh_kv(), SP + "/id-mn/mn/dev/1"
    item = owner.item(where, kv, 1, "roll")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("roll", 1, {reader.identity: None}) == "ok"
    assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1]
    yesterday = os.path.join(house.folder, "yesterday.db")
    with sqlite3.connect(os.path.join(ttp.state, "ledger.db")) as db:
        db.execute("VACUUM INTO ?", (yesterday,))
    assert owner.deny(reader.identity) == "ok"
    os.kill(ttp.pid, signal.SIGSTOP)                         # so that no new ledger starts meanwhile
    os.kill(rooms(ttp)["ledger"], signal.SIGKILL)
    for end in ("-wal", "-shm"):
        path = os.path.join(ttp.state, "ledger.db" + end)
        if os.path.exists(path):
            os.remove(path)
    shutil.copy(yesterday, os.path.join(ttp.state, "ledger.db"))
    os.kill(ttp.pid, signal.SIGCONT)
    assert ttp.child.wait(20 * SLOW) == 1
    assert "rolled back" in ttp.log_text()
    house.processes.remove(ttp)


def test_custody(house, tmp_path):
    ttp = house.ttp(start=False)
    house.processes.remove(ttp)
    assert os.stat(os.path.join(ttp.state, "xk")).st_mode & 0o777 == 0o600
    passphrase = os.path.join(os.path.dirname(ttp.state), "passphrase")
    assert os.stat(passphrase).st_mode & 0o777 == 0o600
    command = [program("oneseal-ttp"), "-c", ttp.conf]
    # A new TTP is not made over an old one.
    assert "--init is for a new one" in run(command + ["--init"], check=78)[2]
    os.chmod(passphrase, 0o640)
    refused = run(command, check=78)[2]
    assert "0600" in refused and ttp.conf in refused
    os.chmod(passphrase, 0o600)
    with open(passphrase, "w", encoding="ascii") as f:
        f.write("not the passphrase\n")
    assert "custody" in run(command, check=1)[2]


def test_bad_configurations_are_named(house):
    ttp = house.ttp(start=False)
    house.processes.remove(ttp)
    with open(ttp.conf, encoding="utf-8") as f:
        good = f.read()
    for change, words in (("fqdn", "fqdnn"), ("state = ", "stat = "), ("[custody]", "[costody]"),
                          (re.search(r"anchors = (.*)", good).group(1), "/nowhere/anchors.pem"),
                          (re.search(r"listen = (.*)", good).group(1), "127.0.0.1:99999")):
        with open(ttp.conf, "w", encoding="utf-8") as f:
            f.write(good.replace(change, words, 1) if change != "fqdn" else good.replace("fqdn =", words + " =", 1))
        said = run([program("oneseal-ttp"), "-c", ttp.conf], check=78)[2]
        assert ttp.conf in said, said


def test_anybody_may_check_the_log_and_few_may_read_it(house):
    ttp = house.ttp(extra=[("operator", {"auditors": SP + "/Sauditor"})])
    owner, reader, auditor = (party(house, ttp, n) for n in ("/id-mn", "/Sreader-1", "/Sauditor"))
    kv, where = fresh_kv(), SP + "/id-mn/mn/dev/1"
    item = owner.item(where, kv, 1, "log")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("log", 1, {reader.identity: None}) == "ok"
    for _ in range(300):
        assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1]

    def page(who, start, count):
        return who.session.get(who.url + "/log/entries", params={"start": start, "count": count}, timeout=30).json()

    def unb64(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for who, everything in ((auditor, True), (reader, False)):
        leaves, at, records = [], 0, 0
        while True:
            got = page(who, at, 1000)
            if not got["entries"]:
                break
            for entry in got["entries"]:
                assert entry["index"] == len(leaves)
                leaves.append(unb64(entry["leaf"]))
                if "record" in entry:
                    records += 1
                    salted = hashlib.sha256(unb64(entry["salt"]) + entry["record"].encode()).digest()
                    assert release_witness.leaf_hash(salted) == leaves[-1]
                    assert everything or '"iss":"%s"' % who.identity in entry["record"]
            at = len(leaves)
        size, root = release_witness.verify_checkpoint(got["checkpoint"], who.bundle.vkey)
        assert size == len(leaves) and release_witness.tree_root(leaves) == root
        assert records == size if everything else 300 < records < size
    text = reader.session.get(reader.url + "/log/checkpoint", timeout=30).text
    assert release_witness.verify_checkpoint(text, reader.bundle.vkey)[0] == size
    proof = reader.session.get(reader.url + "/log/consistency", params={"from": 7, "to": size}, timeout=30).json()
    release_witness.verify_consistency(7, release_witness.tree_root(leaves[:7]), size, root,
                                       [unb64(p) for p in proof["proof"]])
    for bad in ("/log/entries", "/log/entries?start=x&count=1", "/log/consistency?from=0&to=1"):
        answer = reader.session.get(reader.url + bad, timeout=30)
        assert answer.status_code in (400, 404) and answer.json()["do"]
    with requests.Session() as naked:                        # without a certificate
        naked.verify, naked.trust_env = house.authority.path, False
        naked.mount("https://", _Named(TTP_NAME))
        assert naked.get(reader.url + "/log/checkpoint", timeout=30).status_code == 200    # decision 080
        answer = naked.get(reader.url + "/log/entries?start=0&count=1", timeout=30)
        assert answer.status_code == 403 and answer.headers["Oneseal-Nonce"]
        assert naked.get(reader.url + "/bundle", timeout=30).status_code == 200


def test_the_onem2m_face(house):
    ttp = house.ttp()
    owner, reader, other = (party(house, ttp, n, register=n != "/id-mn")
                            for n in ("/id-mn", "/Sreader-1", "/Sother-1"))

    def m2m(who, method, path, body=None, ty=None, origin=None):
        headers = {"X-M2M-Origin": origin or who.identity, "X-M2M-RI": "r-1", "X-M2M-RVI": "3"}
        if ty:
            headers["Content-Type"] = "application/json; ty=%d" % ty
        answer = who.session.request(method, who.url + path, json=body, headers=headers, timeout=30)
        assert answer.headers["X-M2M-RI"] == "r-1" and answer.headers["Oneseal-Nonce"]
        return int(answer.headers["X-M2M-RSC"]), answer
    registration = owner.sign({"iss": owner.identity, "aud": owner.aud, "nonce": owner.fresh_nonce(),
                               "jwk": owner.public}, "oneseal-client+jws", x5c=owner.x5c)
    rsc, answer = m2m(owner, "POST", "/mef", {"sec:mecr": {"et": "20301231T000000", "adfq": TTP_NAME,
                                                          "osl": registration}}, 20004)
    assert rsc == 2001 and answer.status_code == 201 and answer.json()["sec:mecr"]["cr"] == owner.identity
    kv, where = fresh_kv(), SP + "/id-mn/mn/dev/1"
    item = owner.item(where, kv, 1, "m2m")
    letter = owner.letter_text([item], [kv])
    body = {"sec:skr": {"et": "20301231T000000", "adfq": TTP_NAME, "suid": 24, "osl": letter}}
    # a key in clear is not even looked at
    clear = dict(body["sec:skr"], kv=base64.b64encode(kv).decode())
    rsc, answer = m2m(owner, "POST", "/mef", {"sec:skr": clear}, 20006)
    assert rsc == 4102 and clear["kv"] not in answer.text
    rsc, answer = m2m(owner, "POST", "/mef", body, 20006)
    relative = item["kid"].partition("@")[0]
    resource = answer.json()["sec:skr"]
    assert rsc == 2001 and resource["ri"] == relative and resource["suid"] == 24 and resource["pi"] == "mef"
    assert m2m(owner, "POST", "/mef", {"sec:symmKeyReg": dict(body["sec:skr"])}, 20006)[0] == 2001     # the long name
    assert m2m(owner, "POST", "/maf", body, 20004)[0] == 4000
    assert m2m(owner, "POST", "/mef", {"sec:skr": {"suid": 24}}, 20006)[0] == 4000
    assert m2m(reader, "GET", "/mef/" + relative)[0] == 4103                   # no policy yet
    assert owner.policy("m2m", 1, {reader.identity: None}) == "ok"
    for who, path, want in ((owner, "/mef/", 2000), (owner, "/maf/", 2000), (reader, "/mef/", 2000),
                            (other, "/mef/", 4103)):
        rsc, answer = m2m(who, "GET", path + relative)
        assert rsc == want
        assert b64u(kv) not in answer.text and base64.b64encode(kv).decode() not in answer.text
    assert m2m(owner, "GET", "/mef/" + "0" * 32)[0] == 4004
    assert m2m(owner, "PUT", "/mef/" + relative, {"sec:skr": {}}, 20006)[0] == 4000
    assert m2m(other, "GET", "/mef/" + relative, origin=owner.identity)[0] == 4106
    assert m2m(other, "DELETE", "/mef/" + relative)[0] == 4103
    assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1] == {item["kid"]: kv}
    assert m2m(owner, "DELETE", "/mef/" + relative)[0] == 2002
    assert m2m(owner, "GET", "/mef/" + relative)[0] == 4004
    assert reader.release([item["kid"]], {})[0]["denied"] == {item["kid"]: "shredded"}
    assert owner.acknowledged("/letter", letter) == "shredded"


def test_the_operator_denies_for_everybody(house):
    certificate, key = house.certificate(SP + "/Soperator")
    ttp = house.ttp(operator=certificate)
    owner, reader, operator = (party(house, ttp, n, register=n != "/Soperator")
                               for n in ("/id-mn", "/Sreader-1", "/Soperator"))
    kv, where = fresh_kv(), SP + "/id-mn/mn/dev/1"
    item = owner.item(where, kv, 1, "op")
    assert owner.letter([item], [kv]) == "ok" and owner.policy("op", 1, {reader.identity: None}) == "ok"
    assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1]
    assert operator.deny(reader.identity) == "ok"
    assert reader.release([item["kid"]], {})[0]["denied"] == {item["kid"]: "refused"}
    # Its own lift concerns its own policies.
    assert reader.deny(reader.identity, deny=False, number=time.time_ns() // 1000000 + 99) == "ok"
    assert reader.release([item["kid"]], {})[0]["denied"] == {item["kid"]: "refused"}
    assert operator.deny(reader.identity, deny=False, number=time.time_ns() // 1000000 + 99) == "ok"
    assert reader.release([item["kid"]], {item["kid"]: sid_of(where)})[1]
