"""The bytes of a resumable upload in a file, which one request at a time has to itself.

Bytes are only added behind those that the database counts, which are on the disk for good. What lies behind them
after a crash is cut off first. The methods of `UploadFile` write and read, so they belong on a thread.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from paraserve.job_errors import UploadBusyError, UploadNotFoundError
from paraserve.runtime.decoding.spool import spool, storing
from paraserve.runtime.durable_files import make_folder, sync_folder
from paraserve.runtime.in_thread import in_thread
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.jobs.recordings.copying import copy_pieces
from paraserve.runtime.jobs.uploads.sealed_blocks import end_of, sealed_block, unsealed_blocks

SUFFIX = ".upload"
WANTED = ".wanted"
"""Suffix of a file by which a request asks the one that has the upload to let it go."""
POLL_S = 0.05


class UploadFile:
    """The file of an upload, open and locked."""

    def __init__(self, path: Path, file: IO[bytes], cipher: Cipher | None) -> None:
        self._path = path
        self._file = file
        self._cipher = cipher
        self._is_new = os.fstat(file.fileno()).st_size == 0

    @property
    def is_wanted(self) -> bool:
        """True once another request asks for the upload."""
        return wanted_path(self._path).exists()

    def go_to(self, offset: int) -> None:
        """Cut off what is behind the first `offset` bytes of the upload, and go on from there.

        Raises:
            UploadNotFoundError: there are fewer: the file was lost, or is on another host.
            StorageError: it cannot be cut.
        """
        if self._cipher is not None:
            end = end_of(self._file, offset)
        else:
            end = offset if os.fstat(self._file.fileno()).st_size >= offset else None
        if end is None:
            raise UploadNotFoundError(f"the first {offset} bytes of the upload are not on this host: begin again")
        with storing():
            self._file.seek(end)
            self._file.truncate()

    def append(self, block: bytes, offset: int) -> None:
        """Add a block as a whole, or nothing. `offset` is the place of its first byte in the upload.

        Raises:
            StorageFullError, StorageError: see `storing`.
        """
        begin = self._file.tell()
        stored = block if self._cipher is None else sealed_block(self._cipher, block, offset)
        with storing():
            try:
                write_all(self._file, stored)
            except OSError:
                self._file.seek(begin)
                self._file.truncate()
                raise

    def sync(self) -> None:
        """Wait until all that was added is on the disk (fsync).

        Raises:
            StorageFullError, StorageError: see `storing`.
        """
        with storing():
            os.fsync(self._file.fileno())
            if self._is_new:
                sync_folder(self._path.parent)
                self._is_new = False

    def delete(self) -> None:
        """Delete the file. It stays locked until it is closed."""
        with storing():
            self._path.unlink(missing_ok=True)

    @contextmanager
    def recording(self) -> Iterator[BinaryIO]:
        """Return the upload's bytes as a file, decrypted into one that leaves nothing.

        Raises:
            StoredDataError: they were damaged, or sealed with another key.
            StorageFullError, StorageError: there is no room to decrypt them.
        """
        if self._cipher is None:
            with self._path.open("rb") as plain:
                yield plain
        else:
            with spool() as plain:
                copy_pieces(unsealed_blocks(self._file, self._cipher), plain)
                yield plain


@asynccontextmanager
async def locked_file(path: Path, cipher: Cipher | None, patience_s: float) -> AsyncIterator[UploadFile]:
    """Open the file of an upload, which is made if it is missing. A request that has it is asked to let it go.

    The lock is the kernel's (`flock`), so it ends with the process.

    Raises:
        UploadBusyError: the other request did not let it go in time.
        StorageError: the file cannot be opened.
    """
    deadline_s = time.monotonic() + patience_s
    with storing():
        await in_thread(make_folder, path.parent)
        while (file := _open_locked(path)) is None:
            if time.monotonic() >= deadline_s:
                raise UploadBusyError("another request has the upload: try again in a moment")
            wanted_path(path).touch(mode=0o600)
            await asyncio.sleep(POLL_S)
    with file:
        wanted_path(path).unlink(missing_ok=True)
        yield UploadFile(path, file, cipher)


def wanted_path(path: Path) -> Path:
    """Return the path of the file that asks for an upload."""
    return path.with_suffix(WANTED)


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write to a file without a buffer, which may take a part at a time."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _open_locked(path: Path) -> IO[bytes] | None:
    """Open a file with a lock, None while another request has it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink:  # 0: the request that had it has deleted it
                return file
    except BaseException:
        file.close()
        raise
    file.close()
    return None
