"""liboneseal as a stranger meets it: installed in a folder, found by pkg-config, used by the examples."""
import base64
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
import requests
from plant.house import TTP_NAME, House
from plant.onem2m import _Named
from plant.process import SLOW

from cli_program import BUILD, ROOT
from test_cli_flow import DEVICE, HEAT, SP, Field

STREAM = SP + "/id-mn/mn/thermo-1/own"
REMOTE = "/id-mn/mn/thermo-1/own"
HEADERS = ["label", "keys", "seal", "open", "client"]
PEDANTIC = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def text(*words, **kwargs):
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=300, **kwargs).stdout


def symbols():
    with open(os.path.join(ROOT, "lib", "api", "symbols.txt"), encoding="utf-8") as file:
        return file.read().split()


class Stage:
    """The installed library. `meson install` with DESTDIR, and a compiler that knows nothing but pkg-config."""

    def __init__(self, folder):
        self.folder = str(folder)
        text("meson", "install", "-C", BUILD, "--no-rebuild", "--tags", "runtime,devel", "--destdir", self.folder)
        self.pc = self.one("**/pkgconfig/oneseal.pc")
        self.so, self.archive = self.one("**/liboneseal.so"), self.one("**/liboneseal.a")
        self.env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(self.pc), PKG_CONFIG_SYSROOT_DIR=self.folder,
                        LD_LIBRARY_PATH=os.path.dirname(self.so))
        wanted = text("nm", "-D", "--undefined-only", self.so)
        self.extra = [flag for mark, flag in (("__asan_init", "-fsanitize=address,undefined"), ("__tsan_init", "-fsanitize=thread"))
                      if mark in wanted]
        self.made = {}

    def one(self, pattern):
        found = glob.glob(os.path.join(self.folder, pattern), recursive=True)
        assert len(found) == 1, (pattern, found)
        return found[0]

    def pkg_config(self, *words):
        return text("pkg-config", *words, "oneseal", env=self.env).split()

    def program(self, name):
        """examples/NAME.c, compiled once against what is installed."""
        if name not in self.made:
            out = os.path.join(self.folder, name)
            text("cc", "-std=c17", *PEDANTIC, *self.extra, os.path.join(ROOT, "examples", name + ".c"), "-o", out,
                 *self.pkg_config("--cflags", "--libs"), env=self.env)
            self.made[name] = out
        return self.made[name]

    def run(self, name, *words, stdin=b""):
        return subprocess.run([self.program(name), *words], input=stdin, capture_output=True, env=self.env,
                              timeout=60 * SLOW, check=False)


@pytest.fixture(name="stage", scope="module")
def a_stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"))


def test_only_the_public_names_are_visible(stage):
    shared = {line.split()[-1].split("@")[0] for line in text("nm", "-D", "--defined-only", stage.so).splitlines()}
    assert shared - {"ONESEAL_0"} == set(symbols())
    static = {line.split()[2] for line in text("nm", "-g", "--defined-only", stage.archive).splitlines()
              if len(line.split()) == 3}
    assert static == set(symbols())
    declared = set()
    for name in HEADERS:
        with open(os.path.join(ROOT, "include", "oneseal", name + ".h"), encoding="utf-8") as file:
            declared |= set(re.findall(r"^ONESEAL_(?:API|SAY)[^;]*?\b(oneseal_\w+)\(", file.read(), re.M))
    assert declared == set(symbols())
    # The control: inside, other names are there.
    assert "seal_key_init" in text("nm", stage.archive)


def test_the_device_half_calls_no_allocator_file_thread_or_clock():
    noisy = re.compile(r"^(malloc|calloc|realloc|free|fopen|open|read|write|printf|fprintf|pthread_\w+|clock_gettime|time)$")
    found = {}
    for line in text("nm", "-A", "--undefined-only", os.path.join(BUILD, "lib", "api", "libapi.a")).splitlines():
        member, name = re.search(r"(\w+)\.c\.o:", line).group(1), line.split()[-1]
        found.setdefault(member, set()).update([name] if noisy.match(name) else [])
    assert sorted(found) == ["client", "clock", "keys", "label", "letter", "open", "seal", "status"]
    assert {m for m, names in found.items() if names} == {"client", "clock"}    # the control: these two do


def test_it_has_its_soname_and_version(stage):
    dynamic = text("readelf", "-d", stage.so)
    assert "[liboneseal.so.0]" in dynamic
    assert "TEXTREL" not in dynamic
    version = text("pkg-config", "--modversion", "oneseal", env=stage.env).strip()
    assert os.path.realpath(stage.so).endswith("liboneseal.so." + version)
    with open(os.path.join(ROOT, "include", "oneseal", "label.h"), encoding="utf-8") as file:
        assert '#define ONESEAL_VERSION "%s"' % version in re.sub(" +", " ", file.read())


