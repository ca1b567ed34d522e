"""Receive a recording over HTTP: limits first, then the bytes, into memory or an unlinked temporary file.

The file has no name on disk, so nothing is left behind whatever happens to the server.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from paraserve.errors import ProtocolError, SlowUploadError, UploadTooLargeError
from paraserve.runtime.decoding.pool import SPOOL_MEMORY_BYTES

FILE_FIELDS = ("file", "audio")
FORM_OVERHEAD_BYTES = 1024**2
"""What a multipart body may have beside the file: boundaries and text fields."""
MAX_FIELDS = 64


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """`max_bytes` of a recording; a client that sends nothing for `idle_timeout_s` in the middle of it is let go."""

    max_bytes: int
    idle_timeout_s: float


@dataclass(frozen=True, slots=True)
class Upload:
    """A received recording and the form or query fields that came with it (repeated ones in order)."""

    file: BinaryIO
    filename: str
    fields: Mapping[str, list[str]]

    def field(self, name: str) -> str | None:
        """The last value of a field; None if it is absent or empty."""
        values = self.fields.get(name) or [""]
        return values[-1] or None


@asynccontextmanager
async def receive_upload(request: Request, limits: UploadLimits) -> AsyncIterator[Upload]:
    """The request's recording: a multipart field `file` or `audio`, or the raw body. Closed on leaving.

    Raises:
        UploadTooLargeError: the announced or received size is over the limit.
        ProtocolError: not a usable form, or it has no file.
        SlowUploadError: the client stopped sending.
    """
    announced = request.headers.get("content-length", "")
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/")
    allowance = FORM_OVERHEAD_BYTES if is_form else 0
    if announced.isdigit() and int(announced) > limits.max_bytes + allowance:
        raise _too_large(limits.max_bytes)
    body = _limited(request, limits, allowance)
    if is_form:
        async with _form(request, body) as form:
            yield _form_upload(form, request, limits.max_bytes)
    else:
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES) as file:
            async for chunk in body:
                await asyncio.to_thread(file.write, chunk)
            file.seek(0)
            yield Upload(cast("BinaryIO", file), request.query_params.get("filename", ""), _query(request))


async def _limited(request: Request, limits: UploadLimits, allowance: int) -> AsyncGenerator[bytes, None]:
    received = 0
    chunks = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(limits.idle_timeout_s):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise SlowUploadError(f"nothing received for {limits.idle_timeout_s:g} s") from None
        if chunk is None:
            return
        received += len(chunk)
        if received > limits.max_bytes + allowance:
            raise _too_large(limits.max_bytes)
        yield chunk


@asynccontextmanager
async def _form(request: Request, body: AsyncGenerator[bytes, None]) -> AsyncIterator[FormData]:
    parser = MultiPartParser(request.headers, body, max_files=1, max_fields=MAX_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ProtocolError(f"the form cannot be read: {error.message}", code="invalid_form") from None
    try:
        yield form
    finally:
        await form.close()


def _form_upload(form: FormData, request: Request, max_bytes: int) -> Upload:
    fields = _query(request)
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    for name in FILE_FIELDS:
        part = form.get(name)
        if isinstance(part, UploadFile):
            if part.size is not None and part.size > max_bytes:
                raise _too_large(max_bytes)
            return Upload(part.file, part.filename or "", fields)
    raise ProtocolError("the form has no file: send it as `file` or `audio`", code="no_file", param="file")


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _too_large(max_bytes: int) -> UploadTooLargeError:
    return UploadTooLargeError(f"the file is larger than {max_bytes} bytes", param="file")
