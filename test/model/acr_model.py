#!/usr/bin/env python3
"""A second opinion on access decisions, written from the standard's tables alone (TS-0001 9.6.2, TS-0003 7.1,
TS-0004 7.3.3.15) and sharing nothing with lib/m2m/acr.c. It makes acr_cases.json, which test/unit/acr_test.c runs.

    acr_model.py            writes acr_cases.json
    acr_model.py --check    exits 1 when the file is not what this program would write
"""
import datetime
import ipaddress
import itertools
import json
import math
import os
import random
import re
import sys

SP, CSE = "//demo.example", "/id-mn"
HERE = os.path.dirname(os.path.abspath(__file__))
BITS = {"create": 1, "retrieve": 2, "update": 4, "delete": 8, "notify": 16, "discovery": 32}


# ---- identifiers ------------------------------------------------------------------------------------

def absolute(text):
    """The absolute form of an AE-ID or CSE-ID; None when it is neither."""
    word = r"[A-Za-z0-9._~-]+"
    if re.fullmatch(rf"C[A-Za-z0-9._~-]*", text):
        return f"{SP}{CSE}/{text}"
    if re.fullmatch(rf"S[A-Za-z0-9._~-]*", text):
        return f"{SP}/{text}"
    match = re.fullmatch(rf"(//{word})?/({word})(?:/({word}))?", text)
    if not match:
        return None
    domain, first, second = match.groups()
    domain = (domain or SP).lower()
    if second is not None:
        return f"{domain}/{first}/{second}" if second.startswith("C") else None
    return f"{domain}/{first}"


def forms(who):
    """Every way to write this entity: absolute, SP-relative inside our domain, stem where it is known here."""
    whole = absolute(who)
    domain, rest = re.fullmatch(r"(//[^/]+)(/.*)", whole).groups()
    out = {2: whole}
    if domain == SP:
        out[1] = rest
        if rest.startswith("/S"):
            out[0] = rest[1:]
        elif rest.startswith(CSE + "/"):
            out[0] = rest[len(CSE) + 1:]
    return out, domain


def entry_matches(entry, who):
    if entry == "all":
        return True
    written, domain = forms(who)
    slashes = 2 if entry.startswith("//") else 1 if entry.startswith("/") else 0
    if "*" in entry:
        pattern = "".join("[^/]*" if c == "*" else re.escape(c) for c in entry)
        if slashes == 2 and "/" not in entry[2:]:
            return re.fullmatch(pattern, domain) is not None
        return slashes in written and re.fullmatch(pattern, written[slashes]) is not None
    if re.fullmatch(r"(//)?[A-Za-z0-9._~-]+", entry) and not re.match("[CS]", entry):
        return entry.lower().lstrip("/") == domain.lstrip("/")
    return absolute(entry) is not None and absolute(entry) == absolute(who)


# ---- contexts ---------------------------------------------------------------------------------------

def in_field(field, value, low, high):
    for piece in field.split(","):
        base, _, step = piece.partition("/")
        if base == "*":
            first, last = low, high
        elif "-" in base:
            first, last = map(int, base.split("-"))
        else:
            first = last = int(base)
        if value in range(first, last + 1, int(step or 1)):
            return True
    return False


def in_window(entry, now):
    when = datetime.datetime.strptime(now, "%Y%m%dT%H%M%S")
    values = [when.second, when.minute, when.hour, when.day, when.month, when.isoweekday() % 7, when.year]
    limits = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6), (0, 9999)]
    return all(in_field(f, v, *lim) for f, v, lim in zip(entry.split(" "), values, limits))


def in_nets(nets, ip):
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    if address.version == 6 and address.ipv4_mapped:
        candidates = [address, address.ipv4_mapped]
    else:
        candidates = [address]
    for text in nets.get("ipv4", []) + nets.get("ipv6", []):
        net = ipaddress.ip_network(text, strict=False)
        if any(a.version == net.version and a in net for a in candidates):
            return True
    return False


def in_region(region, place):
    """A circle (latitude, longitude, metres) around a known place; countries cannot be judged."""
    if place is None or "accr" not in region:
        return False
    lat, lon, radius = region["accr"]
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and radius >= 0):
        return False
    a, b, d = math.radians(lat), math.radians(place[0]), math.radians(place[1] - lon)
    cosine = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(d)
    return 6371008.8 * math.acos(max(-1, min(1, cosine))) <= radius


