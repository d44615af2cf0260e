"""What was shredded: gone from the disk, from older backups, and for ever; while XK is replaced, dying costs nothing."""
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest
from plant.house import SP, House
from plant.process import SLOW, program, run
from test_ttp_rooms import party, rooms, stubborn, wait_for
from witness import rest_witness
from witness.jose_stranger import sid_of
from witness.ttp_stranger import fresh_kv


@pytest.fixture
def house(tmp_path):
    with House(tmp_path / "house") as one:
        yield one


def say(ttp, *words, code=0):
    done = subprocess.run([program("oneseal"), "ttp", *words, "--state", ttp.state, "--json"], capture_output=True,
                          check=False, timeout=60 * SLOW)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout or done.stderr)


def content(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


class Plant:
    """A TTP with three keys of two streams, one of which will be destroyed."""

    def __init__(self, house):
        self.house, self.ttp = house, house.ttp()
        self.owner, self.reader = party(house, self.ttp, "/id-mn"), party(house, self.ttp, "/Sreader-1")
        self.folder = os.path.dirname(self.ttp.state)
        self.keys = {}
        for number, name in enumerate(("a", "a", "b")):
            kv, where = fresh_kv(), SP + "/id-mn/mn/dev/" + name
            item = self.owner.item(where, kv, number + 1, "shred")
            assert self.owner.letter([item], [kv]) == "ok"
            self.keys[item["kid"]] = (kv, sid_of(where))
        assert self.owner.policy("shred", 1, {self.reader.identity: None}) == "ok"
        self.gone, *self.left = self.keys

    def release(self, kid):
        """Key Value, or the code of the refusal."""
        verdict, keys = stubborn(self.reader.release, [kid], {kid: self.keys[kid][1]})
        return keys.get(kid) or verdict["denied"][kid]

    def all_but_gone(self):
        assert self.release(self.gone) == "shredded"
        for kid in self.left:
            assert self.release(kid) == self.keys[kid][0]

    def root(self, xk):
        return rest_witness.root(content(self.folder, "passphrase"), content(self.ttp.state, "custody"), xk)

    def backup(self, name):
        """A copy of the database as a careful operator makes it: without XK."""
        path = os.path.join(self.house.folder, name)
        with sqlite3.connect(os.path.join(self.ttp.state, "ledger.db")) as db:
            db.execute("VACUUM INTO ?", (path,))
        return path

    def raw(self):
        """All octets of the database's files."""
        return b"".join(content(self.ttp.state, f) for f in sorted(os.listdir(self.ttp.state))
                        if f.startswith("ledger.db"))

    def sealed(self, kid):
        with sqlite3.connect("file:%s/ledger.db?mode=ro" % self.ttp.state, uri=True) as db:
            return db.execute("SELECT sealed FROM registration WHERE kid=?", (kid,)).fetchone()[0]


def test_a_shred_reaches_disk_and_backups(house):
    one = Plant(house)
    xk = content(one.ttp.state, "xk")
    old, box = one.backup("old.db"), one.sealed(one.gone)
    assert box in one.raw()                                                     # the control of the search
    before = rest_witness.opened(old, one.root(xk))
    assert before == {kid: kv for kid, (kv, _) in one.keys.items()}             # the control of the witness
    assert say(one.ttp, "escrow", "add", "safe", "a", "copy", "on", "paper")["ok"]
    answer = say(one.ttp, "shred", "kid", one.gone)
    assert answer["complete"] > time.time() + 30 * 86400                        # the date is told
    assert [copy["name"] for copy in answer["copies"]] == ["safe"] and answer["rekey"] is False
    wait_for(lambda: "xk-replaced" in one.ttp.log_text())                       # by itself
    wait_for(lambda: box not in one.raw())
    one.all_but_gone()
    today = content(one.ttp.state, "xk")
    assert today != xk and xk not in one.raw() and not os.path.exists(os.path.join(one.ttp.state, "xk.next"))
    assert rest_witness.opened(old, one.root(today)) == {}
    assert one.gone not in rest_witness.opened(one.backup("new.db"), one.root(today))
    assert set(rest_witness.opened(os.path.join(house.folder, "new.db"), one.root(today))) == set(one.left)
    assert rest_witness.opened(os.path.join(house.folder, "new.db"), one.root(xk)) == {}
    one.ttp.stop()
    one.ttp.start()
    one.reader.url = "https://" + one.ttp.ready["https"]
    one.all_but_gone()


def test_an_old_backup_does_not_start_under_todays_xk(house):
    one = Plant(house)
    old, xk = one.backup("old.db"), content(one.ttp.state, "xk")
    say(one.ttp, "shred", "kid", one.gone)
    wait_for(lambda: "xk-replaced" in one.ttp.log_text())
    one.ttp.stop()
    house.processes.remove(one.ttp)
    for end in ("", "-wal", "-shm"):
        path = os.path.join(one.ttp.state, "ledger.db" + end)
        if os.path.exists(path):
            os.remove(path)
    shutil.copy(old, os.path.join(one.ttp.state, "ledger.db"))
    assert "custody" in run([program("oneseal-ttp"), "-c", one.ttp.conf], check=1)[2]
    # The control: with the XK of its day it starts, and the key is there again.
    with open(os.path.join(one.ttp.state, "xk"), "wb") as f:
        f.write(xk)
    house.processes.append(one.ttp)
    one.ttp.start()
    one.reader.url = "https://" + one.ttp.ready["https"]
    assert one.release(one.gone) == one.keys[one.gone][0]


def test_a_rekeying_may_be_killed_anywhere(house):
    one = Plant(house)
    say(one.ttp, "shred", "kid", one.gone)
    wait_for(lambda: "xk-replaced" in one.ttp.log_text())
    chance = random.Random(7)
    seen = set()
    for turn in range(6):
        before = content(one.ttp.state, "xk")
        asker = subprocess.Popen([program("oneseal"), "ttp", "rekey", "--state", one.ttp.state, "--json"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(chance.uniform(0, 0.4))
        victim = ("vault", "ledger", "parent")[turn % 3]
        pid = one.ttp.pid if victim == "parent" else rooms(one.ttp).get(victim)
        if pid:
            os.kill(pid, signal.SIGKILL)
        asker.communicate(timeout=60 * SLOW)
        if victim == "parent":
            one.ttp.child.wait(20 * SLOW)
            one.ttp.start()
            one.reader.url = "https://" + one.ttp.ready["https"]
        one.all_but_gone()
        wait_for(lambda: not os.path.exists(os.path.join(one.ttp.state, "xk.next")))
        seen.add(content(one.ttp.state, "xk") == before)
        assert set(rest_witness.opened(one.backup("t%d.db" % turn), one.root(content(one.ttp.state, "xk")))) == \
            set(one.left)
    assert say(one.ttp, "rekey")["ok"]
    one.all_but_gone()
