"""Uploads over HTTP, from the first byte to the answer.

Limits come first, then the bytes (`receiving.py`). Routes differ only in the fields that they take and the answer
that they give (`upload_formats.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from paraserve.errors import OverloadedError
from paraserve.inference.abilities import ModelChoice
from paraserve.operator_redaction import OperatorRedaction
from paraserve.runtime.channels.split_recording import transcribe_recording
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.result_cache.cached_recording import ResultsOf, SharedResults, cached_transcript
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.stage_clock import StageClock
from paraserve.server.access.address_limit import AddressLimit
from paraserve.server.access.admission import ConcurrencyLimit
from paraserve.server.access.authentication import api_key
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.error_responses import answer_failure
from paraserve.server.http.api_docs import WITHOUT_KEY, error_answers, json_answer, key_with, upload_request
from paraserve.server.http.deepgram_route import listen_format
from paraserve.server.http.disconnection import time_limit, while_connected
from paraserve.server.http.event_stream import EVENT_STREAM, EventStream, error_event
from paraserve.server.http.following import Following
from paraserve.server.http.parsing.form_fields import read_caching, read_task, read_timeout
from paraserve.server.http.parsing.raw_audio import RawAudio, as_wav, read_raw_audio
from paraserve.server.http.parsing.upload_pace import UploadLimits
from paraserve.server.http.receiving import Upload
from paraserve.server.http.upload_formats import upload_formats
from paraserve.server.http.upload_plan import UploadFormat, UploadPlan, UploadRequest
from paraserve.server.http.upload_progress import UploadsInProgress
from paraserve.server.http.warnings_header import CACHE_HEADER, HEADER_DESCRIPTION, answer_headers
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.request_log import key_name, request_id, started_s
from paraserve.server.telemetry.slow_log import SlowLog, log_slow_request
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import FieldWarning

SHORT_MS = 60_000
"""The answer about this much speech is written in a millisecond."""
RECEIVE, RENDER = "receive", "render"
"""Stages of an upload around those of `stage_clock`."""


def upload_router(*, is_strict: bool) -> APIRouter:
    """Make all upload routes. `is_strict` keeps the quirks of FunASR's C++ server."""
    routes = APIRouter(tags=["transcription"], dependencies=[key_with(KeyScope.TRANSCRIBE)])
    for route in (*upload_formats(is_strict=is_strict), listen_format()):
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
            openapi_extra={**(route.request or upload_request(route.form, route.query)), **WITHOUT_KEY},
        )
    return routes


def _transcript(route: UploadFormat) -> Json:
    answer = json_answer("The transcript.", route.body, route.texts)
    if route.events is not None:
        answer["content"][EVENT_STREAM] = route.events
    return answer | {"headers": {**answer["headers"], **HEADER_DESCRIPTION}}


def _endpoint(route: UploadFormat) -> Callable[[], Coroutine[Any, Any, Response]]:
    async def upload() -> Response:
        return UploadAnswer(route)

    return upload


