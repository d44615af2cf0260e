"""The ten steps, judged from recordings, databases, logs and core images of a run of `oneseal demo`: where the gateway
seals, where the device does, and where the device hosts its data itself.

The program runs from the witness build (TLS secrets logged, processes may be dumped, all else as shipped). What it
prints about itself is compared only in the end.
"""
import json
import os
import shutil
import time

import pytest
from demo_run import MODES, DemoRun
from plant.house import TTP_NAME, ini
from plant.onem2m import Client, _Named
from plant.process import free_port, program, run
from witness import canary, core, jose_stranger, recording, release_witness, ten_steps

WITNESS = os.environ.get("ONESEAL_WITNESS")
pytestmark = pytest.mark.skipif(not WITNESS, reason="no witness build (sanitizers)")
HEAT, OTHER = "//demo.example/Sapp-heat", "//demo.example/Sapp-other"


def certificate_of(demo, name):
    """(certificate, key) that the demo issued to an actor."""
    return os.path.join(demo.state, "certs", name + ".pem"), os.path.join(demo.state, "certs", name + ".key")


def find_bundle(demo):
    for path in ten_steps.files_below(demo.state):
        if os.path.getsize(path) < 20000:
            with open(path, "rb") as f:
                text = f.read().strip()
            try:
                return ten_steps.read_bundle(text.decode("ascii"))
            except (release_witness.WrongAnswer, ValueError, KeyError, TypeError):
                continue
    raise AssertionError("no pinned bundle below " + demo.state)


class Judged:
    """A run and everything that was gathered while it stood at its holding points."""

    def __init__(self, folder, mode):
        self.mode = MODES[mode]
        self.sid = jose_stranger.sid_of(self.mode.stream)
        self.canaries = [canary.make() for _ in range(6)]
        lines = [json.dumps({"t": 20 + i / 10, "note": c}, ensure_ascii=bool(i % 2), separators=(",", ":"))
                 for i, c in enumerate(self.canaries)]
        self.lines = lines
        self.keys, self.refused, self.unreachable, self.age = {}, None, None, {}
        self.direct = set()
        self.down = ("server-gateway", "gateway-host") if self.mode.host == "host" else ("server-gateway",)
        self.demo = DemoRun(folder, mode, lines, self.at_hold, WITNESS)
        self.demo.run()
        if self.demo.code != 0:
            raise AssertionError("demo ended with %s\n%s\n%s" % (self.demo.code, json.dumps(
                [s for s in self.demo.steps.values() if not s.get("ok")], indent=1)[:3000], self.demo.errors[-3000:]))
        self.run = ten_steps.Run(str(folder))
        self.bundle = find_bundle(self.demo)
        self.sealed = []
        for e in self.run.of("server-gateway"):
            self.sealed += [i["con"] for i in ten_steps.sealed_in(e)]

    # --- at the holding points -----------------------------------------------------------------------------------
    def at_hold(self, demo, hold, pids):
        if hold == "start":
            return
        # Every actor is reached through a relay of this process, and by nobody else.
        for actor, row in demo.actors().items():
            if row.get("https"):
                self.direct |= {(actor, pid) for pid in core.connections_to(int(row["https"].rpartition(":")[2]))
                                if pid != os.getpid()}
        for actor in ("gateway", "server", "app-heat", "app-other", "device", "host"):
            if pids.get(actor):
                client = self.load(demo) if actor in ("gateway", "server") else None
                loaded = time.time()
                demo.image(hold, actor, pids[actor])
                self.age[(hold, actor)] = demo.images[(hold, actor)][1] - loaded
                if client:
                    client.close()
        if hold == "before-8":
            self.unreachable = self.open_without_route(demo)
        if hold == "after-10":
            self.ask_the_ttp(demo)

    def load(self, demo):
        """Sealed readings travel gateway -> server -> a client; its connection stays open until it is closed."""
        client = Client("https://" + demo.actors()["server"]["https"], "Sapp-heat",
                        os.path.join(demo.state, "ca", "ca.pem"), certificate_of(demo, "app-heat"), "id-in.demo.example")
        for _ in range(20):
            client.retrieve(self.mode.remote + "/la").expect(2000)
        return client

    def open_without_route(self, demo):
        """`oneseal get --open` with the application's credentials, an empty store and a TTP that nobody answers for."""
        folder = os.path.join(demo.folder, "lonely")
        os.makedirs(folder, exist_ok=True)
        certificate, key = certificate_of(demo, "app-heat")
        bundle = os.path.join(folder, "bundle")
        source = next(p for p in ten_steps.files_below(demo.state) if "bundle" in os.path.basename(p))
        shutil.copy(source, bundle)
        with open(os.path.join(folder, "lonely.conf"), "w", encoding="utf-8") as f:
            f.write(ini([
                ("profile", {"ae-id": HEAT, "store": os.path.join(folder, "book"), "name": "app-heat"}),
                ("server", {"url": "https://" + demo.actors()["server"]["https"], "name": "id-in.demo.example",
                            "cse-id": "/id-in", "base": "in"}),
                ("tls", {"certificate": certificate, "key-file": key, "ca": os.path.join(demo.state, "ca", "ca.pem")}),
                ("ttp " + TTP_NAME, {"url": "https://127.0.0.1:%d" % free_port(), "bundle": bundle}),
                ("stream s", {"address": self.mode.stream})]))
        return run([program("oneseal", WITNESS), "get", "lonely:" + self.mode.remote + "/la", "--open", "--json",
                    "--config", folder, "--timeout", "5s"], timeout=60)

    def ask_the_ttp(self, demo):
        bundle = find_bundle(demo)
        kids = sorted({jose_stranger.header_of(i["con"])["kid"] for i in self.stored(demo)})
        url = "https://" + demo.actors()["ttp"]["https"]
        ca = os.path.join(demo.state, "ca", "ca.pem")
        for name, iss in (("app-heat", HEAT), ("app-other", OTHER)):
            certificate, key = certificate_of(demo, name)
            verdict, keys = ten_steps.fetch_keys(url, ca, certificate, key, iss, kids, bundle, _Named(TTP_NAME),
                                                 {kid: self.sid for kid in kids})
            if name == "app-heat":
                self.keys = keys
            else:
                self.refused = verdict

    def stored(self, demo):
        """Sealed instances in the gateway's answers so far, read from the recording while the demo stands still."""
        folder = os.path.join(demo.folder, "relay")
        found = []
        for e in recording.exchanges(folder, "server-gateway", demo.keylog):
            found += ten_steps.sealed_in(e)
        assert found, "no sealed reading passed from the gateway to the server"
        return found

    def kid(self):
        return jose_stranger.header_of(self.sealed[0])["kid"]


