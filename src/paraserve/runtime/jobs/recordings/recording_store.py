"""Where the recordings of jobs are: what a store of them does, and which one the settings ask for."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from paraserve.errors import ParaserveError
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.jobs.recordings.folder_store import FolderStore
from paraserve.user_folders import expanded


class RecordingStore(Protocol):
    """Recordings by name, which is the job's id. Several processes and hosts may use one store."""

    async def put(self, name: str, file: BinaryIO) -> int:
        """Store a recording from its first byte on, in place of one of that name; return its bytes.

        It survives a crash and a power failure once this returns. A failure leaves nothing.

        Raises:
            StorageFullError: there is no room for it.
            StorageError: it cannot be stored for another reason, which may pass.
        """

    def open(self, name: str) -> AbstractAsyncContextManager[BinaryIO | Path]:
        """Open a recording as `DecodePool.open` takes it, decrypted. It may be deleted meanwhile.

        Raises:
            StoredDataError: there is none of that name, or it was damaged or encrypted with another key.
            StorageError: it cannot be read now.
        """

    async def delete(self, name: str) -> None:
        """Delete a recording. One that is not there is no error.

        Raises:
            StorageError: it cannot be deleted now.
        """

    async def names(self, older_than_s: float) -> list[str]:
        """Return the names of the recordings that were stored longer ago than this.

        Raises:
            StorageError: they cannot be listed now.
        """

    async def delete_unfinished(self, older_than_s: float) -> None:
        """Delete what crashes left of recordings that were being stored, if it is older than this.

        Raises:
            StorageError: it cannot be deleted now.
        """


def open_recordings(folder: Path, url: str, cipher: Cipher | None) -> RecordingStore:
    """Return the store of the setting `jobs_recordings`. It writes nothing yet.

    Args:
        folder: where recordings are kept when `url` is empty.
        url: an object store such as `s3://BUCKET/PREFIX`, a folder, or empty.
        cipher: encrypts them, None leaves them as they are.

    Raises:
        ParaserveError: the URL is of no known kind, or the package `obstore` is not installed.
    """
    if "://" not in url:
        return FolderStore(expanded(url) if url else folder, cipher)
    try:
        from paraserve.runtime.jobs.recordings.object_store import open_object_store  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "jobs_recordings needs the package obstore: pip install 'paraserve[remote]'"
        raise ParaserveError(message, code="invalid_settings") from error
    return open_object_store(url, cipher)
