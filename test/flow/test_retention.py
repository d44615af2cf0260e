"""Retention and counters under concurrent CREATE and kill -9: a small run on every change (./dev kill --retention is the
full size), and the judge before answers that are wrong."""
import copy
import json

import pytest
from kill import retention


def test_counters_are_exact_whatever_was_cut_off(tmp_path, capsys):
    lines = []
    run = retention.Run(str(tmp_path), creates=6000, kills=8, seed=20261124, say=lines.append,
                        keep={"one": 1, "ten": 10, "many": 1000})
    result = run.run()
    with capsys.disabled():
        print("\nretention run: " + json.dumps(result))
    assert run.wrong == [], "\n".join(lines)
    assert len(run.in_flight) == 8 and min(run.in_flight) >= 1
    assert all(c["st"] > keep for c, keep in zip(result["containers"].values(), run.keep.values()))


GOOD = {"cni": 2, "cbs": 9, "st": 5, "m2m:cin": [{"rn": "d", "st": 4, "cs": 4}, {"rn": "e", "st": 5, "cs": 5}]}
SURE = {"a": (1, 1), "b": (2, 2), "d": (4, 4), "e": (5, 5)}


def spoil(change):
    holder, sure = copy.deepcopy(GOOD), dict(SURE)
    change(holder, sure)
    return retention.faults(holder, 2, sure, {"c"})


def test_the_judge_accepts_what_is_right():
    assert spoil(lambda holder, sure: None) == []


@pytest.mark.parametrize("change", [
    lambda h, s: h.update(cni=3), lambda h, s: h.update(cbs=8), lambda h, s: h.update(st=6),
    lambda h, s: h["m2m:cin"].pop(), lambda h, s: h["m2m:cin"].append(h["m2m:cin"][0]),
    lambda h, s: h["m2m:cin"][0].update(st=3), lambda h, s: h["m2m:cin"][0].update(rn="x"),
    lambda h, s: h["m2m:cin"][1].update(cs=6), lambda h, s: s.update(f=(5, 5)), lambda h, s: s.update(c=(2, 1))])
def test_the_judge_sees_what_is_wrong(change):
    assert spoil(change)
