"""Fixtures of the whole-flow tests: real processes, TLS, ports chosen by the kernel, certificates of our own making."""
import pytest
from plant.house import House


@pytest.fixture(scope="session")
def field(tmp_path_factory):
    """An IN-CSE and an MN-CSE registered at it, for all tests of a session; each test makes its own subtree."""
    with House(tmp_path_factory.mktemp("field")) as house:
        house.server = house.cse("server", "in", "/id-in", "in", insecure=True)
        house.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=house.server, insecure=True)
        yield house


@pytest.fixture
def house(tmp_path):
    """An empty house for a test that starts its own processes."""
    with House(tmp_path / "house") as house:
        yield house


_numbers = iter(range(1, 1 << 30))


@pytest.fixture
def ae(field):
    """ae("Cname", at=field.server): a registered AE with its certificate, and its client. Removed afterwards."""
    made = []

    def make(stem=None, at=None, **more):
        at = at or field.server
        stem = stem or "Ct%d" % next(_numbers)
        client = field.client(at, stem)
        base = "in" if at is field.server else "mn"
        client.ae = client.register(base, stem.lower() + "-ae", **more)
        client.path = "%s/%s-ae" % (base, stem.lower())
        client.at = at
        made.append(client)
        return client
    yield make
    for client in made:
        client.delete(client.path)
