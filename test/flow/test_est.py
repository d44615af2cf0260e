"""Certificates from the TTP's own CA, asked for with other people's tools: openssl req, curl, openssl pkcs7 and verify."""
import base64
import hashlib
import hmac
import json
import os
import subprocess

import pytest
from plant.house import SP, TTP_NAME, House
from plant.process import SLOW, program
from witness.jose_stranger import b64u

ENROL = ("enrol", {"ca": "own", "sp": SP, "days": "30"})
APP = "m2m://demo.example/Sapp-9"


def sh(*command, code=0, data=None):
    done = subprocess.run([str(c) for c in command], input=data, capture_output=True, check=False, timeout=60 * SLOW)
    assert code is None or done.returncode == code, (command, done.returncode, done.stdout[-500:], done.stderr[-1500:])
    return done.stdout if code is not None else done


def say(ttp, *words, code=0):
    done = subprocess.run([program("oneseal"), "ttp", *words, "--state", ttp.state, "--json"], capture_output=True,
                          check=False, timeout=60 * SLOW)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return json.loads(done.stdout if code == 0 else done.stderr)


def token(ttp, who, uses=1, plain=0, seconds=900):
    return say(ttp, "join-token-create", who, str(seconds), str(uses), str(plain))["token"]


def proof(text, key, name, purpose=b"oneseal-join-certificate-v1"):
    """What esd/join.h says a client shows, made without our code."""
    _, ident, secret = text.split(".")[:3]
    raw = sh("openssl", "pkey", "-in", key, "-pubout", "-outform", "DER")[-64:]
    jwk = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (b64u(raw[:32]), b64u(raw[32:]))
    kept = hashlib.sha256(b"oneseal-join-v1" + base64.urlsafe_b64decode(secret)).digest()
    mac = hmac.new(kept, purpose + b"\0" + hashlib.sha256(jwk.encode()).digest() + name.encode(), hashlib.sha256)
    return "osjp1.%s.%s" % (ident, b64u(mac.digest()))


