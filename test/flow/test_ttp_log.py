"""The TTP's log before strangers: tiles, cosignatures, a TTP as a witness, an older copy of everything."""
import json
import os
import os
import shutil
import sqlite3
import time

import pytest
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from plant.process import program, run
from witness import log_witness, release_witness, ten_steps
from witness.jose_stranger import sid_of
from witness.ttp_stranger import Party, fresh_kv

ORIGIN = TTP_NAME + "/log"


def party_of(house, ttp, name):
    identity = SP + name
    certificate, key = house.certificate(name if name.startswith("/id-") else identity)
    with open(ttp.bundle, encoding="ascii") as f:
        keys = ten_steps.read_bundle(f.read())
    one = Party(identity, certificate, key, "https://" + ttp.ready["https"], house.authority.path, _Named(TTP_NAME), keys)
    assert one.register() == "ok"
    return one


def address(number):
    return "%s/id-mn/mn/dev/%d" % (SP, number)


def fetcher(party):
    party.session.cert = None                     # nobody in particular
    party.session.close()                         # a kept connection would still show the certificate

    def fetch(path):
        answer = party.session.get(party.url + path, timeout=30)
        assert answer.status_code == 200, "%s: %d %s" % (path, answer.status_code, answer.text[:200])
        return answer.content
    return fetch


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with House(tmp_path_factory.mktemp("log")) as house:
        logs = log_witness.Log("other.example/log")
        process = house.ttp(extra=[("witnessed other", {"vkey": logs.vkey})])
        process.house, process.other = house, logs
        yield process


def test_tiles_alone_make_the_tree(place):
    owner, stranger = party_of(place.house, place, "/id-mn"), party_of(place.house, place, "/Sstranger")
    items, kvs = [], []
    for number in range(300):                     # a full tile and a part of the next one
        kv = fresh_kv()
        items.append(owner.item(address(number), kv, 1, "tiles"))
        kvs.append(kv)
    for item, kv in zip(items, kvs):
        assert owner.letter([item], [kv]) == "ok"
    fetch = fetcher(stranger)
    note = fetch("/log/checkpoint").decode()
    size, leaves = log_witness.verify_tiles(fetch, note, stranger.bundle.vkey)
    assert size == len(leaves) > 256
    # What the owner sees of his records are these very leaves.
    page = owner.session.get(owner.url + "/log/entries?start=0&count=256", timeout=30).json()
    mine = [e for e in page["entries"] if "record" in e]
    assert mine and all(release_witness.unb64u(e["leaf"]) == leaves[e["index"]] for e in page["entries"])
    full = stranger.session.get(stranger.url + "/log/tile/0/000", timeout=30)
    assert "immutable" in full.headers["Cache-Control"] and "Oneseal-Nonce" not in full.headers
    assert full.headers["Content-Type"] == "application/octet-stream"
    assert stranger.session.get(stranger.url + "/log/tile/0/000.p/17", timeout=30).content == full.content[:17 * 32]
    for path in ("0/001", "0/x000/001", "1/001", "2/000", "0/001.p/0", "0/001.p/256", "0/1", "8/000", "0/000/",
                 "0/000.p", "0/000.p/7/", "entries/001", "0/001.p/255", "x/000", "0/-01", "", "0/"):
        answer = stranger.session.get(stranger.url + "/log/tile/" + path, timeout=30)
        assert answer.status_code == 404 and answer.json()["do"], path
    assert stranger.session.get(stranger.url + "/log/entries?start=0&count=1", timeout=30).status_code == 403


