"""No faulty object opens, every control does: negatives.py against ours, and its controls against strangers."""
from collections import Counter

import library
import negatives
import pytest


@pytest.fixture(scope="module")
def cases():
    return negatives.cases()


def answers(name, cases, one_key=False):
    requests = [{"op": c.op, "object": c.object, "keys": c.keys[:1] if one_key else c.keys, "alg": c.alg,
                 **({"enc": c.enc} if c.enc else {})} for c in cases]
    with library.Library(name) as it:
        return it.all(requests)


@pytest.fixture(scope="module")
def ours(cases):
    """What ours says of each."""
    return answers("ours", cases)


def test_there_are_hundreds_of_them(cases):
    count = Counter(c.opens for c in cases)
    assert count[False] > 2000 and count[True] > 150, count
    assert len({(c.group, c.name) for c in cases}) == len(cases)


def test_none_opens_in_ours(cases, ours):
    wrong = [c for c, a in zip(cases, ours) if not c.opens and "error" not in a]
    assert not wrong, "%d accepted:\n%s" % (len(wrong), "\n".join("%s: %s" % c[:2] for c in wrong[:50]))


def test_every_control_opens_in_ours(cases, ours):
    wrong = [(c, a) for c, a in zip(cases, ours) if c.opens and "plain" not in a]
    assert not wrong, "\n".join("%s: %s: %s" % (c.group, c.name, a) for c, a in wrong[:50])


def test_every_refusal_is_about_the_object(cases, ours):
    """A refusal by a failure of our own house, or for want of a key that was given, would prove nothing."""
    fitting = {"malformed", "algorithm-refused", "tampered", "no-key-yet", "unknown-ttp"}
    odd = [(c, a["error"]) for c, a in zip(cases, ours) if not c.opens and a.get("error") not in fitting]
    assert not odd, "\n".join("%s: %s: %s" % (c.group, c.name, e) for c, e in odd[:50])
    keyless = [c for c, a in zip(cases, ours) if a.get("error") in ("no-key-yet", "unknown-ttp")]
    assert len(keyless) < 20, "\n".join("%s: %s" % c[:2] for c in keyless)


@pytest.mark.parametrize("name", ["jwcrypto", "npm jose"])
def test_every_control_opens_in_foreign_libraries(cases, name):
    controls = [c for c in cases if c.opens]
    wrong = [(c, a) for c, a in zip(controls, answers(name, controls, one_key=True)) if "plain" not in a]
    assert not wrong, "\n".join("%s: %s: %s" % (c.group, c.name, a) for c, a in wrong[:50])
