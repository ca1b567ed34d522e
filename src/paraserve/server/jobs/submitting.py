"""Submission of jobs: all of a request is checked, then stored, then accepted. All of its jobs are, or none."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeVar

from fastapi import Request

from paraserve.errors import AudioError
from paraserve.inference.abilities import ModelChoice
from paraserve.job_errors import DatabaseAwayError
from paraserve.job_wiring import JobParts
from paraserve.runtime.jobs.job import Idempotency, Job, JobRequest, NewJob, Quotas
from paraserve.runtime.jobs.job_plan import AskedModel
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.trace_parent import TRACEPARENT
from paraserve.server.access.authentication import api_key
from paraserve.server.http.parsing.form_fields import FormFields, read_caching
from paraserve.server.jobs.job_fields import (
    JobFields,
    check_source,
    read_idempotency_key,
    read_job_fields,
    split_fields,
)
from paraserve.server.jobs.job_form import IDEMPOTENCY_KEY
from paraserve.server.jobs.job_service import JobService, owner_of
from paraserve.server.jobs.receiving_jobs import ReceivedJob, ReceivedJobs, has_bytes, receive_jobs
from paraserve.server.jobs.uploaded_recordings import uploaded_recording
from paraserve.types import FieldWarning

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class CheckedJob:
    """A job whose fields can be used."""

    file: BinaryIO | None
    request: JobRequest
    fields: JobFields
    warnings: tuple[FieldWarning, ...]


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose jobs are stored: the name of the API key, "" where no key is wanted, and what it may have."""

    owner: str
    quotas: Quotas


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
            checked = await _all_checked(service, [_with_caching(one, request) for one in received.jobs])
            parts = await service.jobs.open()
            idempotency = None
            if key is not None:
                idempotency = Idempotency(key, await asyncio.to_thread(digest_of, checked))
                before = await parts.store.submitted_before(owner_of(request), idempotency)
                if before is not None:
                    return _accepted(before, checked, received, is_replay=True)
            asker = Asker(owner_of(request), service.quotas_of(api_key(request)))
            storing = store_jobs(service, parts, asker, checked, is_batch=received.is_batch, idempotency=idempotency)
            jobs, is_replay = await to_its_end(storing)
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


async def _all_checked(service: JobService, jobs: Sequence[ReceivedJob]) -> list[CheckedJob]:
    """Check jobs side by side: each may wait for a name server. The first that cannot be used is told of."""
    checked = await asyncio.gather(*(checked_job(service, one) for one in jobs), return_exceptions=True)
    for one in checked:
        if isinstance(one, BaseException):
            raise one
    return [one for one in checked if not isinstance(one, BaseException)]


def _with_caching(job: ReceivedJob, request: Request) -> ReceivedJob:
    """Return a job that goes without the result cache, where the header `Cache-Control` asks for that."""
    if read_caching(FormFields({}), request.headers.get("cache-control", "")):
        return job
    return replace(job, values={**job.values, "no_cache": ["true"]})


async def checked_job(service: JobService, received: ReceivedJob) -> CheckedJob:
    """Check all that can be checked of a job before anything is stored.

    Raises:
        ProtocolError: a field cannot be used, or there is no recording.
        AudioError: the recording has no bytes.
    """
    ours, values = split_fields(received.values)
    fields = read_job_fields(ours, service.max_timeout_s)
    check_source((received.file, fields.url, fields.upload))
    request = JobRequest(values, received.filename, received.content_type, TRACEPARENT.get())
    plan = service.planner(request, _choice(service.engine, service.planner.model_of(request)))
    if received.file is not None and not has_bytes(received.file):
        raise AudioError("the recording has no bytes", code="empty_file", param="file")
    if fields.url is not None:
        await service.jobs.fetcher.check(fields.url)
    if fields.callback_url is not None:
        await service.jobs.poster.check(fields.callback_url)
    return CheckedJob(received.file, request, fields, (*ours.warnings(), *plan.warnings))


def _choice(engine: RoutedEngine, asked: AskedModel) -> ModelChoice:
    """Return what is known of the model that is going to answer. None is loaded for that."""
    is_for_translator = asked.name is None and asked.task == "translate"
    return engine.choice_of(engine.models.translator if is_for_translator else asked.name)


async def to_its_end(storing: Coroutine[Any, Any, Result]) -> Result:
    """Return what it returns. A caller that is cancelled waits for its end, since its files are open until then."""
    task = asyncio.create_task(storing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def store_jobs(
    service: JobService,
    parts: JobParts,
    asker: Asker,
    checked: Sequence[CheckedJob],
    *,
    is_batch: bool = False,
    idempotency: Idempotency | None = None,
) -> tuple[Sequence[Job], bool]:
    """Store recordings, then rows. Return the jobs, and whether they are those of an earlier request.

    If the database breaks off in the middle nobody knows whether the rows are there. The recordings stay then, and
    are deleted by the sweep if no row has them.

    Raises:
        IdempotencyError, QuotaError: see `JobStore.submit`.
        UploadNotFoundError, UploadStateError, UploadBusyError: a resumable upload cannot be made a job.
        StorageError: they cannot be stored now.
    """
    batch = uuid.uuid4().hex if is_batch else None
    stored: list[str] = []
    new: list[NewJob] = []
    async with AsyncExitStack() as uploads:
        try:
            for asked in checked:
                job = await uploads.enter_async_context(_complete(parts, asked, asker.owner))
                new.append(await _with_recording(parts, job, stored, asker.owner, batch))
            accepted = await parts.store.submit(new, asker.quotas, idempotency)
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


@asynccontextmanager
async def _complete(parts: JobParts, job: CheckedJob, owner: str) -> AsyncIterator[CheckedJob]:
    """Return a job with its recording, also where that is a resumable upload."""
    if job.fields.upload is None:
        yield job
        return
    async with uploaded_recording(parts, job.fields.upload, owner, job.request) as (request, file):
        yield replace(job, request=request, file=file)


async def _with_recording(
    parts: JobParts, job: CheckedJob, stored: list[str], owner: str, batch: str | None
) -> NewJob:
    """Store the recording of a job, and return its row."""
    job_id, size_bytes = job.fields.upload or uuid.uuid4().hex, 0
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
        upload=job.fields.upload,
    )


async def _delete(parts: JobParts, names: Sequence[str]) -> None:
    for name in names:
        await parts.recordings.delete(name)


def _accepted(
    jobs: Sequence[Job], checked: Sequence[CheckedJob], received: ReceivedJobs, *, is_replay: bool
) -> Accepted:
    is_whole = len(jobs) == len(checked)  # unless jobs of an earlier batch were deleted since
    warnings = [one.warnings for one in checked] if is_whole else [()] * len(jobs)
    return Accepted(jobs, warnings, received.is_batch, is_replay)
