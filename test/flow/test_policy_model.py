"""1,000 random policies: the vault decides as the model does (test/model/policy.py)."""

import json
import os
import random
import subprocess
import time

from model.policy import Vault

BUILD = os.environ.get("ONESEAL_BUILD", "build")
PEOPLE = ["//demo.example/Sheat", "//demo.example/Sheating", "//demo.example/id-mn/Cdev", "//far.example/Sheat",
          "//far.example/id-x/C1", "//far.example/id-x/C12", "//demo.example/id-in/Sodd"]
NAMES = ["ward", "hall", "none"]


class Driver:
    def __init__(self):
        self.p = subprocess.Popen([os.path.join(BUILD, "test/unit/ttp_policy_driver")], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.p.stdout.readline()
        while not line.strip().isdigit():
            assert line, "the driver ended"
            line = self.p.stdout.readline()
        self.now = int(line) // 1000 * 1000

    def __call__(self, do, **more):
        self.p.stdin.write(json.dumps(dict(more, do=do)) + "\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        assert line, "the driver ended"
        return line.strip()

    def end(self):
        self.p.stdin.close()
        self.p.wait(20)


def stamp(ms):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(ms // 1000))


def spelled(r, text):
    """The domain in another case now and then."""
    head, rest = text[2:].split("/", 1) if "/" in text[2:] else (text[2:], None)
    head = r.choice([head, head, head.upper(), head.title()])
    return "//" + head + ("" if rest is None else "/" + rest)


def target(r, odd=True):
    who = r.choice(PEOPLE)
    domain = who[:who.index("/", 2)]
    cut = r.randrange(len(domain) + 2, len(who) + 1)
    return spelled(r, r.choice([who, who, domain, who[:cut] + "*", who + "*"] +
                               ([domain + "/*", who[:-1] + "*x", "Sheat", domain + "/"] if odd and r.random() < .04 else [])))


def window(r, now):
    w = {}
    if r.random() < .25:
        w["from"] = now + r.randrange(-4, 4) * 1000
    if r.random() < .25:
        w["until"] = now + r.randrange(-4, 8) * 1000
    return w


def as_claims(d, name, more):
    out = {"iss": name, "aud": "ttp.demo.example"}
    out.update({k: stamp(v) if k in ("from", "until") else v for k, v in d.items() if k != "readers"})
    out.update(more)
    return json.dumps(out)


def send_policy(r, drive, vault, jkts):
    name = r.choice(NAMES[:2])
    have = vault.policies.get(name, {"version": 0})["version"]
    p = dict(window(r, drive.now), policy=name,
             version=have + (1 if r.random() < .93 else r.choice([0, 2])),
             readers=[dict(window(r, drive.now), id=target(r), **({"jkt": r.choice(jkts)} if r.random() < .2 else {}))
                      for _ in range(r.randrange(1, 7))])
    readers = [{k: stamp(v) if k in ("from", "until") else v for k, v in x.items()} for x in p["readers"]]
    said = drive("policy", text=as_claims(p, "//demo.example/id-mn", {"readers": readers}))
    return said, "%s %d" % vault.policy(p)


def send_denial(r, drive, vault, jkts):
    operator = r.random() < .4
    d = {"deny": r.random() < .2, "n": drive.n + r.randrange(-1, 3)}
    drive.n += 1
    if r.random() < .5:
        d["policy"] = r.choice(NAMES)
    if r.random() < .25:
        d["jkt"] = r.choice(jkts)
    else:
        who = r.choice(PEOPLE)
        d["id"] = spelled(r, r.choice([who, who, who[:who.index("/", 2)], who[:-1] + "*" if r.random() < .1 else who]))
    said = drive("deny", operator=operator, text=as_claims(d, "operator" if operator else "//demo.example/id-mn", {}))
    return said, "%s %d" % vault.deny(d, operator)


def test_a_thousand_policies(capsys):
    seed = int(os.environ.get("ONESEAL_SEED", random.randrange(1 << 32)))
    with capsys.disabled():
        print("\npolicy model: seed %d" % seed)
    r, drive, vault = random.Random(seed), Driver(), Vault()
    drive.n = 10
    drive("time", at=drive.now)
    jkts = [None]
    for who in PEOPLE:
        vault.jkt[who] = drive("party", id=who)
    start = drive.now
    for i, key in enumerate([{"policy": n, **({"pv": pv} if pv is not None else {}), "et": start + et * 1000}
                             for n in NAMES for pv in (None, 0, 3, 200, 700) for et in (150, 100000)][:30]):
        assert drive("key", **key) == "ok", i
        vault.keys.append(key)
    policies, answers = 0, {}
    while policies < 1000:
        jkts = list(vault.jkt.values()) + [drive.stranger if hasattr(drive, "stranger") else vault.jkt[PEOPLE[0]]]
        what = r.random()
        if what < .5:
            said, must = send_policy(r, drive, vault, jkts)
            policies += 1
        elif what < .75:
            said, must = send_denial(r, drive, vault, jkts)
        elif what < .76:
            who = r.choice(PEOPLE)
            drive.stranger = vault.jkt[who]  # a key that nobody has any more
            vault.jkt[who] = drive("party", id=who)
            continue
        else:
            drive.now += r.choice([0, 1000, 1000, 3000])
            drive("time", at=drive.now)
            continue
        assert said == must, (seed, policies, said, must)
        for who in r.sample(PEOPLE, 2):
            said = drive("ask", id=who).split()
            must = [vault.may(k, who, drive.now) for k in vault.keys]
            assert said == must, (seed, policies, who, said, must, vault.policies)
            for code in must:
                answers[code] = answers.get(code, 0) + 1
    drive.end()
    # A run in which everything is refused would show nothing.
    assert all(answers.get(c, 0) > 200 for c in ("ok", "refused", "no-key-yet", "expired")), (seed, answers)


def test_the_model_is_no_echo():
    """The control: a model that forgets windows, pins or denials is told apart by the same comparison."""
    v = Vault()
    v.jkt = {"//a.example/S1": "k"}
    key = {"policy": "p", "et": 10}
    assert v.policy({"policy": "p", "version": 1, "readers": [{"id": "//a.example/S*", "until": 5}]}) == ("ok", 1)
    assert v.may(key, "//a.example/S1", 4) == "ok" and v.may(key, "//a.example/S1", 5) == "refused"
    assert v.deny({"jkt": "k", "deny": True, "n": 1}, True) == ("ok", 1)
    assert v.may(key, "//a.example/S1", 4) == "refused"
