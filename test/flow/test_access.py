"""Who may do what: every originator, operation and policy of a generated matrix against an independent model."""
import random

from model import access
from model.access import C, D, DISCOVERY, N, R, U, Rule
from plant.house import SP

FORMS = [lambda s: s, lambda s: "/id-in/" + s, lambda s: SP + "/id-in/" + s]


def policy(client, parent, name, rules, admin):
    """An ACP whose own control stays with `admin`."""
    return client.create(parent, 1, "m2m:acp", rn=name, pv={"acr": [r.wire() for r in rules]},
                         pvs={"acr": [{"acor": [admin], "acop": 63}]}).expect(2001).root("m2m:acp")


def attempt(client, operation, container, i):
    """Performs the operation that the bit stands for; True when it was permitted."""
    if operation == C:
        answer = client.put(container, "x", "by-%s-%d" % (client.origin, i))
    elif operation == R:
        answer = client.retrieve(container)
    elif operation == U:
        answer = client.update(container, "m2m:cnt", lbl=["v%d" % i])
    elif operation == DISCOVERY:
        answer = client.retrieve(container.rpartition("/")[0], fu=1, ty=3)
        answer.expect(2000)
        return any(u.endswith(container) for u in answer.root("m2m:uril"))
    else:
        answer = client.delete(container)
    assert answer.rsc == 4103 or answer.rsc in (2000, 2001, 2002, 2004), answer
    if answer.rsc == 4103:
        assert answer.expect(4103).debug, "a refusal says why"
        assert "m2m:cnt" not in answer.text
    return answer.rsc != 4103


def random_rule(rng, stems):
    who = [rng.choice(FORMS)(rng.choice(stems)) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.12:
        who.append("all")
    if rng.random() < 0.15:
        who = ["/id-in/%s*" % rng.choice(stems)[:3]]
    rule = Rule(who, rng.randint(0, 63))
    if rng.random() < 0.25:
        rule.networks = [rng.choice(["127.0.0.0/8", "127.0.0.1", "10.0.0.0/8"])]
    if rng.random() < 0.2:
        rule.child_types = rng.choice([[4], [3], [3, 4]])
    return rule


def test_matrix(ae):
    rng = random.Random(20261124)
    owner = ae()
    others = [ae() for _ in range(3)]
    stems = [owner.origin] + [o.origin for o in others]
    decisions = {True: 0, False: 0}
    for case in range(24):
        rules = [random_rule(rng, stems) for _ in range(rng.randint(1, 3))]
        policy(owner, owner.path, "p%d" % case, rules, owner.origin)
        for operation in (C, R, U, DISCOVERY, D):
            name = "m%d-%d" % (case, operation)
            owner.container(owner.path, name, acpi=["%s/p%d" % (owner.path, case)])
            for client in [owner] + others:
                wanted = access.permits(rules, client.origin, operation, "/id-in", SP, child_type=4)
                got = attempt(client, operation, owner.path + "/" + name, case)
                assert got == wanted, (client.origin, operation, [r.wire() for r in rules])
                decisions[got] += 1
                if operation == D and got:
                    break
    assert min(decisions.values()) > 60, decisions


def test_without_a_policy_only_the_creator(ae):
    a, b = ae(), ae()
    a.container(a.path, "c")
    a.put(a.path + "/c", "v", "i").expect(2001)
    for to in (a.path + "/c", a.path + "/c/i", a.path + "/c/la"):
        assert b.retrieve(to).expect(4103).debug
    b.put(a.path + "/c", "v").expect(4103)
    b.retrieve(a.path + "/nothing").expect(4004)
    b.create(a.path + "/c", 4, "m2m:cin", wrong="v").expect(4103)      # no privilege comes before bad content
    b.delete(a.path + "/c").expect(4103)
    a.retrieve(a.path + "/c").expect(2000)


def test_policies_guard_themselves(ae):
    a, b = ae(), ae()
    policy(a, a.path, "p", [Rule(["all"], 63)], a.origin)
    b.retrieve(a.path + "/p").expect(4103)
    a.create(a.path, 1, "m2m:acp", rn="q", pv={"acr": []}, pvs={"acr": []}).expect(4000)
    a.container(a.path, "c", acpi=[a.path + "/p"])
    b.update(a.path + "/c", "m2m:cnt", lbl=["b may"]).expect(2004)
    b.update(a.path + "/c", "m2m:cnt", acpi=None).expect(4103)         # acpi is guarded by pvs
    a.update(a.path + "/c", "m2m:cnt", acpi=["in/no-such-policy"]).expect(4000)
    a.update(a.path + "/c", "m2m:cnt", acpi=None, lbl=["x"]).expect(4000)
    a.update(a.path + "/c", "m2m:cnt", acpi=None).expect(2004)
    b.retrieve(a.path + "/c").expect(4103)


def test_a_deleted_policy_grants_nothing(ae):
    a, b = ae(), ae()
    policy(a, a.path, "p", [Rule([b.origin], R | N)], a.origin)
    a.container(a.path, "c", acpi=[a.path + "/p"])
    b.retrieve(a.path + "/c").expect(2000)
    a.delete(a.path + "/p").expect(2002)
    b.retrieve(a.path + "/c").expect(4103)
