"""A certification authority for the tests, made with python3-cryptography and not with `oneseal ca`.

Names follow TS-0003 10.1.1: a CSE has its public domain name as dNSName, an AE a URI that ends in its absolute
AE-ID, a TTP its FQDN. All keys are P-256; all files are PEM, keys with mode 0600.
"""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ONE_DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write_key(path, key):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))


class Authority:
    """One root; issue() makes a key and a certificate chain of one."""

    def __init__(self, folder, name="proof test CA"):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        public = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        self.certificate = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(name))
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - ONE_DAY).not_valid_after(now + 30 * ONE_DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(self._usage(True), critical=True).add_extension(public, critical=False)
            .sign(self.key, hashes.SHA256()))
        self.path = os.path.join(folder, "ca.pem")
        with open(self.path, "wb") as f:
            f.write(self.certificate.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _usage(authority):
        return x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority,
                             content_commitment=False, key_encipherment=False, data_encipherment=False,
                             key_agreement=False, encipher_only=False, decipher_only=False)

    def issue(self, name, dns=(), uris=(), addresses=(), days=10, starts=-1):
        """Writes NAME.pem and NAME.key; returns their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        alternatives = ([x509.DNSName(n) for n in dns] + [x509.UniformResourceIdentifier(u) for u in uris]
                        + [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses])
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(self.certificate.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + starts * ONE_DAY).not_valid_after(now + days * ONE_DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(self._usage(False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                           critical=False)
            .add_extension(own, critical=False).add_extension(issuer, critical=False))
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        path = os.path.join(self.folder, name)
        with open(path + ".pem", "wb") as f:
            f.write(certificate.public_bytes(serialization.Encoding.PEM))
        write_key(path + ".key", key)
        return path + ".pem", path + ".key"

    def cse(self, cse_id, domain, parent=None):
        """Certificate of a CSE: its public domain name, for example id-mn.id-in.demo.example."""
        names = [cse_id.strip("/")] + ([parent.strip("/")] if parent else []) + [domain]
        return self.issue(cse_id.strip("/"), dns=[".".join(names)])

    def ae(self, absolute_id):
        """Certificate of an AE, from its absolute AE-ID such as //demo.example/Sapp-heat."""
        return self.issue(absolute_id.strip("/").replace("/", "_"), uris=["m2m:" + absolute_id])


def private_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)
