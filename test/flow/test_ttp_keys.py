"""Keys that a real TTP makes, asked for by a stranger: Key Values, strict pairs, their activation."""
import random
import time

import pytest
from plant.house import SP, TTP_NAME
from plant.onem2m import _Named
from witness import key_stranger, ten_steps
from witness.jose_stranger import public_of, sid_of
from witness.ttp_stranger import Party
from witness.vault_model import VaultModel


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    from plant.house import House
    with House(tmp_path_factory.mktemp("keys")) as house:
        process = house.ttp()
        process.house = house
        with open(process.bundle, encoding="ascii") as f:
            process.keys = ten_steps.read_bundle(f.read())
        yield process


@pytest.fixture(scope="module")
def party(ttp):
    made = {}

    def make(name):
        identity = SP + name
        if identity not in made:
            certificate, key = ttp.house.certificate(identity)
            made[identity] = Party(identity, certificate, key, "https://" + ttp.ready["https"],
                                   ttp.house.authority.path, _Named(TTP_NAME), ttp.keys)
            assert made[identity].register() == "ok"
        return made[identity]
    yield make
    for one in made.values():
        one.close()


def address(number):
    return "%s/id-mn/mn/dev/%d" % (SP, number)


def test_a_key_that_the_vault_made(party):
    writer, reader, other = party("/Sdev-1"), party("/Sreader-1"), party("/Sreader-2")
    assert writer.policy("made", 1, {reader.identity: None}) == "ok"
    kid, kv = key_stranger.ask_key(writer, address(1), 1, "made")
    sids = {kid: sid_of(address(1))}
    verdict, keys = reader.release([kid], sids)
    assert keys == {kid: kv}
    assert verdict["answer"]["cr"][kid] == writer.identity and verdict["answer"]["wk"][kid] == writer.thumbprint
    assert other.release([kid], sids)[0]["denied"] == {kid: "refused"}
    # A key is registered under the next epoch, and as by letter it is known from then on.
    second, _ = key_stranger.ask_key(writer, address(1), 2, "made")
    assert second != kid


def test_pairs_wait_for_their_activation(party):
    writer, reader, thief = party("/Sdev-1"), party("/Sreader-1"), party("/Sthief-1")
    where = address(2)
    assert writer.policy("strict", 1, {reader.identity: None}) == "ok"
    rows = key_stranger.ask_pairs(writer, where, 3)
    assert len(rows) == 3
    assert key_stranger.ask_pairs(writer, where, 3) == rows                # asking again costs none
    kid = rows[0]["kid"]
    sids = {kid: sid_of(where)}
    assert reader.release([kid], sids)[0]["denied"] == {kid: "no-key-yet"}
    assert thief.acknowledged("/letter", key_stranger.activation(thief, where, 1, "strict", rows[0])) == "refused"
    text = key_stranger.activation(writer, where, 1, "strict", rows[0])
    assert writer.acknowledged("/letter", text) == "ok"
    assert writer.acknowledged("/letter", text) == "ok"                    # safe to send again
    again = key_stranger.activation(writer, where, 2, "strict", rows[0])
    assert writer.acknowledged("/letter", again) == "conflict"
    _, keys = reader.release([kid], sids)
    d = keys[kid]
    assert len(d) == 32 and public_of(d) == rows[0]["jwk"]
    con = key_stranger.seal_strict(rows[0]["jwk"], kid, sid_of(where), 1, 0, b"21.5")
    assert key_stranger.open_strict(con, rows[0]["jwk"], d) == b"21.5"
    left = key_stranger.ask_pairs(writer, where, 3)
    assert [r["kid"] for r in left[:2]] == [r["kid"] for r in rows[1:]] and len(left) == 3
    assert writer.deny(reader.identity, policy="strict") == "ok"
    assert reader.release([kid], sids)[0]["denied"] == {kid: "refused"}


