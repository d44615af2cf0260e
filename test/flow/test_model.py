"""Some thousand generated requests before a real CSE and a reference model: the same code and the same resource each
time, in the check order of the standard."""
import datetime
import os
import random

from model.cse import ACP, AE, CHOSEN_BY_CSE, CIN, CNT, CREATE, DELETE, RETRIEVE, SUB, TS, TSI, UPDATE, Model
from plant.house import SP

REQUESTS = int(os.environ.get("ONESEAL_MODEL_REQUESTS", "20000"))
ROOT = {ACP: "m2m:acp", AE: "m2m:ae", CNT: "m2m:cnt", CIN: "m2m:cin", SUB: "m2m:sub", TS: "m2m:ts", TSI: "m2m:tsi"}


class Generator:
    """Random requests, mostly sensible, in a small world so that names and policies meet."""

    def __init__(self, seed, stems, top):
        self.rng, self.stems, self.top = random.Random(seed), stems, top

    def pick(self, *weighted):
        return self.rng.choices([v for v, _ in weighted], [w for _, w in weighted])[0]

    def name(self):
        return self.rng.choice("abcdef")

    def path(self, model):
        """A place: mostly one that exists."""
        nodes, queue = [], [model.find(self.top)[0]]
        while queue:
            node = queue.pop()
            nodes.append(node)
            queue += node.children
        node = self.rng.choice(nodes)
        path = node.path()
        roll = self.rng.random()
        if roll < 0.12:
            path += "/" + self.name()
        elif roll < 0.20 and node.ty in (CNT, TS):
            path += "/" + self.rng.choice(["la", "ol"])
        return self.pick((path, 6), ("/id-in/" + path, 1), (SP + "/id-in/" + path, 1), ("-" + path[2:], 1))

    def policy_ids(self, model):
        found = [n.path() for n in model.find(self.top)[0].children if n.ty == ACP]
        return [self.rng.choice(found)] if found and self.rng.random() < 0.9 else [self.top + "/nowhere"]

    def rules(self):
        r, made = self.rng, []
        for _ in range(r.randint(1, 3)):
            who = r.sample(self.stems, r.randint(1, len(self.stems)))
            rule = {"acor": self.pick((who, 12), (["/id-in/" + s for s in who], 3), (["all"], 1), (["C*"], 1),
                                      (["/id-in/C*"], 1), (["/id-mn/C*"], 1)),
                    "acop": r.choice([63, 63, 34, 3, 1, 2, 4, 8, r.randint(1, 63)])}
            if r.random() < 0.15:
                rule["acod"] = [{"chty": r.sample([ACP, CNT, CIN, SUB], r.randint(1, 3))}]
            if r.random() < 0.15:
                rule["acco"] = [{"acip": {"ipv4": [r.choice(["127.0.0.0/8", "127.0.0.1", "10.0.0.0/8"])]}}]
            made.append(rule)
        return {"acr": made}

    def value(self, name, model):
        r = self.rng
        good = {"lbl": lambda: r.sample(["x", "y", "key:z"], r.randint(1, 2)), "mni": lambda: r.randint(1, 4),
                "mbs": lambda: r.randint(4, 30), "et": lambda: "20271231T235959", "acpi": lambda: self.policy_ids(model),
                "con": lambda: r.choice(["", "v", "ä€", 7, 1.5, True, {"t": [1, None]}, ["x"], "long " * 8]),
                "cnf": lambda: r.choice(["text/plain:0", "application/json:0"]), "cr": lambda: None,
                "apn": lambda: "name", "pv": self.rules, "pvs": self.rules, "disr": lambda: r.random() < 0.5,
                "mbis": lambda: r.randint(1, 20), "cstn": lambda: r.choice(self.stems),
                "nu": lambda: ["http://127.0.0.1:9/"], "exc": lambda: r.randint(1, 9), "nct": lambda: 1,
                "enc": lambda: {"net": [2]}, "dgt": lambda: "20260101T%02d%02d%02d" % (r.randrange(24), r.randrange(60), r.randrange(60)),
                "pei": lambda: r.randint(10, 99), "peid": lambda: r.randint(0, 30), "snr": lambda: r.randint(0, 9)}
        bad = {"lbl": ["x", [], [1], {"a": 1}, True], "mni": [-1, "3", 1.5, True, [1]], "mbs": [-1, "3", {}],
               "et": ["20200101T000000", "yesterday", 5], "acpi": ["x", [], 5], "con": [None],
               "cnf": [5, "a b", ""], "cr": ["Cme"], "apn": [5], "pv": [5, "x"], "pvs": [{"acr": []}, 5],
               "disr": ["true", 1], "mbis": [-1, "4"], "cstn": [7, []], "nu": ["x", [], [5], {}], "exc": [0, "3"],
               "dgt": [5, "noon", []], "pei": [0, "9", -5], "peid": [-1, "1"], "snr": ["x", -1],
               "nct": [0, 9, "1"], "enc": [5, [], {"net": [99]}, {"net": 1}, {"nix": 1}]}
        return r.choice(bad[name]) if r.random() < 0.06 else good[name]()

    def attributes(self, ty, operation, model):
        optional = {CNT: ["lbl", "mni", "mbs", "acpi", "disr", "mbis", "cstn"], CIN: ["lbl", "cnf"], ACP: ["lbl"],
                    AE: ["lbl", "apn"], SUB: ["lbl", "exc", "cstn"], TS: ["lbl", "mni", "mbs", "acpi", "cstn"],
                    TSI: ["lbl", "snr"]}[ty]
        if operation == CREATE and ty in (CNT, CIN):
            optional = optional + ["cr", "et"]
        made = {n: self.value(n, model) for n in optional if self.rng.random() < 0.25}
        if operation == CREATE and ty == TS and self.rng.random() < 0.3:
            made.update(pei=self.value("pei", model), peid=self.value("peid", model))
        if operation == CREATE:
            made["rn"] = self.pick((self.name(), 40), ("la", 1), ("bad name", 1), ("", 1))
            for must in {CNT: [], CIN: ["con"], ACP: ["pv", "pvs"], SUB: ["nu", "enc", "nct"],
                         TSI: ["dgt", "con"]}.get(ty, []):
                if self.rng.random() < 0.97:
                    made[must] = self.value(must, model)
        elif self.rng.random() < 0.2 and made:
            made[self.rng.choice(list(made))] = None
        elif ty in (CNT, TS) and self.rng.random() < 0.25:
            made = {"acpi": self.pick((self.policy_ids(model), 4), (None, 2))}
        if self.rng.random() < 0.05:
            made[self.rng.choice(["ri", "ct", "nonsense", "ty", "st"])] = "x"
        return made

    def parameters(self, op):
        """(query, headers, what Recv-1.0 says): mostly nothing, or what refuses the primitive, or what changes nothing."""
        rcn = {CREATE: [4, 5, 6, 8, 7, 99], RETRIEVE: [0, 2, 3, 99], UPDATE: [2, 3, 4, 6, 99], DELETE: [2, 3, 7, 9]}[op]
        past, future = "20200101T000000", "20301231T235959"
        bad = [({"rcn": self.rng.choice(rcn)}, {}, 4000), ({}, {"X-M2M-RVI": "9"}, 4001),
               ({}, {"X-M2M-RET": past}, 4008), ({}, {"X-M2M-RST": past}, 4008), ({}, {"X-M2M-RET": "soon"}, 4000),
               ({}, {"X-M2M-Origin": None}, 4000), ({"rt": 77}, {}, 4000), ({"drt": 3}, {}, 4000),
               ({}, {"X-M2M-RET": future, "X-M2M-RST": "20291231T235959"}, 4000)]
        if op == CREATE:
            bad += [({"lim": 3}, {}, 4000), ({"lbl": "x"}, {}, 4000)]
        good = [({}, {"X-M2M-RET": future}, 0), ({"rt": 3}, {}, 0), ({"rcn": 1}, {}, 0), ({}, {"X-M2M-RVI": "4"}, 0)]
        return self.pick((({}, {}, 0), 82), (self.rng.choice(bad), 8), (self.rng.choice(good), 10))

    def data_time(self, series, stamp):
        """Now and then one that is there already. With limits a later one: whether a late point that is the oldest at
        once is kept in place of another the text does not say."""
        held = [c.attributes["dgt"] for c in series.instances()] if series is not None and series.ty == TS else []
        limited = held and ("mni" in series.attributes or "mbs" in series.attributes)
        if held and self.rng.random() < 0.1:
            return self.rng.choice(held)
        if limited and stamp <= max(held):
            later = datetime.datetime.strptime(max(held), "%Y%m%dT%H%M%S") + datetime.timedelta(seconds=1)
            stamp = later.strftime("%Y%m%dT%H%M%S")
        return stamp

    def request(self, model):
        """(operation, to, from, ty, body)"""
        op = self.pick((CREATE, 5), (RETRIEVE, 3), (UPDATE, 3), (DELETE, 1))
        to, fr = self.path(model), self.pick(*zip(self.stems + ["CAdmin"], (8, 2, 2, 6)))
        if op == DELETE and to.rpartition("/")[2] == self.top.rpartition("/")[2]:
            op = RETRIEVE
        if op == CREATE:
            ty = self.pick((CIN, 6), (CNT, 5), (ACP, 3), (SUB, 2), (TS, 2), (TSI, 3))
            root = self.pick((ROOT[ty], 40), ("m2m:cnt", 1), ("m2m:xyz", 1))
            made = self.attributes(ty, op, model)
            if ty == TSI and isinstance(made.get("dgt"), str):
                made["dgt"] = self.data_time(model.find(to)[0], made["dgt"])
            return op, to, fr, ty, {root: made}
        if op == UPDATE:
            node, virtual = model.find(to)
            ty = node.ty if node is not None and node.ty in ROOT and not virtual else CNT
            root = self.pick((ROOT[ty], 40), ("m2m:cin", 1))
            return op, to, fr, None, {root: self.attributes(ty, op, model)}
        return op, to, fr, None, None


