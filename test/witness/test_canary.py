"""canary.py finds what it must find, and refuses to say "nothing" without a control."""
import base64
import json

import pytest
from witness import canary


@pytest.mark.parametrize("shift", range(3))
@pytest.mark.parametrize("tail", range(3))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_at_every_alignment(shift, tail, encode):
    for _ in range(20):
        secret = canary.make()
        octets = b"#" * (9 + shift) + secret.encode() + b"!" * tail
        hits = canary.search(b"con: " + encode(octets) + b" end", secret)
        assert any(h.form.startswith("base64") for h in hits)


@pytest.mark.parametrize("encode", [
    lambda s: s.encode(), lambda s: s.encode("utf-16-le"), lambda s: s.encode("utf-16-be"),
    lambda s: s.encode().hex().encode(), lambda s: s.encode().hex().upper().encode(),
    lambda s: json.dumps({"con": s}).encode(),
    lambda s: json.dumps({"con": json.dumps({"note": s})}).encode(),
    lambda s: s.replace("/", "\\/").encode(),
    lambda s: "".join("\\u%04x" % ord(c) for c in s).encode(),
])
def test_every_spelling(encode):
    secret = canary.make()
    assert canary.search(b"\0\1junk" + encode(secret) + b"junk", secret)
    assert not canary.search(b"\0\1junk" + encode(canary.make()) + b"junk", secret)


def test_keys_of_octets():
    key = bytes(range(7, 71))
    assert canary.search(b"x" * 5 + base64.urlsafe_b64encode(b"ab" + key), key)
    assert canary.search(key.hex().encode(), key)
    assert not canary.search(key[:-1] + b"\0", key)
    with pytest.raises(ValueError):
        canary.forms("short")


def test_absent_wants_its_control(tmp_path):
    secret, path = canary.make(), str(tmp_path / "db")
    with open(path, "wb") as f:
        f.write(b"x" * 100000 + b"eyJhbGciOiJkaXIi" + b"y" * 10)
    assert canary.absent(path, [secret], "eyJhbGciOiJkaXIi") == 100026
    with pytest.raises(canary.NoControl):
        canary.absent(path, [secret], "not there")
    with open(path, "ab") as f:
        f.write(base64.b64encode(b"z" + secret.encode()))
    with pytest.raises(canary.Leak):
        canary.absent(path, [secret], "eyJhbGciOiJkaXIi")
    assert canary.present(path, secret)
    with pytest.raises(AssertionError):
        canary.present(path, canary.make())


def test_an_empty_file_has_no_control(tmp_path):
    path = str(tmp_path / "empty")
    open(path, "wb").close()
    with pytest.raises(canary.NoControl):
        canary.absent(path, [canary.make()], "ready")
