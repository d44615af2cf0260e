"""A device that seals by every key there is, in batches, padded, from CSV: `oneseal put --seal` before real daemons.
What it wrote is opened by another library with what the TTP releases."""
import base64
import json
import os
import stat
import subprocess

import pytest
from jwcrypto import jwe, jwk
from plant.house import TTP_NAME
from plant.onem2m import _Named
from plant.process import SLOW, program
from witness import canary, key_stranger, ten_steps
from witness.jose_stranger import header_of, open_con, public_of, sid_of, unb64u
from witness.ttp_stranger import Party

from cli_program import fault, run

SP = "//demo.example"
DATA = SP + "/id-mn/mn/thermo-1/data"
HEAT, DEVICE = SP + "/Sapp-heat", SP + "/id-mn/Cthermo-1"


class Field:
    def __init__(self, house):
        self.house = house
        self.ttp = house.ttp()
        self.server = house.cse("server", "in", "/id-in", "in")
        kinds = os.path.join(house.folder, "kinds")
        os.makedirs(kinds)
        with open(os.path.join(kinds, "note.json"), "w", encoding="ascii") as out:
            json.dump({"cnd": "demo.note", "root": "demo:note", "attributes": [
                {"sn": "text", "type": "string", "sealed": True}]}, out)
        self.gateway = house.cse("gateway", "mn", "/id-mn", "mn", parent=self.server, kinds=kinds)
        device = house.client(self.gateway, "Cthermo-1")
        device.register("mn", "thermo-1")
        for name in ("data", "strict", "made", "given", "batch", "slow", "padded", "table", "disk", "twice"):
            device.create("mn/thermo-1", 3, "m2m:cnt", rn=name, mni=1000).expect(2001)
        device.create("mn/thermo-1", 29, "m2m:ts", rn="series", mni=100).expect(2001)
        self.device = device
        self.folder, self.book = self.profile("thermo")
        with open(self.ttp.bundle, encoding="ascii") as f:
            bundle = ten_steps.read_bundle(f.read())
        certificate, key = house.certificate(HEAT)
        self.heat = Party(HEAT, certificate, key, "https://" + self.ttp.ready["https"], house.authority.path,
                          _Named(TTP_NAME), bundle)
        assert self.heat.register() == "ok"

    def profile(self, name, **seal):
        seal = dict({"ttp": TTP_NAME, "policy": "own", "readers": HEAT}, **seal)
        return self.house.profile(name, DEVICE, self.gateway, self.ttp, extra=[("seal", seal)])

    def put(self, where, *words, stdin=b"", profile="thermo"):
        return run("put", f"{profile}:mn/thermo-1/{where}", "--seal", "--json", "--config", self.folder, *words,
                   stdin=stdin)

    def rows(self, *args, **kwargs):
        done = self.put(*args, **kwargs)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def contents(self, where):
        """`con` of the instances of a container, oldest first."""
        found = self.device.retrieve("mn/thermo-1/" + where, rcn=4).expect(2000).json
        (parent,) = found.values()
        rows = parent.get("m2m:cin", []) + parent.get("m2m:tsi", [])
        return [r["con"] for r in sorted(rows, key=lambda r: (r["ct"], r["rn"]))]

    def value(self, kid, where):
        """What the TTP releases for a kid."""
        sid = sid_of(SP + "/id-mn/mn/thermo-1/" + where)
        verdict, keys = self.heat.release([kid], {kid: sid})
        assert kid in keys, verdict["denied"]
        return keys[kid]

    def opened(self, where):
        """(header, plaintext) of each, opened with the released Key Value."""
        found = []
        for con in self.contents(where):
            header = header_of(con)
            plain = open_con(con, self.value(header["kid"], where))
            if len(header["e2e"]) > 6:
                plain = plain[:len(plain) - header["e2e"][6]]
            found.append((header, plain))
        return found


@pytest.fixture(name="f", scope="module")
def a_field(tmp_path_factory):
    from plant.house import House
    with House(tmp_path_factory.mktemp("put")) as house:
        field = Field(house)
        yield field
        field.heat.close()


# --- where keys come from ------------------------------------------------------------------------------------------

def test_a_key_of_its_own(f):
    (row,) = f.rows("data", stdin=b'{"t":21.5}\n')
    ((header, plain),) = f.opened("data")
    assert header["alg"] == "dir" and header["kid"] == row["kid"] and header["e2e"][4] > 0
    assert header["e2e"][2:4] == [1, 0] and header["e2e"][5] == "d" and plain == b'{"t":21.5}'