def test_random_lives_of_pairs(party):
    """Two writers ask for pairs of two streams and activate whatever they have heard of; every verdict is the model's."""
    rng, model = random.Random(63), VaultModel()
    writers, reader = [party("/Sdev-3"), party("/Sdev-4")], party("/Sreader-1")
    streams = [address(7), address(8)]
    for writer in writers:
        for name in ("a", "b"):
            assert writer.policy(name, 1, {reader.identity: None}) == model.set_policy(
                writer.identity, name, 1, {reader.identity: None}) == "ok"
    heard, counts = {}, {}
    for _ in range(150):
        writer, where = rng.choice(writers), rng.choice(streams)
        step = rng.choice(("pairs", "activate", "activate", "release")) if heard else "pairs"
        if step == "pairs":
            count = rng.randint(1, 4)
            rows = key_stranger.ask_pairs(writer, where, count)
            assert model.offer(writer.identity, where, count, [r["kid"] for r in rows])
            heard.update({r["kid"]: (r, where) for r in rows})
            continue
        kid, (row, place) = rng.choice(sorted(heard.items(), key=lambda kv: kv[0]))
        if step == "release":
            verdict, _ = reader.release([kid], {kid: sid_of(place)})
            got = "ok" if kid in verdict["released"] else verdict["denied"][kid]
            wanted = model.decide(reader.identity, kid, time.time(), reader.thumbprint)
        else:
            where, ep, policy = rng.choice((place, where)), rng.randint(1, 2), rng.choice(("a", "b"))
            text = key_stranger.activation(writer, where, ep, policy, row)
            got = writer.acknowledged("/letter", text)
            wanted = model.activate(writer.identity, kid, where, ep, (row["kc"], policy), policy)
            if wanted == "ok":                                             # content is all that the letter says
                assert writer.acknowledged("/letter", text) == "ok"
        assert got == wanted, (step, kid)
        counts[got] = counts.get(got, 0) + 1
    assert {"ok", "conflict", "refused", "no-key-yet"} <= counts.keys(), counts


@pytest.mark.parametrize("change", [{"pairs": 0}, {"pairs": 25}, {"pairs": "3"}, {"nonce": "AAAAAAAAAAAAAAAAAAAAAA"},
                                    {"adfq": "ttp.other.example"}, {"aud": "ttp.other.example"}, {"sid": "AAAA"},
                                    {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}])
def test_requests_that_are_refused(party, change):
    writer = party("/Sdev-1")
    answer = writer.post("/key", key_stranger.pairs_text(writer, address(3), 3, **change))
    assert answer.status_code in (400, 403), answer.text
    error = answer.json()
    assert error["code"] and error["what"] and error["do"]


def test_no_more_than_24_wait(party):
    writer = party("/Sdev-1")
    rows = key_stranger.ask_pairs(writer, address(4), 24)
    assert len(rows) == len({r["kid"] for r in rows}) == 24
    assert key_stranger.ask_pairs(writer, address(4), 24) == rows
    assert len(key_stranger.ask_pairs(writer, address(5), 1)) == 1          # each stream has its own


def test_pairs_survive_a_restart(ttp, party):
    writer, reader = party("/Sdev-2"), party("/Sreader-1")
    where = address(6)
    rows = key_stranger.ask_pairs(writer, where, 2)
    assert writer.policy("kept", 1, {reader.identity: None}) == "ok"
    ttp.stop()
    ttp.start()
    for one in (writer, reader):
        one.url = "https://" + ttp.ready["https"]
    assert key_stranger.ask_pairs(writer, where, 2) == rows
    text = key_stranger.activation(writer, where, 1, "kept", rows[1])
    assert writer.acknowledged("/letter", text) == "ok"
    _, keys = reader.release([rows[1]["kid"]], {rows[1]["kid"]: sid_of(where)})
    assert public_of(keys[rows[1]["kid"]]) == rows[1]["jwk"]
