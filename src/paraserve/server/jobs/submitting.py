"""Submission of jobs: all of a request is checked, then stored, then accepted. All of its jobs are, or none."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request

from paraserve.errors import AudioError
from paraserve.inference.abilities import ModelChoice
from paraserve.job_errors import DatabaseAwayError
from paraserve.job_wiring import JobParts
from paraserve.runtime.jobs.job import Idempotency, Job, JobRequest, NewJob
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.authentication import api_key
from paraserve.server.http.parsing.form_fields import FormFields, read_model, read_task
from paraserve.server.jobs.job_fields import (
    JobFields,
    check_source,
    read_idempotency_key,
    read_job_fields,
    split_fields,
)
from paraserve.server.jobs.job_form import IDEMPOTENCY_KEY
from paraserve.server.jobs.job_plan import form_fields_of
from paraserve.server.jobs.job_service import JobService, owner_of
from paraserve.server.jobs.receiving_jobs import ReceivedJob, ReceivedJobs, receive_jobs
from paraserve.types import FieldWarning


@dataclass(frozen=True, slots=True)
class CheckedJob:
    """A job whose fields can be used."""

    file: BinaryIO | None
    request: JobRequest
    fields: JobFields
    warnings: tuple[FieldWarning, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Jobs that are stored, with the warnings of each. `is_replay`: the same request was accepted before."""

    jobs: Sequence[Job]
    warnings: Sequence[Sequence[FieldWarning]]
    is_batch: bool
    is_replay: bool


async def submit(service: JobService, request: Request) -> Accepted:
    """Receive, check and store the jobs of a request.

    Raises:
        ProtocolError: the request or a field cannot be used. Nothing was stored.
        IdempotencyError: the `Idempotency-Key` was used with another request.
        QuotaError: the API key may not have as many jobs, or as much in them.
        StorageError: jobs cannot be stored now.
        OverloadedError: too much is in progress.
    """
    key = read_idempotency_key(request.headers.get(IDEMPOTENCY_KEY))
    with service.address_limit.admit(request):
        async with (
            service.admission.admit(api_key(request)),
            receive_jobs(request, service.upload_limits) as received,
        ):
            checked = [await _checked(service, one) for one in received.jobs]
            parts = await service.jobs.open()
            idempotency = None
            if key is not None:
                idempotency = Idempotency(key, await asyncio.to_thread(digest_of, checked))
                before = await parts.store.submitted_before(owner_of(request), idempotency)
                if before is not None:
                    return _accepted(before, checked, received, is_replay=True)
            storing = asyncio.create_task(_store(service, parts, request, checked, received.is_batch, idempotency))
            try:
                jobs, is_replay = await asyncio.shield(storing)
            except asyncio.CancelledError:
                await asyncio.wait({storing})  # what was begun is ended, while its files are open
                raise
    return _accepted(jobs, checked, received, is_replay=is_replay)


def digest_of(jobs: Sequence[CheckedJob]) -> bytes:
    """Return the SHA-256 of all that a request asks for, its recordings included. Blocks while it reads them."""
    facts = [
        [
            sorted((name, list(values)) for name, values in job.request.fields.items()),
            job.request.content_type,
            [job.fields.url, job.fields.upload, job.fields.priority, job.fields.timeout_s],
            [job.fields.callback_url, job.fields.store],
            _file_digest(job.file) if job.file is not None else None,
        ]
        for job in jobs
    ]
    return hashlib.sha256(json.dumps(facts).encode()).digest()


def _file_digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(1024**2):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


async def _checked(service: JobService, received: ReceivedJob) -> CheckedJob:
    ours, values = split_fields(received.values)
    fields = read_job_fields(ours, service.max_timeout_s)
    check_source((received.file, fields.url, fields.upload))
    request = JobRequest(values, received.filename, received.content_type)
    plan = service.planner(request, _choice(service.engine, form_fields_of(values)))
    if received.file is not None and not await asyncio.to_thread(_has_bytes, received.file):
        raise AudioError("the recording has no bytes", code="empty_file", param="file")
    if fields.url is not None:
        await service.jobs.fetcher.check(fields.url)
    if fields.callback_url is not None:
        await service.jobs.poster.check(fields.callback_url)
    return CheckedJob(received.file, request, fields, (*ours.warnings(), *plan.warnings))


def _choice(engine: RoutedEngine, fields: FormFields) -> ModelChoice:
    """Return what is known of the model that is going to answer. None is loaded for that."""
    name = read_model(fields)
    if name is None and read_task(fields) == "translate":
        name = engine.models.translator
    return engine.choice_of(name)


def _has_bytes(file: BinaryIO) -> bool:
    has_bytes = bool(file.read(1))
    file.seek(0)
    return has_bytes


async def _store(
    service: JobService,
    parts: JobParts,
    request: Request,
    checked: Sequence[CheckedJob],
    is_batch: bool,
    idempotency: Idempotency | None,
) -> tuple[Sequence[Job], bool]:
    """Store recordings, then rows. Return the jobs, and whether they are those of an earlier request.

    If the database breaks off in the middle nobody knows whether the rows are there. The recordings stay then, and
    are deleted by the sweep if no row has them.
    """
    batch = uuid.uuid4().hex if is_batch else None
    stored: list[str] = []
    new: list[NewJob] = []
    try:
        for job in checked:
            new.append(await _with_recording(parts, job, stored, owner_of(request), batch))
        accepted = await parts.store.submit(new, service.quotas_of(api_key(request)), idempotency)
    except DatabaseAwayError:
        raise
    except BaseException:
        await _delete(parts, stored)
        raise
    if accepted[0].id != new[0].id:
        await _delete(parts, stored)
        return accepted, True
    service.metrics.submitted(len(accepted))
    return accepted, False


async def _with_recording(
    parts: JobParts, job: CheckedJob, stored: list[str], owner: str, batch: str | None
) -> NewJob:
    """Store the recording of a job, and return its row."""
    job_id, size_bytes = uuid.uuid4().hex, 0
    if job.file is not None:
        stored.append(job_id)
        size_bytes = await parts.recordings.put(job_id, job.file)
    return NewJob(
        id=job_id,
        key_name=owner,
        request=job.request,
        recording=job_id if job.file is not None else "",
        size_bytes=size_bytes,
        url=job.fields.url,
        priority=job.fields.priority,
        timeout_s=job.fields.timeout_s,
        callback_url=job.fields.callback_url,
        store=job.fields.store,
        batch=batch,
    )


async def _delete(parts: JobParts, names: Sequence[str]) -> None:
    for name in names:
        await parts.recordings.delete(name)


def _accepted(
    jobs: Sequence[Job], checked: Sequence[CheckedJob], received: ReceivedJobs, *, is_replay: bool
) -> Accepted:
    return Accepted(jobs, [one.warnings for one in checked], received.is_batch, is_replay)
