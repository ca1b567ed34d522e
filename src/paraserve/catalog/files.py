"""What every kind of source shares: which files to take, and putting them on disk for good."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from paraserve.catalog.manifest import file_problem
from paraserve.errors import DiskFullError, ModelPullError, ParaserveError

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with bytes done and the total, None where that is not known."""
COPY_BYTES = 1 << 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def choose(wanted: Sequence[str], has: Callable[[str], bool]) -> list[str]:
    """Names of a model's `files` (catalog.toml) that a source has.

    Raises:
        ModelPullError: it lacks one that is needed.
    """
    chosen = []
    for entry in wanted:
        names = entry.removesuffix("?").split("|")
        found = next(filter(has, names), None)
        if found is not None:
            chosen.append(found)
        elif not entry.endswith("?"):
            raise ModelPullError(f"it has no {' or '.join(names)}")
    return chosen


def check_pins(folder: Path, sha256: dict[str, str]) -> None:
    """Compare files with what the catalog says that they must be; those that are not are deleted.

    Raises:
        ModelPullError: names the first that differs.
    """
    for name, expected in sha256.items():
        path = folder / name
        if path.exists() and file_problem(path, expected, None):
            path.unlink()
            raise ModelPullError(f"{name} is not the file that the catalog expects: its SHA-256 differs")


def write_file(path: Path, pieces: Sequence[Callable[[], IO[bytes]]]) -> None:
    """Write what the pieces hold, one after the other; the file is there whole or not at all."""
    growing = path.with_name(path.name + ".part")
    with growing.open("wb") as file:
        for open_piece in pieces:
            with open_piece() as piece:
                shutil.copyfileobj(piece, file, COPY_BYTES)
        settle(file)
    growing.rename(path)


def settle(file: IO[bytes]) -> None:
    """Wait until the disk has a file's content, so that no crash can leave a whole name on half a file."""
    file.flush()
    os.fsync(file.fileno())


def settle_folder(folder: Path) -> None:
    """As `settle`, for the names in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def need_room(n_bytes: int, folder: Path) -> None:
    """Refuse what will not fit, as the disk itself would later.

    Raises:
        OSError: ENOSPC; says how much is needed and free.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OSError(errno.ENOSPC, f"{n_bytes / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free")


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Errors of the disk as ours.

    Raises:
        DiskFullError: it is full, or a quota is used up.
        ModelPullError: it does not take or give files for another reason.
    """
    try:
        yield
    except ParaserveError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(f"no room in {folder}: {error.strerror}") from error
        raise ModelPullError(f"{error.filename or folder}: {error.strerror or error}") from error