def same(shown, wanted):
    """Differences between what the CSE shows and the model's resource."""
    mine = {k: v for k, v in shown.items() if k not in CHOSEN_BY_CSE}
    return {k: (mine.get(k, "absent"), wanted.get(k, "absent")) for k in set(mine) | set(wanted)
            if mine.get(k, "absent") != wanted.get(k, "absent")}


def test_generated_requests(field, ae):
    a, b, c = ae(), ae(), ae()
    clients = {x.origin: x for x in (a, b, c)}
    stems = list(clients)
    clients["CAdmin"] = field.client(field.server, "CAdmin")
    model = Model()
    top = model.create(model.root, a.origin, AE, {"m2m:ae": {"rn": a.path.rpartition("/")[2], "api": "Nproof",
                                                             "rr": False, "srv": ["3"]}})
    assert top[0] == 2001
    generator = Generator(20261124, stems, a.path)
    codes, history = {}, []
    for number in range(REQUESTS):
        op, to, fr, ty, body = generator.request(model)
        query, headers, primitive = generator.parameters(op)
        history.append((op, to, fr, ty, body, query, headers))
        wanted, resource = model.handle(op, to, fr, ty, body, primitive)
        got = clients[fr].send(op, to, body, ty, query, headers)
        allowed = wanted if isinstance(wanted, tuple) else (wanted,)
        assert got.rsc in allowed, "request %d: %r\nmodel %s, CSE %d %s" % (number, history[-1], wanted, got.rsc,
                                                                           got.text[:300])
        codes[got.rsc] = codes.get(got.rsc, 0) + 1
        if resource is not None and got.rsc in (2000, 2001, 2002, 2004) and got.text:
            (root, shown), = got.json.items()
            difference = same(shown, resource)
            assert not difference, "request %d: %r\n(CSE, model): %s" % (number, history[-1], difference)
        elif got.rsc >= 4000:
            assert got.debug, "request %d: %r refused with %d without a reason" % (number, history[-1], got.rsc)
    print(codes)
    assert {2000, 2001, 2002, 2004, 4000, 4001, 4004, 4005, 4008, 4103, 4105, 4108, 5203, 5207} <= set(codes), codes
