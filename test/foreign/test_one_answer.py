"""What a TTP says of a letter that does not authenticate: the same, whichever octet is wrong."""
import json

import pytest
from library import b64u, unb64u
from plant.house import SP, TTP_NAME, House
from plant.onem2m import _Named
from witness import release_witness, ten_steps
from witness.ttp_stranger import Party, fresh_kv, wrap

OWNER = SP + "/id-mn"


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    with House(tmp_path_factory.mktemp("answer")) as house:
        ttp = house.ttp()
        with open(ttp.bundle, encoding="ascii") as f:
            bundle = ten_steps.read_bundle(f.read())
        certificate, key = house.certificate("/id-mn")
        party = Party(OWNER, certificate, key, "https://" + ttp.ready["https"], house.authority.path, _Named(TTP_NAME), bundle)
        assert party.register() == "ok"
        yield party
        party.close()


def spoilt(wrapped, part, octet):
    parts = wrapped.split(".")
    octets = bytearray(unb64u(parts[part]))
    octets[octet] ^= 0x40
    parts[part] = b64u(bytes(octets))
    return ".".join(parts)


def answer_to(owner, wrapped, item):
    """(status, type, code and the rest that is not about this one request)"""
    text = owner.sign(dict({"iss": owner.identity, "aud": owner.aud}, **item, jwe=wrapped), "oneseal-letter+jws")
    answer = owner.post("/letter", text)
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("application/jose"):
        body = release_witness.parse_jws(answer.text)[1]
        told = {m: v for m, v in json.loads(body).items() if m not in ("req", "index", "size", "head")}
    else:
        told = answer.json()
    return answer.status_code, kind, json.dumps(told, sort_keys=True)


def test_one_answer_for_every_octet(owner):
    kv = fresh_kv()
    item = owner.item(SP + "/id-mn/mn/x/y", kv, 1, "p")
    good = wrap(kv, owner.bundle.sealing, owner.bundle.sealing_kid)
    seen = {answer_to(owner, spoilt(good, part, octet), item)
            for part, n in ((4, 16), (1, 40), (3, 64), (2, 12)) for octet in range(0, n, 1 if part == 4 else 5)}
    assert len(seen) == 1, seen
    assert '"tampered"' in seen.pop()[2]
    assert answer_to(owner, good, item)[2].find('"ok"') > 0
