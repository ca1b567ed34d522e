"""File of API keys: a name and a SHA-256 digest a line, `NAME sha256:HEX`.

Keys are 256 random bits, too many to guess one from its digest. The file gives nobody access to the server.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from paraserve.errors import ParaserveError

PREFIX = "ps_"
"""Lets people and scanners for leaked secrets recognise a key."""
LINE = re.compile(r"([A-Za-z0-9._-]{1,64})\s+sha256:([0-9a-f]{64})")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HashedKey:
    """Name of a key's owner, and the SHA-256 of the key."""

    name: str
    digest: bytes

    def line(self) -> str:
        """Return the line of the file."""
        return f"{self.name} sha256:{self.digest.hex()}"


def new_key() -> str:
    """Make a new random key."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(name: str, key: str) -> HashedKey:
    """Return the digest of a key, as the file keeps it.

    Raises:
        ParaserveError: the name is not a plain word.
    """
    known = HashedKey(name, _digest(key))
    if LINE.fullmatch(known.line()) is None:
        raise ParaserveError("the name of a key is 1 to 64 letters, digits, dots, dashes or underscores")
    return known


def read_keys(path: Path) -> tuple[HashedKey, ...]:
    """Read a file of keys. Empty lines and lines that begin with # are left out.

    Raises:
        ParaserveError: the file cannot be read, or a line is not a key.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ParaserveError(f"the file of API keys {path} cannot be read: {error}") from None
    keys = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise ParaserveError(f"{path}, line {number}: expected NAME sha256:HEX (paraserve keys add makes one)")
        keys.append(HashedKey(match[1], bytes.fromhex(match[2])))
    return tuple(keys)


def write_keys(path: Path, keys: Sequence[HashedKey]) -> None:
    """Replace the file in one step. Only the file's owner may read it.

    Raises:
        OSError: the file cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{key.line()}\n" for key in keys)
    new.replace(path)


@dataclass(slots=True)
class KeyRing:
    """Keys of a file that is read again after each change.

    If the file becomes unreadable, the last known keys stay valid.

    Raises:
        ParaserveError: the file cannot be read at first, or has no key.
    """

    path: Path
    _keys: tuple[HashedKey, ...] = field(init=False)
    _stamp: tuple[int, int, int] | None = field(init=False)

    def __post_init__(self) -> None:
        self._stamp, self._keys = _stamp(self.path), read_keys(self.path)
        if not self._keys:
            raise ParaserveError(f"the file of API keys {self.path} has no key: paraserve keys add NAME {self.path}")

    def owner_of(self, key: str) -> str | None:
        """Return the name of a key's owner, None for an unknown key. Takes the same time for every key."""
        self._refresh()
        digest, owner = _digest(key), None
        for known in self._keys:
            if hmac.compare_digest(known.digest, digest):
                owner = known.name
        return owner

    def reload(self) -> None:
        """Read the file again, even if it looks unchanged."""
        self._stamp = None
        self._refresh()

    def _refresh(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = read_keys(self.path)
        except ParaserveError as error:
            log.error("API keys not read again", error=error.message)  # noqa: TRY400 - the message says it all


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
