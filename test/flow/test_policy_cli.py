"""`oneseal policy show, check, diff, apply, why` before a real TTP: what is said is what the vault goes by."""
import json
import os

import pytest
from plant.house import House

from cli_program import fault, run

from test_put import DEVICE, HEAT, SP, Field


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    with House(tmp_path_factory.mktemp("policy")) as house:
        field = Field(house)
        yield field
        field.heat.close()


def say(f, *words, profile="thermo"):
    return run("policy", *words, "--profile", profile, "--config", f.folder)


def written(f, text, name="own.policy"):
    path = os.path.join(f.house.folder, name)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path


def test_a_policy_from_file_to_decision(f):
    kid = f.rows("data", stdin=b"1\n")[0]["kid"]
    shown = say(f, "show", "own")
    assert shown.returncode == 0 and b"version 1" in shown.stdout and HEAT.encode() in shown.stdout, shown
    assert b"own  version 1  targets 1" in say(f, "show").stdout
    path = written(f, "[policy]\nname = own\n[reader //demo.example/S*]\n[reader //far.example/Skeeper]\nescrow = yes\n")
    assert say(f, "check", path).returncode == 0
    diff = say(f, "diff", path)
    assert diff.returncode == 10 and b"\n- " + HEAT.encode() in diff.stdout and b"\n+ //demo.example/S*" in diff.stdout
    assert b"ESCROW" in diff.stdout
    kept = say(f, "apply", path)
    assert kept.returncode == 0 and b"nothing was changed" in kept.stderr
    assert b"version 1" in say(f, "show", "own").stdout
    assert say(f, "apply", path, "--yes").returncode == 0
    assert b"version 2" in say(f, "show", "own").stdout
    assert say(f, "diff", path).returncode == 0
    why = json.loads(say(f, "why", "--key", kid, "--subject", SP + "/Sother", "--json").stdout)
    assert (why["code"], why["rule"], why["target"]) == ("ok", "reader", SP + "/S*"), why
    # A reader is shown himself and who keeps keys in escrow; and that he is denied, when he is.
    f.house.profile("heat", HEAT, f.gateway, f.ttp)
    mine = say(f, "show", "own", "--owner", DEVICE, profile="heat").stdout
    assert b"S*" in mine and b"ESCROW" in mine
    assert say(f, "deny", HEAT).returncode == 0
    why = say(f, "why", "--key", kid, profile="heat")
    assert why.returncode == 0 and b"denied-by-owner" in why.stdout, why
    assert say(f, "allow", HEAT).returncode == 0
    # JSON is the same document.
    path = written(f, json.dumps({"policy": "own", "readers": [{"id": SP}], "until": "20991231T000000"}), "own.json")
    assert say(f, "apply", path, "--yes").returncode == 0
    assert b"every AE of the domain" in say(f, "show", "own").stdout


def test_what_looks_wrong_is_said(f):
    twice = written(f, "[policy]\nname=x\n[reader //demo.example/Sa]\n[reader //Demo.example/Sa]\n[reader //demo.example]\n"
                       "[reader //demo.example/Sold]\nuntil=20200101T000000\n", "twice.policy")
    done = say(f, "check", twice)
    assert done.returncode == 10 and b"stands there twice" in done.stdout and b"its time is over" in done.stdout, done
    for name, text in (("star.policy", "[policy]\nname=x\n[reader //demo.example/S*x]\n"), ("none.policy", "[reader //a.b/Sx]\n"),
                       ("pin.policy", "[policy]\nname=x\n[reader //a.b/Sx]\npin=abc\n"), ("bad.json", "{\"policy\":1}")):
        assert say(f, "check", written(f, text, name)).returncode == 9, name


def test_a_stranger_is_told_nothing(f):
    f.house.profile("other", SP + "/Sother", f.gateway, f.ttp)
    assert say(f, "show", "--owner", DEVICE, profile="other").returncode == 4
    done = run("policy", "show", "nothing", "--owner", DEVICE, "--profile", "other", "--config", f.folder, "--json")
    assert done.returncode == 4 and fault(done)["code"] == "refused"
