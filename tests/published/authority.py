"""A time stamp authority: `openssl ts`, with certificates of the test's own."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIG = """[tsa]
default_tsa = this
[this]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256, sha512
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(name, public, issuer, key, days, *extensions, serial=None):
    begin = datetime.now(UTC) + timedelta(days=days[0])
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days[1]))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())


STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


class Authority:
    """A root, ``ca.pem``, and an authority that it has certified, ``tsa.pem``, in a folder.

    Args:
        folder: where its files are; made if it is not there.
        days: from when on the certificate is valid, in days from now, and for how many.
        usage: the extension that says what the certificate is for.
        root: the name of the root.
    """

    def __init__(self, folder, days=(-1, 30), usage=STAMPING, root="Root"):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        is_ca = (x509.BasicConstraints(ca=True, path_length=None), True)
        self.root = certificate(
            root, self.root_key.public_key(), root, self.root_key, (-100, 1000), is_ca
        )
        self.own = certificate("Stamps", self.key.public_key(), root, self.root_key, days, usage)
        (folder / "ca.pem").write_bytes(self.root.public_bytes(Encoding.PEM))
        (folder / "tsa.pem").write_bytes(self.own.public_bytes(Encoding.PEM))
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(private)
        (folder / "serial").write_text("01\n")
        (folder / "ts.cnf").write_text(_CONFIG.format(folder=folder))

    def ask(self, data, name, *options):
        """A request for data, in a file of this name (.tsq)."""
        (self.folder / "data").write_bytes(data)
        self._openssl(
            "-query",
            "-data",
            self.folder / "data",
            "-out",
            name,
            *(options or ("-sha256", "-cert")),
        )

    def answer(self, request, name, *options):
        """What it answers to a request (.tsr)."""
        signer = ("-inkey", self.folder / "tsa.key", "-signer", self.folder / "tsa.pem")
        self._openssl(
            "-reply",
            "-config",
            self.folder / "ts.cnf",
            "-queryfile",
            request,
            *signer,
            *options,
            "-out",
            name,
        )

    def _openssl(self, *arguments):
        subprocess.run(["openssl", "ts", *arguments], check=True, capture_output=True)
