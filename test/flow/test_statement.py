"""The implementation conformance statement of doc/conformance is the one that the program makes of its own rows."""
import csv
import json
import os

import pytest
from plant.process import ROOT, program, run

DOC = os.path.join(ROOT, "doc", "conformance")


@pytest.mark.parametrize("form,name", [((), "statement.md"), (("json",), "statement.json")])
def test_the_statement_is_current(form, name):
    _, told, _ = run([program("oneseal-cse"), "--ics", *form], check=0)
    with open(os.path.join(DOC, name), encoding="utf-8") as f:
        assert f.read() == told, "run ./dev statement and look at what changed"


def test_the_statement_agrees_with_the_running_program():
    """Every type that the standard's table calls a resource is in it: hosted with its root, or named as not hosted."""
    _, told, _ = run([program("oneseal-cse"), "--ics", "json"], check=0)
    statement = json.loads(told)
    hosted = {(t["ty"], t["root"]) for t in statement["types"]}
    with open(os.path.join(ROOT, "test", "spec", "resources.csv"), encoding="utf-8") as f:
        numbers = {int(r["type_number"]) for r in csv.DictReader(f) if r["type_number"].isdigit()}
    told_numbers = {ty for ty, _ in hosted} | set(statement["notHosted"])
    void = {33}                                     # trafficPattern left the standard with Release 3
    assert {n for n in numbers if n < 10000} - void <= told_numbers
    assert (3, "m2m:cnt") in hosted and len(statement["switches"]) == 30
    for kind in statement["types"]:
        names = [a["sn"] for a in kind["attributes"]]
        assert len(names) == len(set(names))
