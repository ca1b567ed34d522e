"""File operations shared by all kinds of source: the choice of files, and durable writes."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeAlias

from paraserve.catalog.manifest import file_problem
from paraserve.errors import DiskFullError, ModelPullError, ParaserveError

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes done and the total (None if it is not known)."""
Digests: TypeAlias = Mapping[str, tuple[str, ...]]
"""SHA-256 that files may have, by name. Empty or no entry: not known."""
COPY_BYTES = 1 << 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def choose(wanted: Sequence[str], has: Callable[[str], bool]) -> list[str]:
    """Return the names of a model's `files` (see `Model`) to take from a source; `has` tells if it has one.

    Raises:
        ModelPullError: the source lacks a file that is not optional.
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


def check_pins(folder: Path, digests: Digests) -> None:
    """Compare files with the SHA-256 that the catalog expects, and delete one that differs.

    Raises:
        ModelPullError: names the first file that differs.
    """
    for name, expected in digests.items():
        path = folder / name
        if path.exists() and file_problem(path, expected, None):
            path.unlink()
            raise ModelPullError(f"{name} is not the file that the catalog expects: its SHA-256 differs")


def write_file(path: Path, pieces: Sequence[Callable[[], IO[bytes]]]) -> None:
    """Write a file that joins the pieces in order. It appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        for open_piece in pieces:
            with open_piece() as piece:
                shutil.copyfileobj(piece, file, COPY_BYTES)
        sync_file(file)
    partial.rename(path)


def sync_file(file: IO[bytes]) -> None:
    """Wait until the content is on disk (fsync), so that no crash leaves half a file under its final name."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk (fsync)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def written_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write. It appears under its name when the context ends, complete and on disk, or not at all."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
            sync_file(file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def publish_folder(folder: Path, root: Path, removed: Path) -> None:
    """Give a folder the name `root` when all of it is on disk. What had the name goes, through the name `removed`.

    Raises:
        OSError: it cannot be renamed. What had the name has it still.
    """
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                sync_file(file)
    shutil.rmtree(removed, ignore_errors=True)
    with suppress(FileNotFoundError):
        root.rename(removed)
    try:
        folder.rename(root)
    except OSError:
        with suppress(FileNotFoundError):
            removed.rename(root)
        raise
    sync_folder(root.parent)
    shutil.rmtree(removed, ignore_errors=True)


def check_room(n_bytes: int, folder: Path) -> None:
    """Fail early if the disk has not enough room, with the error that it would give later.

    Raises:
        OSError: ENOSPC; the message says how much is needed and how much is free.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OSError(errno.ENOSPC, f"{n_bytes / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free")


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError of the context into an error of ours.

    Raises:
        DiskFullError: the disk is full, or a quota is used up.
        ModelPullError: files cannot be written or read for another reason.
    """
    try:
        yield
    except ParaserveError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(f"no room in {folder}: {error.strerror}") from error
        raise ModelPullError(f"{error.filename or folder}: {error.strerror or error}") from error
