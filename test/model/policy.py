"""Who may have a key: the documents once more, in a few lines that share nothing with the product (protection 6 and 7,
lib/esd/target.h and letter.h as texts). Times are ms; an identity is "//fqdn/S..." or "//fqdn/cse/C..."."""

import re

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
PART = r"[!#-)+-.0-\[\]-~]"
FQDN = r"%s(?:\.%s)*" % (LABEL, LABEL)
IDENTITY = re.compile(r"//(%s)/(%s+(?:/%s+)?)" % (FQDN, PART, PART))
PREFIX = re.compile(r"//(%s)/(%s+|%s+/%s*)\*" % (FQDN, PART, PART, PART))
DOMAIN = re.compile(r"//(%s)" % FQDN)


def kind(text):
    for name, form in (("identity", IDENTITY), ("prefix", PREFIX), ("domain", DOMAIN)):
        m = form.fullmatch(text)
        if m:
            return name, m.group(1).lower(), m.group(2) if name != "domain" else ""
    return None


def covers(target, identity):
    t, who = kind(target), kind(identity)
    if not t or not who or who[0] != "identity" or t[1] != who[1]:
        return False
    if t[0] == "identity":
        return t[2] == who[2]
    if t[0] == "prefix":
        return who[2].startswith(t[2]) and "/" not in who[2][len(t[2]):]
    parts = who[2].split("/")
    return parts[0].startswith("S") if len(parts) == 1 else parts[1].startswith("C")


def inside(window, now):
    return window.get("from", 0) <= now and (not window.get("until") or now < window["until"])


class Vault:
    def __init__(self):
        self.policies, self.denials, self.keys, self.jkt = {}, {}, [], {}

    def policy(self, p):
        """What the acknowledgement says: (code, version)."""
        if p["version"] < 1 or not all(kind(r["id"]) for r in p["readers"]):
            return "malformed", 0
        have = self.policies.get(p["policy"], {"version": 0})["version"]
        if p["version"] != have + 1:
            return "conflict", have
        self.policies[p["policy"]] = p
        return "ok", p["version"]

    def deny(self, d, operator):
        named = [x for x in ("id", "jkt") if x in d]
        if len(named) != 1 or ("id" in d and (not kind(d["id"]) or kind(d["id"])[0] == "prefix")):
            return "malformed", 0
        what = ("jkt", d["jkt"]) if "jkt" in d else kind(d["id"])
        place = (operator, d.get("policy"), what)
        was = self.denials.get(place)
        if was and d["n"] == was[0]:
            return ("ok" if was[1] == d["deny"] else "conflict"), was[0]
        if was and d["n"] < was[0]:
            return "conflict", was[0]
        self.denials[place] = (d["n"], d["deny"])
        return "ok", d["n"]

    def denied(self, policy, identity):
        who = kind(identity)
        for (_, name, what), (_, on) in self.denials.items():
            if not on or name not in (None, policy):
                continue
            if what == ("jkt", self.jkt[identity]) or what == who or (what[0] == "domain" and what[1] == who[1]):
                return True
        return False

    def may(self, key, identity, now):
        p = self.policies.get(key["policy"])
        version = p["version"] if p else 0
        if "pv" in key and (version < key["pv"] or not p):
            return "no-key-yet"
        if not p or self.denied(key["policy"], identity):
            return "refused"
        for r in p["readers"]:
            if covers(r["id"], identity) and r.get("jkt", self.jkt[identity]) == self.jkt[identity] and inside(r, now):
                break
        else:
            return "refused"
        if not inside(p, now):
            return "refused"
        return "expired" if key["et"] <= now else "ok"
