"""The AE side of the program before a stand-in CSE: what it sends, and what it makes of each answer."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli_program import fault, ok, run


class Cse:
    """A CSE that answers what the test tells it, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.answers = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                status, rsc, text = outer.answers.pop(0) if outer.answers else (500, 5000, "{}")
                self.send_response(status)
                if rsc:
                    self.send_header("X-M2M-RSC", str(rsc))
                self.send_header("X-M2M-RI", self.headers.get("X-M2M-RI", ""))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PUT = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(name="cse")
def stand_in():
    cse = Cse()
    yield cse
    cse.server.shutdown()
    cse.server.server_close()


@pytest.fixture(name="profile")
def a_profile(cse, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "heat.conf").write_text(
        f"[profile]\nae-id=//demo.example/Sapp-heat\nname=app-heat\nstore={tmp_path}/book.db\n"
        f"[server]\nurl={cse.url}\ncse-id=/id-in\nbase=in\n")
    return ["--config", tmp_path / "p"]


@pytest.mark.parametrize("address,target", [
    ("in/a/b", "/in/a/b"), ("/id-mn/mn/thermo-1/data/la", "/~/id-mn/mn/thermo-1/data/la"),
    ("//demo.example/id-mn/mn/x", "/_/demo.example/id-mn/mn/x"), ("in", "/in"),
])
def test_get_sends_what_the_binding_says(cse, profile, address, target):
    cse.answers = [(200, 2000, '{"m2m:cnt":{"rn":"b"}}')]
    done = ok("get", "heat:" + address, *profile)
    assert json.loads(done.stdout) == {"m2m:cnt": {"rn": "b"}}
    method, path, head, body = cse.asked[0]
    assert (method, path, body) == ("GET", target, b"")
    assert head["X-M2M-Origin"] == "Sapp-heat" and head["X-M2M-RVI"] == "3" and head["X-M2M-RI"]
    assert head["Accept"] == "application/json"


def test_request_identifiers_differ(cse, profile):
    cse.answers = [(200, 2000, "{}")] * 2
    ok("get", "heat:in", *profile)
    ok("get", "heat:in", *profile)
    assert cse.asked[0][2]["X-M2M-RI"] != cse.asked[1][2]["X-M2M-RI"]


@pytest.mark.parametrize("status,rsc,code", [
    (404, 4004, 3), (403, 4103, 4), (403, 4106, 4), (403, 4107, 4), (400, 4102, 4), (409, 4105, 5), (403, 4117, 5),
    (400, 4000, 1), (500, 5000, 1), (404, 5103, 7), (504, 4008, 7), (404, None, 3), (502, None, 1),
])
def test_exit_status_of_answers(cse, profile, status, rsc, code):
    cse.answers = [(status, rsc, '{"m2m:dbg":"because of \\"that\\""}')]
    done = run("get", "heat:in/x", *profile, "--json")
    assert done.returncode == code and done.stdout == b""
    error = fault(done)
    assert 'because of "that"' in error["what"] and error["object"] == "in/x"
    assert error["request"] == cse.asked[0][2]["X-M2M-RI"]
    if rsc:
        assert error["rsc"] == rsc and str(rsc) in error["do"]


def test_json_of_get(cse, profile):
    cse.answers = [(200, 2000, '{"m2m:cnt":{"rn":"b"}}')]
    answer = json.loads(ok("get", "heat:in/b", *profile, "--json").stdout)
    assert answer["v"] == 1 and answer["rsc"] == 2000 and answer["resource"] == {"m2m:cnt": {"rn": "b"}}


def test_nobody_there(profile, cse):
    cse.server.shutdown()
    cse.server.server_close()
    done = run("get", "heat:in", *profile, "--json", "--timeout", "2s")
    assert done.returncode == 7
    assert "cannot be reached" in fault(done)["what"]


def test_put_makes_a_content_instance_of_each_line(cse, profile):
    cse.answers = [(201, 2001, '{"m2m:cin":{"ri":"1"}}'), (201, 2001, '{"m2m:cin":{"ri":"2"}}')]
    done = ok("put", "heat:in/a/data", *profile, "--cnf", "application/json:0", "--rn", "r", "--json",
              stdin=b'{"t": 1.50}\n\n"text"\n')
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["n"], line["rsc"], line["rn"]) for line in lines] == [(1, 2001, "r1"), (2, 2001, "r2")]
    assert [a[:2] for a in cse.asked] == [("POST", "/in/a/data")] * 2
    assert cse.asked[0][2]["Content-Type"] == "application/json; ty=4"
    assert b'"con":{"t": 1.50}' in cse.asked[0][3], "the reading's octets are changed"
    assert json.loads(cse.asked[1][3]) == {"m2m:cin": {"rn": "r2", "cnf": "application/json:0", "con": "text"}}