def context_matches(context, case):
    if set(context) - {"actw", "acip", "aclr"}:
        return False  # a kind that this CSE cannot judge: undecidable is deny
    if "aclr" in context and not in_region(context["aclr"], case["place"]):
        return False
    if "actw" in context and not any(in_window(w, case["now"]) for w in context["actw"]):
        return False
    return "acip" not in context or in_nets(context["acip"], case["ip"])


def object_matches(detail, case):
    return (detail.get("spty", case["spty"]) == case["spty"] and detail.get("ty", case["ty"]) == case["ty"]
            and case["child"] in detail["chty"])


# ---- the decision -----------------------------------------------------------------------------------

def rule_answer(rule, case):
    """None: the rule does not apply; else what its originators say: permit, refuse or None."""
    if not rule["acop"] & BITS[case["op"]]:
        return None
    if rule.get("acaf") and not case["authn"]:
        return None
    if "acco" in rule and not any(context_matches(c, case) for c in rule["acco"]):
        return None
    if case["op"] == "create" and "acod" in rule and not any(object_matches(d, case) for d in rule["acod"]):
        return None
    for entry in rule["acor"]:
        if entry_matches(entry, case["who"]):
            return "permit"
        if "*" in entry:
            continue
        if entry in case["roles"]:
            return "permit"
        group = case["groups"].get(entry)
        if group == "member":
            return "permit"
        if group == "unknown":
            return "refuse"
    return None


def decide(case):
    """Any rule suffices; one with an attribute list (Release 4) never grants the operation as a whole."""
    for rule in case["pv"].get("acr", []):
        answer = rule_answer(rule, case) if "aca" not in rule else None
        if answer:
            return answer
    return "deny"


def opened(case):
    """Attributes that rules with a list open to a RETRIEVE or an UPDATE; None: a group could not be read."""
    names = set()
    for rule in case["pv"].get("acr", []):
        answer = rule_answer(rule, case) if "aca" in rule else None
        if answer == "refuse":
            return None
        if answer:
            names.update(rule["aca"])
    return sorted(names)


# ---- cases ------------------------------------------------------------------------------------------

def case(pv, who="C1", op="retrieve", authn=True, ip="192.0.2.7", ty=3, child=0, now="20261124T083015", groups=None,
         roles=(), place=None, spty=None, said=None):
    """said: the answer that a sentence of the standard gives for this very case; the model must give it, too."""
    if isinstance(pv, list):
        pv = {"acr": pv}
    out = {"who": who, "op": op, "authn": authn, "ip": ip, "ty": ty, "child": child, "now": now,
           "groups": groups or {}, "roles": list(roles), "place": place, "spty": spty, "pv": pv}
    out["answer"] = decide(out)
    out["opens"] = opened(out)
    if said is not None and out["answer"] != said:
        sys.exit(f"the model says {out['answer']}, the standard {said}: {json.dumps(out)}")
    return out


def rule(who="all", ops=63, **more):
    return dict({"acor": who if isinstance(who, list) else [who], "acop": ops}, **more)


ORIGINATORS = ["C1", "C12", "/id-mn/C1", "//demo.example/id-mn/C1", "/id-in/C1", "/id-in", "/id-mn", "Sapp", "/Sapp",
               "//other.example/Sapp", "//other.example/id-mn/C1", "//other.example/id-mn", "//sub.demo.example/id-x/C1"]
ENTRIES = ["all", "C1", "C2", "c1", "/id-mn/C1", "//demo.example/id-mn/C1", "//DEMO.EXAMPLE/id-mn/C1", "/id-in/C1", "/id-in",
           "/id-mn", "Sapp", "/Sapp", "//demo.example/Sapp", "//other.example/Sapp", "C*", "C1*", "*1", "*", "S*", "/*", "/*/*",
           "/id-mn/*", "/id-*/C1", "/id-mn*", "//*", "//demo.example/*", "//demo.example/*/*", "//*.example", "//demo.example",
           "demo.example", "//example", "example", "//other.example", "Other.Example", "C*1", "**", "all*", "ALL", "mn/grp", "/id-mn/mn/grp",
           "/id-mn/S1", "role@demo.example", "/", "//"]
WINDOWS = ["* * * * * * *", "* * 8 * * * *", "* * 9 * * * *", "* * 8-17 * * 1-5 *", "15 30 8 24 11 2 2026", "16 30 8 24 11 2 2026",
           "*/5 * * * * * *", "*/4 * * * * * *", "* 0-40/15 * * * * *", "* * * * 1,6,11 * *", "* * * 29 2 * *", "* * * * * 0 *",
           "* * * * * 0,2 *", "* * * * * * 2020-2025", "* * * * * * 2026-9999", "0-15/15 * * * * * *"]
