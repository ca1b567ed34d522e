"""Uploads over HTTP, from the first byte to the answer.

Limits come first, then the bytes, into memory or an unlinked temporary file: nothing is left behind, whatever happens
to the server. Routes differ only in the fields that they take and the answer that they give (`upload_formats.py`).
"""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from paraserve.errors import (
    EngineStuckError,
    OverloadedError,
    ProtocolError,
    UploadTooLargeError,
)
from paraserve.inference.abilities import ModelChoice
from paraserve.operator_redaction import OperatorRedaction
from paraserve.runtime.channels.split_recording import transcribe_recording
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.decoding.spool import SPOOL_MEMORY_BYTES, spool, storing
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.stage_clock import StageClock
from paraserve.server.access.address_limit import AddressLimit
from paraserve.server.access.admission import ConcurrencyLimit
from paraserve.server.access.authentication import api_key
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import WITHOUT_KEY, error_answers, json_answer, key_with, upload_request
from paraserve.server.http.disconnection import time_limit, while_connected
from paraserve.server.http.parsing.form_fields import FormFields, read_model, read_task, read_timeout
from paraserve.server.http.parsing.form_parser import FILE_FIELDS, RecordingFormParser
from paraserve.server.http.parsing.json_bodies import MAX_JSON_BYTES, is_json, read_json_request
from paraserve.server.http.parsing.raw_audio import as_wav, read_raw_audio
from paraserve.server.http.parsing.upload_pace import UploadLimits, UploadPace
from paraserve.server.http.upload_formats import UploadFormat, UploadRequest, upload_formats
from paraserve.server.http.warnings_header import HEADER_DESCRIPTION, answer_headers
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.readiness import STUCK_MESSAGE
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.request_log import request_id, started_s
from paraserve.server.telemetry.slow_log import SlowLog, log_slow_request
from paraserve.subtitle_options import SubtitleOptions

FORM_OVERHEAD_BYTES = 1024**2
"""Bytes that a multipart body may have beside the file: boundaries and text fields."""
MAX_FIELDS = 64
SHORT_MS = 60_000
"""The answer about this much speech is written in a millisecond."""
RECEIVE, RENDER = "receive", "render"
"""Stages of an upload around those of `stage_clock`."""


def upload_router(*, is_strict: bool) -> APIRouter:
    """Make all upload routes. `is_strict` keeps the quirks of FunASR's C++ server."""
    routes = APIRouter(tags=["transcription"], dependencies=[key_with(KeyScope.TRANSCRIBE)])
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
            responses={200: _transcript(route), **error_answers(route.codes)},
            openapi_extra={**upload_request(route.form, route.query), **WITHOUT_KEY},
        )
    return routes


def _transcript(route: UploadFormat) -> Json:
    answer = json_answer("The transcript.", route.body, route.texts)
    return answer | {"headers": {**answer["headers"], **HEADER_DESCRIPTION}}


def _endpoint(route: UploadFormat) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def upload(request: Request) -> Response:
        service: UploadService | None = request.app.state.uploads
        if service is None:
            raise OverloadedError("the server is starting or shutting down", code="not_ready")
        if request.app.state.readiness.is_stuck:
            raise EngineStuckError(STUCK_MESSAGE)
        async with time_limit(service.upload_limits.request_timeout_s):
            answer = await service.answer(request, route)
        if request.app.state.readiness.is_draining:
            answer.headers["Connection"] = "close"  # the client's next request belongs to another process
        return answer

    return upload


@dataclass(frozen=True, slots=True)
class UploadService:
    """Everything that upload routes need."""

    engine: RoutedEngine
    pool: DecodePool
    upload_limits: UploadLimits
    file_limits: FileLimits
    subtitles: SubtitleOptions
    admission: ConcurrencyLimit
    address_limit: AddressLimit
    metrics: Metrics
    slow_log: SlowLog
    redaction: OperatorRedaction

    async def answer(self, request: Request, route: UploadFormat) -> Response:
        """Receive a recording, check the fields, transcribe, render. When the client leaves, all of it is cancelled.

        Raises:
            ParaserveError: the request is refused or failed. `error_responses.py` makes the answer.
            ClientDisconnect: the client has gone.
        """
        with self.address_limit.admit(request), self.admission.admit(api_key(request)):
            clock = StageClock(started_s(request))
            async with (
                receive_upload(request, self.upload_limits) as upload,
                time_limit(read_timeout(upload.fields), started_s=clock.started_s, param="timeout"),
                self.engine.for_model(upload.model, route.task or read_task(upload.fields)) as engine,
            ):
                choice = ModelChoice(engine.abilities, self.engine.choice_of(upload.model).warnings)
                asked = UploadRequest(upload.fields, upload.filename, clock.started_s, choice, self.subtitles)
                plan = route.plan(asked)
                async with _file_of(upload) as file:
                    clock.lap(RECEIVE)
                    self.metrics.stage_seconds.labels(RECEIVE).observe(clock.stages_s[RECEIVE])
                    options = self.redaction.with_client(plan.options)
                    work = transcribe_recording(engine, self.pool, file, options, self.file_limits, clock=clock)
                    with self.metrics.decoding():
                        transcript = await while_connected(request, work)
                warnings = (*upload.fields.warnings(), *transcript.warnings)
        self.metrics.file(transcript, clock.seconds - clock.stages_s[RECEIVE])
        transcript = replace(transcript, warnings=warnings)
        if transcript.duration_ms <= SHORT_MS:
            response = plan.render(transcript)
        else:  # hours of speech would be felt by others on the event loop
            response = await asyncio.to_thread(plan.render, transcript)
        response.headers.update(answer_headers(warnings, transcript.notice, transcript.quality))
        clock.lap(RENDER)
        self.metrics.stages(clock)
        ids = {"request_id": request_id(request), "route": route.path}
        log_slow_request(self.slow_log, clock, transcript, **ids)
        self.slow_log.text(transcript.text, **ids)
        return response


