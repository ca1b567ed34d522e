"""Events of a job, as they come: Server-Sent Events (SSE), which a client that returns goes on from."""

import json
from collections.abc import AsyncIterator, Sequence

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from paraserve.errors import ProtocolError, StorageError
from paraserve.job_errors import JobNotFoundError
from paraserve.job_wiring import JobParts
from paraserve.runtime.jobs.job import UNFINISHED, JobEvent, Progress
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import REQUEST_ID, error_answers, key_with, query_parameter
from paraserve.server.http.event_stream import EVENT_HEADERS, EVENT_STREAM, KEEP_ALIVE, KEEP_ALIVE_S
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.http.parsing.form_fields import FormFields
from paraserve.server.http.receiving import query_fields
from paraserve.server.jobs.job_json import progress_json, state_json
from paraserve.server.jobs.job_routes import JOB_CODES, JOB_ID, TAG
from paraserve.server.jobs.job_service import JobService, owner_of, parts_of
from paraserve.server.protocols.json_encoding import Json

BLOCK_EVENTS = 100
"""Events that are read at once, and in memory while a client reads them."""
MAX_DIGITS = 15
LAST_EVENT_ID = "Last-Event-ID"
EVENT_SCHEMA: Json = {
    "type": "object",
    "description": "One event. The others follow it, with an empty line between them.",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$", "description": "For `Last-Event-ID`. Absent in `end`."},
        "event": {"enum": ["state", "progress", "sentence", "end"], "description": "What the event tells."},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "JSON: of `state` and `end` {state, attempts, error}, of `progress` the job's `progress`, "
            "of `sentence` {index, text, start_ms, end_ms} and what else a sentence of a transcript has but tokens.",
        },
    },
}
EXAMPLE = """id: 2
event: sentence
data: {"index": 0, "text": "今天是11月21号。", "start_ms": 310, "end_ms": 2050}

"""
log = structlog.get_logger()


def event_router() -> APIRouter:
    """Make the route."""
    responses = {
        200: {
            "description": "The events.",
            "headers": REQUEST_ID,
            "content": {EVENT_STREAM: {"schema": EVENT_SCHEMA, "example": EXAMPLE}},
        },
        204: {"description": "The job has ended, and there are no events behind this one.", "headers": REQUEST_ID},
        **error_answers([*JOB_CODES, "invalid_value"]),
    }
    parameters = (JOB_ID, _after_parameter(), _header_parameter())
    return get_router(
        GetRoute(
            "/v1/jobs/{id}/events", "job_events", TAG, "Follow a job", follow_job, responses, parameters=parameters,
            wants_key=True, check=key_with(KeyScope.JOBS),
        )
    )  # fmt: skip


async def follow_job(request: Request) -> Response:
    """Sends what happens to a job, and what has happened: states, progress, and sentences as they become final.

    The events are `state`, `progress`, `sentence`, and `end` after the last one. Each but `end` has an `id`. A client
    that returns with it in `Last-Event-ID`, or in `after`, gets each sentence once. Of states and of progress it gets
    the present one.
    """
    after_seq = _after(request)
    service, parts = await parts_of(request)
    job = await parts.store.get(request.path_params["id"], owner_of(request))
    first = await parts.store.events(job.id, after_seq, BLOCK_EVENTS)
    if job.is_finished and not first:
        return Response(status_code=204, headers=EVENT_HEADERS)
    if request.method == "HEAD":
        return Response(media_type=EVENT_STREAM, headers=EVENT_HEADERS)
    stream = event_stream(service, parts, job.id, first, after_seq)
    return StreamingResponse(stream, media_type=EVENT_STREAM, headers=EVENT_HEADERS)


async def event_stream(
    service: JobService, parts: JobParts, job_id: str, events: Sequence[JobEvent], after_seq: int
) -> AsyncIterator[bytes]:
    """Write events until the last one. It ends before where the server stops or the job is deleted.

    Args:
        service: tells when the server stops.
        parts: has the events.
        job_id: the job.
        events: the first of them.
        after_seq: what they come behind.
    """
    try:
        while not service.is_closing.is_set():
            for event in events:
                after_seq = event.seq
                yield event_text(event.kind, event_json(event), event.seq)
                if event.kind == "state" and event.data["state"] not in UNFINISHED:
                    yield event_text("end", event_json(event))
                    return
            if not events:
                yield KEEP_ALIVE
            if len(events) < BLOCK_EVENTS:
                await service.wait(parts.store.wait(job_id, after_seq, KEEP_ALIVE_S))
            events = await parts.store.events(job_id, after_seq, BLOCK_EVENTS)
    except JobNotFoundError:
        return
    except StorageError as error:
        log.warning("events of a job cannot be read now", job=job_id, error=error.message)


def event_json(event: JobEvent) -> Json:
    """Return the data of an event, as clients see it."""
    if event.kind == "state":
        return state_json(event.data)
    if event.kind == "progress":
        return progress_json(Progress(**event.data))
    return dict(event.data)


def event_text(name: str, data: Json, seq: int | None = None) -> bytes:
    """Write one event."""
    number = "" if seq is None else f"id: {seq}\n"
    return f"{number}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _after(request: Request) -> int:
    """Read which event the client had last, 0 for none. The header, which a browser sends when it returns, counts."""
    fields = FormFields(query_fields(request))
    text, param = request.headers.get(LAST_EVENT_ID), LAST_EVENT_ID
    if text is None:
        text, param = fields.last("after"), "after"
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > MAX_DIGITS:
        raise ProtocolError(
            f"{param} must be the id of an event, not {text[:20]!r}", code="invalid_value", param=param
        )
    return int(text)


def _after_parameter() -> Json:
    about = "Id of the last event that the client had."
    return query_parameter("after", {"type": "integer", "minimum": 0, "description": about})


def _header_parameter() -> Json:
    about = "The same as `after`, which browsers send when they return."
    return {**query_parameter(LAST_EVENT_ID, {"type": "integer", "minimum": 0, "description": about}), "in": "header"}