def test_a_ttp_witnesses_another_log(place):
    asker, log = party_of(place.house, place, "/Sasker"), place.other
    asker.session.cert = None
    asker.session.close()
    vkey = asker.session.get(asker.url + "/witness", timeout=30).text

    def send(old, proof, note, expect):
        answer = asker.session.post(asker.url + "/add-checkpoint", data=log_witness.submission(old, proof, note).encode(),
                                    timeout=30)
        assert answer.status_code == expect, (answer.status_code, answer.text)
        return answer

    log.grow(5)
    good = send(0, [], log.note(), 200).text
    log_witness.verify_cosignature(log.note() + good, vkey)
    assert asker.session.get(asker.url + "/witness?origin=" + log.origin, timeout=30).text == log.note() + good
    log.grow(8)
    answer = send(0, [], log.note(), 409)
    assert answer.text == "5\n" and answer.headers["Content-Type"] == "text/x.tlog.size"
    send(5, [bytes(32)] * len(log.proof(5)), log.note(), 422)
    log_witness.verify_cosignature(log.note() + send(5, log.proof(5), log.note(), 200).text, vkey)
    send(13, [], log.note(), 200)                                    # the same head again
    send(13, [], log.note(root=bytes(32)), 409)                      # two roots of one size
    send(13, [], log.note(size=7), 400)                              # smaller
    send(5, log.proof(5, 7), log.note(size=7), 409)
    foreign = log_witness.Log("nobody.example/log")
    foreign.grow(2)
    send(0, [], foreign.note(), 404)
    forged = log_witness.Log(log.origin)
    forged.grow(20)
    send(13, forged.proof(13), forged.note(), 403)
    for body in ("", "old 1", "old 1\n\n", "old x\n\n" + log.note(), "old 13\n!!\n\n" + log.note(), "\0" * 9000):
        assert asker.session.post(asker.url + "/add-checkpoint", data=body.encode(), timeout=30).status_code == 400
    # It survives a restart, with a leaf for each head.
    place.kill()
    place.start(timeout=20)
    asker.url = "https://" + place.ready["https"]
    log.grow(1)
    assert send(5, log.proof(5), log.note(), 409).text == "13\n"
    send(13, log.proof(13), log.note(), 200)


def with_witness(house, name, needed):
    """A TTP and a stranger's witness of its log; the witness's key stands in the configuration first."""
    witness = log_witness.Witness("witness.example/w", [])
    ttp = house.ttp(name, extra=[("log", {"witnesses-needed": needed}),
                                 ("witness w", {"url": witness.url, "vkey": witness.vkey})], start=False)
    with open(ttp.bundle, encoding="ascii") as f:
        witness.logs[ORIGIN] = ten_steps.read_bundle(f.read()).vkey
    ttp.start()
    return ttp, witness


def test_heads_are_cosigned(tmp_path):
    with House(tmp_path) as house:
        ttp, witness = with_witness(house, "ttp", 1)
        owner, reader = party_of(house, ttp, "/id-mn"), party_of(house, ttp, "/Sreader-1")
        kv = fresh_kv()
        item = owner.item(address(1), kv, 1, "one")
        assert owner.letter([item], [kv]) == "ok" and owner.policy("one", 1, {reader.identity: None}) == "ok"
        sids = {item["kid"]: sid_of(address(1))}
        verdict, keys = reader.release([item["kid"]], sids)
        assert keys
        size, _ = release_witness.verify_checkpoint(verdict["answer"]["head"], reader.bundle.vkey)
        assert witness.wait(ORIGIN, size)
        deadline = time.monotonic() + 10
        while True:                                # the vault verifies it, then the ledger shows it
            note = owner.session.get(owner.url + "/log/cosigned", timeout=30).text
            if release_witness.verify_checkpoint(note, reader.bundle.vkey)[0] >= size or time.monotonic() > deadline:
                break
        assert release_witness.verify_checkpoint(note, reader.bundle.vkey)[0] >= size
        log_witness.verify_cosignature(note, witness.vkey)
        witness.close()


def test_an_older_copy_is_noticed_by_a_witness(tmp_path):
    with House(tmp_path) as house:
        ttp, witness = with_witness(house, "ttp", 1)
        owner, reader = party_of(house, ttp, "/id-mn"), party_of(house, ttp, "/Sreader-1")
        kv = fresh_kv()
        item = owner.item(address(1), kv, 1, "one")
        assert owner.letter([item], [kv]) == "ok" and owner.policy("one", 1, {reader.identity: None}) == "ok"
        sids = {item["kid"]: sid_of(address(1))}
        assert reader.release([item["kid"]], sids)[1]
        ttp.stop()
        shutil.copytree(ttp.state, str(tmp_path / "older"))
        ttp.start(timeout=20)                                 # the control: the same state again is the newest
        for one in (owner, reader):
            one.url = "https://" + ttp.ready["https"]
        wait_release(reader, item, sids)
        assert owner.deny(reader.identity) == "ok"            # the revocation that the older copy would undo
        size, _ = release_witness.verify_checkpoint(
            owner.session.get(owner.url + "/log/checkpoint", timeout=30).text, owner.bundle.vkey)
        assert witness.wait(ORIGIN, size)
        ttp.stop()
        shutil.rmtree(ttp.state)
        shutil.copytree(str(tmp_path / "older"), ttp.state)
        ttp.start(timeout=20)
        reader.url = "https://" + ttp.ready["https"]
        text, _ = reader.request_text([item["kid"]])
        deadline = time.monotonic() + 10
        while True:
            answer = reader.post("/release", text)
            assert answer.status_code == 503 and answer.json()["code"] == "ttp-sealed", answer.text
            if "older copy" in answer.json()["what"] or time.monotonic() > deadline:
                break
        assert "older copy" in answer.json()["what"]
        witness.close()


