"""API keys: a file of names and SHA-256 digests, `NAME sha256:HEX` a line.

Keys are 256 random bits, so a plain digest cannot be turned back; who reads the file cannot use the server.
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
"""So that scanners for leaked secrets, and people, recognise a key."""
LINE = re.compile(r"([A-Za-z0-9._-]{1,64})\s+sha256:([0-9a-f]{64})")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HashedKey:
    """Whose key it is, and the SHA-256 of the key."""

    name: str
    digest: bytes

    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.name} sha256:{self.digest.hex()}"


def new_key() -> str:
    """A key that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(name: str, key: str) -> HashedKey:
    """What the file keeps of a key.

    Raises:
        ParaserveError: the name is not a plain word.
    """
    known = HashedKey(name, _digest(key))
    if LINE.fullmatch(known.line()) is None:
        raise ParaserveError("the name of a key is 1 to 64 letters, digits, dots, dashes or underscores")
    return known


def read_keys(path: Path) -> tuple[HashedKey, ...]:
    """The keys of a file; empty lines and those that begin with # are passed over.

    Raises:
        ParaserveError: it cannot be read, or a line is not a key.
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
    """Replace the file at once; only its owner may read it.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{key.line()}\n" for key in keys)
    new.replace(path)


@dataclass(slots=True)
class KeyRing:
    """The keys of a file, which is read again when it has changed: keys come and go without a restart.

    A file that has become unreadable changes nothing: the keys known so far stay.

    Raises:
        ParaserveError: at first the file must be readable and have a key.
    """

    path: Path
    _keys: tuple[HashedKey, ...] = field(init=False)
    _stamp: tuple[int, int, int] | None = field(init=False)

    def __post_init__(self) -> None:
        self._stamp, self._keys = _stamp(self.path), read_keys(self.path)
        if not self._keys:
            raise ParaserveError(f"the file of API keys {self.path} has no key: paraserve keys add NAME {self.path}")

    def owner_of(self, key: str) -> str | None:
        """The name of a key; None if it is not known. Takes the same time for every key."""
        self._refresh()
        digest, owner = _digest(key), None
        for known in self._keys:
            if hmac.compare_digest(known.digest, digest):
                owner = known.name
        return owner

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
