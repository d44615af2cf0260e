"""`oneseal ttp trust`: a bundle is pinned by the fingerprint of its identity key, and by nothing else."""
import base64
import hashlib
import json
import os

import pytest
from plant.house import TTP_NAME, House

from cli_program import fault, ok, run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house.ttp().bundle


def thumbprint(path):
    """RFC 7638, made here."""
    with open(path, encoding="ascii") as f:
        body = f.read().strip().split(".")[1]
    key = json.loads(base64.urlsafe_b64decode(body + "=="))["keys"]["identity"]["jwk"]
    text = json.dumps({m: key[m] for m in ("crv", "kty", "x", "y")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_the_fingerprint_pins(tmp_path, bundle):
    out = tmp_path / "pinned"
    said = json.loads(ok("ttp", "trust", TTP_NAME, "--bundle", bundle, "--json", "--out", out).stdout)
    assert said["fingerprint"] == thumbprint(bundle) and not said["pinned"] and not os.path.exists(out)
    said = json.loads(ok("ttp", "trust", TTP_NAME, "--bundle", bundle, "--json", "--out", out, "--fingerprint",
                         thumbprint(bundle)).stdout)
    assert said["pinned"]
    with open(bundle, "rb") as a, open(out, "rb") as b:
        assert a.read() == b.read()


def test_what_is_not_pinned(tmp_path, bundle):
    out = tmp_path / "pinned"
    wrong = "A" + thumbprint(bundle)[1:] if thumbprint(bundle)[0] != "A" else "B" + thumbprint(bundle)[1:]
    done = run("ttp", "trust", TTP_NAME, "--bundle", bundle, "--json", "--out", out, "--fingerprint", wrong)
    assert done.returncode == 6 and thumbprint(bundle) in fault(done)["what"]
    assert run("ttp", "trust", "ttp.other.example", "--bundle", bundle, "--out", out, "--fingerprint",
               thumbprint(bundle)).returncode == 4
    with open(bundle, encoding="ascii") as f:
        text = f.read().strip()
    (tmp_path / "spoilt").write_text(text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB"))
    assert run("ttp", "trust", TTP_NAME, "--bundle", tmp_path / "spoilt", "--out", out, "--fingerprint",
               thumbprint(bundle)).returncode == 6
    assert run("ttp", "trust", TTP_NAME).returncode == 2
    assert not os.path.exists(out)
