"""Resumable uploads: rows in the database, bytes in files of `data_dir/uploads`.

A file is made with the first bytes, after the row, and deleted after it. So a file without a row is a remnant.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from paraserve.job_errors import UploadBusyError, UploadNotFoundError, UploadStateError
from paraserve.runtime.decoding.spool import storing
from paraserve.runtime.in_thread import in_thread
from paraserve.runtime.jobs.job import Quotas, Upload
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.jobs.uploads.upload_file import SUFFIX, UploadFile, locked_file, wanted_path
from paraserve.runtime.jobs.uploads.upload_writer import UploadWriter

if TYPE_CHECKING:
    from paraserve.runtime.jobs.database.upload_rows import UploadRows

DELETE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ResumableUploads:
    """The resumable uploads of a server. Those without news for `keep_s` seconds are deleted by `sweep`.

    `patience_s` is how long a request waits for another one to let an upload go.
    `cipher` encrypts their bytes, None leaves them as they are.
    """

    rows: "UploadRows"
    folder: Path
    cipher: Cipher | None
    keep_s: float
    patience_s: float = 5.0

    @asynccontextmanager
    async def writer(self, upload_id: str, key_name: str, quotas: Quotas) -> AsyncIterator[UploadWriter]:
        """Lock an upload and return what adds bytes to it.

        Raises:
            UploadNotFoundError: there is none of this id that belongs to the key.
            UploadBusyError: another request does not let it go.
            StorageError, DatabaseAwayError: it cannot be opened now.
        """
        async with self._locked(upload_id, key_name) as (upload, file):
            yield UploadWriter(upload, file, self.rows, quotas)

    @asynccontextmanager
    async def recording(self, upload_id: str, key_name: str) -> AsyncIterator[tuple[Upload, BinaryIO]]:
        """Lock a complete upload and return it with its bytes, to be made a job by `JobStore.submit`.

        Its file is deleted on leaving if the row is gone by then.

        Raises:
            UploadNotFoundError: there is none of this id that belongs to the key, or its bytes are lost.
            UploadStateError: it is not complete.
            UploadBusyError: another request does not let it go.
            StorageError, DatabaseAwayError, StoredDataError: it cannot be read.
        """
        async with self._locked(upload_id, key_name) as (upload, file):
            if not upload.is_complete:
                whole = "an unknown number of" if upload.length is None else upload.length
                raise UploadStateError(f"the upload has {upload.offset} of {whole} bytes", param="upload")
            await in_thread(file.go_to, upload.offset)
            recording = file.recording()
            plain = await in_thread(recording.__enter__)
            try:
                yield upload, plain
            finally:
                recording.__exit__(None, None, None)
            if not await self._is_there(upload_id):
                await in_thread(file.delete)

    async def delete(self, upload_id: str, key_name: str | None) -> None:
        """Delete an upload with its bytes.

        Raises:
            UploadNotFoundError: there is none of this id that belongs to the key.
            UploadBusyError: another request does not let it go.
            StorageError, DatabaseAwayError: it cannot be deleted now.
        """
        async with self._locked(upload_id, key_name) as (_, file):
            await self.rows.delete(upload_id, key_name)
            await in_thread(file.delete)

    async def sweep(self, make_job: Callable[[Upload], Awaitable[None]]) -> None:
        """Delete expired uploads and files that no row knows, and make jobs of complete uploads that are to be some.

        Args:
            make_job: does so, where the upload asks for it and the server died before.

        Raises:
            StorageError, DatabaseAwayError: not all is done.
        """
        with storing():
            found = await in_thread(_ids, self.folder)
        for upload_id in found:
            try:
                upload = await self.rows.get(upload_id, None)
            except UploadNotFoundError:
                await in_thread(_delete_files, self._path(upload_id))
                continue
            if upload.is_complete:
                await make_job(upload)
        for upload_id in await self.rows.expired(self.keep_s, DELETE_AT_ONCE):
            with suppress(UploadBusyError, UploadNotFoundError):
                await self._delete_unless_busy(upload_id)

    @asynccontextmanager
    async def _locked(self, upload_id: str, key_name: str | None) -> AsyncIterator[tuple[Upload, UploadFile]]:
        await self.rows.get(upload_id, key_name)  # before a file is made
        async with locked_file(self._path(upload_id), self.cipher, self.patience_s) as file:
            try:
                upload = await self.rows.get(upload_id, key_name)
            except UploadNotFoundError:  # the request that had it has deleted it, or made it a job
                await in_thread(file.delete)
                raise
            yield upload, file

    async def _delete_unless_busy(self, upload_id: str) -> None:
        async with locked_file(self._path(upload_id), None, 0.0) as file:
            await self.rows.delete(upload_id, None)
            await in_thread(file.delete)

    async def _is_there(self, upload_id: str) -> bool:
        try:
            await self.rows.get(upload_id, None)
        except UploadNotFoundError:
            return False
        return True

    def _path(self, upload_id: str) -> Path:
        return self.folder / f"{upload_id}{SUFFIX}"


def _ids(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted({path.stem for path in folder.iterdir()})
    return []


def _delete_files(path: Path) -> None:
    with storing():
        path.unlink(missing_ok=True)
        wanted_path(path).unlink(missing_ok=True)
