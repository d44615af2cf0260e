#!/usr/bin/env python3
"""Runs the conformance checklist against real CSEs and prints a table by group.

The test files are dealt out to a few pytest processes, each with CSEs of its own: many lines mostly wait. Ends in
`conformance: P of R passed, X excused`; exit status 0 when every line that was asked for passed or is excused."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from checklist import GROUPS, HERE, faults, lines, reasons, test_functions

ROOT = os.path.dirname(os.path.dirname(HERE))
SHARDS = 3
# Files that wait much come first, so that no process is left alone with one of them.
SLOW = ["test_ts.py", "test_sub_policy.py", "test_oth.py", "test_req.py", "test_reg.py", "test_gmg.py", "test_fwd.py"]
STATES = ("passed", "failed", "excused", "later")


def shard(tests, folder, number, keyword):
    """Starts one pytest process for these (file, test) pairs; returns it with the file of its results."""
    results = os.path.join(folder, "results%d.jsonl" % number)
    env = dict(os.environ, ONESEAL_BUILD=os.environ.get("ONESEAL_BUILD", os.path.join(ROOT, "build")), ONESEAL_RESULTS=results,
               PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
               "--basetemp", os.path.join(folder, "shard%d" % number)] + (["-k", keyword] if keyword else [])
    command += ["%s::%s" % (os.path.join(HERE, f), t) for f, t in tests]
    with open(os.path.join(folder, "log%d" % number), "w", encoding="utf-8") as log:
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT), results


def deal(wanted):
    """The wanted tests in SHARDS lists; a file stays whole."""
    files = {}
    for test, name in wanted.items():
        files.setdefault(name, []).append((name, test))
    order = sorted(files, key=lambda f: (SLOW.index(f) if f in SLOW else len(SLOW), -len(files[f])))
    hands = [[] for _ in range(min(SHARDS, len(order)))]
    for n, name in enumerate(order):
        row, column = divmod(n, len(hands))
        hands[column if row % 2 == 0 else len(hands) - 1 - column] += files[name]
    return hands


def execute(wanted, keyword, verbose):
    """{test: (outcome, seconds, message)} of what ran."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="oneseal-conformance-") as folder:
        running = [shard(hand, folder, n, keyword) for n, hand in enumerate(deal(wanted))]
        for n, (process, results) in enumerate(running):
            code = process.wait()
            log = os.path.join(folder, "log%d" % n)
            if verbose or code not in (0, 1, 5) or not os.path.exists(results):
                with open(log, encoding="utf-8", errors="replace") as f:
                    print(f.read())
            if os.path.exists(results):
                with open(results, encoding="utf-8") as f:
                    for row in map(json.loads, f):
                        if row["test"] not in found or row["outcome"] == "failed":
                            found[row["test"]] = (row["outcome"], row["seconds"], row["message"])
    return found


def judge(group, keyword, verbose):
    """[{id, group, state, ...}] for every line that was asked for."""
    checklist, tests, later, excused = lines(), test_functions(), reasons("later.txt"), reasons("excused.txt")
    chosen = {t: line for t, line in checklist.items() if not group or line.group in group}
    ran = execute({t: tests[t] for t in chosen if t in tests}, keyword, verbose)
    rows = []
    for test, line in chosen.items():
        row = {"id": line.ident, "group": line.group, "purpose": line.text, "expected": line.expected}
        if test in later:
            row.update(state="later", reason=later[test])
        elif test in excused:
            row.update(state="excused", reason=excused[test])
        elif test in ran:
            outcome, seconds, message = ran[test]
            row.update(state="passed" if outcome == "passed" else "failed", seconds=seconds)
            if outcome != "passed":
                row["observed"] = message
        elif keyword:
            continue
        else:
            row.update(state="failed", observed="did not run")
        rows.append(row)
    return rows


def table(rows):
    """(group, lines, counts by state) for each group that occurs, and for all."""
    for group in GROUPS + ["all"]:
        mine = [r for r in rows if group in ("all", r["group"])]
        if mine:
            yield group, len(mine), [sum(r["state"] == s for r in mine) for s in STATES]


def write_results(rows, path, last):
    """The summary for doc/conformance."""
    with open(path, "w", encoding="utf-8") as f:
        f.write("# Results of the conformance checklist\n\n%s. Written by `./dev conformance --results`; a line that "
                "failed is named.\n\n| group | lines | %s |\n|---|---|%s\n" % (last, " | ".join(STATES), "---|" * len(STATES)))
        for group, count, counts in table(rows):
            f.write("| %s | %d | %s |\n" % (group, count, " | ".join(map(str, counts))))
        for state, head in (("failed", "Failed"), ("excused", "Excused"), ("later", "Later")):
            mine = [r for r in rows if r["state"] == state]
            if mine:
                f.write("\n## %s\n\n| line | purpose | expected |%s\n|---|---|---|%s\n" % (
                    head, " why |" if state != "failed" else "", "---|" if state != "failed" else ""))
                for row in mine:
                    cells = [row["id"], row["purpose"], row["expected"]] + ([row["reason"]] if state != "failed" else [])
                    f.write("| %s |\n" % " | ".join(c.replace("|", "\\|") for c in cells))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--group", action="append", metavar="NAME", choices=GROUPS, help="only lines of this group; may be repeated")
    args.add_argument("-k", metavar="EXPRESSION", help="only tests that match, as pytest understands it")
    args.add_argument("--json", metavar="FILE", help="writes every line with its state and what was observed")
    args.add_argument("--results", metavar="FILE", help="writes the table and what is not met as Markdown")
    args.add_argument("-v", action="store_true", help="also prints what pytest says")
    args = args.parse_args()
    wrong = faults()
    for sentence in wrong:
        print("checklist:", sentence)
    begin = time.monotonic()
    rows = judge(args.group, args.k, args.v)
    for row in rows:
        if row["state"] == "failed":
            print("FAILED %s | %s | %s\n       %s" % (row["id"], row["purpose"], row["expected"], row["observed"]))
    print("%-6s %6s " % ("group", "lines") + " ".join("%8s" % s for s in STATES))
    for group, number, counts in table(rows):
        print("%-6s %6d " % (group, number) + " ".join("%8d" % c for c in counts))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(rows, f, indent=1, ensure_ascii=False)
    count = {s: sum(r["state"] == s for r in rows) for s in STATES}
    print("time: %.0f s" % (time.monotonic() - begin))
    last = "conformance: %d of %d passed, %d excused" % (count["passed"], len(rows) - count["later"], count["excused"])
    if args.results:
        write_results(rows, args.results, last)
    print(last)
    return 1 if count["failed"] or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
