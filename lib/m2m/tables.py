#!/usr/bin/env python3
"""Merges tbl/*.def into the tables that type.h and type.c include.

usage: tables.py FOLDER OUT DEPFILE

Every file of FOLDER is read, so that a new type is a new file and nothing else. Written into OUT:
  attr.gen.def   every attribute, by length, then letters
  type.gen.def   every type, its announced variant, and where its children stand in the list of child.gen.def
  rule.gen.def   of each type the attributes it has
  bond.gen.def   of each type what holds between its attributes
  child.gen.def  allowed children, parent after parent
  ctype.gen.def, enum.gen.def
Rows that contradict each other end the build. A file that did not change is not written again.
"""
import pathlib
import re
import sys

OTHER = {"param.def", "rsc.def", "switch.def"}  # included as they are
ANNOUNCED = 10000
ONE_LINE = re.compile(r"^(\w+)\((.*)\)$")


class Wrong(Exception):
    pass


def split(text):
    """Arguments of a row, at commas outside of brackets and quotes."""
    args, depth, quoted, cur = [], 0, False, ""
    for ch in text:
        if ch == '"':
            quoted = not quoted
        if not quoted and ch in "()":
            depth += 1 if ch == "(" else -1
        if ch == "," and depth == 0 and not quoted:
            args.append(cur.strip())
            cur = ""
        else:
            cur += ch
    args.append(cur.strip())
    return args


