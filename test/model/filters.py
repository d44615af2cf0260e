"""A reference for filterCriteria: which of some resources a query selects, and what discovery and the children forms
list for it. Written from spec/datatypes.md 4 and 11 and spec/procedures.md 7; it looks at nothing but the
representations that a RETRIEVE of each resource shows.
"""
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone

INSTANCES = (4, 30, 58)
NO_CONDITION = {"ct", "lt", "st", "et", "lbl", "ty", "cs", "cnf"}      # criteria of their own


@dataclass
class Resource:
    path: str
    shown: dict                                         # its representation
    children: list = field(default_factory=list)
    parent: object = None

    @property
    def ty(self):
        return self.shown["ty"]


def moment(text):
    main, _, fraction = text.partition(",")
    at = datetime.strptime(main, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    return int(at.timestamp()) * 10**6 + int((fraction + "000000")[:6] or 0)


def wildcard(pattern, text):
    return re.fullmatch("".join(".*" if c == "*" else re.escape(c) for c in pattern), text, re.S) is not None


def labels_meet(wanted, resource):
    return any(wildcard(w, have) for w in wanted for have in resource.shown.get("lbl", []))


def label_query(text, resource):
    """One expression: KEY, NT KEY, KEY EQ V, KEY:V, KEY NE V, KEY IN (V, V), KEY NI (V, V)."""
    have = [(l.partition(":")[0], l.partition(":")[2]) for l in resource.shown.get("lbl", [])]
    if text.startswith("NT "):
        return all(k != text[3:] for k, _ in have)
    got = re.fullmatch(r"(\S+) (EQ|NE) (\S+)|(\S+) (IN|NI) \((.*)\)", text)
    if not got and ":" in text:
        return tuple(text.split(":", 1)) in have
    if not got:
        return any(k == text for k, _ in have)
    key, op, value, key2, op2, many = got.groups()
    values = [v for k, v in have if k == (key or key2)]
    wanted = [value] if key else [v.strip() for v in many.split(",")]
    hit = any(v in wanted for v in values)
    return hit if (op or op2) in ("EQ", "IN") else bool(values) and not hit


def value_meets(value, wanted, wild):
    """By the attribute's type, as JSON shows it."""
    if isinstance(value, list):
        return any(value_meets(v, wanted, wild) for v in value)
    if isinstance(value, bool):
        if wild and "*" in wanted:
            return wildcard(wanted, "true" if value else "false")
        return wanted in (("true", "1") if value else ("false", "0"))
    if isinstance(value, (int, float)):
        text = json.dumps(value)
        return wildcard(wanted, text) if wild and "*" in wanted else re.fullmatch(r"-?\d+(\.\d+)?", wanted) is not None \
            and float(wanted) == float(value)
    if isinstance(value, str):
        return wildcard(wanted, value) if wild and "*" in wanted else value == wanted
    return False


def protected(resource):
    return len(resource.shown.get("cnf", "").split(":")) > 2 and resource.shown["cnf"].split(":")[2] != "0"


def attribute_meets(resource, name, wanted, wild):
    if name == "con" and protected(resource):
        return False
    return name in resource.shown and any(value_meets(resource.shown[name], w, wild) for w in wanted)


def _time(name, compare):
    return lambda r, v: name in r.shown and compare(moment(r.shown[name]), moment(v[0]))


def _count(name, compare):
    return lambda r, v: name in r.shown and compare(r.shown[name], int(v[0]))


def _content_type(resource, wanted):
    cnf = resource.shown.get("cnf", "")
    return any(w == (cnf if ":" in w else cnf.split(":")[0]) for w in wanted) and cnf != ""


BEFORE, SINCE = (lambda a, b: a < b), (lambda a, b: a >= b)
TEST = {
    "crb": _time("ct", BEFORE), "cra": _time("ct", SINCE), "ms": _time("lt", SINCE), "us": _time("lt", BEFORE),
    "exb": _time("et", BEFORE), "exa": _time("et", SINCE), "sts": _count("st", BEFORE), "stb": _count("st", SINCE),
    "sza": _count("cs", SINCE), "szb": _count("cs", BEFORE), "cty": _content_type,
    "ty": lambda r, v: str(r.ty) in v, "lbl": lambda r, v: labels_meet(v, r),
    "lbq": lambda r, v: any(label_query(q, r) for q in v),
    "chty": lambda r, v: any(str(c.ty) in v for c in r.children),
    "pty": lambda r, v: r.parent is not None and str(r.parent.ty) in v,
    "clbl": lambda r, v: any(labels_meet(v, c) for c in r.children),
    "palb": lambda r, v: r.parent is not None and labels_meet(v, r.parent),
}
HANDLING = {"fu", "fo", "lvl", "lim", "ofst", "arp", "drt", "rcn"}


def selects(query, resource, wild):
    """query: {argument: [values]}."""
    met = []
    for name, wanted in query.items():
        if name in HANDLING:
            continue
        if name in TEST:
            met.append(TEST[name](resource, wanted))
        elif name.startswith("c."):
            met.append(any(attribute_meets(c, name[2:], wanted, wild) for c in resource.children))
        elif name.startswith("p."):
            met.append(resource.parent is not None and attribute_meets(resource.parent, name[2:], wanted, wild))
        else:
            met.append(attribute_meets(resource, name, wanted, wild))
    if not met:
        return True
    fo = query.get("fo", ["1"])[0]
    return all(met) if fo == "1" else any(met) if fo == "2" else sum(met) % 2 == 1


def below(resource, depth=0):
    """(resource, level) of all descendants."""
    for child in resource.children:
        yield child, depth + 1
        yield from below(child, depth + 1)


def listed(query, root, wild, may=lambda r: True):
    """Paths of what discovery, or a list of child references, has for this query."""
    level = int(query["lvl"][0]) if "lvl" in query else None
    return {r.path for r, depth in below(root) if (level is None or depth <= level) and may(r)
            and selects(query, r, wild)}
