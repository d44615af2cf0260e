"""Fixtures: real CSEs that the whole run shares, each test with subtrees and servers of its own."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import itertools

import pytest
from checklist import lines, reasons
from client import AE, CSR, App, Client, rule
from launch import Town
from peer import Peer, Registrar

LINES, EXCUSED = lines(), reasons("excused.txt")
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        name = item.originalname
        if name in LINES and name in EXCUSED:
            item.add_marker(pytest.mark.skip(reason="excused: " + EXCUSED[name]))


def pytest_runtest_logreport(report):
    """One line of JSON for each test, for run.py; a fixture that fails counts as the test's failure."""
    results = os.environ.get("ONESEAL_RESULTS")
    if results and (report.when == "call" or report.failed):
        message = ""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = " ".join((crash.message if crash else str(report.longrepr)).split())[:400]
            if crash and not message.startswith("AssertionError: "):
                message += " (%s:%d)" % (os.path.basename(crash.path), crash.lineno)
        with open(results, "a", encoding="utf-8") as f:
            f.write(json.dumps({"test": report.nodeid.rpartition("::")[2], "outcome": report.outcome,
                                "seconds": round(report.duration, 2), "message": message}) + "\n")


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    """All CSEs of a run; each is started by the first test that asks for it."""
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


def _shared(name):
    @pytest.fixture(scope="session", name=name)
    def fixture(town):
        return town.get(name)
    return fixture


lab, mn, mn2, strict, asn, secure = map(_shared, ("lab", "mn", "mn2", "strict", "asn", "secure"))


@pytest.fixture
def app():
    """app(cse, ...): an AE registered there; removed after the test."""
    made = []

    def make(cse, stem=None, **more):
        made.append(App(cse, stem or "Cx%d" % next(_numbers), **more))
        return made[-1]
    yield make
    for one in made:
        one.cse.admin.delete(one.ri)
        one.close()


@pytest.fixture
def listener(app):
    """listener(cse, URL, ...): an AE with those points of access, to which anyone may NOTIFY."""
    def make(cse, *poa, **more):
        one = app(cse, poa=list(poa), **more)
        one.change(one.path, AE, acpi=[one.policy("notify", rule("all", ops=16), rule(one.origin))])
        return one
    return make


@pytest.fixture
def ae(lab, app):
    return app(lab)


@pytest.fixture
def other(lab, app):
    """A second AE, with no right on anything of the first."""
    return app(lab)


@pytest.fixture
def admin(lab):
    return lab.admin


@pytest.fixture(scope="session")
def under(town):
    """An MN-CSE whose registrar is a Registrar of ours: under.registrar sees what the MN-CSE asks of it."""
    registrar = Registrar("/id-fake", "cse-fake")
    cse = town.start("under", "mn", "/id-under", "cse-under", url=registrar.url, parent_csi="/id-fake",
                     extra=[("parent", {"labels": "under, kind:mn", "node": "/id-under/node-1"})])
    cse.registrar = registrar
    registrar.wait(1, lambda s: s.op == 1 and s.ty == 16)
    yield cse
    cse.admin.close()
    registrar.close()


@pytest.fixture
def anyone():
    """anyone(cse, originator): a client."""
    made = []

    def make(cse, origin, **more):
        made.append(Client(cse.url, origin, **more))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def remote(peers):
    """remote(cse, ...): a CSE of ours registered there: a client with its remoteCSE in .csr and its server in .peer."""
    made = []

    def make(cse, csi=None, **more):
        csi = csi or "/id-r%d" % next(_numbers)
        client = Client(cse.url, csi)
        client.peer = peers()
        rows = dict({"cb": csi + "/cse-r", "csi": csi, "rr": True, "srv": ["3"], "poa": [client.peer.url]}, **more)
        client.csr = client.make(cse.base, CSR, {k: v for k, v in rows.items() if v is not None})
        client.cse = cse
        made.append(client)
        return client
    yield make
    for one in made:
        one.delete(one.csr["ri"])
        one.close()


@pytest.fixture
def peers():
    """peers(...): servers; closed after the test."""
    made = []

    def make(*args, **more):
        made.append(Peer(*args, **more))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def target(peers):
    return peers()