def rows(path):
    """(row name, arguments) of each line of a file."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), path.read_text(), flags=re.S)
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        m = ONE_LINE.match(line)
        if not m:
            raise Wrong(f"{path}:{number}: no row: {line}")
        yield m.group(1), split(m.group(2)), f"{path}:{number}"


class Tables:
    def __init__(self):
        self.attr = {}  # short name -> [long name, value]
        self.at = {}  # where each came from
        self.types = {}  # id -> dict
        self.children = set()  # (parent id, child id)
        self.annc_parents = set()  # (child id, parent): the announced variant of child under parent
        self.annc_rules = []
        self.ctype = {}
        self.enum = {}
        self.reserved = []

    def once(self, table, key, value, where, what):
        if key in table and table[key] != value:
            raise Wrong(f"{where}: {what} {key} is {value} here and {table[key]} in {self.at[what, key]}")
        table[key] = value
        self.at.setdefault((what, key), where)

    def add_type(self, row, a, where):
        ident = a[0]
        if ident in self.types:
            raise Wrong(f"{where}: type {ident} has two rows")
        base = a.pop(1) if row == "SPEC" else None
        self.types[ident] = dict(row=row, base=base, number=int(a[1]), root=a[2], name=a[3], flags=a[4], rules={},
                                 here={}, bonds=[], open={}, where=where)
        return ident

    def read(self, path):
        ident, block = None, None
        for row, a, where in rows(path):
            if row in ("TYPE", "SPEC", "VIRTUAL", "UNHOSTED"):
                ident = self.add_type(row, a, where)
            elif row == "RULE":
                if a[0] in self.types[ident]["rules"]:
                    raise Wrong(f"{where}: attribute {a[0]} has two rules")
                self.types[ident]["rules"][a[0]] = a[1:]
            elif row in ("NEEDS", "SOME"):
                self.types[ident]["bonds"].append((row, a))
            elif row == "OPEN_UPDATE":
                self.types[ident]["open"][a[0]] = (a[1], a[2])
            elif row == "HERE":
                self.types[ident]["here"][a[0]] = a[1:]
            elif row == "ANNC_RULE":
                self.annc_rules.append((a[0], a[1:]))
            elif row == "PARENT":
                self.children.add((a[1], a[0]))
            elif row == "ANNC_PARENT":
                self.annc_parents.add((a[0], a[1]))
            elif row == "RESERVED":
                self.reserved.append(a)
            elif row == "ATTR":
                self.once(self.attr, a[0], a[1:], where, "attribute")
            elif row in ("CTYPE_BEGIN", "ENUM_BEGIN"):
                block = (a, [], where)
            elif row == "MEMBER":
                block[1].append(a)
            elif row in ("EV", "EV_TYPES"):
                block[1].append((row, a))
            elif row == "CTYPE_END":
                self.once(self.ctype, a[0], (block[0][1], block[1]), block[2], "complex type")
            elif row == "ENUM_END":
                self.once(self.enum, a[0], block[1], block[2], "enumeration")
            else:
                raise Wrong(f"{where}: unknown row {row}")

    # ---- announced variants -----------------------------------------------------------------------

    def announced(self):
        """Each type that may be announced gets a variant: its own attributes of tbl/announced.def, then those that
        the original has as MA or OA (TS-0004 7.4.26)."""
        for ident, t in list(self.types.items()):
            if "TF_ANNC" not in t["flags"].split(" | ") or ident.endswith("_A"):
                continue
            rules = {sn: r for sn, r in self.annc_rules}
            for sn, r in t["rules"].items():
                if r[3] in ("MA", "OA") and sn not in rules:
                    rules[sn] = ["OPT", "O", "O", r[3], "NONE", "OF"]
            hosted = t["row"] in ("TYPE", "SPEC")
            self.types[ident + "_A"] = dict(
                row=("SPEC" if t["base"] else "TYPE") if hosted else "UNHOSTED", base=t["base"] and t["base"] + "_A",
                number=t["number"] if t["base"] else t["number"] + ANNOUNCED, root=t["root"][:-1] + 'A"',
                name=t["name"][:-1] + 'Annc"', flags="TF_ACPI | TF_ANNOUNCED", rules=rules if hosted else {},
                here={k: v for k, v in t["here"].items() if k in rules}, bonds=[], open={}, where=t["where"])

    def family(self):
        """Children that follow from flags and from the originals' rows."""
        for ident, t in self.types.items():
            if t["row"] == "TYPE" and "TF_SUBSCRIBABLE" in t["flags"]:
                self.children.add((ident, "SUB"))
        annc = {i[:-2] for i in self.types if i.endswith("_A")}
        for parent, child in list(self.children):
            if parent in annc and child in annc:
                self.children.add((parent + "_A", child + "_A"))
        for ident in annc:
            if not self.types[ident]["base"]:
                self.children.add(("CB_A", ident + "_A"))
        for child, parent in self.annc_parents:
            self.children.add((parent, child + "_A"))
        for parent, child in self.children:
            for i in (parent, child):
                if i not in self.types:
                    raise Wrong(f"PARENT({child}, {parent}): no type {i}")
            if child == "SUB" and parent.endswith("_A"):
                t = self.types[parent]
                if "TF_SUBSCRIBABLE" not in t["flags"]:
                    t["flags"] += " | TF_SUBSCRIBABLE"
        for t in self.types.values():
            if t["base"] and "TF_SUBSCRIBABLE" in self.types[t["base"]]["flags"] and "TF_SUBSCRIBABLE" not in t["flags"]:
                t["flags"] += " | TF_SUBSCRIBABLE"

    # ---- output -----------------------------------------------------------------------------------

    def attr_text(self):
        for ident, t in self.types.items():
            for sn in t["rules"]:
                if sn not in self.attr and sn not in t["here"]:
                    raise Wrong(f"{t['where']}: no ATTR row for {sn}")
                if sn not in self.attr:
                    self.attr[sn] = t["here"][sn]
        out, length = [], 1
        for sn in sorted(self.attr, key=lambda s: (len(s), s)):
            while length < len(sn):
                length += 1
                out.append(f"ATTR_LEN({length})")
            out.append(f"ATTR({sn}, {self.attr[sn][0]}, {self.attr[sn][1]})")
        if length > 5:
            raise Wrong("type.c knows short names of 2 to 5 letters")
        for length in range(length + 1, 6):
            out.append(f"ATTR_LEN({length})")
        return out

    def hosted(self):
        order = {"TYPE": 0, "SPEC": 1, "VIRTUAL": 2}
        return sorted((i for i, t in self.types.items() if t["row"] in order),
                      key=lambda i: (order[self.types[i]["row"]], self.types[i]["number"], i.endswith("_A"), i))

    def child_lists(self):
        place, out = {}, []
        for ident in self.hosted():
            kids = sorted((c for p, c in self.children if p == ident), key=lambda c: self.types[c]["number"])
            place[ident] = (len(out), len(kids))
            out += [f"CHILD({ident}, {c})" for c in kids]
        for a in self.reserved:
            out.append(f"RESERVED({a[0]}, {a[1]})")
        return place, out

    def type_text(self, place):
        out = []
        for ident in self.hosted():
            t = self.types[ident]
            first, n = place[t["base"] or ident]
            bonds = f'bond_{ident}, {len(t["bonds"])}' if t["bonds"] else "NULL, 0"
            common = f'{t["root"]}, {t["name"]}, {t["flags"]}, {first}, {n}, {bonds}'
            if t["row"] == "SPEC":
                out.append(f'SPEC({ident}, {t["base"]}, {t["number"]}, {common})')
            else:
                out.append(f'{t["row"]}({ident}, {t["number"]}, {common})')
        for ident, t in sorted(self.types.items(), key=lambda x: x[1]["number"]):
            if t["row"] == "UNHOSTED":
                out.append(f'UNHOSTED({ident}, {t["number"]}, {t["root"]}, {t["name"]}, {t["flags"]})')
        return out

    def rule_text(self):
        out = []
        for ident in self.hosted():
            t = self.types[ident]
            if t["row"] == "VIRTUAL":
                continue
            for sn, h in sorted(t["here"].items()):
                out.append(f"HERE({ident}, {sn}, {h[0]}, {h[1]})")
            out.append(f"OWN_BEGIN({ident})")
            for slot, sn in enumerate(sorted(t["rules"], key=lambda s: (len(s), s)), 1):
                row = f"here_{ident}_{sn}" if sn in t["here"] else f"attrs[AT_{sn}]"
                switch, presence = t["open"].get(sn, ("none", t["rules"][sn][2]))
                out.append(f'OWN({slot}, {sn}, {row}, {", ".join(t["rules"][sn])}, {switch}, {presence})')
            out.append(f"OWN_END({ident})")
        return out

    def bond_text(self):
        out = []
        for ident in self.hosted():
            t = self.types[ident]
            if t["bonds"]:
                out.append(f"BOND_BEGIN({ident})")
                out += [f"{row}({', '.join(a)})" for row, a in t["bonds"]]
                out.append(f"BOND_END({ident})")
        return out

    def ctype_text(self):
        out = []
        for name, (least, members) in self.ctype.items():
            out.append(f"CTYPE_BEGIN({name}, {least})")
            out += [f"MEMBER({', '.join(m)})" for m in members]
            out.append(f"CTYPE_END({name})")
        return out

    def enum_text(self):
        numbers = {t["number"]: t["name"] for t in self.types.values() if not t["base"] and t["row"] != "VIRTUAL"}
        out = []
        for name, values in self.enum.items():
            all_of = {}
            for row, a in values:
                all_of.update(numbers if row == "EV_TYPES" else {int(a[0]): a[1]})
            out.append(f"ENUM_BEGIN({name})")
            out += [f"EV({n}, {all_of[n]})" for n in sorted(all_of)]
            out.append(f"ENUM_END({name})")
        return out


def write(path, lines):
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(folder, out, depfile):
    folder, out = pathlib.Path(folder), pathlib.Path(out)
    files = sorted(p for p in folder.glob("*.def") if p.name not in OTHER)
    t = Tables()
    for f in files:
        t.read(f)
    t.announced()
    t.family()
    place, children = t.child_lists()
    texts = {"attr": t.attr_text(), "type": t.type_text(place), "rule": t.rule_text(), "bond": t.bond_text(), "child": children,
             "ctype": t.ctype_text(), "enum": t.enum_text()}
    for name, lines in texts.items():
        write(out / f"{name}.gen.def", lines)
    outputs = " ".join(f"lib/m2m/{name}.gen.def" for name in texts)
    pathlib.Path(depfile).write_text(f"{outputs}: {' '.join(str(p) for p in [folder, *files])}\n")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as e:
        sys.exit(f"tables.py: {e}")