@dataclass(frozen=True, slots=True)
class Upload:
    """A received recording, its name and content type, and the form or query fields that came with it."""

    file: BinaryIO
    filename: str
    content_type: str
    fields: FormFields

    @property
    def model(self) -> str | None:
        """Return the name of the model that the client asks for."""
        return read_model(self.fields)


@asynccontextmanager
async def _file_of(upload: Upload) -> AsyncIterator[BinaryIO]:
    """Return the recording as a file with a header."""
    raw = read_raw_audio(upload.content_type, upload.fields)
    if raw is None:
        yield upload.file
        return
    opened = as_wav(upload.file, raw)
    file = await asyncio.to_thread(opened.__enter__)
    try:
        yield file
    finally:
        opened.__exit__(None, None, None)


@asynccontextmanager
async def receive_upload(request: Request, limits: UploadLimits) -> AsyncIterator[Upload]:
    """Receive the recording: a multipart field `file` or `audio`, base64 in JSON, or the body.

    Its file is closed on leaving.

    Raises:
        UploadTooLargeError: the announced or received size is over the limit.
        ProtocolError: the form cannot be read, or it has no file.
        SlowUploadError: the client stopped sending.
        StorageError: the recording cannot be stored.
    """
    announced, content_type = request.headers.get("content-length", ""), request.headers.get("content-type", "")
    is_form = content_type.lower().startswith("multipart/")
    max_bytes = limits.max_bytes + (FORM_OVERHEAD_BYTES if is_form else 0)
    if is_json(content_type):
        max_bytes = MAX_JSON_BYTES
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(min(max_bytes, limits.max_bytes))
    body = _limited(request, max_bytes, limits)
    if is_form:
        with storing():
            async with _form(request, body) as form:
                yield _form_upload(form, request, limits.max_bytes)
    else:
        with spool() as file:
            n_bytes = 0
            async for chunk in body:
                n_bytes += len(chunk)
                if n_bytes <= SPOOL_MEMORY_BYTES:
                    file.write(chunk)
                else:  # to a disk, which may be slow
                    await asyncio.to_thread(file.write, chunk)
            file.seek(0)
            if is_json(content_type):
                async with limits.json_turn:
                    upload = await _from_json(file, request, limits.max_bytes)
                with upload.file:
                    yield upload
            else:
                yield Upload(file, "", content_type, FormFields(_query(request)))


async def _from_json(body: BinaryIO, request: Request, max_bytes: int) -> Upload:
    asked = await asyncio.to_thread(read_json_request, body)
    if len(asked.recording) > max_bytes:
        raise _too_large(max_bytes)
    fields = _query(request)
    for name, values in asked.values.items():
        fields.setdefault(name, []).extend(values)
    return Upload(io.BytesIO(asked.recording), "", asked.media_type, FormFields(fields))


async def _limited(request: Request, max_bytes: int, limits: UploadLimits) -> AsyncGenerator[bytes, None]:
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
        pace.received(len(chunk))
        if received > max_bytes:
            raise _too_large(max_bytes)
        yield chunk


@asynccontextmanager
async def _form(request: Request, body: AsyncGenerator[bytes, None]) -> AsyncIterator[FormData]:
    parser = RecordingFormParser(request.headers, body, max_files=1, max_fields=MAX_FIELDS)
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
            return Upload(part.file, part.filename or "", part.content_type or "", FormFields(fields))
    raise ProtocolError("the form has no file: send it as `file` or `audio`", code="no_file", param="file")


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _too_large(max_bytes: int) -> UploadTooLargeError:
    return UploadTooLargeError(f"the file is larger than {max_bytes} bytes", param="file")
