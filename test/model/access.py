"""Access decision of TS-0003 7.1.5 and TS-0004 7.3.3.15, as far as the resource types of this release need it.

Written from spec/procedures.md 4; the programs' own decision is not looked at.
"""
import fnmatch
import ipaddress
from dataclasses import dataclass, field

C, R, U, D, N, DISCOVERY = 1, 2, 4, 8, 16, 32


def sp_relative(identifier, cse_id, sp):
    """One spelling for every form of an AE-ID or CSE-ID."""
    if identifier.startswith("//"):
        if not identifier.startswith(sp + "/"):
            return identifier
        identifier = identifier[len(sp):]
    if identifier.startswith("/"):
        return identifier
    return "/" + identifier if identifier.startswith("S") else cse_id + "/" + identifier


@dataclass
class Rule:
    originators: list
    operations: int
    networks: list = field(default_factory=list)        # acco.acip.ipv4
    child_types: list = None                            # acod.chty
    authenticated: bool = False                         # acaf

    def wire(self):
        row = {"acor": self.originators, "acop": self.operations}
        if self.networks:
            row["acco"] = [{"acip": {"ipv4": self.networks}}]
        if self.child_types is not None:
            row["acod"] = [{"chty": self.child_types}]
        return row


def _originator_matches(entry, origin, cse_id, sp):
    if entry == "all":
        return True
    wanted = sp_relative(entry, cse_id, sp)
    mine = sp_relative(origin, cse_id, sp)
    if "*" not in wanted:
        return wanted == mine
    # "*" stops at the next solidus (TS-0003 7.1.3).
    parts, own = wanted.split("/"), mine.split("/")
    return len(parts) == len(own) and all(fnmatch.fnmatchcase(o, p) for p, o in zip(parts, own))


def permits(rules, origin, operation, cse_id, sp, address="127.0.0.1", child_type=None):
    """Does any rule grant the operation bit to that originator?"""
    for rule in rules:
        if not rule.operations & operation:
            continue
        if not any(_originator_matches(e, origin, cse_id, sp) for e in rule.originators):
            continue
        if rule.networks and not any(ipaddress.ip_address(address) in ipaddress.ip_network(n, strict=False)
                                     for n in rule.networks):
            continue
        if rule.child_types is not None and operation == C and child_type not in rule.child_types:
            continue
        return True
    return False
