"""Own CA: oneM2M names, judged by `openssl verify` and python3-cryptography."""
import os
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from cli_program import fault, ok, run


@pytest.fixture(name="ca")
def made_ca(tmp_path):
    ok("ca", "init", tmp_path / "ca", "--sp", "//demo.example")
    return tmp_path / "ca"


def load(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def verify(ca, path):
    return subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", ca / "ca.pem", path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def test_the_authority(ca):
    cert = load(ca / "ca.pem")
    assert isinstance(cert.public_key().curve, ec.SECP256R1)
    assert isinstance(cert.signature_hash_algorithm, hashes.SHA256)
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    usage = cert.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and usage.value.key_cert_sign
    names = cert.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    assert names.value.permitted_subtrees == [x509.DNSName("demo.example"),
                                              x509.UniformResourceIdentifier("demo.example")]
    assert stat.S_IMODE(os.stat(ca / "ca.key").st_mode) == 0o600
    assert verify(ca, ca / "ca.pem").returncode == 0


@pytest.mark.parametrize("words,san", [
    (["--ae", "//demo.example/Sapp-heat"], x509.UniformResourceIdentifier("m2m://demo.example/Sapp-heat")),
    (["--ae", "/Sapp-heat"], x509.UniformResourceIdentifier("m2m://demo.example/Sapp-heat")),
    (["--ae", "Sapp-heat"], x509.UniformResourceIdentifier("m2m://demo.example/Sapp-heat")),
    (["--ae", "/id-mn/Cthermo-1"], x509.UniformResourceIdentifier("m2m://demo.example/id-mn/Cthermo-1")),
    (["--cse", "/id-in"], x509.DNSName("id-in.demo.example")),
    (["--cse", "//demo.example/id-mn", "--in", "/id-in"], x509.DNSName("id-mn.id-in.demo.example")),
    (["--fqdn", "ttp.demo.example"], x509.DNSName("ttp.demo.example")),
])
def test_names(ca, tmp_path, words, san):
    ok("cert", "issue", "--ca", ca, *words, "--out", tmp_path / "leaf")
    cert = load(tmp_path / "leaf.pem")
    names = cert.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert list(names) == [san]
    assert isinstance(cert.public_key().curve, ec.SECP256R1)
    assert isinstance(cert.signature_hash_algorithm, hashes.SHA256)
    usage = cert.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_cert_sign
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    load(ca / "ca.pem").public_key().verify(cert.signature, cert.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    assert cert.not_valid_before < cert.not_valid_after
    done = verify(ca, tmp_path / "leaf.pem")
    assert done.returncode == 0, done.stdout
    assert stat.S_IMODE(os.stat(tmp_path / "leaf.key").st_mode) == 0o600
    with open(tmp_path / "leaf.key", "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    assert key.public_key().public_numbers() == cert.public_key().public_numbers()


@pytest.mark.parametrize("words", [
    ["--ae", "//evil.example/Sapp"], ["--ae", "//demo.example.evil.example/Sapp"], ["--ae", "Cdev"],
    ["--ae", "/id-mn/Sapp"], ["--ae", "//demo.example/S a"], ["--ae", "//demo.example/Sa,DNS:evil.example"],
    ["--ae", ""], ["--cse", "id-mn"], ["--cse", "/id-mn/x"], ["--cse", "/id.mn"], ["--fqdn", "ttp.evil.example"],
    ["--fqdn", "xdemo.example"], ["--fqdn", "*.demo.example"], ["--fqdn", "-a.demo.example"], ["--in", "/id-in"], [],
    ["--fqdn", "a.demo.example", "--ae", "/Sapp"],
])
def test_names_that_are_refused(ca, tmp_path, words):
    done = run("cert", "issue", "--ca", ca, *words, "--out", tmp_path / "leaf", "--json")
    assert done.returncode == 2
    assert fault(done)["do"]
    assert not os.path.exists(tmp_path / "leaf.key") and not os.path.exists(tmp_path / "leaf.pem")


def test_name_constraints_bite(ca, tmp_path):
    """A leaf that the CA key signed for a foreign name, by another tool, does not verify; one for an own name does."""
    for name, good in (("evil.example", False), ("x.demo.example", True)):
        out = tmp_path / name
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", f"{out}.key", "-subj", "/CN=x", "-out", f"{out}.csr"], check=True,
                       stderr=subprocess.DEVNULL)
        with open(f"{out}.ext", "w", encoding="utf-8") as file:
            file.write(f"subjectAltName=DNS:{name}\n")
        subprocess.run(["openssl", "x509", "-req", "-in", f"{out}.csr", "-CA", ca / "ca.pem", "-CAkey", ca / "ca.key",
                        "-CAcreateserial", "-days", "2", "-extfile", f"{out}.ext", "-out", f"{out}.pem"], check=True,
                       stderr=subprocess.DEVNULL)
        done = subprocess.run(["openssl", "verify", "-CAfile", ca / "ca.pem", f"{out}.pem"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert (done.returncode == 0) == good
        assert good or b"permitted subtree violation" in done.stdout


def test_nothing_is_overwritten(ca, tmp_path):
    before = (ca / "ca.key").read_bytes()
    assert run("ca", "init", ca, "--sp", "//demo.example").returncode == 5
    assert (ca / "ca.key").read_bytes() == before
    ok("cert", "issue", "--ca", ca, "--ae", "/Sapp", "--out", tmp_path / "leaf")
    assert run("cert", "issue", "--ca", ca, "--ae", "/Sapp", "--out", tmp_path / "leaf").returncode == 5


def test_a_ca_key_that_others_may_read_is_refused(ca, tmp_path):
    os.chmod(ca / "ca.key", 0o640)
    done = run("cert", "issue", "--ca", ca, "--ae", "/Sapp", "--out", tmp_path / "leaf")
    assert done.returncode == 9 and b"chmod 600" in done.stderr


def test_dry_run_writes_nothing(ca, tmp_path):
    ok("cert", "issue", "--ca", ca, "--ae", "/Sapp", "--out", tmp_path / "leaf", "--dry-run")
    ok("ca", "init", tmp_path / "ca2", "--sp", "//demo.example", "--dry-run")
    assert sorted(os.listdir(tmp_path)) == ["ca"]


def test_serials_differ(ca, tmp_path):
    for name in ("a", "b"):
        ok("cert", "issue", "--ca", ca, "--ae", "/Sapp", "--out", tmp_path / name)
    assert load(tmp_path / "a.pem").serial_number != load(tmp_path / "b.pem").serial_number


@pytest.mark.parametrize("sp", ["demo.example", "//", "//a..b", "//-a", "//a,b", "//" + "a" * 64 + ".example"])
def test_sp_ids_that_are_refused(tmp_path, sp):
    assert run("ca", "init", tmp_path / "ca", "--sp", sp).returncode == 2
