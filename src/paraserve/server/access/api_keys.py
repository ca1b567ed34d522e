"""File of API keys: a line each (`key_fields.py`), with SHA-256 digests in place of the keys.

Keys are 256 random bits, too many to guess one from its digest. The file gives nobody access to the server.
"""

import fcntl
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from paraserve.errors import ParaserveError
from paraserve.server.access.key_fields import NAME, ApiKey, parse_line

PREFIX = "ps_"
"""Lets people and scanners for leaked secrets recognise a key."""
NEW_MODE = 0o600
KEPT_MODE = 0o644
"""Rights of an old file that its successor keeps. The server may run as another user than the one who adds keys."""


def new_key() -> str:
    """Make a new random key."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """Return the SHA-256 of a key, as the file keeps it."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def hashed(name: str, key: str) -> ApiKey:
    """Return a key as the file keeps it, without fields.

    Raises:
        ParaserveError: the name is not a plain word.
    """
    if NAME.fullmatch(name) is None:
        raise ParaserveError("the name of a key is 1 to 64 letters, digits, dots, dashes or underscores")
    return ApiKey(name, digest_of(key))


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """Read a file of keys, as editors of all systems write it.

    Raises:
        ParaserveError: the file cannot be read, or a line is not a key.
    """
    keys = []
    for number, line in enumerate(_read_lines(path), 1):
        try:
            key = parse_line(line)
        except ValueError as error:
            raise ParaserveError(f"{path}, line {number}: {error}") from None
        if key is not None:
            keys.append(key)
    return tuple(keys)


def add_key(path: Path, key: ApiKey) -> None:
    """Add a line to the file, which is made if it is not there.

    Raises:
        ParaserveError: the file is no file of keys.
        OSError: the file cannot be written.
    """
    _change(path, lambda lines: [*lines, key.line()])


def remove_keys(path: Path, name: str) -> int:
    """Remove all keys of this name and return how many there were. Comments and other lines stay.

    Raises:
        ParaserveError: the file is no file of keys.
        OSError: the file cannot be written.
    """
    removed: list[str] = []

    def without(lines: list[str]) -> list[str]:
        removed.extend(line for line in lines if _name_in(line) == name)
        return [line for line in lines if _name_in(line) != name]

    _change(path, without)
    return len(removed)


def write_keys(path: Path, keys: Sequence[ApiKey]) -> None:
    """Replace all lines of the file.

    Raises:
        OSError: the file cannot be written.
    """
    with _locked(path.resolve()) as target:
        _replace(target, [key.line() for key in keys])


def exposure(path: Path) -> str | None:
    """Return a warning if others than its owner can read or change the file, else None."""
    mode = path.stat().st_mode
    if mode & 0o022:
        return f"others can add keys to {path}: chmod go-w {path}"
    if mode & 0o044:
        return f"others can read the names and digests in {path}: chmod go-r {path}"
    return None


def _name_in(line: str) -> str | None:
    key = parse_line(line)
    return None if key is None else key.name


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ParaserveError(f"the file of API keys {path} cannot be read: {error}") from None


def _change(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    with _locked(path.resolve()) as target:
        lines: list[str] = []
        if target.exists():
            read_keys(target)
            lines = _read_lines(target)
        changed = change(lines)
        if changed != lines:
            _replace(target, changed)


@contextmanager
def _locked(target: Path) -> Iterator[Path]:
    """Keep others out who change files of keys in this folder.

    The folder is locked and not the file, which is replaced. So there is no lock file, whose rights could be wrong.
    """
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield target
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(target: Path, lines: Sequence[str]) -> None:
    """Replace a file in one step: whoever reads it sees the old lines or the new ones, also after a power failure."""
    # With O_EXCL, O_NOFOLLOW and mode 0600, under a name that nobody can foresee.
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            _keep_rights(target, descriptor)
            file.flush()
            os.fsync(descriptor)
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def _keep_rights(target: Path, descriptor: int) -> None:
    """Give the new file the owner and the rights of the old one: the server has to be able to read it still."""
    mode = NEW_MODE
    with suppress(FileNotFoundError):
        old, new = target.stat(), os.fstat(descriptor)
        mode = old.st_mode & KEPT_MODE
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, mode)
