"""Uploads over HTTP, from the first byte to the answer.

Limits come first, then the bytes, into memory or an unlinked temporary file: nothing is left behind, whatever happens
to the server. Routes differ only in the fields that they take and the answer that they give (`upload_formats.py`).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from paraserve.errors import OverloadedError, ProtocolError, ShuttingDownError, SlowUploadError, UploadTooLargeError
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.decoding.spool import spool, storing
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits, transcribe_file
from paraserve.server.access.admission import ConcurrencyLimit
from paraserve.server.http.api_docs import API_KEY, WITHOUT_KEY, error_answers, json_answer, upload_request
from paraserve.server.http.disconnection import while_connected
from paraserve.server.http.form_fields import FormFields
from paraserve.server.http.upload_formats import UploadFormat, UploadRequest, upload_formats
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.request_log import key_name, request_id
from paraserve.server.telemetry.slow_log import SlowLog, Stopwatch

FILE_FIELDS = ("file", "audio")
FORM_OVERHEAD_BYTES = 1024**2
"""Bytes that a multipart body may have beside the file: boundaries and text fields."""
MAX_FIELDS = 64


def upload_router(*, is_strict: bool) -> APIRouter:
    """Make all upload routes. `is_strict` keeps the quirks of FunASR's C++ server."""
    routes = APIRouter(tags=["transcription"], dependencies=[API_KEY])
    for route in upload_formats(is_strict=is_strict):
        routes.add_api_route(
            route.path,
            _endpoint(route),
            methods=["POST"],
            operation_id=route.name,
            summary=route.summary,
            description=route.description,
            response_class=Response,
            response_model=None,
            responses={200: json_answer("The transcript.", route.body, route.texts), **error_answers(route.codes)},
            openapi_extra={**upload_request(route.form, route.query), **WITHOUT_KEY},
        )
    return routes


def _endpoint(route: UploadFormat) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def upload(request: Request) -> Response:
        service: UploadService | None = request.app.state.uploads
        if request.app.state.readiness.is_draining:
            raise ShuttingDownError("the server is shutting down")
        if service is None:
            raise OverloadedError("the server is starting or shutting down", code="not_ready")
        return await service.answer(request, route)

    return upload


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """`max_bytes` of a recording, and seconds without data before an upload is aborted (`idle_timeout_s`)."""

    max_bytes: int
    idle_timeout_s: float


@dataclass(frozen=True, slots=True)
class UploadService:
    """Everything that upload routes need."""

    engine: Engine
    pool: DecodePool
    upload_limits: UploadLimits
    file_limits: FileLimits
    admission: ConcurrencyLimit
    metrics: Metrics
    slow_log: SlowLog

    async def answer(self, request: Request, route: UploadFormat) -> Response:
        """Receive a recording, check the fields, transcribe, render. When the client leaves, all of it is cancelled.

        Raises:
            ParaserveError: the request is refused or failed. `error_responses.py` makes the answer.
            ClientDisconnect: the client has gone.
        """
        with self.admission.admit(key_name(request)):
            watch = Stopwatch()
            async with receive_upload(request, self.upload_limits) as upload:
                plan = route.plan(UploadRequest(upload.fields, upload.filename, watch.started_s))
                self.metrics.stage_seconds.labels("receive").observe(watch.lap("receive"))
                work = transcribe_file(self.engine, self.pool, upload.file, plan.options, self.file_limits)
                with self.metrics.decoding():
                    transcript = await while_connected(request, work)
        self.metrics.file(transcript, watch.lap("transcribe"))
        # The JSON of hours of speech takes long enough to be felt by others on the event loop.
        response = await asyncio.to_thread(plan.render, transcript)
        watch.lap("render")
        ids = {"request_id": request_id(request), "route": route.path}
        watch.report(self.slow_log, transcript, **ids)
        self.slow_log.text(transcript.text, **ids)
        return response


@dataclass(frozen=True, slots=True)
class Upload:
    """A received recording, its name, and the form or query fields that came with it."""

    file: BinaryIO
    filename: str
    fields: FormFields


@asynccontextmanager
async def receive_upload(request: Request, limits: UploadLimits) -> AsyncIterator[Upload]:
    """Receive the recording: a multipart field `file` or `audio`, or the raw body. Its file is closed on leaving.

    Raises:
        UploadTooLargeError: the announced or received size is over the limit.
        ProtocolError: the form cannot be read, or it has no file.
        SlowUploadError: the client stopped sending.
        StorageError: the recording cannot be stored.
    """
    announced = request.headers.get("content-length", "")
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/")
    allowance = FORM_OVERHEAD_BYTES if is_form else 0
    if announced.isdigit() and int(announced) > limits.max_bytes + allowance:
        raise _too_large(limits.max_bytes)
    body = _limited(request, limits, allowance)
    if is_form:
        with storing():
            async with _form(request, body) as form:
                yield _form_upload(form, request, limits.max_bytes)
    else:
        with spool() as file:
            async for chunk in body:
                await asyncio.to_thread(file.write, chunk)
            file.seek(0)
            filename = request.query_params.get("filename", "")
            yield Upload(file, filename, FormFields(_query(request)))


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
            return Upload(part.file, part.filename or "", FormFields(fields))
    raise ProtocolError("the form has no file: send it as `file` or `audio`", code="no_file", param="file")


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _too_large(max_bytes: int) -> UploadTooLargeError:
    return UploadTooLargeError(f"the file is larger than {max_bytes} bytes", param="file")
