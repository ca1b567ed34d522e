"""Certificates for tests of TLS."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def valid_until(folder: Path, end: datetime, names: Sequence[str] = ("localhost",)) -> "Certificate":
    """For these names, valid for a year until `end`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, nobody = serialization.Encoding.PEM, serialization.NoEncryption()
    certificate = Certificate(folder / "self-signed.crt", folder / "self-signed.key")
    certificate.certfile.write_bytes(made.public_bytes(pem))
    certificate.keyfile.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, nobody))
    return certificate


@dataclass(frozen=True)
class Certificate:
    """PEM files."""

    certfile: Path
    keyfile: Path


def self_signed(folder: Path) -> Certificate:
    """For 127.0.0.1 and localhost, signed by itself. Skips the test where OpenSSL's program is not installed."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the program openssl, which makes the certificate, is not installed")
    certfile, keyfile = folder / "server.crt", folder / "server.key"
    command = [program, "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(keyfile), "-out", str(certfile)]
    subprocess.run([*command, *key, *names, *files], check=True, capture_output=True)
    return Certificate(certfile, keyfile)