class UploadAnswer(Response):
    """The answer of an upload route. All work is done while it is sent, since its parts may come before the end."""

    def __init__(self, route: UploadFormat) -> None:
        super().__init__()
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive a recording, and send the answer to it.

        Raises:
            ParaserveError, OSError, ClientDisconnect: the request failed, and nothing was sent.
        """
        request = Request(scope, receive, send)
        async with EventStream(send) as events:
            try:
                answer = await self._answer(request, events)
            except Exception as error:
                if not events.has_begun:
                    raise
                if not isinstance(error, ClientDisconnect):
                    await events.end(error_event(answer_failure(request, error)))
                return
            if events.is_open:
                await events.end(bytes(answer.body))
            else:
                await answer(scope, receive, send)

    async def _answer(self, request: Request, events: EventStream) -> Response:
        service: UploadService | None = request.app.state.uploads
        if service is None:
            raise OverloadedError("the server is starting or shutting down", code="not_ready")
        readiness: Readiness = request.app.state.readiness
        readiness.check()
        async with time_limit(service.upload_limits.request_timeout_s):
            answer = await service.answer(request, self._route, events)
        if readiness.is_draining or not readiness.takes_work:
            answer.headers["Connection"] = "close"  # the client's next request belongs to another process
        return answer


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
    results: SharedResults | None = None
    in_progress: UploadsInProgress = field(default_factory=UploadsInProgress)

    async def answer(self, request: Request, route: UploadFormat, events: EventStream) -> Response:
        """Receive a recording, check the fields, transcribe, render. When the client leaves, all of it is cancelled.

        For a client that wants events, they are opened, and what is returned is the end of them.

        Raises:
            ParaserveError: the request is refused or failed. `error_responses.py` makes the answer.
            ClientDisconnect: the client has gone.
        """
        with self.address_limit.admit(request), self.in_progress.following(request) as progress:
            clock = StageClock(started_s(request), progress.timeline)
            async with (
                self.admission.admit(api_key(request)) as admitted,
                route.receive(request, self.upload_limits) as upload,
                time_limit(read_timeout(upload.fields), started_s=clock.started_s, param="timeout"),
                self.engine.for_model(upload.model, task := route.task or read_task(upload.fields)) as engine,
            ):
                progress.model = self.engine.models.find(upload.model)
                choice = ModelChoice(engine.abilities, self.engine.choice_of(upload.model).warnings)
                asked = UploadRequest(
                    upload.fields,
                    upload.filename,
                    clock.started_s,
                    choice,
                    self.subtitles,
                    upload.file_field,
                    frozenset(request.query_params),
                    request_id(request),
                    upload.sha256,
                    request.headers.get("accept", ""),
                )
                plan = route.plan(asked)
                results = self._results(request, upload)
                async with _file_of(upload, plan.raw) as file:
                    clock.lap(RECEIVE)
                    progress.state = "recognizing"
                    self.metrics.stage_seconds.labels(RECEIVE).observe(clock.stages_s[RECEIVE])
                    options = self.redaction.with_client(plan.options)
                    following = _opened(events, plan, upload.fields.warnings())

                    def on_progress(at_ms: int, duration_ms: int | None) -> None:
                        admitted.audio_until(at_ms)
                        progress.recognized(at_ms, duration_ms)

                    work = cached_transcript(
                        results,
                        following.measured(self.pool),
                        file,
                        options,
                        lambda opener: transcribe_recording(
                            engine,
                            opener,
                            file,
                            options,
                            self.file_limits,
                            on_progress=following.after(on_progress),
                            clock=clock,
                            on_sentences=following.on_sentences,
                        ),
                        limits=self.file_limits,
                        model=partial(self.engine.made_of, upload.model, task),
                        on_decoded=admitted.audio_until,
                    )
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
        if results is not None:
            response.headers[CACHE_HEADER] = "hit" if transcript.is_cached else "miss"
        clock.lap(RENDER)
        self.metrics.stages(clock)
        ids = {"request_id": request_id(request), "route": route.path}
        log_slow_request(self.slow_log, clock, transcript, **ids)
        self.slow_log.text(transcript.text, **ids)
        return response

    def _results(self, request: Request, upload: Upload) -> ResultsOf | None:
        """Return the results that a request may get, None where it may get none."""
        may_use = read_caching(upload.fields, request.headers.get("cache-control", ""))
        return self.results.of(key_name(request) or "", "uploads") if self.results and may_use else None


def _opened(events: EventStream, plan: UploadPlan, warnings: Sequence[FieldWarning]) -> Following:
    """Open the events if the answer comes in them, and return what takes the parts of it."""
    if plan.write_part is not None:
        events.open(answer_headers(warnings, None, None))
    return Following(events, plan)


@asynccontextmanager
async def _file_of(upload: Upload, otherwise: RawAudio | None) -> AsyncIterator[BinaryIO]:
    """Return the recording as a file with a header. Raw audio of no layout that it tells has that of `otherwise`."""
    raw = read_raw_audio(upload.content_type, upload.fields) or otherwise
    if raw is None:
        yield upload.file
        return
    opened = as_wav(upload.file, raw)
    file = await asyncio.to_thread(opened.__enter__)
    try:
        yield file
    finally:
        opened.__exit__(None, None, None)
