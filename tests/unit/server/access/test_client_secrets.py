"""The key that signs client secrets: from a file, from the supervisor, or new."""

import time

import pytest

from paraserve.errors import ParaserveError
from paraserve.server.access.client_secrets import (
    SIGNING_KEY,
    ClientSecret,
    ClientSecrets,
    new_signing_key,
    signing_key,
)
from paraserve.settings import Settings

FILE_KEY = "0123456789abcdef" * 4


def test_workers_share_a_key():
    """The supervisor's, which no child process of theirs sees."""
    shared = new_signing_key()
    environment = {SIGNING_KEY: shared, "HOME": "/"}
    assert signing_key(Settings(), environment) == shared.encode()
    assert environment == {"HOME": "/"}


def test_a_new_key_at_each_start():
    """Where nothing is given, secrets of the start before are no longer taken."""
    before, after = (ClientSecrets(signing_key(Settings(), {})) for _ in range(2))
    token = before.make(ClientSecret(b"12345678", int(time.time()) + 60, {"type": "transcription"}))
    assert before.read(token) == ClientSecret(b"12345678", int(time.time()) + 60, {"type": "transcription"})
    assert after.read(token) is None


def test_a_file(tmp_path):
    """It counts before the supervisor's, with white space around it."""
    path = tmp_path / "key"
    path.write_text(f"{FILE_KEY}\n")
    assert signing_key(Settings(client_secret_file=str(path)), {SIGNING_KEY: "x" * 64}) == FILE_KEY.encode()


@pytest.mark.parametrize("data", [None, b"short", b"\xff\x00" * 40], ids=["missing", "short", "no text"])
def test_files_that_are_none(tmp_path, data):
    """The error names the file."""
    path = tmp_path / "key"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ParaserveError, match=str(path)):
        signing_key(Settings(client_secret_file=str(path)), {})


def test_secrets_differ():
    """Two of one moment are two."""
    secret = ClientSecret(b"", 2**31)
    assert ClientSecrets().make(secret) != ClientSecrets().make(secret)
    same = ClientSecrets()
    assert same.make(secret) != same.make(secret)
