"""A model of who gets a key, written from e2e.md 2, 6 and 7 alone: no signatures, only decisions.

Rows never change after registration; policies do, and the current version decides; denials persist until lifted.
"""
from dataclasses import dataclass, field


@dataclass
class Row:
    iss: str
    sid: str
    ep: int
    content: tuple
    policy: str
    adfq_ok: bool = True
    suid: int = 24
    until: int = 1 << 62        # `et`, seconds
    shredded: bool = False


@dataclass
class Policy:
    owner: str
    version: int
    readers: dict               # id -> thumbprint or None
    start: int = 0
    until: int = 1 << 62


@dataclass
class VaultModel:
    operator: str = ""
    rows: dict = field(default_factory=dict)        # kid -> Row
    policies: dict = field(default_factory=dict)    # (owner, name) -> Policy
    denials: set = field(default_factory=set)       # (owner, policy, subject)
    waiting: dict = field(default_factory=dict)     # kid -> (iss, sid), oldest first: pairs before their activation

    def letter(self, iss, kid, sid, ep, content, policy, until=1 << 62):
        """"ok" (new, or the same again) or "conflict" (4105)."""
        kid = kid.upper()
        old = self.rows.get(kid)
        if old is None:
            self.rows[kid] = Row(iss, sid, ep, content, policy, until=until)
            return "ok"
        if old.shredded:
            return "shredded"
        return "ok" if (old.iss, old.sid, old.ep, old.content) == (iss, sid, ep, content) else "conflict"

    def offer(self, iss, sid, count, kids):
        """True when these are the pairs that a request for `count` must be answered with; new ones wait from now on."""
        old = [kid for kid, place in self.waiting.items() if place == (iss, sid)][:count]
        fresh = [kid.upper() for kid in kids[len(old):]]
        known = self.waiting.keys() | self.rows.keys()
        if [kid.upper() for kid in kids[:len(old)]] != old or len(kids) != count or known & set(fresh):
            return False
        self.waiting.update({kid: (iss, sid) for kid in fresh})
        return True

    def activate(self, iss, kid, sid, ep, content, policy):
        """As letter, but the key must wait here: "expired" when there is none, "refused" when it is another's."""
        kid = kid.upper()
        if kid not in self.rows:
            place = self.waiting.get(kid)
            if place is None:
                return "expired"
            if place != (iss, sid):
                return "refused"
            del self.waiting[kid]
        return self.letter(iss, kid, sid, ep, content, policy)

    def set_policy(self, signer, name, version, readers, start=0, until=1 << 62):
        old = self.policies.get((signer, name))
        if version != (old.version + 1 if old else 1):
            return "conflict"
        self.policies[(signer, name)] = Policy(signer, version, dict(readers), start, until)
        return "ok"

    def deny(self, owner, policy, subject):
        self.denials.add((owner, policy, subject))

    def allow(self, owner, policy, subject):
        self.denials.discard((owner, policy, subject))

    def decide(self, iss, kid, now, thumbprint=None):
        """The code the vault must give: ok, no-key-yet, expired, shredded or refused."""
        row = self.rows.get(kid.upper())
        if row is None:
            return "no-key-yet"
        if row.shredded:
            return "shredded"
        policy = self.policies.get((row.iss, row.policy))
        permitted = (policy is not None and iss in policy.readers and policy.start <= now < policy.until
                     and policy.readers[iss] in (None, thumbprint)
                     and (row.iss, row.policy, iss) not in self.denials)
        if not permitted:
            return "refused"
        return "ok" if now < row.until else "expired"
