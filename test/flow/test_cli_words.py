"""The command line itself: help from rows, flags, exit status, error format."""
import json
import os
import re

import pytest

from cli_program import ROOT, fault, ok, run


def rows(path, word):
    with open(os.path.join(ROOT, "src", "cli", path), encoding="utf-8") as file:
        text = file.read()
    return re.findall(rf'^{word}\((\w+), "([^"]*)", (?:"([^"]*)"|NULL)', text, re.M)


VERBS = rows("verbs.def", "VERB")


@pytest.mark.parametrize("function,noun,verb", VERBS)
def test_every_verb_has_help_with_two_examples_first(function, noun, verb):
    words = [noun] + ([verb] if verb else [])
    text = ok(*words, "--help").stdout.decode()
    lines = text.splitlines()
    assert lines[0] == "examples"
    assert lines[1].startswith("  oneseal " + noun) and lines[2].startswith("  oneseal " + noun)
    assert lines[3] == ""
    assert "usage: oneseal " + " ".join(words) in text
    assert "--json" in text
    for name in [name for f, name, _ in rows("verbs.def", "OPT") if f == function]:
        assert f"--{name}" in text


def test_help_of_all_names_every_verb_and_every_exit_status():
    text = ok("--help").stdout.decode()
    for _, noun, verb in VERBS:
        assert f"  {noun}{' ' if verb else ''}{verb}" in text
    for number in range(11):
        assert re.search(rf"^  {number} ", text, re.M)


def test_no_word_at_all_is_a_usage_fault():
    assert run().returncode == 2


@pytest.mark.parametrize("words,says", [
    (["nosuchverb"], "unknown command"),
    (["cret", "issue"], "did you mean cert"),
    (["ca"], "ca wants one of: init, show"),
    (["ca", "inti"], "ca wants one of: init, show"),
    (["ca", "init"], "DIR is missing"),
    (["ca", "init", "a", "b"], "too many objects"),
    (["ca", "init", "a", "--spp", "x"], "did you mean --sp"),
    (["ca", "init", "a", "--sp"], "--sp wants //FQDN"),
    (["ca", "init", "a", "-s"], "two dashes"),
    (["ca", "init", "a", "--json=1", "--sp", "//x.example"], "--json takes no value"),
    (["ca", "show", "a", "--timeout", "5"], "a time with a unit"),
    (["ca", "show", "a", "--timeout", "0s"], "a time with a unit"),
    (["ca", "show", "a", "--timeout", "99999999999999999999s"], "a time with a unit"),
    (["ca", "show", "a", "--dry-run"], "changes nothing"),
])
def test_usage_faults(words, says):
    done = run(*words)
    assert done.returncode == 2
    text = done.stderr.decode()
    assert says in text
    assert done.stdout == b""
    assert text.startswith("oneseal: ") and text.endswith("exit status 2\n")
    assert "\n  decided by " in text and "\n  do " in text


def test_a_fault_as_json_has_the_same_five_members():
    done = run("ca", "show", "/nonexistent/folder", "--json")
    assert done.returncode == 3 and done.stdout == b""
    error = fault(done)
    assert error["object"] == "/nonexistent/folder/ca.pem"
    assert error["who"] and error["what"] and error["do"]


def test_a_usage_fault_is_json_too_when_json_is_asked_for():
    assert "unknown command" in fault(run("nosuchverb", "--json"))["what"]


def test_no_escape_sequences_when_standard_error_is_no_terminal():
    assert b"\033" not in run("nosuchverb", env={"TERM": "xterm"}).stderr


def test_flags_may_stand_before_the_noun_and_with_an_equals_sign(tmp_path):
    done = ok("--json", "ca", "init", tmp_path / "ca", "--sp=//demo.example")
    assert json.loads(done.stdout)["name"] == "demo.example"


def test_full_standard_output_is_a_fault(tmp_path):
    import subprocess
    from cli_program import ONESEAL
    ok("ca", "init", tmp_path / "ca", "--sp", "//demo.example")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([ONESEAL, "ca", "show", tmp_path / "ca"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"standard output cannot be written" in done.stderr


def test_secrets_have_no_place_on_the_command_line():
    for _, name, value in rows("verbs.def", "OPT"):
        assert not re.search(r"(passphrase|password|secret|kv|token)$", name), f"--{name} {value}"