def test_put_says_which_line_is_no_json(cse, profile):
    cse.answers = [(201, 2001, "{}")]
    done = run("put", "heat:in/a", *profile, "--json", stdin=b"1\n{oops\n2\n")
    assert done.returncode == 2 and fault(done)["object"] == "number 2"
    assert len(cse.asked) == 1


def test_put_sends_this_hosts_telemetry(cse, profile):
    cse.answers = [(201, 2001, "{}")]
    ok("put", "heat:in/a", *profile, "--from", "host", "--count", "1")
    con = json.loads(cse.asked[0][3])["m2m:cin"]["con"]
    assert con["load"] >= 0 and con["mem_free_kb"] > 0 and con["t"] > 1.7e12


def test_put_tries_again_and_takes_4105_to_a_repeat_as_stored(cse, profile):
    cse.answers = [(503, 5000, "{}"), (409, 4105, "{}")]
    ok("put", "heat:in/a", *profile, "--rn", "r", "--retry", "10s", stdin=b"1\n")
    assert len(cse.asked) == 2 and cse.asked[0][3] == cse.asked[1][3]


def test_put_does_not_take_4105_to_the_first_request_as_stored(cse, profile):
    cse.answers = [(409, 4105, "{}")]
    assert run("put", "heat:in/a", *profile, "--rn", "r", "--retry", "10s", stdin=b"1\n").returncode == 5


def test_retry_without_names_is_refused(cse, profile):
    assert run("put", "heat:in/a", *profile, "--retry", "10s", stdin=b"1\n").returncode == 2
    assert cse.asked == []


def test_dry_run_asks_nobody(cse, profile):
    ok("put", "heat:in/a", *profile, "--dry-run", stdin=b"1\n")
    assert cse.asked == []


@pytest.mark.parametrize("text,says", [
    ("[profile]\nae-id=//demo.example/Sapp\n", "cse-id"),
    ("[profile]\nae-id=Sapp\n[server]\nurl=http://127.0.0.1:1\ncse-id=/id-in\nbase=in\n", "no absolute AE-ID"),
    ("[profile]\nae-id=//demo.example/Sapp\nsotre=x\n[server]\nurl=http://127.0.0.1:1\ncse-id=/id-in\nbase=in\n", "store"),
    ("[profile]\nae-id=//demo.example/Sapp\n[server]\nurl=ftp://x\ncse-id=/id-in\nbase=in\n", "url"),
])
def test_profiles_that_are_refused(tmp_path, text, says):
    (tmp_path / "x.conf").write_text(text)
    done = run("get", "x:in", "--config", tmp_path)
    assert done.returncode == 9 and says in done.stderr.decode()


def test_no_profile_and_no_such_profile(tmp_path):
    assert run("get", "in").returncode == 2
    assert run("get", "nosuch:in", "--config", tmp_path).returncode == 3
    assert run("get", "heat:", "--config", tmp_path).returncode == 2


def test_environment_names_the_profile_folder(cse, profile, tmp_path):
    (tmp_path / "oneseal").mkdir()
    (tmp_path / "p").rename(tmp_path / "oneseal" / "profiles.d")
    cse.answers = [(200, 2000, "{}")]
    ok("get", "heat:in", env={"XDG_CONFIG_HOME": str(tmp_path)})


@pytest.mark.parametrize("code,says,exits", [("4103", "ORIGINATOR_HAS_NO_PRIVILEGE", 4), ("4004", "NOT_FOUND", 3),
                                             ("tampered", "does not authenticate", 6), ("ttp-sealed", "sealed", 8)])
def test_explain(code, says, exits):
    assert says in ok("explain", code).stdout.decode()
    assert json.loads(ok("explain", code, "--json").stdout)["exit"] == exits


def test_explain_knows_every_reason_and_suggests_near_ones():
    import os
    import re
    from cli_program import ROOT
    with open(os.path.join(ROOT, "lib", "esd", "reasons.def"), encoding="utf-8") as file:
        codes = re.findall(r'^REASON\(\w+,\s*"([a-z-]+)",\s*(\d+)', file.read(), re.M)
    assert len(codes) > 20
    for code, exits in codes:
        assert json.loads(ok("explain", code, "--json").stdout)["exit"] == int(exits)
    done = run("explain", "tamperd")
    assert done.returncode == 3 and b"did you mean tampered" in done.stderr
