"""Ends of jobs and of attempts. The end, its totals, the usage and the message about it are one transaction."""

from typing import Any

from sqlalchemy import LargeBinary, Row, bindparam, delete, func, insert, select, update

from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import checkpoints, jobs, results
from paraserve.runtime.jobs.database.transaction import WORK, Transaction
from paraserve.runtime.jobs.database.transactions.events import add_sentences
from paraserve.runtime.jobs.database.transactions.leases import IS_LEASED, NEW_STATE, NO_LEASE, leased
from paraserve.runtime.jobs.database.transactions.messages import add_message
from paraserve.runtime.jobs.database.transactions.recordings import give_up_recording
from paraserve.runtime.jobs.database.transactions.rows import job_row, read_job, write_error
from paraserve.runtime.jobs.database.transactions.totals import change_totals
from paraserve.runtime.jobs.database.transactions.usage import count_usage
from paraserve.runtime.jobs.job import Job, JobError, LastSentences

_ENDED = {"ended_s": Now(), "in_queue": False, "is_cancelling": False, **NO_LEASE, **NEW_STATE}
_FINISH = (
    update(jobs)
    .where(IS_LEASED)
    .values(
        state="done",
        has_result=True,
        error=None,
        done_ms=bindparam("audio_ms"),
        duration_ms=bindparam("audio_ms"),
        eta_s=0.0,
        **_ENDED,
    )
    .returning(*jobs.c)
)
_ADD_RESULT = insert(results)
_DROP_CHECKPOINTS = delete(checkpoints).where(checkpoints.c.job_id == bindparam("of_job"))
_LEASED_JOB = select(jobs).where(IS_LEASED).with_for_update()
_END = (
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"))
    .values(
        state=bindparam("new_state"),
        is_dead=bindparam("dead"),
        error=func.coalesce(bindparam("new_error", type_=LargeBinary), jobs.c.error),
        **_ENDED,
    )
    .returning(*jobs.c)
)
_TRY_AGAIN = (
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"))
    .values(
        state="queued",
        error=bindparam("new_error"),
        failures=jobs.c.failures + 1,
        stops=0,
        **{**NO_LEASE, "due_s": Now() + bindparam("retry_in_s")},
        **NEW_STATE,
    )
)
_CANCEL_RUNNING = (
    update(jobs).where(jobs.c.id == bindparam("job_id")).values(is_cancelling=True, **NEW_STATE).returning(*jobs.c)
)


def finish(
    transaction: Transaction, job_id: str, lease: str, transcript: bytes, audio_ms: int, last: LastSentences
) -> None:
    """End a job with its transcript, and add its last sentences.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    if last.sentences:
        add_sentences(transaction, job_id, lease, last.first_index, last.sentences, last.progress)
    row = leased(transaction, _FINISH, job_id, lease, audio_ms=audio_ms)
    result = {"job_id": job_id, "transcript": transaction.texts.seal(transcript)}
    transaction.connection.execute(_ADD_RESULT, result)
    count_usage(transaction, row.key_name, requests=1, audio_ms=audio_ms)
    _after_end(transaction, row, audio_ms)


def fail(
    transaction: Transaction, job_id: str, lease: str, error: JobError, *, retry_in_s: float | None, is_dead: bool
) -> None:
    """End an attempt, and the job too unless it is tried again.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    row = leased(transaction, _LEASED_JOB, job_id, lease)
    stored = write_error(error, transaction.texts)
    if row.is_cancelling:
        end_as_cancelled(transaction, row)
    elif retry_in_s is None:
        _end(transaction, job_id, "failed", error=stored, is_dead=is_dead)
    else:
        values = {"job_id": job_id, "new_error": stored, "retry_in_s": retry_in_s}
        transaction.connection.execute(_TRY_AGAIN, values)
        transaction.news.update((job_id, WORK))


def end_cancelled(transaction: Transaction, job_id: str, lease: str) -> None:
    """End the job of a runner that has learnt of its cancellation.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    end_as_cancelled(transaction, leased(transaction, _LEASED_JOB, job_id, lease))


def cancel(transaction: Transaction, job_id: str, key_name: str | None) -> Job:
    """Cancel a job: at once where nobody works on it, else its runner does. A finished one stays as it is.

    Raises:
        JobNotFoundError: there is none, or it belongs to another key.
    """
    row = job_row(transaction, job_id, key_name, is_locked=True)
    if row.state == "queued":
        row = end_as_cancelled(transaction, row)
    elif row.state == "running" and not row.is_cancelling:
        row = transaction.connection.execute(_CANCEL_RUNNING, {"job_id": job_id}).one()
        transaction.news.add(job_id)
    return read_job(row, transaction.texts)


def end_as_cancelled(transaction: Transaction, row: Row[Any]) -> Row[Any]:
    """End a job whose row this transaction has."""
    return _end(transaction, row.id, "cancelled")


def _end(
    transaction: Transaction, job_id: str, state: str, *, error: bytes | None = None, is_dead: bool = False
) -> Row[Any]:
    values = {"job_id": job_id, "new_state": state, "new_error": error, "dead": is_dead}
    row = transaction.connection.execute(_END, values).one()
    _after_end(transaction, row)
    return row


def _after_end(transaction: Transaction, row: Row[Any], audio_ms: int = 0) -> None:
    """Keep what is bound to the end of a job: totals, what is no longer needed, and the message about it."""
    given_up = 0 if row.store else give_up_recording(transaction, row)
    change_totals(transaction, row.key_name, unfinished=-1, size_bytes=-given_up, audio_ms=audio_ms)
    if row.checkpoints:
        transaction.connection.execute(_DROP_CHECKPOINTS, {"of_job": row.id})
    job = read_job(row, transaction.texts)
    if job.callback_url:
        add_message(transaction, job, f"job.{job.state}")
    transaction.news.add(row.id)