@pytest.mark.parametrize("compiler", [["gcc", "-std=c11", "-xc"], ["gcc", "-std=c17", "-xc"], ["clang", "-std=c17", "-xc"],
                                      ["g++", "-std=c++17", "-xc++"], ["clang++", "-std=c++17", "-xc++"]],
                         ids=lambda words: " ".join(words[:2]))
def test_each_header_compiles_alone(stage, compiler):
    if not shutil.which(compiler[0]):
        pytest.skip(compiler[0] + " is not here")
    for name in HEADERS:
        done = subprocess.run([*compiler, *PEDANTIC, "-fsyntax-only", *stage.pkg_config("--cflags"), "-"], text=True,
                              input="#include <oneseal/%s.h>\n" % name, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_installed_headers_are_the_public_ones_alone(stage):
    there = os.listdir(os.path.join(os.path.dirname(stage.one("**/oneseal/label.h"))))
    assert sorted(there) == sorted(name + ".h" for name in HEADERS)
    for name in HEADERS:
        with open(os.path.join(ROOT, "include", "oneseal", name + ".h"), encoding="utf-8") as file:
            for header in re.findall(r'#include (\S+)', file.read()):
                assert header in ("<stddef.h>", "<stdint.h>") or header.strip('"')[:-2] in HEADERS, header


def statements(name):
    """Statements of an example: what ends in a semicolon, and each if, while and for."""
    with open(os.path.join(ROOT, "examples", name + ".c"), encoding="utf-8") as file:
        code = re.sub(r'/\*.*?\*/|"(\\.|[^"\\])*"', "", file.read(), flags=re.S)
    bodies = "".join(re.findall(r"^\{\n(.*?)^\}", code, re.M | re.S))
    return bodies.count(";") + len(re.findall(r"\b(?:if|while|for)\b", bodies))


@pytest.mark.parametrize("name,most", [("seal", 10), ("open", 10), ("subscribe", 30)])
def test_the_examples_are_as_short_as_we_say(name, most):
    assert 5 < statements(name) <= most


def test_seal_and_open(stage, tmp_path):
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(bytes(range(32)))
    other.write_bytes(bytes(range(1, 33)))
    place = SP + "/id-mn/mn/thermo-1/data"
    sealed = stage.run("seal", place, "thermo-1@demo.example", str(key), stdin=b"21.5 degrees")
    assert sealed.returncode == 0 and sealed.stdout.count(b".") == 4 and b"21.5" not in sealed.stdout, sealed.stderr
    opened = stage.run("open", place, str(key), stdin=sealed.stdout)
    assert (opened.returncode, opened.stdout) == (0, b"21.5 degrees\n"), opened.stderr
    for words, why in (((place, str(other)), b"does not authenticate"), ((place + "2", str(key)), b"another container")):
        refused = stage.run("open", *words, stdin=sealed.stdout)
        assert refused.returncode == 1 and refused.stdout == b"" and why in refused.stderr
    # A stranger's library opens it, too.
    from jwcrypto import jwe, jwk
    token = jwe.JWE()
    token.deserialize(sealed.stdout.decode().strip())
    token.decrypt(jwk.JWK(kty="oct", k="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"))
    assert token.payload == b"21.5 degrees"


def test_the_static_library_needs_nothing_of_ours_beside_it(stage, tmp_path):
    libraries = text("pkg-config", "--libs", "openssl", "libuv", "sqlite3", "inih", "libseccomp").split()
    out = str(tmp_path / "seal-static")
    text("cc", "-std=c17", *stage.extra, os.path.join(ROOT, "examples", "seal.c"), "-o", out,
         *stage.pkg_config("--cflags"), stage.archive, *libraries, "-lpthread", "-lm")
    key = tmp_path / "key"
    key.write_bytes(bytes(32))
    done = subprocess.run([out, SP + "/id-mn/mn/a/b", "a@b.example", str(key)], input=b"x", capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith(b"eyJ"), done.stderr
    assert "liboneseal" not in text("readelf", "-d", out)


# ---- before real daemons ----------------------------------------------------------------------------


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    """The five actors; a second container that the gateway does not seal: there the device does."""
    with House(tmp_path_factory.mktemp("library")) as house:
        f = Field(house)
        device = house.client(f.gateway, "Cthermo-1")
        device.create("mn/thermo-1", 3, "m2m:cnt", rn="own", acpi=["mn/thermo-1/acp"]).expect(2001)
        house.profile("sealer", DEVICE, f.gateway, f.ttp,
                      extra=[("seal", {"ttp": TTP_NAME, "policy": "own", "readers": HEAT})])
        house.profile("heat", HEAT, f.server, f.ttp, extra=[("stream own", {"address": STREAM, "writer": DEVICE})])
        yield f


def profile(f, name):
    return os.path.join(f.folder, name + ".conf")


def test_a_device_seals_by_library_and_an_application_opens_by_library(stage, f):
    subscriber = subprocess.Popen([stage.program("subscribe"), profile(f, "heat"), REMOTE, "3"], env=stage.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for_subscription(f, subscriber)
        done = stage.run("device", profile(f, "sealer"), "mn/thermo-1/own", stdin=b'{"n":1}\n"two"\n{"n":3}\n')
        assert done.returncode == 0, done.stderr
        out, err = subscriber.communicate(timeout=60 * SLOW)
    finally:
        subscriber.kill()
        subscriber.wait()
    assert subscriber.returncode == 0, err
    assert out.decode().splitlines() == [STREAM + ': {"n":1}', STREAM + ": two", STREAM + ': {"n":3}']
    # What the gateway stores is sealed, by the device.
    stored = f.house.client(f.gateway, "Cthermo-1").retrieve("mn/thermo-1/own/la").root("m2m:cin")
    header = stored["con"].split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["e2e"][5] == "d"
    assert stored["cnf"] == "application/json:0:1"
    # The command line reads what the library's device wrote, and the heads that it left confirm it.
    assert f.oneseal("get", "heat:%s/la" % REMOTE, "--open").stdout == b'{"n":3}\n'
    done = f.oneseal("get", "heat:%s/la" % REMOTE, "--confirmed")
    assert (done.returncode, done.stdout) == (0, b'{"n":3}\n'), done.stderr


class Reading(ctypes.Structure):
    """oneseal_reading, as far as it is looked at here."""
    _fields_ = [("verdict", ctypes.c_int), ("flags", ctypes.c_uint64), ("address", ctypes.c_char_p), ("kid", ctypes.c_char_p),
                ("plain", ctypes.c_char_p), ("n", ctypes.c_size_t), ("json", ctypes.c_int), ("clear", ctypes.c_int),
                ("confirmed", ctypes.c_int), ("rest", ctypes.c_char * 1024)]


def test_a_reading_is_confirmed_by_the_heads_of_its_writer(stage, f):
    """Called from another language, as anything with a foreign function interface can."""
    if stage.extra:
        pytest.skip("the library needs a sanitizer that Python does not load")
    done = stage.run("device", profile(f, "sealer"), "mn/thermo-1/own", stdin=b'{"c":1}\n')
    assert done.returncode == 0, done.stderr
    library, client, reading = ctypes.CDLL(stage.so), ctypes.c_void_p(), Reading()
    library.oneseal_client_close.argtypes = [ctypes.c_void_p]
    assert library.oneseal_client_open(profile(f, "heat").encode(), None, ctypes.byref(client)) == 0
    try:
        where = (REMOTE + "/la").encode()
        assert library.oneseal_client_get(client, where, ctypes.byref(reading)) == 0
        assert (reading.plain, reading.n, reading.json, reading.confirmed) == (b'{"c":1}', 7, 1, 0)
        assert library.oneseal_client_get_confirmed(client, where, 20000, ctypes.byref(reading)) == 0
        assert (reading.plain, reading.confirmed, reading.address) == (b'{"c":1}', 1, STREAM.encode())
    finally:
        library.oneseal_client_close(client)


def wait_for_subscription(f, subscriber):
    """Only who made it may see it."""
    heat = f.house.client(f.server, "Sapp-heat")
    deadline = time.monotonic() + 30 * SLOW
    while heat.retrieve(REMOTE + "/sub-Sapp-heat").rsc != 2000:
        assert subscriber.poll() is None, subscriber.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Sensor:
    """The example, and whoever carries its lines."""

    def __init__(self, stage, f, stem, container):
        own, key = f.house.certificate(SP + "/id-mn/" + stem)
        der = os.path.join(f.house.folder, stem + ".der")
        text("openssl", "x509", "-in", own, "-outform", "DER", "-out", der)
        self.process = subprocess.Popen([stage.program("sensor"), key, der, f.ttp.bundle, container, SP + "/id-mn/" + stem, HEAT],
                                        env=stage.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cert, self.session.verify = (own, key), f.house.authority.path
        self.session.mount("https://", _Named(TTP_NAME))
        self.url = "https://" + f.ttp.ready["https"]

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline().split()
        return line if line else pytest.fail(self.process.communicate()[1])

    def post(self, path, body):
        answer = self.session.post(self.url + path, data=body, headers={"Content-Type": "application/jose"}, timeout=20)
        assert answer.headers["Content-Type"].startswith("application/jose"), answer.text
        return answer.text.strip()

    def end(self):
        self.session.close()
        _, err = self.process.communicate(timeout=20 * SLOW)
        return self.process.returncode, err


def test_a_device_without_malloc_registers_its_key_and_seals(stage, f):
    gateway = f.house.client(f.gateway, "Cthermo-1")
    gateway.create("mn/thermo-1", 3, "m2m:cnt", rn="sensed", acpi=["mn/thermo-1/acp"]).expect(2001)
    place = SP + "/id-mn/mn/thermo-1/sensed"
    f.house.profile("sensed", HEAT, f.server, f.ttp, extra=[("stream sensed", {"address": place, "writer": SP + "/id-mn/Csensor"})])
    sensor = Sensor(stage, f, "Csensor", place)
    sensor.say(sensor.session.get(sensor.url + "/nonce", timeout=20).headers["Oneseal-Nonce"])
    for path in ("/client", "/policy", "/letter"):
        said, body = sensor.hear()
        assert said == path
        sensor.say(sensor.post(path, body))
    for reading in ('{"t":1}', '{"t":2}'):
        sensor.say(reading)
        said, con = sensor.hear()
        assert said == "con"
        gateway.create("mn/thermo-1/sensed", 4, "m2m:cin", cnf="application/json:0:1", con=con).expect(2001)
    sensor.process.stdin.close()
    sensor.process.stdin = None
    assert sensor.end() == (0, "")
    opened = json.loads(f.oneseal("get", "sensed:/id-mn/mn/thermo-1/sensed/la", "--open", "--json").stdout)
    assert opened["plain"] == {"t": 2} and opened["i"] == 1 and "no-clock" not in opened["flags"]


def test_a_device_believes_no_answer_but_the_vaults(stage, f):
    sensor = Sensor(stage, f, "Cliar", SP + "/id-mn/mn/thermo-1/lie")
    sensor.say(sensor.session.get(sensor.url + "/nonce", timeout=20).headers["Oneseal-Nonce"])
    _, body = sensor.hear()
    true = sensor.post("/client", body)
    sensor.say(true[:-2] + ("A" if true[-2] != "A" else "B") + true[-1])
    code, err = sensor.end()
    assert code == 1 and "does not authenticate" in err


def test_a_provisioned_key_needs_no_ttp_at_either_end(stage, f, tmp_path):
    hex_key, raw, value = tmp_path / "key.hex", tmp_path / "key", bytes(range(100, 132))
    hex_key.write_text(value.hex() + "\n")
    hex_key.chmod(0o600)
    raw.write_bytes(value)
    f.house.profile("given", DEVICE, f.gateway, extra=[
        ("seal", {"key": "provisioned", "key-file": str(hex_key), "key-id": "thermo-1@demo.example"})])
    device = f.house.client(f.gateway, "Cthermo-1")
    device.create("mn/thermo-1", 3, "m2m:cnt", rn="given", acpi=["mn/thermo-1/acp"]).expect(2001)
    done = stage.run("device", profile(f, "given"), "mn/thermo-1/given", stdin=b'"by hand"\n')
    assert done.returncode == 0, done.stderr
    con = device.retrieve("mn/thermo-1/given/la").root("m2m:cin")["con"]
    opened = stage.run("open", SP + "/id-mn/mn/thermo-1/given", str(raw), stdin=con.encode())
    assert (opened.returncode, opened.stdout) == (0, b"by hand\n"), opened.stderr


def test_a_signal_ends_the_subscription(stage, f):
    subscriber = subprocess.Popen([stage.program("subscribe"), profile(f, "heat"), REMOTE], env=stage.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_subscription(f, subscriber)
    done = stage.run("device", profile(f, "sealer"), "mn/thermo-1/own", stdin=b'"last"\n')
    assert done.returncode == 0, done.stderr
    assert subscriber.stdout.readline().decode() == STREAM + ": last\n"
    subscriber.send_signal(signal.SIGTERM)
    _, err = subscriber.communicate(timeout=30 * SLOW)
    assert subscriber.returncode == 0, err


def test_faults_are_told_with_who_and_what_to_do(stage, f):
    done = stage.run("device", profile(f, "device"), "mn/thermo-1/own", stdin=b"1\n")   # a profile without [seal]
    assert done.returncode == 1 and b"the profile" in done.stderr and b"set " in done.stderr, done.stderr
    done = stage.run("device", profile(f, "sealer"), "mn/thermo-1/nothing", stdin=b"1\n")
    assert done.returncode == 1 and done.stderr.startswith(b"it is not there: "), done.stderr
    done = stage.run("device", profile(f, "sealer"), "mn/thermo-1/own", stdin=b"no json\n")
    assert done.returncode == 1 and b"not allowed" in done.stderr, done.stderr
