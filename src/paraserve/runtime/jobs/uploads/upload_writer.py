"""One request that adds bytes to a resumable upload."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from paraserve.errors import ShuttingDownError
from paraserve.job_errors import UploadBusyError
from paraserve.runtime.in_thread import in_thread
from paraserve.runtime.jobs.job import Quotas, Upload
from paraserve.runtime.jobs.uploads.upload_file import UploadFile

if TYPE_CHECKING:
    from paraserve.runtime.jobs.database.upload_rows import UploadRows

BLOCK_BYTES = 128 * 1024
SAVE_S = 1.0
"""After this time what came is synced and counted, so that the death of the server costs no more."""


class UploadWriter:
    """Adds bytes to an upload that is locked for this request: to the file first, then to the database's count."""

    def __init__(self, upload: Upload, file: UploadFile, rows: "UploadRows", quotas: Quotas) -> None:
        self.upload = upload
        self._file = file
        self._rows = rows
        self._quotas = quotas
        self._length = upload.length
        self._written = upload.offset
        self._held = bytearray()
        self._next_save_s = 0.0

    async def add(
        self,
        chunks: AsyncIterator[bytes],
        length: int | None,
        *,
        keeps_part: bool,
        is_ending: Callable[[], bool],
    ) -> Upload:
        """Add the bytes of a request, and return the upload once they are on the disk and counted.

        Args:
            chunks: the bytes. Whatever they raise ends the request.
            length: that of the whole upload, None while the client has not told it.
            keeps_part: keep what came when the request breaks. Bytes with a checksum are kept as a whole or not.
            is_ending: true once the server is about to stop.

        Raises:
            UploadBusyError: another request asks for the upload.
            ShuttingDownError: the server is about to stop.
            UploadNotFoundError: bytes from before are not here, or the upload was deleted meanwhile.
            QuotaError: the bytes are beyond what the API key may have.
            StorageError, DatabaseAwayError: bytes cannot be stored now.
        """
        self._length = length
        self._next_save_s = time.monotonic() + SAVE_S
        await in_thread(self._file.go_to, self._written)
        is_whole = False
        try:
            async with aclosing(_with_ticks(chunks)) as coming:
                async for chunk in coming:
                    await self._hold(chunk, saves=keeps_part)
                    self._check_end(is_ending)
            is_whole = True
        finally:
            if is_whole or keeps_part:
                await self._save()
        return self.upload

    async def _hold(self, chunk: bytes, *, saves: bool) -> None:
        self._held += chunk
        if len(self._held) >= BLOCK_BYTES:
            await self._write()
        if saves and time.monotonic() >= self._next_save_s:
            await self._save()
            self._next_save_s = time.monotonic() + SAVE_S

    def _check_end(self, is_ending: Callable[[], bool]) -> None:
        if self._file.is_wanted:
            raise UploadBusyError("another request has taken over the upload")
        if is_ending():
            raise ShuttingDownError("the server is about to stop: go on with the upload in a moment")

    async def _write(self) -> None:
        block, self._held = bytes(self._held), bytearray()
        if block:
            await in_thread(self._file.append, block, self._written)
            self._written += len(block)

    async def _save(self) -> None:
        try:
            await self._write()
        finally:  # also what was written before the disk was full
            if (self._written, self._length) != (self.upload.offset, self.upload.length):
                await in_thread(self._file.sync)
                self.upload = await self._rows.change(self.upload.id, self._written, self._length, self._quotas)


async def _with_ticks(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the chunks, and an empty one each `SAVE_S` seconds without any."""
    coming = asyncio.ensure_future(anext(chunks, None))
    try:
        while True:
            done, _ = await asyncio.wait((coming,), timeout=SAVE_S)
            if not done:
                yield b""
                continue
            chunk = coming.result()
            if chunk is None:
                return
            coming = asyncio.ensure_future(anext(chunks, None))
            yield chunk
    finally:
        coming.cancel()
        await asyncio.wait((coming,))
        if not coming.cancelled():
            coming.exception()  # nobody else fetches it
