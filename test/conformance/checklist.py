"""The checklist as data: checklist.md, later.txt and excused.txt, and which test function belongs to which line.

A line's test is the function test_<slug>: the identifier without its "TP/oneM2M/CSE/" or with its "L/CSE/", every run of
other characters as one underscore. "TP/oneM2M/CSE/GMG/UPD/004..006" is test_TP_oneM2M_CSE_GMG_UPD_004_006.
"""
import os
import re
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
# Groups of the table, in order: the first of these that an identifier contains.
GROUPS = ["GEN", "REG", "DMR", "SUB", "ACP", "DIS", "GMG", "FWD", "REQ", "ANNC", "TS", "OTH", "BND", "E2E"]
NEVER_EXCUSED = {"GEN", "REG", "DMR", "SUB", "ACP"}


@dataclass
class Line:
    ident: str
    text: str
    expected: str
    number: int

    @property
    def group(self):
        parts = re.split(r"[/-]", self.ident)
        return next(g for g in GROUPS if g in parts)

    @property
    def test(self):
        return "test_" + slug(self.ident)


def slug(ident):
    return re.sub(r"[^A-Za-z0-9]+", "_", ident).strip("_")


def lines():
    """{test function: Line} in the order of the checklist."""
    found = {}
    with open(os.path.join(HERE, "checklist.md"), encoding="utf-8") as f:
        for number, text in enumerate(f, 1):
            if not re.match(r"- (TP|L)/", text):
                continue
            ident, _, rest = text[2:].strip().partition(" | ")
            purpose, _, expected = rest.rpartition(" | ")
            line = Line(ident, purpose, expected, number)
            assert line.test not in found, "two lines share %s" % line.test
            found[line.test] = line
    return found


def reasons(name):
    """{test function: reason} of later.txt or excused.txt: identifier, blank, reason; # starts a comment."""
    found = {}
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        for text in f:
            if text.strip() and not text.startswith("#"):
                ident, reason = text.strip().split(None, 1)
                found["test_" + slug(ident)] = reason
    return found


def test_functions():
    """{test function: file}; a function that stands twice is an error."""
    found = {}
    for name in sorted(os.listdir(HERE)):
        if not re.match(r"test_\w+\.py$", name):
            continue
        with open(os.path.join(HERE, name), encoding="utf-8") as f:
            for function in re.findall(r"^def (test_\w+)\(", f.read(), re.M):
                assert function not in found, "%s stands in %s and in %s" % (function, found[function], name)
                found[function] = name
    return found


def faults():
    """What is wrong between checklist, tests, later.txt and excused.txt, as sentences."""
    known, tests = lines(), test_functions()
    later, excused = reasons("later.txt"), reasons("excused.txt")
    wrong = ["%s: no line of the checklist has this test (%s)" % (t, f) for t, f in tests.items() if t not in known]
    wrong += ["%s: no such line in the checklist" % t for t in list(later) + list(excused) if t not in known]
    wrong += ["%s: both later and excused" % t for t in later if t in excused]
    for test, line in known.items():
        if test in later and test in tests:
            wrong.append("%s: is later and has a test" % line.ident)
        if test not in later and test not in excused and test not in tests:
            wrong.append("%s: has no test" % line.ident)
        if test in excused and line.group in NEVER_EXCUSED:
            wrong.append("%s: lines of %s cannot be excused" % (line.ident, line.group))
    return wrong