def test_a_key_that_the_ttp_made(f):
    rows = f.rows("made", "--key", "ttp", stdin=b'1\n"two"\n')
    opened = f.opened("made")
    assert [h["kid"] for h, _ in opened] == [r["kid"] for r in rows] and [p for _, p in opened] == [b"1", b"two"]
    assert rows[0]["kid"] == rows[1]["kid"]
    (row,) = f.rows("made", "--key", "ttp", stdin=b"3\n")                  # a new process, a new epoch
    epochs = [h["e2e"][2] for h, _ in f.opened("made")]
    assert row["kid"] != rows[0]["kid"] and epochs == [1, 1, 2]


def test_a_strict_stream(f):
    f.profile("writeonly", strict="yes", policy="strict")
    rows = f.rows("strict", stdin=b'{"t":1}\n{"t":2}\n', profile="writeonly")
    rows += f.rows("strict", "--strict", stdin=b"3\n")                      # by the command line, in another profile
    for con, row, plain in zip(f.contents("strict"), rows, (b'{"t":1}', b'{"t":2}', b"3")):
        header = header_of(con)
        assert list(header)[:4] == ["alg", "enc", "kid", "epk"] and header["alg"] == "ECDH-ES+A256KW"
        assert header["kid"] == row["kid"]
        d = f.value(header["kid"], "strict")
        assert len(d) == 32
        assert key_stranger.open_strict(con, public_of(d), d) == plain
    assert rows[0]["kid"] == rows[1]["kid"] != rows[2]["kid"]


def test_strict_pairs_are_fetched_ahead(f):
    """Once pairs are there, an epoch begins without the TTP, and its activation waits for it."""
    from plant.process import free_port
    f.profile("ahead", strict="yes", policy="ahead")
    first = f.rows("strict", stdin=b'"a"\n', profile="ahead")
    f.house.profile("ahead", DEVICE, f.gateway, f.ttp, ttp_url="https://127.0.0.1:%d" % free_port(), extra=[
        ("seal", {"ttp": TTP_NAME, "policy": "ahead", "readers": HEAT, "strict": "yes"})])
    done = f.put("strict", stdin=b'"b"\n', profile="ahead")
    assert done.returncode == 0 and b"not registered yet" in done.stderr, done.stderr
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert row["kid"] != first[0]["kid"]
    sid = sid_of(SP + "/id-mn/mn/thermo-1/strict")
    assert f.heat.release([row["kid"]], {row["kid"]: sid})[0]["denied"] == {row["kid"]: "no-key-yet"}
    f.profile("ahead", strict="yes", policy="ahead")
    f.rows("strict", stdin=b'"c"\n', profile="ahead")
    assert len(f.value(row["kid"], "strict")) == 32


@pytest.mark.parametrize("words", [["--key", "ttp"], ["--strict"]])
def test_without_the_ttp_there_is_no_key_of_its_making(f, words):
    from plant.process import free_port
    f.house.profile("alone-" + words[-1].strip("-"), DEVICE, f.gateway, f.ttp,
                    ttp_url="https://127.0.0.1:%d" % free_port(),
                    extra=[("seal", {"ttp": TTP_NAME, "policy": "own", "readers": HEAT})])
    done = f.put("data", *words, stdin=b"1\n", profile="alone-" + words[-1].strip("-"))
    assert done.returncode == 7 and fault(done)["code"] == "ttp-unreachable" and done.stdout == b""


def test_a_provisioned_key(f, tmp_path):
    path = tmp_path / "thermo.key"
    done = run("key", "make", path)
    assert done.returncode == 0 and stat.S_IMODE(os.stat(path).st_mode) == 0o600
    text = path.read_text()
    assert len(text) == 65 and run("key", "make", path).returncode != 0 and path.read_text() == text
    key = bytes.fromhex(text)
    f.profile("given", **{"key": "provisioned", "key-file": str(path), "key-id": "thermo-1@keys.demo.example"})
    rows = f.rows("given", stdin=b'{"t":1}\n{"t":2}\n', profile="given")
    rows += f.rows("given", stdin=b'{"t":3}\n', profile="given")
    assert {r["kid"] for r in rows} == {"thermo-1@keys.demo.example"}
    for i, con in enumerate(f.contents("given")):
        header = header_of(con)
        assert header["alg"] == "dir" and header["kid"] == "thermo-1@keys.demo.example"
        assert header["e2e"][3] == i                        # never twice, also over two runs
        token = jwe.JWE(algs=["dir", "A256GCM"])
        token.deserialize(con, jwk.JWK(kty="oct", k=base64.urlsafe_b64encode(key).decode().rstrip("=")))
        assert token.payload == b'{"t":%d}' % (i + 1)
    os.chmod(path, 0o644)
    done = f.put("given", stdin=b"4\n", profile="given")
    assert done.returncode == 8 and fault(done)["code"] == "no-credential" and done.stdout == b""