TIMES = ["20261124T083015", "20240229T235959", "20260101T000000", "20261129T120000", "20991231T235900"]
NETS = [{"ipv4": ["192.0.2.0/24"]}, {"ipv4": ["192.0.2.7"]}, {"ipv4": ["192.0.2.8"]}, {"ipv4": ["192.0.2.8/29"]}, {"ipv4": ["0.0.0.0/0"]},
        {"ipv4": ["10.0.0.0/8", "192.0.2.4/30"]}, {"ipv6": ["2001:db8::/32"]}, {"ipv6": ["::/0"]}, {"ipv6": ["2001:db8::1"]},
        {"ipv6": ["2001:db8:0:0:0:0:0:2/127"]}, {"ipv4": ["192.0.2.0/24"], "ipv6": ["2001:db8::/33"]}, {"ipv6": ["::ffff:192.0.2.7"]}]
ADDRESSES = ["192.0.2.7", "192.0.2.8", "10.255.255.255", "2001:db8::1", "2001:db8:8000::1", "::ffff:192.0.2.7", None]

REGIONS = [{"accr": [48.85, 2.35, 5000]}, {"accr": [0, 180, 200000]}, {"accr": [90, 0, 1000]}, {"accr": [91, 0, 99999999]},
           {"accr": [0, 0, 30000000]}, {"accr": [48.85, 2.35, -1]}, {"accc": ["FR"]}]
PLACES = [None, [48.86, 2.34], [48.9, 2.35], [45.76, 4.83], [0, -179.5], [0, 175], [89.999, 123], [-89, 0], [0, 0]]
KINDS = [{"cnd": "org.example.lamp"}, {"cnd": "org.example.door"}, {"mgd": 1001}, {"mgd": 1006}]


def fixed():
    for who, entry in itertools.product(ORIGINATORS, ENTRIES):
        yield case([rule(entry)], who=who)
    for op, bit in itertools.product(BITS, range(6)):
        yield case([rule(ops=1 << bit)], op=op, child=4)
        yield case([rule(ops=63 ^ (1 << bit))], op=op, child=4)
    for window, now in itertools.product(WINDOWS, TIMES):
        yield case([rule(acco=[{"actw": [window]}])], now=now)
    for nets, ip in itertools.product(NETS, ADDRESSES):
        yield case([rule(acco=[{"acip": nets}])], ip=ip)
    details = [[{"chty": [4]}], [{"chty": [3, 23]}], [{"ty": 3, "chty": [4]}], [{"ty": 2, "chty": [4]}],
               [{"ty": 2, "chty": [4]}, {"chty": [4]}], [{"ty": 3, "spty": {"cnd": "x"}, "chty": [4]}]]
    for acod, op in itertools.product(details, BITS):
        yield case([rule(acod=acod)], op=op, ty=3, child=4)
    for flag, authn in itertools.product([True, False], repeat=2):
        yield case([rule(acaf=flag)], authn=authn)
        yield case([rule(acaf=flag), rule("C1", 2)], authn=authn)
    here, away = {"acip": NETS[0]}, {"acip": {"ipv4": ["10.0.0.1"]}}
    day, night = {"actw": [WINDOWS[1]]}, {"actw": [WINDOWS[2]]}
    for acco in [[here, away], [away, here], [away], [dict(here, **day)], [dict(here, **night)], [dict(away, **day)],
                 [dict(away, **day), dict(here, **day)], [{"aclr": {"accc": ["FR"]}}], [dict(here, aclr={"accc": ["FR"]})],
                 [{"aclr": {"accc": ["FR"]}}, here], [{"acui": ["u"]}], [{"acec": {}}], [{"acl": 1}], [{}],
                 [{"actw": [WINDOWS[2], WINDOWS[1]]}]]:
        yield case([rule(acco=acco)])
        yield case([rule(acco=acco), rule("C1", 1)])
    for state in ["member", "not", "none", "unknown"]:
        groups = {"mn/grp": state}
        for who_list in [["mn/grp"], ["C9", "mn/grp"], ["mn/grp", "C1"], ["mn/other"], ["mn/gr*"]]:
            yield case([rule(who_list)], groups=groups)
        yield case([rule("mn/grp", 1)], groups=groups)
        yield case([rule("mn/grp"), rule("C1")], groups=groups)
        yield case([rule("C1"), rule("mn/grp")], groups=groups)
        yield case([rule("mn/grp", acaf=True)], groups=groups, authn=False)
    yield case({})
    yield case({"acr": []})
    yield case([rule(aca=["lbl"])])
    yield case([rule(aca=["lbl"]), rule("C1")])
    for op, authn in itertools.product(BITS, [True, False]):
        yield case([rule(aca=["lbl"], acaf=True), rule("C1", 6, aca=["mni", "mbs"]), rule("C2", aca=["et"])], op=op, authn=authn)
        yield case([rule("C2", aca=["lbl"]), rule(ops=2, aca=["ct", "lbl"], acco=[{"actw": ["* * 9 * * * *"]}])], op=op)
    for state in ["member", "not", "none", "unknown"]:
        yield case([rule(["mn/grp"], aca=["lbl"]), rule(aca=["mni"])], groups={"mn/grp": state})
    for roles in [[], ["nurse@demo.example"], ["guard@demo.example", "nurse@demo.example"], ["nurse@other.example"]]:
        for entries in [["nurse@demo.example"], ["C9", "nurse@demo.example"], ["nurse*"], ["nurse@demo.exampl"]]:
            yield case([rule(entries)], roles=roles)
            yield case([rule(entries, 1)], roles=roles)
            yield case([rule(entries, acaf=True)], roles=roles, authn=False)
    for region, place in itertools.product(REGIONS, PLACES):
        yield case([rule(acco=[{"aclr": region}])], place=place)
        yield case([rule(acco=[{"aclr": region, "actw": ["* * 9 * * * *"]}, {"acip": NETS[3]}])], place=place)
    for spty, kind, op in itertools.product(KINDS, KINDS + [None], ["create", "update"]):
        yield case([rule(acod=[{"spty": spty, "chty": [28, 4]}])], op=op, child=28, spty=kind)
        yield case([rule(acod=[{"spty": spty, "ty": 28, "chty": [28]}, {"chty": [3]}])], op=op, ty=28, child=28, spty=kind)
        yield case([rule(acod=[{"spty": spty, "ty": 28, "chty": [3]}])], op=op, ty=28, child=28, spty=kind)
    yield from sentences()


