"""Results of jobs: transcripts in every format, and the log of messages to a `callback_url`."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask

from paraserve.errors import StorageError
from paraserve.formats import FORMATS, transcript_from_json
from paraserve.job_errors import JobNotFoundError
from paraserve.job_wiring import JobParts
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import error_answers, json_answer, key_with, query_parameter
from paraserve.server.http.error_codes import JOB_STATE_CODES
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.http.receiving import query_fields
from paraserve.server.http.upload_plan import EXAMPLE
from paraserve.server.http.warnings_header import HEADER_DESCRIPTION, answer_headers
from paraserve.server.jobs.job_form import JobForm
from paraserve.server.jobs.job_json import delivery_json
from paraserve.server.jobs.job_plan import TranscriptOutput
from paraserve.server.jobs.job_routes import JOB_CODES, JOB_ID, NO_STORE, TAG
from paraserve.server.jobs.job_service import JobService, owner_of, parts_of
from paraserve.server.protocols.schemas.job_answers import DeliveryList
from paraserve.server.protocols.schemas.transcript_answers import TranscriptJson
from paraserve.subtitle_options import SubtitleOptions

OUTPUT_FIELDS = (
    "format",
    "response_format",
    "subtitle_cue_s",
    "subtitle_lines",
    "subtitle_latin_chars",
    "subtitle_chinese_chars",
    "subtitle_text",
)
PIECE_BYTES = 64 * 1024
DELETE_AT_ONCE = 100
JSON_TYPE = "application/json"

log = structlog.get_logger()


def result_router() -> APIRouter:
    """Make the routes."""
    key = key_with(KeyScope.JOBS)
    texts = {
        one.media_type.partition(";")[0]: one.write(EXAMPLE, SubtitleOptions())
        for name, one in FORMATS.items()
        if name != "json"
    }
    answer = json_answer("The transcript.", TranscriptJson, texts)
    codes = [*JOB_CODES, *JOB_STATE_CODES, "invalid_value", "invalid_format"]
    found = {200: {**answer, "headers": {**answer["headers"], **HEADER_DESCRIPTION}}, **error_answers(codes)}
    fields = JobForm.model_json_schema()["properties"]
    parameters = (JOB_ID, *(query_parameter(name, fields[name]) for name in OUTPUT_FIELDS))
    listed = {200: json_answer("The messages.", DeliveryList), **error_answers(JOB_CODES)}
    return get_router(
        GetRoute(
            "/v1/jobs/{id}/transcript", "job_transcript", TAG, "Get a transcript", get_transcript, found,
            parameters=parameters, wants_key=True, check=key,
        ),
        GetRoute(
            "/v1/jobs/{id}/deliveries", "job_deliveries", TAG, "List webhooks of a job", list_deliveries, listed,
            parameters=(JOB_ID,), wants_key=True, check=key,
        ),
    )  # fmt: skip


async def get_transcript(request: Request) -> Response:
    """Sends the transcript of a job that is done, in any format. Fields that are left out are those of the job.

    JSON has `warnings`, `notice` and `audio_quality` in its body. Other formats have them in headers. If the job was
    submitted with `store=false`, recording and texts are deleted once the client has all of the answer.
    """
    service, parts = await parts_of(request)
    job, stored = await parts.store.with_transcript(request.path_params["id"], owner_of(request))
    output = service.planner.output(job.request, query_fields(request))
    headers, body = NO_STORE, stored
    if output.format.media_type != JSON_TYPE:
        headers, body = await asyncio.to_thread(_written, stored, output)
    headers = {**headers, "Content-Length": str(len(body))}
    if request.method == "HEAD":
        return Response(media_type=output.format.media_type, headers=headers)
    sending = Sending(request, body)
    after = None if job.store else BackgroundTask(_forget, service, parts, job.id, sending)
    return StreamingResponse(sending.pieces(), media_type=output.format.media_type, headers=headers, background=after)


async def list_deliveries(request: Request) -> Response:
    """Lists the messages about a job to its `callback_url`, and what became of each."""
    _, parts = await parts_of(request)
    job = await parts.store.get(request.path_params["id"], owner_of(request))
    deliveries = await parts.store.deliveries(job.id)
    return JSONResponse({"object": "list", "data": [delivery_json(one) for one in deliveries]}, headers=NO_STORE)


@dataclass(slots=True)
class Sending:
    """The body of an answer in pieces. `is_complete` once the client was there for the last of them."""

    request: Request
    body: bytes
    is_complete: bool = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the pieces as fast as the client takes them."""
        for start in range(0, len(self.body), PIECE_BYTES):
            if await self.request.is_disconnected():
                return
            yield self.body[start : start + PIECE_BYTES]
        self.is_complete = True


async def _forget(service: JobService, parts: JobParts, job_id: str, sending: Sending) -> None:
    """Delete the recording and the texts of a job whose transcript was sent."""
    if not sending.is_complete:
        return
    try:
        await parts.store.delivered(job_id)
        await service.delete_recordings(parts, await parts.store.recordings_to_delete(DELETE_AT_ONCE))
    except JobNotFoundError:
        return  # deleted meanwhile
    except StorageError as error:
        log.warning("a delivered job cannot be deleted now", job=job_id, error=error.message)


def _written(stored: bytes, output: TranscriptOutput) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a transcript in a format other than JSON."""
    transcript = transcript_from_json(json.loads(stored))
    facts = answer_headers(transcript.warnings, transcript.notice, transcript.quality)
    return {**NO_STORE, **facts}, output.format.write(transcript, output.subtitles).encode()