def wait_release(reader, item, sids, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        text, _ = reader.request_text([item["kid"]])
        answer = reader.post("/release", text)
        if answer.status_code == 200:
            return
        assert time.monotonic() < deadline, answer.text


def test_two_ttps_do_not_write_for_ever(tmp_path):
    """Each witnesses the other; a cosignature is a leaf, but not one that asks for another cosignature."""
    with House(tmp_path / "a") as one, House(tmp_path / "b", one.authority) as two:
        first, second = one.ttp("a"), two.ttp("b")
        houses = ((one, first), (two, second))
        parties = [party_of(h, t, "/id-mn") for h, t in houses]
        vkeys = [p.session.get(p.url + "/witness", timeout=30).text.strip() for p in parties]
        # Both have one name here, so that both logs have one origin: good enough for who signs what.
        for (house, process), (_, other), vkey in zip(houses, houses[::-1], vkeys[::-1]):
            with open(process.conf, "a", encoding="utf-8") as f:
                f.write("[witness other]\nurl = https://%s\nca = %s\nserver-name = %s\nvkey = %s\n"
                        % (other.ready["https"], house.authority.path, TTP_NAME, vkey))
        for (_, process), party in zip(houses, parties[::-1]):
            with open(process.conf, "a", encoding="utf-8") as f:
                f.write("[witnessed other]\nvkey = %s\n" % party.bundle.vkey)
        assert os.path.exists(first.conf)
        for _, process in houses:
            port = process.ready["https"].rpartition(":")[2]
            process.stop()
            with open(process.conf, encoding="utf-8") as f:
                text = f.read().replace("listen = 127.0.0.1:0", "listen = 127.0.0.1:" + port)
            with open(process.conf, "w", encoding="utf-8") as f:
                f.write(text)
        for _, process in houses:
            process.start(timeout=20)
        for (_, process), party in zip(houses, parties):
            party.url = "https://" + process.ready["https"]
        kv = fresh_kv()
        assert parties[0].letter([parties[0].item(address(1), kv, 1, "one")], [kv]) == "ok"

        def sizes():
            return [release_witness.verify_checkpoint(p.session.get(p.url + "/log/checkpoint", timeout=30).text,
                                                      p.bundle.vkey)[0] for p in parties]

        def cosigned(number):
            answer = parties[number].session.get(parties[number].url + "/log/cosigned", timeout=30)
            if answer.status_code != 200:
                return 0
            log_witness.verify_cosignature(answer.text, vkeys[1 - number])
            return release_witness.verify_checkpoint(answer.text, parties[number].bundle.vkey)[0]
        wanted = sizes()[0]
        deadline = time.monotonic() + 20
        while cosigned(0) < wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        assert cosigned(0) >= wanted
        settled = sizes()
        time.sleep(11)                                        # two ticks of the courier
        assert sizes() == settled, json.dumps(settled)


def test_scrub_by_the_operator(tmp_path):
    with House(tmp_path) as house:
        ttp = house.ttp()
        owner = party_of(house, ttp, "/id-mn")
        items = []
        for number in range(3):
            kv = fresh_kv()
            items.append(owner.item(address(number), kv, 1, "one"))
            assert owner.letter([items[-1]], [kv]) == "ok"

        def scrub():
            _, done, _ = run([program("oneseal"), "ttp", "scrub", "--state", ttp.state, "--json"], check=0)
            return json.loads(done)
        answer = scrub()
        assert answer["faults"] == 0 and answer["rows"] == 3 and answer["leaves"] >= 4, answer
        with sqlite3.connect(os.path.join(ttp.state, "ledger.db"), timeout=10) as db:
            db.execute("DELETE FROM registration WHERE kid_key=?", (items[1]["kid"].upper().replace(
                TTP_NAME.upper(), TTP_NAME),))
            assert db.total_changes == 1
        db.close()
        answer = scrub()
        assert [f["object"] for f in answer["found"]] == [items[1]["kid"]], answer
        assert owner.letter([items[2]], [kv]) == "ok"          # what is whole is served on
