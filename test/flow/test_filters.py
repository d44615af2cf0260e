"""Some thousand generated queries before a real CSE and the reference of model/filters.py."""
import os
import random

from model.filters import NO_CONDITION, Resource, listed, moment
from plant.onem2m import AE, CONTAINER, INSTANCE

QUERIES = int(os.environ.get("ONESEAL_FILTER_QUERIES", "2000"))
LABELS = ["x", "y", "x1", "room:a", "room:b", "floor:1", "long name:é"]
ROOT = {AE: "m2m:ae", CONTAINER: "m2m:cnt", INSTANCE: "m2m:cin"}


def grow(rng, client, top):
    """Containers in containers with instances, labels and limits from a small world. Returns all paths."""
    paths, containers = [top], [top]
    for number in range(40):
        parent = rng.choice(containers[-12:])
        more = {"lbl": rng.sample(LABELS, rng.randint(1, 3))} if rng.random() < 0.7 else {}
        for name, value in (("mni", rng.randint(1, 6)), ("mbs", rng.choice([1000, 2000])), ("disr", False), ("cr", None)):
            if rng.random() < 0.3:
                more[name] = value
        client.container(parent, "k%02d" % number, **more)
        containers.append("%s/k%02d" % (parent, number))
    paths += containers[1:]
    for number in range(120):
        parent = rng.choice(containers[1:])
        more = {"lbl": rng.sample(LABELS, rng.randint(1, 2))} if rng.random() < 0.5 else {}
        if rng.random() < 0.5:
            more["cnf"] = rng.choice(["text/plain:0", "application/json:0", "application/jose:0:1"])
        client.put(parent, rng.choice(["v", "value", "ä", 7, 1.5, True, {"t": 1}]), name="i%03d" % number, **more).expect(2001)
        paths.append("%s/i%03d" % (parent, number))
    return paths


def learn(client, paths):
    """The representations as they are shown; evicted instances are not there any more."""
    known = {}
    for path in paths:
        got = client.retrieve(path)
        if got.rsc == 4004:
            continue
        (_, shown), = got.expect(2000).json.items()
        known[path] = Resource(path, shown)
    for path, r in known.items():
        up = known.get(path.rsplit("/", 1)[0])
        if up and up is not r:
            r.parent = up
            up.children.append(r)
    return known


class Generator:
    def __init__(self, seed, known):
        self.rng, self.known = random.Random(seed), list(known.values())

    def value_of(self, name):
        """Mostly one that some resource has."""
        have = [r.shown[name] for r in self.known if name in r.shown and not isinstance(r.shown[name], dict)]
        value = self.rng.choice(have) if have else "none"
        while isinstance(value, list):
            value = self.rng.choice(value) if value else "none"
        text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
        if self.rng.random() < 0.15 and len(text) > 1:
            at = self.rng.randrange(len(text))
            text = text[:at] + "*" + text[at + 1:]
        return text

    def condition(self):
        name = self.rng.choice(["cr", "mni", "mbs", "disr", "cni", "cbs", "rn", "ri", "pi", "con", "lbl"])
        if name in NO_CONDITION:
            name = "mni"
        return self.rng.choice(["", "", "", "c.", "p."]) + name, [self.value_of(name) for _ in range(self.rng.randint(1, 2))]

    def criterion(self):
        r = self.rng
        moments = sorted({x.shown[k] for x in self.known for k in ("ct", "lt") if k in x.shown}, key=moment)
        label = lambda: r.choice(LABELS[:6] + ["room:*", "x*", "*", "none"])                     # noqa: E731
        key = lambda: r.choice(["room", "floor", "x", "none"])                                    # noqa: E731
        query = lambda: r.choice(["%s" % key(), "NT %s" % key(), "%s EQ a" % key(), "room:b", "%s NE a" % key(),  # noqa: E731
                                  "%s IN (a, 1)" % key(), "%s NI (a,b)" % key()])
        choices = {
            "crb": lambda: [r.choice(moments)], "cra": lambda: [r.choice(moments)], "ms": lambda: [r.choice(moments)],
            "us": lambda: [r.choice(moments)], "exb": lambda: ["20990101T000000"], "exa": lambda: ["20250101T000000"],
            "sts": lambda: [str(r.randint(1, 4))], "stb": lambda: [str(r.randint(0, 4))],
            "sza": lambda: [str(r.randint(0, 6))], "szb": lambda: [str(r.randint(1, 6))],
            "cty": lambda: [r.choice(["text/plain", "application/json:0", "application/jose", "text/plain:0:0"])],
            "ty": lambda: [str(t) for t in r.sample([2, 3, 4, 23], r.randint(1, 2))],
            "chty": lambda: [str(r.choice([3, 4, 23]))], "pty": lambda: [str(r.choice([2, 3, 4]))],
            "lbl": lambda: [label() for _ in range(r.randint(1, 2))], "clbl": lambda: [label()], "palb": lambda: [label()],
            "lbq": lambda: [query() for _ in range(r.randint(1, 2))],
        }
        name = r.choice(list(choices))
        return name, choices[name]()

    def query(self):
        made = {}
        for _ in range(self.rng.randint(0, 4)):
            name, values = self.condition() if self.rng.random() < 0.35 else self.criterion()
            made[name] = values
        if self.rng.random() < 0.4:
            made["fo"] = [str(self.rng.randint(1, 3))]
        if self.rng.random() < 0.3:
            made["lvl"] = [str(self.rng.randint(1, 4))]
        return made


def check(client, root, query):
    """Discovery and the references of the children form, all at once and in pieces."""
    wanted = listed(query, root, True)
    got = client.retrieve(root.path, fu="1", **query).expect(2000).root("m2m:uril")
    assert len(got) == len(set(got)) and set(got) == wanted, "fu=1 %r at %s:\nonly the CSE %s\nonly the model %s" % (
        query, root.path, sorted(set(got) - wanted), sorted(wanted - set(got)))
    literal = listed(query, root, False)
    shown = client.retrieve(root.path, rcn="6", **query).expect(2000).root("m2m:rrl")["rrf"]
    paths = [e["val"] for e in shown]
    assert len(paths) == len(set(paths)) and set(paths) == literal, "rcn=6 %r at %s:\nonly the CSE %s\nonly the model %s" % (
        query, root.path, sorted(set(paths) - literal), sorted(literal - set(paths)))
    return got


def in_pieces(client, root, query, whole, step):
    pieces, at = [], 1
    while at:
        got = client.retrieve(root.path, fu="1", lim=str(step), ofst=str(at), **query).expect(2000)
        pieces += got.root("m2m:uril")
        at = int(got.headers.get("X-M2M-CTO", "0"))
    assert pieces == whole, "%r by %d" % (query, step)


def test_queries(ae):
    client = ae(rr=False)
    rng = random.Random(7)
    known = learn(client, grow(rng, client, client.path))
    make = Generator(11, known)
    roots = [r for r in known.values() if r.ty != INSTANCE]
    found = 0
    for number in range(QUERIES):
        query = make.query()
        root = known[client.path] if number % 3 else rng.choice(roots)
        whole = check(client, root, query)
        found += len(whole)
        if number % 10 == 0:
            in_pieces(client, root, query, whole, rng.randint(1, 20))
    assert found > QUERIES, found
