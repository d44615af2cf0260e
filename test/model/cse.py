"""A reference model of a CSE: the check order of spec/procedures.md 2 and the types AE, container, contentInstance,
accessControlPolicy, subscription, timeSeries, timeSeriesInstance, in a few hundred lines of Python that share nothing with the program.

It is told a request and answers the response status code, and for a success the resource as it must be shown (without
times and identifiers, which the program chooses). What the standard leaves open it does not decide: such requests
are not generated (flow/test_model.py).
"""
import copy
import csv
import json
import os
import re
import time
from dataclasses import dataclass, field

from .access import C, D, R, U, Rule, permits

SPEC = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "spec", "attributes.csv")
BASE, ACP, AE, CNT, CIN, SUB, REMOTE, TS, TSI = 5, 1, 2, 3, 4, 23, 16, 29, 30
ROOT = {ACP: "m2m:acp", AE: "m2m:ae", CNT: "m2m:cnt", CIN: "m2m:cin", BASE: "m2m:cb", SUB: "m2m:sub",
        TS: "m2m:ts", TSI: "m2m:tsi"}
INSTANCE = {CNT: CIN, TS: TSI}      # what a type holds
CHILDREN = {BASE: {AE, CNT, ACP, SUB, TS}, AE: {CNT, ACP, SUB, TS}, CNT: {CNT, CIN, SUB, TS}, CIN: set(), ACP: {SUB},
            SUB: set(), TS: {TSI, SUB}, TSI: set()}
VIRTUAL = ("la", "ol")
CREATE, RETRIEVE, UPDATE, DELETE = 1, 2, 3, 4
BIT = {CREATE: C, RETRIEVE: R, UPDATE: U, DELETE: D}
CHOSEN_BY_CSE = {"ri", "pi", "ct", "lt", "et", "aei"}