class Client:
    """openssl and curl in a folder of their own."""

    def __init__(self, ttp, folder):
        os.makedirs(folder, exist_ok=True)
        self.ttp, self.folder = ttp, str(folder)
        self.ca = ttp.house.authority.path
        port = ttp.ready["https"].rpartition(":")[2]
        self.url = "https://%s:%s/.well-known/est/" % (TTP_NAME, port)
        self.connect = "%s:%s:127.0.0.1:%s" % (TTP_NAME, port, port)

    def path(self, name):
        return os.path.join(self.folder, name)

    def key(self, name="new"):
        path = self.path(name + ".key")
        sh("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
        return path

    def csr(self, key, san, challenge=None, more=""):
        conf = self.path("req.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write("[req]\nprompt=no\ndistinguished_name=dn\nreq_extensions=ext\nstring_mask=utf8only\n%s\n"
                    "[dn]\nCN=whoever\n[ext]\nsubjectAltName=%s\n%s\n[attr]\n%s\n"
                    % ("attributes=attr" if challenge else "", san, more,
                       "challengePassword=%s" % challenge if challenge else ""))
        der = sh("openssl", "req", "-new", "-key", key, "-config", conf, "-outform", "DER")
        return base64.encodebytes(der)

    def curl(self, path, body=None, cert=None, media="application/pkcs10"):
        """(status, headers, body)"""
        command = ["curl", "-sS", "--cacert", self.ca, "--connect-to", self.connect, "-D", self.path("head"),
                   "-o", self.path("body"), "-w", "%{http_code}", self.url + path]
        if body is not None:
            with open(self.path("post"), "wb") as f:
                f.write(body)
            command += ["--data-binary", "@" + self.path("post"), "-H", "Content-Type: " + media]
        if cert:
            command += ["--cert", cert[0], "--key", cert[1]]
        status = int(sh(*command))
        with open(self.path("head"), "rb") as f:
            head = f.read().decode()
        with open(self.path("body"), "rb") as f:
            return status, head, f.read()

    def certificates(self, body, name):
        """openssl pkcs7 prints what is in there; returns the PEM file."""
        pem = sh("openssl", "pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(body))
        assert pem.count(b"BEGIN CERTIFICATE") == 1
        with open(self.path(name), "wb") as f:
            f.write(pem)
        return self.path(name)

    def anchors(self):
        status, head, body = self.curl("cacerts")
        assert status == 200 and "application/pkcs7-mime" in head and "Content-Transfer-Encoding: base64" in head
        return self.certificates(body, "anchors.pem")


@pytest.fixture(scope="module")
def ttp(tmp_path_factory):
    with House(tmp_path_factory.mktemp("est")) as house:
        process = house.ttp(extra=[ENROL])
        process.house = house
        yield process


@pytest.fixture
def client(ttp, tmp_path):
    return Client(ttp, tmp_path)


def join(client, san, who, name="new", **more):
    key = client.key(name)
    shown = proof(token(client.ttp, who), key, san.partition(":")[2])
    status, _, body = client.curl("simpleenroll", client.csr(key, san, shown, **more))
    assert status == 200, body
    return client.certificates(body, name + ".pem"), key


def test_a_stranger_joins_and_renews(client):
    anchors = client.anchors()
    cert, key = join(client, "URI:" + APP, SP + "/Sapp-9")
    sh("openssl", "verify", "-x509_strict", "-CAfile", anchors, cert)
    text = sh("openssl", "x509", "-in", cert, "-noout", "-text").decode()
    assert "URI:" + APP in text and "CA:FALSE" in text and "Digital Signature" in text and "whoever" not in text
    # The same key again, with the certificate that it has: what any EST client can do.
    csr = client.csr(key, "URI:" + APP)
    assert client.curl("simplereenroll", csr)[0] == 403                  # no certificate in TLS
    status, _, body = client.curl("simplereenroll", csr, cert=(cert, key))
    assert status == 200, body
    sh("openssl", "verify", "-CAfile", anchors, client.certificates(body, "again.pem"))
    # Another key, on the front's word alone: never.
    status, _, body = client.curl("simplereenroll", client.csr(client.key("other"), "URI:" + APP), cert=(cert, key))
    assert status == 403 and b"newest certificate" in body


def test_csrattrs_are_asn1(client):
    status, head, body = client.curl("csrattrs")
    assert status == 200 and "application/csrattrs" in head
    text = sh("openssl", "asn1parse", "-inform", "DER", data=base64.b64decode(body)).decode()
    for word in ("challengePassword", "id-ecPublicKey", "prime256v1", "Extension Request", "Subject Alternative Name"):
        assert word in text, text


def test_a_token_of_a_plain_client(client):
    key = client.key()
    for plain, want in ((0, 403), (1, 200), (1, 403)):
        if plain == 0 or want == 200:
            text = token(client.ttp, SP + "/Splain", plain=plain)
        status, _, body = client.curl("simpleenroll", client.csr(key, "URI:m2m://demo.example/Splain", text))
        assert status == want, body


def test_what_is_asked_wrongly(client):
    key = client.key()
    csr = client.csr(key, "URI:" + APP)
    assert client.curl("simpleenroll", csr)[0] == 403
    assert client.curl("simpleenroll", csr, media="text/plain")[0] == 415
    assert client.curl("simpleenroll", b"AAAA")[0] == 400
    assert client.curl("simpleenroll", b"eyJ.x.y", media="application/jose")[0] == 403      # no certificate
    assert client.curl("simpleenroll")[0] == 405
    assert client.curl("serverkeygen", csr)[0] == 404
    assert client.curl("label/cacerts")[0] == 404


def test_the_ca_bites(client, ttp):
    """openssl refuses what our CA's key would have signed for another domain: made here by a CA of the same shape."""
    folder = client.path("ca")
    sh(program("oneseal"), "ca", "init", folder, "--sp", SP)
    anchors = client.anchors()
    constraints = [line for line in sh("openssl", "x509", "-in", anchors, "-noout", "-text").decode().splitlines()
                   if "demo.example" in line and ("DNS:" in line or "URI:" in line)]
    assert len(constraints) == 2
    for san, good in (("URI:m2m://demo.example/Sx", True), ("DNS:a.demo.example", True),
                      ("URI:m2m://other.example/Sx", False), ("DNS:a.other.example", False),
                      ("URI:urn:oid:1.2.3", False)):
        conf = client.path("leaf.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write("basicConstraints=CA:FALSE\nsubjectAltName=%s\n" % san)
        key, csr, leaf = client.key(), client.path("leaf.csr"), client.path("leaf.pem")
        sh("openssl", "req", "-new", "-key", key, "-subj", "/CN=leaf", "-out", csr)
        sh("openssl", "x509", "-req", "-in", csr, "-CA", folder + "/ca.pem", "-CAkey", folder + "/ca.key", "-CAcreateserial",
           "-days", "2", "-extfile", conf, "-out", leaf)
        assert (sh("openssl", "verify", "-CAfile", folder + "/ca.pem", leaf, code=None).returncode == 0) == good, san
        # And our vault does not sign it whatever token comes.
        shown = token(ttp, SP + "/*", plain=1)
        status, _, body = client.curl("simpleenroll", client.csr(key, san, shown))
        assert status == (200 if good and not san.startswith("DNS") else 403 if not good else status), body


def test_everything_outlives_a_restart(client, ttp):
    anchors = client.anchors()
    cert, key = join(client, "DNS:id-mn-7.id-in.demo.example", SP + "/id-mn-7")
    waiting = token(ttp, SP + "/id-mn-8")
    ttp.stop()
    ttp.start()
    again = Client(ttp, client.folder)
    assert open(again.anchors(), "rb").read() == open(anchors, "rb").read()
    status, _, body = again.curl("simplereenroll", again.csr(key, "DNS:id-mn-7.id-in.demo.example"), cert=(cert, key))
    assert status == 200, body
    name = "id-mn-8.id-in.demo.example"
    other = again.key("eight")
    status, _, body = again.curl("simpleenroll", again.csr(other, "DNS:" + name, proof(waiting, other, name)))
    assert status == 200, body