def test_two_stores_of_one_device(f):
    """They are offered the same pairs, and the first activation counts. The other's epoch ends; nothing is held back."""
    for name in ("left", "right"):
        f.profile(name, strict="yes", policy="both-stores")
    (first,) = f.rows("twice", stdin=b"1\n", profile="left")
    other = f.put("twice", "--count", "1", stdin=b"2\n", profile="right")     # takes a pair that left has, too
    assert other.returncode == 0
    again = f.rows("twice", stdin=b"3\n", profile="left")
    taken = json.loads(other.stdout)["kid"]
    assert taken != first["kid"]
    if again[0]["kid"] == taken:                                            # the vault said conflict: given up
        again = f.rows("twice", stdin=b"4\n", profile="left")
    assert again[0]["kid"] not in (first["kid"], taken)
    assert len(f.value(again[0]["kid"], "twice")) == 32


def test_no_key_is_ever_in_the_store(f):
    """Whatever the device keeps, the disk opens nothing that it wrote."""
    values = []
    for where, words in (("data", []), ("made", ["--key", "ttp"]), ("disk", ["--strict"])):
        (row,) = f.rows(where, *words, stdin=b'"secret"\n')
        values.append((row["kid"], f.value(row["kid"], where)))
    disk = b"".join(open(f.book + end, "rb").read() for end in ("", "-wal") if os.path.exists(f.book + end))
    for kid, value in values:
        assert not canary.search(disk, value) and not canary.search(disk, value[:32]), kid
    public = public_of(values[2][1])                                       # the control: its public half is there
    assert canary.search(disk, unb64u(public["x"]))


# --- batches and padding -------------------------------------------------------------------------------------------

def test_batches(f):
    lines = b"".join(b'{"n":%d}\n' % i for i in range(7))
    rows = f.rows("batch", "--batch", "3", stdin=lines)
    assert [r["readings"] for r in rows] == [3, 3, 1]
    opened = f.opened("batch")
    assert [json.loads(p) for _, p in opened] == [[{"n": 0}, {"n": 1}, {"n": 2}], [{"n": 3}, {"n": 4}, {"n": 5}],
                                                  [{"n": 6}]]
    for i, (header, _) in enumerate(opened):
        assert header["e2e"][5] == "db" and header["e2e"][3] == i and header["cty"] == "json"


def test_what_came_before_a_bad_line_is_stored(f):
    before = len(f.contents("batch"))
    done = f.put("batch", "--batch", "10", stdin=b'{"n":1}\n\n{"n":2}\nnonsense\n{"n":3}\n')
    assert done.returncode == 2 and fault(done)["object"] == "number 4"
    stored = [json.loads(p) for _, p in f.opened("batch")[before:]]
    assert stored == [[{"n": 1}, {"n": 2}]]


