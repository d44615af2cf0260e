"""Valid contents and values for the lines that run over many types and attributes."""
import base64
import csv
import itertools
import os

from client import (ACP, AE, CIN, CNT, CSR, GRP, LCP, NOD, PCH, SCH, SMD, SPEC, SUB, TS, TSI, rule, stamp)
from peer import Peer

_numbers = itertools.count(1)
LONG_NAME = {ACP: "accessControlPolicy", AE: "AE", CNT: "container", CIN: "contentInstance", GRP: "group", LCP: "locationPolicy", NOD: "node",
             PCH: "pollingChannel", CSR: "remoteCSE", SCH: "schedule", SUB: "subscription", TS: "timeSeries", TSI: "timeSeriesInstance",
             SMD: "semanticDescriptor"}
TURTLE = base64.b64encode(b"<http://a.example/x> <http://a.example/y> <http://a.example/z> .").decode()     # dcrp 5
ALWAYS = {"sce": ["* * * * * * *"]}
# Types that an application makes, with the parents under which a test makes them: "ae" its own AE, "base" the CSEBase,
# otherwise a sibling of the given kind.
PARENTS = [(CNT, ("ae", "base", CNT)), (GRP, ("ae", "base")), (ACP, ("ae", "base")), (SUB, ("ae", "base", CNT, GRP, ACP, TS, LCP)),
           (SCH, ("base", NOD)), (PCH, ("ae",)), (NOD, ("base",)), (LCP, ("ae", "base")), (CIN, (CNT,)), (TS, ("ae", "base", CNT)),
           (TSI, (TS,)), (SMD, ("ae", CNT))]
# The same types, each with one parent; those that may stand below an AE stand there.
KINDS = [(CNT, "ae"), (GRP, "ae"), (ACP, "ae"), (SUB, "ae"), (PCH, "ae"), (SCH, NOD), (LCP, "ae"), (CIN, CNT), (TS, "ae"), (TSI, TS),
         (SMD, "ae"), (NOD, "base")]


_sinks = []


def sink():
    """URL of a notification target that takes everything, for subscriptions of who is no AE."""
    if not _sinks:
        _sinks.append(Peer())
    return _sinks[0].url


def content(kind, who):
    """A minimal valid representation, for the originator `who`."""
    number = next(_numbers)
    return {ACP: {"pv": {"acr": [rule("all", ops=63)]}, "pvs": {"acr": [rule(who)]}}, GRP: {"mnm": 10, "mid": []}, SUB: {"nu": [sink() if who == "CAdmin" else who]},
            SCH: {"se": ALWAYS}, NOD: {"ni": "node-%d" % number}, LCP: {"los": 2}, CIN: {"con": "v%d" % number},
            TSI: {"dgt": stamp(number / 1000), "con": number}, SMD: {"dcrp": 5, "dsp": TURTLE},
            }.get(kind, {})


class Trees:
    """Parents of every kind for one AE; each call of parent() may make one."""

    def __init__(self, ae):
        self.ae, self.made = ae, {}

    def parent(self, where):
        """(address, client that may create there)."""
        if where == "ae":
            return self.ae.path, self.ae
        if where == "base":
            return self.ae.cse.base, self.ae.cse.admin
        if where not in self.made:
            up, who = self.parent({NOD: "base"}.get(where, "ae"))
            made = who.make(up, where, content(where, who.origin), rn="p%d-%s" % (where.ty, self.ae.origin))
            self.made[where] = "%s/%s" % (up, made["rn"]), who
        return self.made[where]

    def make(self, kind, where, **more):
        """(resource, structured address, client) of a new resource."""
        up, who = self.parent(where)
        made = who.make(up, kind, dict(content(kind, who.origin), **more))
        return made, "%s/%s" % (up, made["rn"]), who

    def clean(self):
        """Removes the parents that were made; what stands below the CSEBase would not go with the AE."""
        for address, who in self.made.values():
            who.delete(address)


VALUES = {
    "lbl": ["one", "key:value"], "et": "20290101T000000", "daci": ["/id-in/none"], "or": "http://onto.example/a", "mni": 7, "mbs": 7000, "mia": 7000,
    "disr": False, "apn": "a name", "poa": ["http://127.0.0.1:9"], "nl": "/id-in/node", "csz": ["json"], "esi": {"esf": [14]}, "mei": "ext@example",
    "srv": ["3"], "regs": 1, "trps": False, "tren": True, "tri": 7, "trn": 8, "gpi": "/id-in/grp", "nfu": ["http://127.0.0.1:9/f"],
    "bn": {"num": 3, "dur": "PT10S"}, "rl": {"mnn": 5, "tww": "PT1S"}, "pn": 1, "nsp": 2, "ln": True, "nec": 2, "exc": 9, "acrs": ["/id-in/crs"],
    "enc": {"net": [1], "atr": ["lbl"]}, "nct": 1, "su": "http://127.0.0.1:9/su", "gn": "a group", "nar": {"num": 2}, "macp": None, "acpi": None,
    "adri": ["/id-in/adr"], "apri": ["/id-in/apr"], "airi": ["/id-in/air"], "hcl": "/id-in", "hael": ["Cx"], "hsl": ["/id-in/s"], "mgca": ["http://h"],
    "dcse": ["/id-below"], "mtcc": 1, "egid": "egid@example", "cnf": "application/json:0", "cst": 2, "loc": {"typ": 1, "crd": "[1.5,2.5]"},
    "ape": [{"se": ALWAYS, "sti": 1, "dsi": 10}], "conr": [{"urir": [{"nm": "n", "uri": "http://h/x"}]}], "cr": None, "rr": True, "nco": False,
    "scp": [{"prc": ["UDP"]}], "dgt": "20260101T000000",
}


def rows(kind):
    """Rows of attributes.csv for a type."""
    with open(os.path.join(SPEC, "attributes.csv"), encoding="utf-8") as f:
        return [r for r in csv.DictReader(f) if r["resource_type"] == LONG_NAME[kind] and r["release"] == "R3"]


def optional(kind, column, policy, without=("rn", "at", "aa", "acpi", "scp", "cr", "loc", "psn")):
    """{short name: value} of the optional attributes that CREATE or UPDATE (column) may carry. Announcement has its own
    group; acpi is the only attribute of its UPDATE."""
    found = {}
    for row in rows(kind):
        name = row["short_name"]
        if row[column].startswith("O") and name not in without and (row["multiplicity"].startswith("0..1") or name == "et"):
            found[name] = [policy] if name == "macp" else VALUES[name]
    assert found
    return found
