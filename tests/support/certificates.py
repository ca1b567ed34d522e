"""Certificates for tests of TLS."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


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