def test_a_batch_does_not_wait_for_ever(f):
    """Two readings, then silence: the envelope leaves when its time is over, not when the input ends."""
    writer = subprocess.Popen([program("oneseal"), "put", "thermo:mn/thermo-1/slow", "--seal", "--json", "--config",
                               f.folder, "--batch", "100", "--batch-time", "200ms"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        writer.stdin.write(b'{"n":1}\n{"n":2}\n')
        writer.stdin.flush()
        row = json.loads(writer.stdout.readline())
        assert row["readings"] == 2 and writer.poll() is None
        writer.stdin.write(b'{"n":3}\n')
        writer.stdin.close()
        assert json.loads(writer.stdout.readline())["readings"] == 1
        assert writer.wait(10 * SLOW) == 0
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()


def test_padding_hides_the_length(f):
    f.rows("padded", "--pad", "16,64", stdin=b'1\n"0123456789abcdef"\n"%s"\n' % (b"x" * 70))
    contents = f.contents("padded")
    lengths = [len(base64.urlsafe_b64decode(c.split(".")[3] + "==")) for c in contents]
    assert lengths == [16, 16, 128]
    opened = f.opened("padded")
    assert [h["e2e"][6] for h, _ in opened] == [15, 0, 58]
    assert [p for _, p in opened] == [b"1", b"0123456789abcdef", b"x" * 70]


# --- where readings come from --------------------------------------------------------------------------------------

CSV = b'\xef\xbb\xbftemp,unit,note\r\n21.5,C,"a ""quoted"", one"\r\n\r\n-3,C,"two\nlines"\r\n007,"1",\r\n'


def test_csv(f, tmp_path):
    path = tmp_path / "readings.csv"
    path.write_bytes(CSV)
    want = [{"temp": 21.5, "unit": "C", "note": 'a "quoted", one'}, {"temp": -3, "unit": "C", "note": "two\nlines"},
            {"temp": "007", "unit": "1"}]
    f.rows("table", "--from", path)
    f.rows("table", "--csv", stdin=CSV)
    assert [json.loads(p) for _, p in f.opened("table")] == want + want


@pytest.mark.parametrize("text,line,stored", [
    (b"a,b\n1,2\n3\n4,5\n", 3, 1), (b"a,b\n1,2\n\n3,4\n5,6,7\n", 5, 2), (b'a,b\n1,"x\ny"\n"z\n', 4, 1),
    (b"a,a\n1,2\n", 1, 0), (b"a,\n1,2\n", 1, 0), (b"a\n\xff\n", 2, 0)])
def test_a_bad_record_is_named(f, text, line, stored):
    before = len(f.contents("table"))
    done = f.put("table", "--csv", stdin=text)
    assert done.returncode == 2 and fault(done)["object"] == "number %d" % line, done.stderr
    assert len(f.contents("table")) - before == stored


def test_time_series(f):
    f.rows("series", "--as", "tsi", stdin=b"1\n2\n")
    assert sorted(p for _, p in f.opened("series")) == [b"1", b"2"]


def test_an_attribute_of_a_flexcontainer(f):
    """Its own stream, `#text`; only strings are sealed."""
    f.device.create("mn/thermo-1", 28, "demo:note", rn="note", cnd="demo.note", text="x").expect(2001)
    (row,) = f.rows("note", "--as", "demo:note#text", stdin=b'"hello"\n')
    con = f.device.retrieve("mn/thermo-1/note").expect(2000).json["demo:note"]["text"]
    header = header_of(con)
    assert header["kid"] == row["kid"] and open_con(con, f.value(row["kid"], "note#text")) == b"hello"
    done = f.put("note", "--as", "demo:note#text", "--rn", "x", stdin=b"1\n")
    assert done.returncode == 2


@pytest.mark.parametrize("words", [["--key", "mine"], ["--batch", "0"], ["--batch", "1001"], ["--pad", "64,64"],
                                   ["--pad", "x"], ["--batch-time", "5"], ["--as", "cnt"], ["--as", "cod:x#"]])
def test_words_that_mean_nothing(f, words):
    done = f.put("data", *words, stdin=b"1\n")
    assert done.returncode == 2 and fault(done)["do"] and done.stdout == b""


def test_sealing_words_need_seal(f):
    for words in (["--strict"], ["--batch", "2"], ["--key", "ttp"], ["--pad", "64"]):
        done = run("put", "thermo:mn/thermo-1/data", "--json", "--config", f.folder, *words, stdin=b"1\n")
        assert done.returncode == 2 and "--seal" in fault(done)["do"] and done.stdout == b""


def test_a_profile_that_contradicts_itself(f):
    for seal in ({"key": "provisioned"}, {"key": "provisioned", "key-file": "x", "key-id": "noname"},
                 {"key": "nobody"}, {"padding": "64, 32"}, {"batch": "1001"}):
        f.profile("odd", **seal)
        done = f.put("data", stdin=b"1\n", profile="odd")
        assert done.returncode == 9 and done.stdout == b"", (seal, done.stderr)


# --- and our own reader --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("where,words,text,plain", [
    ("data", [], b'{"t":1}', {"t": 1}), ("made", ["--key", "ttp"], b"7", 7), ("strict", ["--strict"], b'{"t":2}', {"t": 2}),
    ("batch", ["--batch", "4"], b"1\n2", [1, 2]), ("padded", ["--pad", "64"], b'"x"', "x"),
    ("series", ["--as", "tsi"], b"5", 5)])
def test_our_own_reader_confirms_it(f, where, words, text, plain):
    f.profile("both", policy="both", readers=HEAT + "," + DEVICE)
    f.house.profile("reader", DEVICE, f.gateway, f.ttp, extra=[
        ("stream data", {"address": SP + "/id-mn/mn/thermo-1/" + where, "writer": DEVICE})])
    (row,) = f.rows(where, *words, stdin=text + b"\n", profile="both")
    done = run("get", f"reader:mn/thermo-1/{where}/la", "--confirmed", "--json", "--config", f.folder)
    assert done.returncode == 0, done.stderr
    opened = json.loads(done.stdout)
    assert (opened["verdict"], opened["kid"], opened["plain"]) == ("confirmed", row["kid"], plain)
