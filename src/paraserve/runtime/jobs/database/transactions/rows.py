"""Rows of jobs as plain data, and back."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, bindparam, select

from paraserve.job_errors import JobNotFoundError
from paraserve.runtime.jobs.database.tables import jobs
from paraserve.runtime.jobs.database.texts import Texts
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.job import Job, JobError, JobRequest, NewJob, Progress

PROGRESS = ("done_ms", "duration_ms", "eta_s", "segments_done", "segments_kept")
"""Columns of `Progress`."""

_JOB = select(jobs).where(jobs.c.id == bindparam("id"))
_LOCKED_JOB = _JOB.with_for_update()


def read_job(row: Row[Any], texts: Texts) -> Job:
    """Return the job of a row."""
    request = texts.read(row.request)
    return Job(
        id=row.id,
        key_name=row.key_name,
        state=row.state,
        request=JobRequest(
            request["fields"], request["filename"], request["content_type"], request.get("traceparent", "")
        ),
        recording=row.recording,
        size_bytes=row.size_bytes,
        url=request["url"],
        priority=row.priority,
        timeout_s=row.timeout_s,
        callback_url=request["callback_url"],
        store=row.store,
        batch=row.batch,
        created_s=row.created_s,
        started_s=row.started_s,
        ended_s=row.ended_s,
        next_at_s=row.due_s if row.state == "queued" and row.due_s is not None else 0.0,
        attempts=row.attempts,
        failures=row.failures,
        stops=row.stops,
        error=read_error(row.error, texts),
        progress=Progress(*(getattr(row, name) for name in PROGRESS)),
        lease=row.lease,
        is_cancelling=row.is_cancelling,
        has_result=row.has_result,
        is_dead=row.is_dead,
        n_checkpoints=row.checkpoints,
    )


def read_error(stored: bytes | None, texts: Texts) -> JobError | None:
    """Return the error of a row."""
    return None if stored is None else JobError(**texts.read(stored))


def write_error(error: JobError, texts: Texts) -> bytes:
    """Return an error as it is stored."""
    return texts.write({"code": error.code, "message": error.message, "param": error.param})


def write_request(job: NewJob | Job, request: JobRequest, texts: Texts) -> bytes:
    """Return the confidential part of a job as it is stored."""
    return texts.write(
        {
            "fields": {name: list(values) for name, values in request.fields.items()},
            "filename": request.filename,
            "content_type": request.content_type,
            "traceparent": request.traceparent,
            "url": job.url,
            "callback_url": job.callback_url,
        }
    )


def progress_values(row: Row[Any] | Progress) -> Mapping[str, Any]:
    """Return the progress by its columns."""
    return {name: getattr(row, name) for name in PROGRESS}


def job_row(transaction: Transaction, job_id: str, key_name: str | None, *, is_locked: bool = False) -> Row[Any]:
    """Return the row of a job, locked until the end of the transaction where the database locks rows.

    Raises:
        JobNotFoundError: there is none, or it belongs to another key. `key_name` None: any key's will do.
    """
    row = None
    if is_storable(job_id):
        row = transaction.connection.execute(_LOCKED_JOB if is_locked else _JOB, {"id": job_id}).one_or_none()
    if row is None or key_name not in (None, row.key_name):
        raise JobNotFoundError(f"there is no job {job_id!r}")
    return row


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes this as a text. What it does not take is no id of anything."""
    return "\0" not in text and text.isprintable()