# Sentences of the standard, turned into cases with the answer written by hand beside them, not computed.
def sentences():
    a = "/id-mn/C1"
    yield case([rule("all", 2)], who="/id-x/C9", said="permit")               # TS-0004 7.3.3.15: `all`
    yield case([rule("//demo.example", 2)], who=a, said="permit")             # a domain: everybody in it
    yield case([rule("//demo.example", 2)], who="//other.example/id-x/C9", said="deny")
    yield case([rule("C1", 2)], who=a, said="permit")                         # forms are compared after normalizing
    yield case([rule("//demo.example/id-mn/C1", 2)], who="C1", said="permit")
    yield case([rule("C1", 2)], who="/id-in/C1", said="deny")                 # another CSE's AE of the same stem
    yield case([rule("C-sensor*", 2)], who="C-sensor7", said="permit")        # wildcard
    yield case([rule("C-sensor*", 2)], who="C-actor7", said="deny")
    yield case([rule("/id-mn*", 2)], who=a, said="deny")                      # TS-0003 7.1.3: `*` stops at the solidus
    yield case([rule("/id-mn/*", 2)], who=a, said="permit")
    for op, bit in [("create", 1), ("retrieve", 2), ("update", 4), ("delete", 8), ("notify", 16), ("discovery", 32)]:
        yield case([rule("C1", bit)], op=op, child=4, said="permit")          # TS-0004 6.3.4.2.29: one bit, one operation
        yield case([rule("C1", 63 - bit)], op=op, child=4, said="deny")
    yield case([rule("C1", 2, acco=[{"actw": ["* * 8 * * * *"]}])], said="permit")          # inside the window
    yield case([rule("C1", 2, acco=[{"actw": ["* * 9 * * * *"]}])], said="deny")            # outside
    yield case([rule("C1", 2, acco=[{"acip": {"ipv4": ["192.0.2.7"]}}])], said="permit")    # allowed source address
    yield case([rule("C1", 2, acco=[{"acip": {"ipv4": ["192.0.2.9"]}}])], said="deny")
    yield case([rule("C1", 2, acco=[{"acip": {"ipv6": ["2001:db8::/32"]}}])], ip="2001:db8::1", said="permit")
    yield case([rule("C1", 2, acco=[{"acip": {"ipv4": ["192.0.2.7"]}}])], ip=None, said="deny")  # undecidable: deny
    yield case([rule("C1", 2, acco=[{"acip": {"ipv4": ["192.0.2.9"]}}, {"actw": ["* * 8 * * * *"]}])], said="permit")  # any entry
    yield case([rule("C1", 2, acco=[{"acip": {"ipv4": ["192.0.2.9"]}, "actw": ["* * 8 * * * *"]}])], said="deny")  # all of one entry
    yield case([rule("C1", 2, acco=[{"aclr": {"accr": [48.85, 2.35, 5000]}}])], place=[48.86, 2.34], said="permit")  # inside
    yield case([rule("C1", 2, acco=[{"aclr": {"accr": [48.85, 2.35, 5000]}}])], place=[45.76, 4.83], said="deny")    # outside
    yield case([rule("C1", 2, acco=[{"aclr": {"accr": [48.85, 2.35, 5000]}}])], place=None, said="deny")             # unknown
    yield case([rule("C1", 2, acco=[{"aclr": {"accc": ["FR"]}}])], place=[48.86, 2.34], said="deny")                 # undecidable
    yield case([rule("C1", 1, acod=[{"chty": [4]}])], op="create", child=4, said="permit")   # acod: the child types
    yield case([rule("C1", 1, acod=[{"chty": [4]}])], op="create", child=3, said="deny")
    yield case([rule("C1", 2, acod=[{"chty": [4]}])], op="retrieve", said="permit")          # other operations ignore it
    yield case([rule("C1", 1, acod=[{"ty": 2, "chty": [4]}])], op="create", ty=3, child=4, said="deny")
    yield case([rule("C1", 2, acaf=True)], authn=False, said="deny")                         # TS-0003 table 7.1.5-1
    yield case([rule("C1", 2, acaf=True)], authn=True, said="permit")
    yield case([rule("C9"), rule("C1", 2)], said="permit")                                   # any rule suffices
    yield case([rule("mn/grp", 2)], groups={"mn/grp": "member"}, said="permit")              # TS-0001 9.6.2.1
    yield case([rule("mn/grp", 2)], groups={"mn/grp": "not"}, said="deny")
    yield case([rule("mn/grp", 2)], groups={"mn/grp": "unknown"}, said="refuse")             # unretrievable: refused
    yield case([rule("C1", 2), rule("mn/grp", 2)], groups={"mn/grp": "unknown"}, said="permit")
    yield case([rule("nurse@demo.example", 2)], roles=["nurse@demo.example"], said="permit")  # role-IDs
    yield case([rule("nurse@demo.example", 2)], roles=[], said="deny")
    yield case([rule("C1", 2, aca=["lbl"])], said="deny")                                    # attributes only, not the whole
    yield case({"acr": []}, said="deny")


