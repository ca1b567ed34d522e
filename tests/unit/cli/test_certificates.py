"""Certificates of a server: which are refused, and those that it makes for itself."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from paraserve.cli.serving import self_signed as module
from paraserve.cli.serving.certificate_checks import check_certificate
from paraserve.cli.serving.machine_addresses import machine_addresses
from paraserve.cli.serving.self_signed import self_signed
from paraserve.errors import ParaserveError
from support.certificates import valid_until

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def pair(tmp_path):
    return valid_until(tmp_path, NOW + YEAR / 2)


def check(pair):
    return check_certificate(str(pair.certfile), str(pair.keyfile))


def test_a_good_one(pair):
    """Nothing is said of it."""
    assert check(pair) is None


@pytest.mark.parametrize(
    ("end", "warning"),
    [(NOW - YEAR / 2, "has expired, clients will refuse it: renew it"), (NOW + 2 * YEAR, "is not valid yet")],
)
def test_one_out_of_its_time(tmp_path, end, warning):
    """It is served with a warning: some clients do not look."""
    assert warning in check(valid_until(tmp_path, end))


def encrypted(pair):
    key = serialization.load_pem_private_key(pair.keyfile.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pair.keyfile.write_bytes(key.private_bytes(pem, form, secret))


def of_another(pair):
    certificate = pair.certfile.read_bytes()
    valid_until(pair.certfile.parent, NOW + YEAR)
    pair.certfile.write_bytes(certificate)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda pair: pair.certfile.unlink(), "TLS file not found: .*self-signed.crt .--self-signed makes"),
        (lambda pair: pair.certfile.write_bytes(b"\x30\x82"), "self-signed.crt is no certificate in PEM form"),
        (lambda pair: pair.keyfile.write_text("key"), "self-signed.key is no private key in PEM form"),
        (of_another, "self-signed.key does not belong to the certificate"),
        (encrypted, "the TLS key has a password: remove it"),
    ],
)
def test_refused(pair, damage, message):
    """What no server can use is one sentence with the cure."""
    damage(pair)
    with pytest.raises(ParaserveError, match=message):
        check(pair)


def test_made_once(tmp_path):
    """The key is for its owner alone, the names are those of this machine, and the next start takes the same."""
    folder = tmp_path / "new"
    first = self_signed(folder)
    assert first.news == f"made the certificate {first.certfile}"
    assert (folder.stat().st_mode & 0o777, first.keyfile.stat().st_mode & 0o777) == (0o700, 0o600)
    assert check(first) is None
    der = ssl.PEM_cert_to_DER_cert(first.certfile.read_text())
    assert first.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    again = self_signed(folder)
    assert (again.fingerprint, again.news) == (first.fingerprint, "")
    assert sorted(path.name for path in folder.iterdir()) == ["self-signed.crt", "self-signed.key"]


@pytest.mark.parametrize(("days", "reason"), [(-1, "it has expired on "), (3, "it ends on ")])
def test_made_anew_in_time(tmp_path, days, reason):
    """Before it ends, and after, and the reason is said."""
    old = valid_until(tmp_path, NOW + timedelta(days=days)).certfile.read_bytes()
    made = self_signed(tmp_path)
    assert made.news.startswith(f"made the certificate {made.certfile} anew: {reason}")
    assert made.certfile.read_bytes() != old


def test_made_anew_for_another_address(tmp_path, monkeypatch):
    """When the machine has moved to another network."""
    self_signed(tmp_path)
    monkeypatch.setattr(module, "machine_addresses", lambda: [*machine_addresses(), "192.0.2.77"])
    assert "anew: this machine is also 192.0.2.77 now" in self_signed(tmp_path).news
    assert self_signed(tmp_path).news == ""


def test_a_folder_that_cannot_be_written(tmp_path):
    """It is one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(ParaserveError, match="cannot write the certificate in "):
        self_signed(tmp_path / "file" / "folder")