@pytest.fixture(scope="module", params=list(MODES))
def judged(request, tmp_path_factory):
    return Judged(tmp_path_factory.mktemp("demo-" + request.param), request.param)


# --- the ten steps, from recordings ----------------------------------------------------------------------------------

def test_everything_passed_a_relay(judged):
    assert not judged.direct, "connections past the relays: %s" % judged.direct
    wanted = set(judged.mode.links)
    silent = {link for link in wanted if not judged.run.of(link)}
    assert not silent, "nothing was recorded on %s" % silent


def test_step_1_the_device_registers_its_data(judged):
    r = judged.run
    link = "device-" + judged.mode.host
    assert r.find(link, "POST", judged.mode.base.rpartition("/")[2], rsc=2001, body=b"m2m:ae")
    made = r.find(link, "POST", "thermo-1", rsc=2001, body=b"m2m:cnt")
    assert any(b'"data"' in e.request.body for e in made)
    assert len(r.find(link, "POST", "thermo-1/data", rsc=2001, body=b"m2m:cin")) >= len(judged.lines)


def test_step_2_a_credential_is_registered(judged):
    signer = judged.mode.sealer
    link = signer + "-ttp"
    key = ten_steps.certificate_key(certificate_of(judged.demo, signer)[0])
    registered = []
    for e in judged.run.find(link, "POST", "/letter"):
        letter = release_witness.verify_jws(e.request.body.decode(), key, "oneseal-letter+jws")
        assert e.response.status == 200
        for item in letter.get("items", [letter]):
            if item["sid"] == jose_stranger.b64u(judged.sid):
                registered.append(item["kid"].upper())
    assert judged.kid().upper() in registered
    kv = judged.keys[judged.kid()]
    # The credential itself never crosses in clear, not even inside TLS.
    canary.absent_in(judged.run.plain(link, "up"), [kv, kv[:32]], judged.kid(), link)


def test_steps_3_and_4_the_request_travels(judged):
    asked = judged.run.find("app-heat-server", "GET", "thermo-1/data", origin="Sapp-heat", rsc=2000)
    assert asked, "the application did not RETRIEVE"
    assert judged.run.find("app-heat-server", "POST", "thermo-1/data", rsc=2001, body=b"m2m:sub")
    for link in judged.down:
        carried = judged.run.find(link, "GET", "thermo-1/data", origin="Sapp-heat", rsc=2000)
        assert {e.request.target for e in asked} <= {e.request.target for e in carried}, link
        assert judged.run.find(link, "POST", "thermo-1/data", rsc=2001, body=b"m2m:sub"), link