def drawn(n):
    dice = random.Random(20261124)
    for _ in range(n):
        rules = []
        for _ in range(dice.randint(1, 4)):
            r = rule(dice.sample(ENTRIES, dice.randint(1, 3)) + ["mn/grp"] * (dice.random() < .3), dice.randint(1, 63))
            if dice.random() < .4:
                r["acco"] = [{k: v for k, v in {"actw": dice.sample(WINDOWS, dice.randint(1, 2)), "acip": dice.choice(NETS),
                                               "aclr": dice.choice(REGIONS)}.items()
                              if dice.random() < .6} for _ in range(dice.randint(1, 2))]
            if dice.random() < .3:
                r["acod"] = [{"chty": dice.sample([1, 3, 4, 23], 2)}]
            if dice.random() < .3:
                r["acaf"] = dice.random() < .5
            if dice.random() < .2:
                r["aca"] = dice.sample(["lbl", "mni", "et", "acpi"], 2)
            if dice.random() < .2:
                r["acor"] = r["acor"] + ["nurse@demo.example"]
            rules.append(r)
        yield case(rules, who=dice.choice(ORIGINATORS), op=dice.choice(list(BITS)), authn=dice.random() < .5,
                   ip=dice.choice(ADDRESSES), ty=dice.choice([2, 3, 5]), child=dice.choice([3, 4, 23]), now=dice.choice(TIMES),
                   groups={"mn/grp": dice.choice(["member", "not", "unknown"])},
                   roles=dice.choice([[], ["nurse@demo.example"]]), place=dice.choice(PLACES))


def main():
    cases = list(fixed()) + list(drawn(600))
    text = '{"sp":"%s","csi":"%s","cases":[\n' % (SP, CSE)
    text += ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n"
    path = os.path.join(HERE, "acr_cases.json")
    if sys.argv[1:] == ["--check"]:
        with open(path, encoding="utf-8") as f:
            if f.read() != text:
                sys.exit("acr_cases.json is not what acr_model.py makes")
        return
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    counts = {a: sum(c["answer"] == a for c in cases) for a in ("permit", "deny", "refuse")}
    print(len(cases), counts)


if __name__ == "__main__":
    main()
