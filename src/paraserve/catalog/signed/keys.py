"""Keys of minisign: public ones, by which signatures are checked, and secret ones, which sign.

The package `minisign` takes its time to be imported, so only those pay for it who have keys.
"""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from paraserve.errors import SigningKeyError
from paraserve.user_folders import expanded

if TYPE_CHECKING:
    from minisign import PublicKey, SecretKey

AskPassword: TypeAlias = Callable[[], str]
COMMENTS = ("untrusted comment:", "#")


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Public keys that count, and where they stand, for messages."""

    keys: tuple["PublicKey", ...]
    place: str


def read_public_keys(file_or_key: str) -> PublicKeys:
    """Return public keys: the one that is given itself (`RW...`), or all of a file as minisign writes it.

    A file may hold several such files, one after another.

    Raises:
        SigningKeyError: it is no key, and no file of keys.
    """
    from minisign import Error, PublicKey  # noqa: PLC0415 - see the top

    try:
        return PublicKeys((PublicKey.from_base64(file_or_key),), "the key that was given")
    except Error:
        path = expanded(file_or_key)
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
        keys = tuple(PublicKey.from_base64(line) for line in lines if line and not line.startswith(COMMENTS))
    except (OSError, ValueError) as error:
        raise SigningKeyError(f"cannot use {path} as public keys of minisign: {_reason(error)}") from None
    if not keys:
        raise SigningKeyError(f"{path} holds no public key of minisign")
    return PublicKeys(keys, str(path))


def read_secret_key(path: Path, password: AskPassword) -> "SecretKey":
    """Return a secret key that can sign. `password` is called where the key is encrypted.

    Raises:
        SigningKeyError: it is no secret key, or the password is wrong.
    """
    from minisign import Error, SecretKey  # noqa: PLC0415 - see the top

    try:
        key = SecretKey.from_file(path)
        if key.is_encrypted():
            key.decrypt(password())
    except (OSError, Error) as error:
        raise SigningKeyError(f"cannot use {path} as a secret key of minisign: {_reason(error)}") from None
    return key


def make_keys(path: Path, password: str) -> Path:
    """Write a new secret key, which only its owner may read, and its public key to `PATH.pub`; return the latter.

    Args:
        path: of the secret key. It must not exist.
        password: that encrypts the key. Empty: it is not encrypted.

    Raises:
        SigningKeyError: a file is there already, or cannot be written.
    """
    from minisign import KeyPair  # noqa: PLC0415 - see the top

    pair = KeyPair.generate()
    if password:
        pair.secret_key.encrypt(password)
    pair.public_key.untrusted_comment = f"minisign public key {key_id(pair.public_key.to_base64())}"
    public_path = path.with_name(f"{path.name}.pub")
    _write_new(path, bytes(pair.secret_key), mode=0o600)
    _write_new(public_path, bytes(pair.public_key), mode=0o644)
    return public_path


def key_id(encoded: bytes) -> str:
    """Return the id in a public key or a signature, given as its second line, as minisign prints it."""
    return base64.b64decode(encoded)[2:10][::-1].hex().upper()


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content + b"\n")
    except OSError as error:
        raise SigningKeyError(f"cannot write {path}: {error.strerror}") from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
