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
