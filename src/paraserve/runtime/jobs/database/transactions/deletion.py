"""Deletion: on request, by age, and of what was only kept until it was delivered."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, exists, select, update

from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import deliveries, idempotency_keys, jobs, results, sentences
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.recordings import give_up_recording
from paraserve.runtime.jobs.database.transactions.rows import job_row, read_job, write_request
from paraserve.runtime.jobs.database.transactions.totals import change_totals
from paraserve.runtime.jobs.job import UNFINISHED, JobRequest

_DELETE = delete(jobs).where(jobs.c.id == bindparam("of_job"))
_DROP_RESULT = delete(results).where(results.c.job_id == bindparam("of_job"))
_DROP_SENTENCES = delete(sentences).where(sentences.c.job_id == bindparam("of_job"))
_DELIVERED = (
    update(jobs).where(jobs.c.id == bindparam("of_job")).values(has_result=False, request=bindparam("new_request"))
)
_is_to_be_told = exists().where(deliveries.c.job_id == jobs.c.id, deliveries.c.state == "waiting")
_OLD = (
    select(jobs.c.id)
    .where(jobs.c.ended_s <= Now() - bindparam("keep_s"), ~_is_to_be_told)
    .order_by(jobs.c.ended_s)
    .limit(bindparam("most"))
)
_FORGET_KEYS = delete(idempotency_keys).where(idempotency_keys.c.created_s <= Now() - bindparam("keep_s"))


def purge(transaction: Transaction, job_id: str, key_name: str | None) -> list[str]:
    """Delete a job in any state with all that is about it; return names of recordings that are to be deleted.

    Whoever works on it learns of it by the next write, which is refused.

    Raises:
        JobNotFoundError: there is none, or it belongs to another key.
    """
    row = job_row(transaction, job_id, key_name, is_locked=True)
    size_bytes = give_up_recording(transaction, row)
    unfinished = -1 if row.state in UNFINISHED else 0
    change_totals(transaction, row.key_name, unfinished=unfinished, size_bytes=-size_bytes)
    transaction.connection.execute(_DELETE, {"of_job": job_id})
    transaction.news.add(job_id)
    return [row.recording] if row.recording else []


def delivered(transaction: Transaction, job_id: str) -> list[str]:
    """Drop the texts, the request and the recording of a job, not its row; return recordings that are to be deleted.

    Raises:
        JobNotFoundError: the job is gone.
    """
    row = job_row(transaction, job_id, None, is_locked=True)
    size_bytes = give_up_recording(transaction, row)
    change_totals(transaction, row.key_name, size_bytes=-size_bytes)
    transaction.connection.execute(_DROP_RESULT, {"of_job": job_id})
    transaction.connection.execute(_DROP_SENTENCES, {"of_job": job_id})
    nothing = write_request(read_job(row, transaction.texts), JobRequest(), transaction.texts)
    transaction.connection.execute(_DELIVERED, {"of_job": job_id, "new_request": nothing})
    return [row.recording] if row.recording else []


def due_for_deletion(transaction: Transaction, keep_s: float, limit: int) -> Sequence[str]:
    """Return ids of jobs that ended `keep_s` ago or earlier, the oldest first. Untold messages keep their jobs."""
    return list(transaction.connection.execute(_OLD, {"keep_s": keep_s, "most": limit}).scalars())


def forget_requests(transaction: Transaction, keep_s: float) -> None:
    """Forget each `Idempotency-Key` that was used `keep_s` ago or earlier."""
    transaction.connection.execute(_FORGET_KEYS, {"keep_s": keep_s})
