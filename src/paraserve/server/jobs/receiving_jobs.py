"""What a submission brings: one recording or several, or where they are to be had, with the fields of each."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import parse_qs

from fastapi import Request
from starlette.datastructures import FormData

from paraserve.errors import ProtocolError
from paraserve.server.http.parsing.json_bodies import is_json, read_json_object, read_recording, read_values
from paraserve.server.http.parsing.upload_pace import UploadLimits
from paraserve.server.http.receiving import (
    content_type_of,
    form_fields,
    form_files,
    is_form,
    query_fields,
    receive_body,
    receive_form,
    too_large,
)
from paraserve.server.jobs.job_form import MAX_BATCH, URLENCODED, JobForm

Values = dict[str, list[str]]
"""Fields by name, as a form sends them."""

MAX_FIELD_BYTES = 64 * 1024
"""Of a form without files. A longer one is a recording."""


@dataclass(frozen=True, slots=True)
class ReceivedJob:
    """A job as it came: all of its fields, and its recording (None: the fields say where it is)."""

    values: Values
    file: BinaryIO | None = None
    filename: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedJobs:
    """The jobs of a request, at least one. A batch may have one, too."""

    jobs: tuple[ReceivedJob, ...]
    is_batch: bool = False


@asynccontextmanager
async def receive_jobs(request: Request, limits: UploadLimits) -> AsyncIterator[ReceivedJobs]:
    """Receive all of a request. Its files are closed on leaving.

    Raises:
        UploadTooLargeError: the request or one of its recordings is over the limit.
        ProtocolError: it cannot be read, or has too many jobs, or none.
        SlowUploadError: the client stopped sending.
        StorageError: a recording cannot be stored.
    """
    content_type = content_type_of(request)
    if is_form(content_type):
        async with receive_form(request, limits, max_files=MAX_BATCH) as form:
            yield _form_jobs(form, request)
        return
    async with receive_body(request, limits) as body:
        if is_json(content_type):
            async with limits.json_turn:
                message = await asyncio.to_thread(read_json_object, body)
                received = await asyncio.to_thread(_json_jobs, message, query_fields(request), limits.max_bytes)
            yield received
        elif content_type.lower().startswith(URLENCODED) and (values := _urlencoded(body)) is not None:
            yield ReceivedJobs((ReceivedJob(query_fields(request) | values),))
        else:
            file = body if has_bytes(body) else None
            yield ReceivedJobs((ReceivedJob(query_fields(request), file, content_type=content_type),))


def _form_jobs(form: FormData, request: Request) -> ReceivedJobs:
    values, files = form_fields(form, request), form_files(form)
    if not files:
        return ReceivedJobs((ReceivedJob(values),))
    jobs = (ReceivedJob(values, part.file, part.filename or "", part.content_type or "") for part in files)
    return ReceivedJobs(tuple(jobs), is_batch=len(files) > 1)


def _urlencoded(body: BinaryIO) -> Values | None:
    """Read the fields of a form without files; None: it is a recording.

    curl sends a file as this content type, too, if it is not told another one.
    """
    text = body.read(MAX_FIELD_BYTES + 1)
    body.seek(0)
    if len(text) > MAX_FIELD_BYTES or not text.isascii():
        return None
    values = parse_qs(text.decode(), keep_blank_values=True)
    return values if values.keys() & JobForm.model_fields.keys() else None


def _json_jobs(message: Mapping[str, Any], query: Values, max_bytes: int) -> ReceivedJobs:
    if "jobs" not in message:
        return ReceivedJobs((_json_job(message, query, max_bytes),))
    listed = message["jobs"]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ProtocolError("jobs must be a list of objects", code="invalid_value", param="jobs")
    if not 1 <= len(listed) <= MAX_BATCH:
        raise ProtocolError(f"jobs must have 1 to {MAX_BATCH} items", code="invalid_value", param="jobs")
    shared = {name: value for name, value in message.items() if name != "jobs"}
    return ReceivedJobs(tuple(_json_job({**shared, **one}, query, max_bytes) for one in listed), is_batch=True)


def _json_job(message: Mapping[str, Any], query: Values, max_bytes: int) -> ReceivedJob:
    """Read one object. Its fields stand beside those of the query."""
    asked = read_recording(message)
    values = {name: list(given) for name, given in query.items()}
    for name, given in (read_values(message) if asked is None else asked.values).items():
        values.setdefault(name, []).extend(given)
    if asked is None:
        return ReceivedJob(values)
    if len(asked.recording) > max_bytes:
        raise too_large(max_bytes)
    return ReceivedJob(values, io.BytesIO(asked.recording), content_type=asked.media_type)


def has_bytes(file: BinaryIO) -> bool:
    """Return whether a recording has any byte. It has just been received, so no disk is waited for."""
    is_there = bool(file.read(1))
    file.seek(0)
    return is_there
