"""The certificate of `paraserve serve --self-signed`, made once and kept in the user's data folder.

A phone gives its microphone only to pages by https. This certificate is for that, and is vouched for by nobody: who
opens the page compares its fingerprint, or accepts it.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from paraserve.cli.serving.machine_addresses import machine_addresses
from paraserve.errors import ParaserveError
from paraserve.user_folders import data_folder

LASTS = timedelta(days=365)
RENEWED_BEFORE = timedelta(days=14)
"""A certificate that ends sooner is made anew."""


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """A certificate and its key, PEM files. `news` says what was made and why, "" where nothing was."""

    certfile: Path
    keyfile: Path
    fingerprint: str
    news: str


def self_signed(folder: Path | None = None) -> SelfSigned:
    """Return the certificate of this machine: for localhost, its name, and all its addresses.

    It is made anew when it has expired or will in two weeks, and when the machine has an address that is not in it.

    Raises:
        ParaserveError: the folder cannot be written.
    """
    folder = folder or data_folder() / "certificates"
    certfile, keyfile = folder / "self-signed.crt", folder / "self-signed.key"
    names = {"localhost", socket.gethostname()}
    addresses = set(machine_addresses())
    try:
        certificate = _read(certfile, keyfile)
        reason = "" if certificate is None else _outdated(certificate, addresses | names)
        if certificate is not None and not reason:
            return SelfSigned(certfile, keyfile, _fingerprint(certificate), "")
        made = _make(certfile, keyfile, names, addresses)
    except OSError as error:
        raise ParaserveError(f"cannot write the certificate in {folder}: {error.strerror}") from None
    news = f"made the certificate {certfile}" + (f" anew: {reason}" if reason else "")
    return SelfSigned(certfile, keyfile, _fingerprint(made), news)


def _read(certfile: Path, keyfile: Path) -> x509.Certificate | None:
    """Return the certificate that is there with its key. One that is damaged is as good as none."""
    with suppress(FileNotFoundError, ValueError):
        key = serialization.load_pem_private_key(keyfile.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(certfile.read_bytes())
        if key.public_key() == certificate.public_key():
            return certificate
    return None


def _outdated(certificate: x509.Certificate, wanted: Iterable[str]) -> str:
    """Return why a certificate has to be made anew, "" if it need not be."""
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now + RENEWED_BEFORE:
        is_over = certificate.not_valid_after_utc < now
        return f"it {'has expired' if is_over else 'ends'} on {certificate.not_valid_after_utc:%Y-%m-%d}"
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(name.value) for name in found}
    missing = sorted(set(wanted) - known)
    return f"this machine is also {', '.join(missing)} now" if missing else ""


def _make(certfile: Path, keyfile: Path, names: set[str], addresses: set[str]) -> x509.Certificate:
    """Write a new key, which its user alone may read, and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "paraserve on this machine")])
    now = datetime.now(UTC)
    alternatives = [
        *(x509.DNSName(name) for name in sorted(names)),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses)),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of phones differ
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keyfile.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(keyfile, secret, 0o600)
    _replace(certfile, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Write a file as a whole. It never has more rights than `mode`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