def test_step_5_the_host_decides(judged):
    for link in judged.down:
        refused = judged.run.find(link, target="thermo-1/data", origin="Sapp-other", rsc=4103)
        assert refused, "the second application was not refused by the " + judged.mode.host
    told = judged.run.find("app-other-server", target="thermo-1/data", origin="Sapp-other", rsc=4103)
    assert told and all(e.response.status == 403 for e in told)
    assert all(b"dbg" in e.response.body for e in told), "refused without a reason"
    assert not [e for e in judged.run.of("app-other-server") if ten_steps.sealed_in(e)]


def test_steps_6_and_7_sealed_data_travels_back(judged):
    answers = judged.run.find("server-gateway", "GET", "thermo-1/data", origin="Sapp-heat", rsc=2000)
    from_gateway = {i["con"] for e in answers for i in ten_steps.sealed_in(e)}
    to_app = {i["con"] for e in judged.run.find("app-heat-server", "GET", "thermo-1/data", rsc=2000)
              for i in ten_steps.sealed_in(e)}
    assert to_app and to_app <= from_gateway
    for e in answers:
        for i in ten_steps.instances(e.response.body):
            assert jose_stranger.is_sealed(i["con"]) and i["cnf"].endswith(":1"), i
    code, out, err = judged.unreachable
    assert code == 7 and "ttp-unreachable" in out + err, (code, out, err)
    assert not any(c in out + err for c in judged.canaries)


def releases(judged, link):
    return judged.run.find(link, "POST", "/release")


def test_steps_8_and_9_the_ttp_provisions_the_credential(judged):
    key = ten_steps.certificate_key(certificate_of(judged.demo, "app-heat")[0])
    released = []
    for e in releases(judged, "app-heat-ttp"):
        verdict = release_witness.judge(e.request.body.decode(), e.response.body.decode(), key, judged.bundle.release,
                                        judged.bundle.vkey)
        assert verdict["request"]["iss"] == HEAT
        released += [k.upper() for k in verdict["released"]]
    assert judged.kid().upper() in released
    kv = judged.keys[judged.kid()]
    for direction in ("up", "down"):
        canary.absent_in(judged.run.plain("app-heat-ttp", direction), [kv, kv[:32]], b"HTTP/1.1", "app-heat-ttp")
    assert jose_stranger.kid_of(kv, judged.sid, TTP_NAME) == judged.kid()


def test_step_9_refuses_the_second_application(judged):
    key = ten_steps.certificate_key(certificate_of(judged.demo, "app-other")[0])
    refusals = 0
    for e in releases(judged, "app-other-ttp"):
        verdict = release_witness.judge(e.request.body.decode(), e.response.body.decode(), key, judged.bundle.release,
                                        judged.bundle.vkey)
        assert not verdict["released"] and set(verdict["denied"].values()) == {"refused"}
        refusals += 1
    assert refusals, "the second application was not refused by the TTP in the demo itself"
    # And by the witness's own request, made with that application's key.
    assert judged.refused["released"] == [] and set(judged.refused["denied"].values()) == {"refused"}


def test_step_10_the_application_opens(judged):
    book = next(p for p in ten_steps.files_below(os.path.join(judged.demo.state, "app-heat"))
                if open(p, "rb").read(15) == b"SQLite format 3")
    opened = b"\n".join(ten_steps.opened_readings(book))
    assert sum(1 for c in judged.canaries if c.encode() in opened or json.dumps(c)[1:-1].encode() in opened) >= 2
    told = [e for e in judged.run.find("server-app-heat", "POST") if ten_steps.sealed_in(e, "request")]
    assert told, "no reading came by NOTIFY"
    by_notice = {i["con"] for e in told for i in ten_steps.sealed_in(e, "request")}
    assert by_notice <= {i["con"] for e in judged.run.find("gateway-server", "POST")
                         for i in ten_steps.sealed_in(e, "request")}


def test_a_stranger_opens_what_was_sealed(judged):
    opened = set()
    for con in judged.sealed:
        kv = judged.keys[jose_stranger.header_of(con)["kid"]]
        for plain in jose_stranger.open_batch(con, kv):
            opened.add(plain.decode())
    for canary_text in judged.canaries[:1] + judged.canaries[-1:]:
        assert any(canary_text in p or json.dumps(canary_text)[1:-1] in p for p in opened), opened


# --- nothing in clear where it must not be -----------------------------------------------------------------------------