def attribute_rows():
    """{type: {short name: row}} from the table of the standard."""
    found = {}
    with open(SPEC, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            if row["type_number"].isdigit() and int(row["type_number"]) in ROOT:
                found.setdefault(int(row["type_number"]), {})[row["short_name"]] = row
    return found


ROWS = attribute_rows()


def _is_count(v):
    return isinstance(v, int) and not isinstance(v, bool) and v >= 0


def _is_text(v):
    return isinstance(v, str)


def _is_texts(v):
    return isinstance(v, list) and v and all(isinstance(e, str) and e and not re.search(r"\s", e) for e in v)


def _is_stamp(v):
    return isinstance(v, str) and bool(re.fullmatch(r"\d{8}T\d{6}(,\d{1,6})?", v))


def _is_content_info(v):
    return isinstance(v, str) and bool(re.fullmatch(r"[a-z]+/[a-z0-9.+-]+(:[012](:[0-5])?)?", v))


CHECK = {
    "rn": lambda v: isinstance(v, str) and bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", v)),
    "lbl": _is_texts, "mni": _is_count, "mbs": _is_count, "mia": _is_count, "et": _is_stamp, "acpi": _is_texts,
    "con": lambda v: v is not None, "cnf": _is_content_info, "disr": lambda v: isinstance(v, bool),
    "rr": lambda v: isinstance(v, bool), "api": lambda v: _is_text(v) and v[:1] in ("N", "R", "r"),
    "srv": lambda v: isinstance(v, list) and v and all(e in ("1", "2", "2a", "3", "4", "5") for e in v),
    "apn": _is_text, "or": _is_text, "mbis": _is_count, "cstn": lambda v: isinstance(v, str) and v != "",
    "nu": lambda v: isinstance(v, list) and v and all(isinstance(e, str) and e for e in v),
    "exc": lambda v: _is_count(v) and v > 0, "nct": lambda v: _is_count(v) and 1 <= v <= 5,
    "dgt": _is_stamp, "pei": lambda v: _is_count(v) and v > 0, "peid": _is_count,
    "snr": _is_count,
    "enc": lambda v: isinstance(v, dict) and set(v) <= {"net"} and isinstance(v.get("net", [2]), list) and
        all(e in (1, 2, 3, 4) for e in v.get("net", [2])),
    "pv": lambda v: isinstance(v, dict) and isinstance(v.get("acr"), list),
    "pvs": lambda v: isinstance(v, dict) and isinstance(v.get("acr"), list) and len(v["acr"]) > 0,
}


@dataclass
class Node:
    ty: int
    rn: str
    parent: object
    creator: str = ""
    attributes: dict = field(default_factory=dict)
    children: list = field(default_factory=list)
    rules: list = field(default_factory=list)       # of a policy: pv
    own_rules: list = field(default_factory=list)   # pvs

    def child(self, name):
        return next((c for c in self.children if c.rn == name), None)

    def path(self):
        return self.rn if self.parent is None else self.parent.path() + "/" + self.rn

    def instances(self):
        """From the oldest to the newest: a timeSeries goes by the time of its data, not by the order of creation."""
        held = [c for c in self.children if c.ty == INSTANCE.get(self.ty)]
        return sorted(held, key=lambda c: c.attributes["dgt"]) if self.ty == TS else held


def size_of(content):
    if isinstance(content, str):
        return len(content.encode())
    return len(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())


class Model:
    def __init__(self, base="in", cse_id="/id-in", sp="//demo.example", admin="CAdmin"):
        self.base, self.cse_id, self.sp, self.admin = base, cse_id, sp, admin
        self.root = Node(BASE, base, None)

    # --- finding -------------------------------------------------------------------------------------------------
    def find(self, path):
        """(node, virtual child name or None); node None: not there."""
        for prefix in (self.sp + self.cse_id + "/", self.cse_id + "/"):
            if path.startswith(prefix):
                path = path[len(prefix):]
                break
        names = path.split("/")
        if names[0] not in (self.base, "-"):
            return None, None
        node = self.root
        for i, name in enumerate(names[1:]):
            if node.ty in INSTANCE and name in VIRTUAL and i == len(names) - 2:
                return node, name
            node = node.child(name)
            if node is None:
                return None, None
        return node, None

    def policies(self, node):
        return [self.find(p)[0] for p in node.attributes.get("acpi", [])]

    def may(self, fr, operation, node, child_type=None):
        if fr == self.admin:
            return True
        while node.ty in (CIN, TSI):
            node = node.parent
        if node.ty == ACP:
            return permits(node.own_rules, fr, operation, self.cse_id, self.sp, child_type=child_type)
        if "acpi" in node.attributes:
            rules = [r for p in self.policies(node) if p is not None for r in p.rules]
            return permits(rules, fr, operation, self.cse_id, self.sp, child_type=child_type)
        return self.owner(node) == fr

    @staticmethod
    def owner(node):
        """Who decides without policies: the custodian, else who created it."""
        return node.attributes.get("cstn", node.creator)

    # --- representation checks ---------------------------------------------------------------------------------------
    def check(self, ty, attributes, operation):
        """0 or the RSC."""
        column = "create" if operation == CREATE else "update"
        rows = ROWS[ty]
        for name, value in attributes.items():
            if name not in rows:
                return 4000
            rule = rows[name][column][:2].strip()
            if rule == "NP":
                return 4000
            if name == "cr":
                if value is not None:
                    return 4000
                continue
            if value is None:
                single = rows[name]["multiplicity"].startswith("1")
                if operation == CREATE or (single and name != "et"):
                    return 4000
                continue
            if name not in CHECK:
                raise NotImplementedError(name)
            if not CHECK[name](value):
                return 4000
        if operation == CREATE:
            for name, row in rows.items():
                if row["create"].startswith("M") and name not in attributes:
                    return 4000
        if _is_stamp(attributes.get("et")) and attributes["et"] < time.strftime("%Y%m%dT%H%M%S", time.gmtime()):
            return 4000
        return 0

    def linked(self, attributes):
        for identifier in attributes.get("acpi") or []:
            node, virtual = self.find(identifier)
            if node is None or virtual or node.ty != ACP:
                return False
        return True

    # --- operations --------------------------------------------------------------------------------------------------
    def handle(self, op, to, fr, ty=None, body=None, primitive=0):
        """(RSC, resource as it must be shown or None). primitive: what Recv-1.0 says about its parameters, 0: valid;
        that comes before anything else about the target (2.1)."""
        if primitive:
            return primitive, None
        if op in (CREATE, UPDATE) and (not isinstance(body, dict) or len(body) != 1):
            return 4000, None
        if op == CREATE and ty not in ROOT and ty not in (SUB, REMOTE):
            return 4000, None
        node, virtual = self.find(to)
        if virtual and op in (CREATE, UPDATE):
            return 4005, None
        if node is not None and not virtual:
            if (node.ty == BASE and op in (UPDATE, DELETE)) or (node.ty in (CIN, TSI) and op == UPDATE):
                return 4005, None
        if node is None:
            return 4004, None
        if virtual:
            return self.virtual(op, node, virtual, fr)
        if node.ty == CIN and node.parent.attributes.get("disr") and op in (RETRIEVE, DELETE):
            return (4005 if self.may(fr, BIT[op], node) else (4005, 4103)), None
        if op == UPDATE:
            return self.update(node, fr, body)
        if not self.may(fr, BIT[op], node, child_type=ty):
            return 4103, None
        if op == CREATE:
            return self.create(node, fr, ty, body)
        if op == DELETE:
            shown = self.show(node)
            node.parent.children.remove(node)
            return 2002, shown
        return 2000, self.show(node)

    def virtual(self, op, container, which, fr):
        instances = container.instances()
        # Existence (2.2) comes before authorization (2.3).
        if not instances:
            return 4004, None
        if container.attributes.get("disr"):
            return (4005 if self.may(fr, BIT[op], container) else (4005, 4103)), None
        if not self.may(fr, BIT[op], container):
            return 4103, None
        node = instances[-1 if which == "la" else 0]
        if op == DELETE:
            container.children.remove(node)
            return 2002, None
        return 2000, self.show(node)

    def create(self, parent, fr, ty, body):
        if ty == SUB and not self.may(fr, R, parent):
            return 4103, None
        if ty not in CHILDREN[parent.ty]:
            return (5203 if ty == SUB else 4108), None
        (root, attributes), = body.items()
        if root != ROOT[ty] or not isinstance(attributes, dict):
            return 4000, None
        wrong = self.check(ty, attributes, CREATE)
        if wrong:
            return wrong, None
        name = attributes.get("rn")
        if parent.ty in INSTANCE and name in VIRTUAL:
            return 4005, None
        if ty == TS and attributes.get("peid", 0) * 2 > attributes.get("pei", 1 << 62):
            return 4000, None
        if not self.linked(attributes):
            return 4000, None
        if parent.child(name):
            # Whether a content that is too large is seen first the text does not say: both are steps of Recv-6.5.
            return ((4105, 5207) if ty in (CIN, TSI) and self.too_large(parent, attributes) else 4105), None
        if ty == TSI and attributes["dgt"] in [c.attributes["dgt"] for c in parent.instances()]:
            return ((4105, 5207) if self.too_large(parent, attributes) else 4105), None
        node = Node(ty, name, parent, fr, copy.deepcopy(attributes))
        del node.attributes["rn"]
        if "cr" in node.attributes or ty == SUB:    # switch 15; no target here is ever the originator
            node.attributes["cr"] = fr
        if ty == SUB:
            node.attributes.setdefault("nct", 1)
        if ty == TS:
            node.attributes["mdc"] = 0
        if ty in (CIN, TSI):
            node.attributes["cs"] = size_of(attributes["con"])
            if self.too_large(parent, attributes):
                return 5207, None
        if ty == CIN:
            parent.attributes["st"] = parent.attributes.get("st", 0) + 1
            node.attributes["st"] = parent.attributes["st"]
        if ty == ACP:
            node.rules, node.own_rules = rules_of(attributes["pv"]), rules_of(attributes["pvs"])
        parent.children.append(node)
        if ty in (CIN, TSI):
            self.trim(parent)
        return 2001, self.show(node)

    @staticmethod
    def too_large(container, attributes):
        return size_of(attributes["con"]) > min(container.attributes.get(n, 1 << 62) for n in ("mbs", "mbis"))

    def update(self, node, fr, body):
        (root, attributes), = body.items()
        if isinstance(attributes, dict) and "acpi" in attributes and root == ROOT[node.ty]:
            allowed = self.may_relink(node, fr)
        else:
            allowed = self.may(fr, U, node)
        if not allowed:
            return 4103, None
        if not isinstance(attributes, dict):
            return 4000, None
        if root != ROOT[node.ty]:
            return (4000, 4102), None
        wrong = self.check(node.ty, attributes, UPDATE)
        if wrong:
            return wrong, None
        if "acpi" in attributes and len(attributes) > 1 or not self.linked(attributes):
            return 4000, None
        if node.attributes.get("disr") and attributes.get("disr") is False:
            node.children = [c for c in node.children if c.ty != CIN]
        for name, value in attributes.items():
            if value is None:
                node.attributes.pop(name, None)
            else:
                node.attributes[name] = copy.deepcopy(value)
        if node.ty == CNT:
            node.attributes["st"] = node.attributes.get("st", 0) + 1
        if node.ty in INSTANCE:
            self.trim(node)
        if node.ty == ACP:
            node.rules, node.own_rules = rules_of(node.attributes["pv"]), rules_of(node.attributes["pvs"])
        return 2004, self.show(node)

    def may_relink(self, node, fr):
        if fr == self.admin:
            return True
        if "acpi" in node.attributes:
            rules = [r for p in self.policies(node) if p is not None for r in p.own_rules]
            return permits(rules, fr, U, self.cse_id, self.sp)
        return self.owner(node) == fr

    @staticmethod
    def trim(container):
        while True:
            kept = container.instances()
            total = sum(c.attributes["cs"] for c in kept)
            if len(kept) <= container.attributes.get("mni", 1 << 62) and \
                    total <= container.attributes.get("mbs", 1 << 62):
                return
            container.children.remove(kept[0])

    @staticmethod
    def show(node):
        """The resource without what the CSE chooses."""
        shown = dict(copy.deepcopy(node.attributes), rn=node.rn, ty=node.ty)
        if node.ty in INSTANCE:
            kept = node.instances()
            shown.update(cni=len(kept), cbs=sum(c.attributes["cs"] for c in kept))
        if node.ty == CNT:
            shown.update(st=node.attributes.get("st", 0))
        return {k: v for k, v in shown.items() if k not in CHOSEN_BY_CSE}


def rules_of(value):
    return [Rule(r["acor"], r["acop"], [n for c in r.get("acco", []) for n in c.get("acip", {}).get("ipv4", [])],
                 next((c["chty"] for c in r.get("acod", [])), None)) for r in value["acr"]]
