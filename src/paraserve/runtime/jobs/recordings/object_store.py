"""Recordings of jobs in an object store, which several hosts may share."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

import obstore

from paraserve.errors import ParaserveError, StorageError
from paraserve.job_errors import StoredDataError
from paraserve.runtime.decoding.spool import spool, storing
from paraserve.runtime.in_thread import in_thread
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.jobs.recordings.copying import copy_pieces, pieces_of
from paraserve.runtime.remote.object_store import FAILURES, first_line, open_bucket, read_object, write_object

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = logging.getLogger(__name__)


class ObjectStoreRecordings:
    """See `RecordingStore`. A recording is read by way of a `spool`, which leaves no file.

    Parts of large recordings that a crash left are for a rule of the bucket to delete
    (`AbortIncompleteMultipartUpload`).
    """

    def __init__(self, store: "ObjectStore", cipher: Cipher | None = None) -> None:
        self._store = store
        self._cipher = cipher

    async def put(self, name: str, file: BinaryIO) -> int:
        """See `RecordingStore`."""
        size_bytes = await in_thread(_size_of, file)
        pieces = self._cipher.sealed_file(file, name) if self._cipher else pieces_of(file)
        with _translated("store"):
            await write_object(self._store, name, pieces, size_bytes)
        return size_bytes

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[BinaryIO]:
        """See `RecordingStore`."""
        with spool() as stored:
            await self._download(name, stored)
            if self._cipher is None:
                yield stored
                return
            with spool() as plain:
                await in_thread(copy_pieces, self._cipher.unsealed_file(pieces_of(stored), name), plain)
                stored.truncate(0)  # its room is needed no longer
                yield plain

    async def delete(self, name: str) -> None:
        """See `RecordingStore`."""
        with _translated("delete"), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name)

    async def names(self, older_than_s: float) -> list[str]:
        """See `RecordingStore`."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with _translated("list"):
            pages = obstore.list(self._store)
            return [found["path"] async for page in pages for found in page if found["last_modified"] < before]

    async def delete_unfinished(self, older_than_s: float) -> None:
        """Do nothing: an object appears once it is whole."""

    async def _download(self, name: str, to: BinaryIO) -> None:
        with _translated("read"):
            try:
                _, pieces = await read_object(self._store, name)
            except FileNotFoundError as error:
                raise StoredDataError(f"the recording {name} is not stored any more") from error
            async for piece in pieces:
                with storing():
                    await in_thread(to.write, piece)
        to.seek(0)


def open_object_store(url: str, cipher: Cipher | None) -> ObjectStoreRecordings:
    """Return the object store of a URL `s3://BUCKET/PREFIX`. Nothing is sent yet.

    Raises:
        ParaserveError: the URL has another form.
    """
    scheme, _, place = url.partition("://")
    bucket, _, prefix = place.partition("/")
    if scheme != "s3" or not bucket:
        message = f"jobs_recordings = {url}: expected s3://BUCKET/PREFIX, or a folder"
        raise ParaserveError(message, code="invalid_settings")
    return ObjectStoreRecordings(open_bucket(bucket, prefix), cipher)


@contextmanager
def _translated(verb: str) -> Iterator[None]:
    """Turn errors of the object store into one of ours, which may pass."""
    try:
        yield
    except ParaserveError:
        raise
    except FAILURES as error:
        log.warning("cannot %s a recording in the object store: %s", verb, first_line(error))
        raise StorageError(f"the object store of recordings cannot {verb} one now") from error


def _size_of(file: BinaryIO) -> int:
    """Return the bytes of a file, and go to its start."""
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size_bytes
