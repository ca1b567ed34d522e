"""HTTP routes: upload a recording, get its text. Routes differ only in the fields taken and the body given."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect

from paraserve.errors import OverloadedError, ProtocolError, ShuttingDownError
from paraserve.formats import FORMATS, transcript_json, write_srt, write_text, write_vtt
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits, transcribe_file
from paraserve.server.access.admission import ConcurrencyLimit
from paraserve.server.http.form_fields import one_of, openai_granularities, recognition_options
from paraserve.server.http.uploads import Upload, UploadLimits, receive_upload
from paraserve.server.protocols.funasr.bodies import funasr_asr, funasr_offline, funasr_recognition
from paraserve.server.protocols.json_encoding import Json, object_text
from paraserve.server.protocols.openai import openai_verbose
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.request_log import key_name, request_id
from paraserve.server.telemetry.slow_log import SlowLog, Stopwatch
from paraserve.types import RecognitionOptions, Transcript

OPENAI_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
Result = TypeVar("Result")
Render = Callable[[Transcript], Response]


@dataclass(frozen=True, slots=True)
class UploadService:
    """What every upload route needs."""

    engine: Engine
    pool: DecodePool
    upload_limits: UploadLimits
    file_limits: FileLimits
    admission: ConcurrencyLimit
    metrics: Metrics
    slow_log: SlowLog
    is_strict: bool = False

    async def answer(self, request: Request, plan: Callable[[Upload], tuple[RecognitionOptions, Render]]) -> Response:
        """Receive, check the fields before any work, transcribe, render. The client leaving cancels all of it."""
        with self.admission.admit(key_name(request)):
            watch = Stopwatch()
            async with receive_upload(request, self.upload_limits) as upload:
                options, render = plan(upload)
                self.metrics.stage_seconds.labels("receive").observe(watch.lap("receive"))
                work = transcribe_file(self.engine, self.pool, upload.file, options, self.file_limits)
                with self.metrics.decoding():
                    transcript = await _while_connected(request, work)
        self.metrics.file(transcript, watch.lap("transcribe"))
        # The JSON of hours of speech takes long enough to be felt by others on the event loop.
        response = await asyncio.to_thread(render, transcript)
        watch.lap("render")
        ids = {"request_id": request_id(request), "route": request.scope["route"].path}
        watch.report(self.slow_log, transcript, **ids)
        self.slow_log.text(transcript.text, **ids)
        return response


def _service(request: Request) -> UploadService:
    service: UploadService | None = request.app.state.uploads
    if request.app.state.readiness.is_draining:
        raise ShuttingDownError("the server is shutting down")
    if service is None:
        raise OverloadedError("the server is starting or shutting down", code="not_ready")
    return service


async def openai_transcriptions(request: Request) -> Response:
    """OpenAI's transcription call. Every `model` name means the loaded bundle."""
    return await _service(request).answer(request, _plan_openai)


async def own_json(request: Request) -> Response:
    """The transcript with sentences, token times and confidences; `format` gives text, srt, vtt or tsv instead."""
    return await _service(request).answer(request, _plan_own)


async def recognition(request: Request) -> Response:
    """FunASR's Python HTTP server."""
    return await _service(request).answer(
        request, lambda upload: (recognition_options(upload), lambda t: _json(funasr_recognition(t)))
    )


async def asr(request: Request) -> Response:
    """`funasr-server`'s short route."""
    started = time.monotonic()
    return await _service(request).answer(
        request,
        lambda upload: (recognition_options(upload), lambda t: _json(funasr_asr(t, time.monotonic() - started))),
    )


async def funasr_root(request: Request) -> Response:
    """FunASR's C++ HTTP server, which takes an upload on any path."""
    service = _service(request)
    # The C++ server says is_final false and gives no name; strict keeps both.
    return await service.answer(
        request,
        lambda upload: (
            recognition_options(upload),
            lambda t: _json(
                funasr_offline(
                    t,
                    "" if service.is_strict else upload.filename,
                    is_final=not service.is_strict,
                    is_strict=service.is_strict,
                )
            ),
        ),
    )


def upload_router() -> APIRouter:
    """All upload routes."""
    routes = APIRouter(tags=["transcription"])
    table: list[tuple[str, Callable[[Request], Coroutine[Any, Any, Response]], list[str]]] = [
        ("/v1/audio/transcriptions", openai_transcriptions, [*_OWN_FIELDS, *_OPENAI_FIELDS]),
        ("/transcribe", own_json, [*_OWN_FIELDS, "format"]),
        ("/recognize", own_json, [*_OWN_FIELDS, "format"]),
        ("/recognition", recognition, _OWN_FIELDS),
        ("/asr", asr, _OWN_FIELDS),
        ("/", funasr_root, _OWN_FIELDS),
    ]
    for path, endpoint, fields in table:
        routes.add_api_route(
            path, endpoint, methods=["POST"], response_model=None, openapi_extra={"requestBody": _body_schema(fields)}
        )
    return routes


_OWN_FIELDS = ["language", "hotwords", "itn", "punctuate", "deterministic", "channel"]
_OPENAI_FIELDS = ["model", "prompt", "temperature", "response_format", "timestamp_granularities[]"]


def _body_schema(fields: list[str]) -> dict[str, Any]:
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}, **{f: {"type": "string"} for f in fields}},
    }
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "content": {"multipart/form-data": {"schema": form}, "application/octet-stream": raw}}


def _plan_own(upload: Upload) -> tuple[RecognitionOptions, Render]:
    name = upload.field("format") or upload.field("response_format") or "json"
    if name == "json":
        return recognition_options(upload), lambda t: _json(transcript_json(t))
    if name not in FORMATS:
        raise ProtocolError(f"unknown format {name!r}: {one_of(FORMATS)}", code="invalid_format", param="format")
    chosen = FORMATS[name]
    options = replace(recognition_options(upload), word_times=name != "text")
    return options, lambda t: Response(chosen.write(t), media_type=chosen.media_type)


def _plan_openai(upload: Upload) -> tuple[RecognitionOptions, Render]:
    name = upload.field("response_format") or "json"
    if name not in OPENAI_FORMATS:
        message = f"unknown response_format {name!r}: {one_of(OPENAI_FORMATS)}"
        raise ProtocolError(message, code="invalid_response_format", param="response_format")
    granularities = openai_granularities(upload)
    render: dict[str, Render] = {
        "json": lambda t: _json({"text": t.text}),
        "text": lambda t: PlainTextResponse(write_text(t)),
        "srt": lambda t: PlainTextResponse(write_srt(t)),
        "vtt": lambda t: PlainTextResponse(write_vtt(t)),
        "verbose_json": lambda t: _json(openai_verbose(t, granularities)),
    }
    return replace(recognition_options(upload), word_times=name not in {"json", "text"}), render[name]


def _json(body: Json) -> Response:
    return Response(object_text(body), media_type="application/json")


async def _while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client closes its connection.

    Raises:
        ClientDisconnect: it did.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return await task
    finally:
        await _cancelled(gone)
        await _cancelled(task)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: Awaitable[Any]) -> None:
    future = asyncio.ensure_future(task)
    future.cancel()
    await asyncio.wait({future})
