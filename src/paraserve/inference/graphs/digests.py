"""Digests of a folder's files, kept in the folder, so that a file that has changed since is noticed.

They find damage: a disk's flipped bit, a file that is cut or missing. Against people, only the owner is checked: who
can write as the server's own user, or as root, can do anything anyway.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

DIGESTS = "SHA256SUMS"
MAX_DIGESTS_BYTES = 65_536
ROOT_UID = 0


def write_digests(folder: Path) -> None:
    """Write the SHA-256 of each file of the folder into it.

    Raises:
        OSError: a file cannot be read or written.
    """
    digests = _digests(folder)
    with (folder / DIGESTS).open("wb") as file:
        file.write(digests)
        file.flush()
        os.fsync(file.fileno())


def folder_problem(folder: Path) -> str | None:
    """Return what is wrong with a folder that `write_digests` has been called for; None where all is as it was.

    Links, and files of users other than this process's and root, are not read.
    """
    try:
        _check_owner(folder.lstat(), stat.S_ISDIR, folder)
        with _open(folder / DIGESTS) as file:
            written = file.read(MAX_DIGESTS_BYTES).splitlines()
        found = _digests(folder).splitlines()
    except (OSError, ValueError) as error:
        return str(error)
    if found == written:
        return None
    names = sorted({line[-1] for line in map(bytes.split, set(found) ^ set(written)) if line})
    return f"changed: {b' '.join(names).decode(errors='replace') or DIGESTS}"


def _digests(folder: Path) -> bytes:
    """Return the digests of all files but those themselves, as `sha256sum` writes them."""
    paths = sorted(path for path in folder.iterdir() if path.name != DIGESTS)
    return "".join(f"{_sha256(path)}  {path.name}\n" for path in paths).encode()


def _sha256(path: Path) -> str:
    with _open(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> Any:
    """Open a file that is no link, and whose owner may be trusted."""
    # Without O_NONBLOCK, a pipe in the file's place would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    file = os.fdopen(descriptor, "rb")
    try:
        _check_owner(os.fstat(descriptor), stat.S_ISREG, path)
    except ValueError:
        file.close()
        raise
    return file


def _check_owner(found: os.stat_result, is_kind: Any, path: Path) -> None:
    if not is_kind(found.st_mode):
        raise ValueError(f"{path} is a link, or of another kind")
    if found.st_uid not in (os.geteuid(), ROOT_UID):
        raise ValueError(f"{path} belongs to another user ({found.st_uid})")