def test_nothing_in_clear_on_the_wire(judged):
    prefix = judged.sealed[0][:40]
    r = judged.run
    into_server = [("app-heat-server", "up"), ("app-other-server", "up"), ("gateway-server", "up"),
                   ("server-gateway", "down"), ("server-app-heat", "down")]
    texts = b"\n".join(r.plain(link, direction) for link, direction in into_server)
    canary.absent_in(texts, judged.canaries, prefix, "everything the server received")
    canary.absent_in(b"\n".join(r.plain(link, d) for link in r.links() if "server" in link for d in ("up", "down")),
                     judged.canaries, prefix, "every byte to and from the server")
    ttp = b"\n".join(r.plain(link, d) for link in r.links() if link.endswith("-ttp") for d in ("up", "down"))
    canary.absent_in(ttp, judged.canaries, judged.kid(), "every byte to and from the TTP")
    into_gateway = b"\n".join(r.plain(link, d) for link in r.links() if "gateway" in link for d in ("up", "down"))
    if judged.mode.sealer == "gateway":
        for c in judged.canaries:       # the same search finds them where they are in clear
            assert canary.search(into_gateway, c)
    else:
        canary.absent_in(into_gateway, judged.canaries, prefix, "every byte to and from the gateway")
    # As recorded, before decryption, nothing is legible at all.
    for one in recording.connections(r.relay, "device-" + judged.mode.host, r.keylog):
        assert not one.clear


@pytest.mark.parametrize("actor", ["gateway", "server", "host"])
def test_nothing_in_clear_on_disk(judged, actor):
    if actor == "host" and judged.mode.host != "host":
        return
    folder = os.path.join(judged.demo.state, actor)
    keys = [kv for kv in judged.keys.values()] + [kv[:32] for kv in judged.keys.values()]
    if actor == judged.mode.host:
        searched = ten_steps.search_store(folder, judged.canaries + keys, judged.sealed, actor)
        assert any(p.endswith("-wal") or p.endswith(".db") or "sqlite" in p for p in searched), searched
    else:
        for path in ten_steps.files_below(folder):
            with open(path, "rb") as f:
                octets = f.read()
            control = ten_steps._own_text(path, octets)
            if control:
                canary.absent_in(octets, judged.canaries + keys, control, path)
    log = os.path.join(judged.demo.state, actor + ".log")
    with open(log, "rb") as f:
        own = {"gateway": b"id-mn", "server": b"id-in", "host": b"id-asn"}[actor]
        canary.absent_in(f.read(), judged.canaries + keys, own, log)


@pytest.mark.parametrize("hold", ["before-8", "after-10"])
@pytest.mark.parametrize("actor", ["gateway", "server"])
def test_nothing_in_clear_in_memory(judged, hold, actor):
    path, _, size = judged.demo.images[(hold, actor)]
    assert size > 1 << 20
    # Who hosts the sealed readings holds them. The others wipe what they have forwarded: there the registration that
    # they host shows that this image can be searched.
    hosted = {"gateway": "id-asn", "server": "Sapp-heat"}
    prefix = judged.sealed[0].split(".")[0] if actor == judged.mode.host else hosted[actor]
    canary.absent(path, judged.canaries, prefix)
    assert judged.age[(hold, actor)] < 1.0, "the image was taken %.2f s after the load" % judged.age[(hold, actor)]
    keys = list(judged.keys.values())
    if actor != judged.mode.sealer:
        canary.absent(path, keys + [k[:32] for k in keys], prefix)


def test_the_application_before_and_after_step_8(judged):
    before = judged.demo.images[("before-8", "app-heat")][0]
    after = judged.demo.images[("after-10", "app-heat")][0]
    keys = list(judged.keys.values())
    prefix = judged.sealed[0].split(".")[0]
    canary.absent(before, judged.canaries + keys + [k[:32] for k in keys], prefix)
    assert any(canary.search_file(after, c) for c in judged.canaries)
    assert any(canary.search_file(after, k[:32]) for k in keys), "the key is not where the search must find it"
    other = judged.demo.images.get(("after-10", "app-other"))
    if other:
        canary.absent(other[0], judged.canaries + keys, b"app-other")


def test_what_the_demo_says_of_itself(judged):
    assert judged.demo.code == 0
    assert sorted(judged.demo.steps) == list(range(1, 11))
    assert all(s["v"] == 1 and s["ok"] is True and s["what"] and isinstance(s["evidence"], dict)
               for s in judged.demo.steps.values())
    assert judged.demo.summary == {"steps": 10, "ok": 10}


def test_shipped_build_and_real_telemetry(tmp_path):
    """Nothing but `demo --once`: no relays, the host's own readings, exit 0."""
    code, out, err = run([program("oneseal"), "demo", "--once", "--json"], timeout=120)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err[-3000:] + out[-3000:]
    assert rows[-1] == {"v": 1, "summary": {"steps": 10, "ok": 10}}
    assert [r["step"] for r in rows[:-1]] == list(range(1, 11)) and all(r["ok"] for r in rows[:-1])
