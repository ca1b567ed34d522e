"""Recordings as they come in: a form's file, base64 in JSON, or the body, into memory or an unlinked temporary file.

Nothing is left behind, whatever happens to the server.
"""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from paraserve.errors import ProtocolError, UploadTooLargeError
from paraserve.runtime.decoding.spool import SPOOL_MEMORY_BYTES, spool, storing
from paraserve.server.http.parsing.form_fields import FormFields, read_model
from paraserve.server.http.parsing.form_parser import FILE_FIELDS, RecordingFormParser
from paraserve.server.http.parsing.json_bodies import MAX_JSON_BYTES, is_json, read_json_request
from paraserve.server.http.parsing.upload_pace import UploadLimits, UploadPace
from paraserve.server.http.upload_progress import note_received

FORM_OVERHEAD_BYTES = 1024**2
"""Bytes that a multipart body may have beside the file: boundaries and text fields."""
MAX_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Upload:
    """A received recording, its name and content type, and the form or query fields that came with it.

    `file_field` is the name of the form's field that it came in, "" without a form. `sha256` is the digest of the
    file in hex, "" where its route tells none.
    """

    file: BinaryIO
    filename: str
    content_type: str
    fields: FormFields
    file_field: str = ""
    sha256: str = ""

    @property
    def model(self) -> str | None:
        """Return the name of the model that the client asks for."""
        return read_model(self.fields)


@asynccontextmanager
async def receive_upload(request: Request, limits: UploadLimits) -> AsyncIterator[Upload]:
    """Receive the recording: a multipart field of `FILE_FIELDS`, base64 in JSON, or the body.

    Its file is closed on leaving.

    Raises:
        UploadTooLargeError: the announced or received size is over the limit.
        ProtocolError: the form cannot be read, or it has no file.
        SlowUploadError: the client stopped sending.
        StorageError: the recording cannot be stored.
    """
    content_type = content_type_of(request)
    if is_form(content_type):
        async with receive_form(request, limits) as form:
            yield _form_upload(form, request)
        return
    async with receive_body(request, limits) as file:
        if not is_json(content_type):
            yield Upload(file, "", content_type, FormFields(query_fields(request)))
            return
        async with limits.json_turn:
            upload = await _from_json(file, request, limits.max_bytes)
        with upload.file:
            yield upload


def content_type_of(request: Request) -> str:
    """Return the content type of a request, "" without one."""
    return request.headers.get("content-type", "")


def is_form(content_type: str) -> bool:
    """Return whether a body of this content type is a multipart form."""
    return content_type.lower().startswith("multipart/")


def query_fields(request: Request) -> dict[str, list[str]]:
    """Return the fields of the query."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


@asynccontextmanager
async def receive_form(request: Request, limits: UploadLimits, max_files: int = 1) -> AsyncIterator[FormData]:
    """Receive a form, whose files are closed on leaving. Each file has at most `limits.max_bytes`.

    Raises:
        UploadTooLargeError, SlowUploadError, StorageError: as `receive_upload`.
        ProtocolError: it cannot be read, or has more files or fields than are taken.
    """
    body = limited_body(request, limits, limits.max_bytes + FORM_OVERHEAD_BYTES)
    with storing():
        parser = RecordingFormParser(request.headers, body, max_files=max_files, max_fields=MAX_FIELDS)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise ProtocolError(f"the form cannot be read: {error.message}", code="invalid_form") from None
        try:
            for part in form_files(form):
                if part.size is not None and part.size > limits.max_bytes:
                    raise too_large(limits.max_bytes)
            yield form
        finally:
            await form.close()


def form_files(form: FormData) -> list[UploadFile]:
    """Return the recordings of a form."""
    return [part for _, part in _named_files(form)]


def _named_files(form: FormData) -> list[tuple[str, UploadFile]]:
    """Return the recordings of a form with the names of their fields."""
    return [(name, part) for name in FILE_FIELDS for part in form.getlist(name) if isinstance(part, UploadFile)]


def form_fields(form: FormData, request: Request) -> dict[str, list[str]]:
    """Return the fields of the query and of a form."""
    fields = query_fields(request)
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return fields


@asynccontextmanager
async def receive_body(request: Request, limits: UploadLimits) -> AsyncIterator[BinaryIO]:
    """Receive a body that is no form: a recording, or JSON, of which all is in memory later.

    Raises:
        UploadTooLargeError, SlowUploadError, StorageError: as `receive_upload`.
    """
    max_bytes = MAX_JSON_BYTES if is_json(content_type_of(request)) else limits.max_bytes
    body = limited_body(request, limits, max_bytes)
    with spool() as file:
        n_bytes = 0
        async for chunk in body:
            n_bytes += len(chunk)
            if n_bytes <= SPOOL_MEMORY_BYTES:
                file.write(chunk)
            else:  # to a disk, which may be slow
                await asyncio.to_thread(file.write, chunk)
        file.seek(0)
        yield file


def too_large(max_bytes: int) -> UploadTooLargeError:
    """Return the error of a recording with more bytes."""
    return UploadTooLargeError(f"the file is larger than {max_bytes} bytes", param="file")


def _form_upload(form: FormData, request: Request) -> Upload:
    files = _named_files(form)
    if not files:
        raise ProtocolError("the form has no file: send it as `file` or `audio`", code="no_file", param="file")
    name, part = files[0]
    fields = FormFields(form_fields(form, request))
    return Upload(part.file, part.filename or "", part.content_type or "", fields, name)


async def _from_json(body: BinaryIO, request: Request, max_bytes: int) -> Upload:
    asked = await asyncio.to_thread(read_json_request, body)
    if len(asked.recording) > max_bytes:
        raise too_large(max_bytes)
    fields = query_fields(request)
    for name, values in asked.values.items():
        fields.setdefault(name, []).extend(values)
    return Upload(io.BytesIO(asked.recording), "", asked.media_type, FormFields(fields))


def limited_body(request: Request, limits: UploadLimits, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Return the chunks of a body, unless more are announced than are taken.

    Raises:
        UploadTooLargeError, SlowUploadError: as `receive_upload`; those about its pace come with the chunks.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise too_large(min(max_bytes, limits.max_bytes))
    return _chunks(request, max_bytes, limits)


async def _chunks(request: Request, max_bytes: int, limits: UploadLimits) -> AsyncGenerator[bytes, None]:
    received = 0
    pace = UploadPace(limits)
    chunks = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(pace.patience_s()):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise pace.error() from None
        if chunk is None:
            return
        received += len(chunk)
        note_received(request, len(chunk))
        pace.received(len(chunk))
        if received > max_bytes:
            raise too_large(max_bytes)
        yield chunk
