"""Recordings of jobs as files of a folder, which several hosts may share."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from paraserve.job_errors import StoredDataError
from paraserve.runtime.decoding.spool import spool, storing
from paraserve.runtime.durable_files import make_folder, sync_folder
from paraserve.runtime.in_thread import entered_in_thread, in_thread
from paraserve.runtime.jobs.recordings.cipher import HEADER_BYTES, Cipher, is_sealed
from paraserve.runtime.jobs.recordings.copying import copy_pieces, pieces_of, reading

UNFINISHED = ".unfinished-"
"""How the names of files begin that are being written."""


class FolderStore:
    """See `RecordingStore`. The folder is made with the first recording, for this user alone.

    Without a cipher a recording is opened in place. With one it is decrypted into a `spool`, which leaves no file.
    """

    def __init__(self, folder: Path, cipher: Cipher | None = None) -> None:
        self._folder = folder
        self._cipher = cipher

    async def put(self, name: str, file: BinaryIO) -> int:
        """See `RecordingStore`."""
        with storing():
            return await in_thread(self._put, self._path(name), file)

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[BinaryIO | Path]:
        """See `RecordingStore`."""
        async with entered_in_thread(_stored(self._path(name))) as file:
            if self._cipher is None:
                await in_thread(_check_plain, file)
                yield file
                return
            with spool() as plain:
                await in_thread(copy_pieces, self._cipher.unsealed_file(pieces_of(file), name), plain)
                yield plain

    async def delete(self, name: str) -> None:
        """See `RecordingStore`."""
        with storing():
            await in_thread(self._path(name).unlink, missing_ok=True)

    async def names(self, older_than_s: float) -> list[str]:
        """See `RecordingStore`."""
        found = await in_thread(self._files_before, time.time() - older_than_s)
        return [file.name for file in found if not file.name.startswith(UNFINISHED)]

    async def delete_unfinished(self, older_than_s: float) -> None:
        """See `RecordingStore`."""
        for file in await in_thread(self._files_before, time.time() - older_than_s):
            if file.name.startswith(UNFINISHED):
                with storing():
                    await in_thread(file.unlink, missing_ok=True)

    def _path(self, name: str) -> Path:
        if not name or "/" in name or "\0" in name or name.startswith("."):
            raise ValueError(f"no name of a recording: {name!r}")
        return self._folder / name

    def _put(self, path: Path, file: BinaryIO) -> int:
        make_folder(self._folder)
        file.seek(0)
        with _replacing(path) as unfinished:
            copy_pieces(self._cipher.sealed_file(file, path.name) if self._cipher else pieces_of(file), unfinished)
        return file.tell()

    def _files_before(self, time_s: float) -> list[Path]:
        """Return the files whose bytes were written before a time (seconds since 1970)."""
        found = []
        with reading(), suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    if entry.stat(follow_symlinks=False).st_mtime < time_s:
                        found.append(Path(entry.path))
        return found


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that has its name only once it is whole and on the disk."""
    with NamedTemporaryFile(dir=path.parent, prefix=UNFINISHED, delete=False) as file:
        unfinished = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
    sync_folder(path.parent)


@contextmanager
def _stored(path: Path) -> Iterator[BinaryIO]:
    try:
        with reading():
            file = path.open("rb")
    except FileNotFoundError as error:
        raise StoredDataError(f"the recording {path.name} is not stored any more") from error
    with file:
        yield file


def _check_plain(file: BinaryIO) -> None:
    """Refuse an encrypted recording where the server has no key.

    Raises:
        StoredDataError: it is encrypted.
    """
    with reading():
        start = file.read(HEADER_BYTES)
        file.seek(0)
    if is_sealed(start):
        raise StoredDataError("the recording is encrypted, and the server has no jobs_key_file")
