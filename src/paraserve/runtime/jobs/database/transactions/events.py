"""Events of jobs, and what an attempt leaves to a later one.

The events of the state and of the progress are in the job's row, so that there is one of each, the latest. Sentences
have rows of their own and stay. All have their seq from the same count.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update

from paraserve.runtime.jobs.database.tables import checkpoints, jobs, sentences
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.leases import IS_LEASED, NEW_PROGRESS, leased, new_progress
from paraserve.runtime.jobs.database.transactions.rows import job_row, progress_values, read_error
from paraserve.runtime.jobs.job import UNFINISHED, JobEvent, Progress

_LEASED_JOB = select(jobs).where(IS_LEASED).with_for_update()
_COUNT = (
    update(jobs)
    .where(jobs.c.id == bindparam("of_job"))
    .values(
        sentences=jobs.c.sentences + bindparam("more"),
        last_seq=jobs.c.last_seq + bindparam("more") + 1,
        **{**NEW_PROGRESS, "progress_seq": jobs.c.last_seq + bindparam("more") + 1},
    )
)
_ADD_SENTENCES = insert(sentences)
_SENTENCES = (
    select(sentences.c.seq, sentences.c.data)
    .where(sentences.c.job_id == bindparam("of_job"), sentences.c.seq > bindparam("after"))
    .order_by(sentences.c.seq)
    .limit(bindparam("most"))
)
_COUNT_CHECKPOINT = (
    update(jobs)
    .where(IS_LEASED)
    .values(checkpoints=jobs.c.checkpoints + 1, failures=0, stops=1)  # this attempt has not ended
    .returning(jobs.c.checkpoints)
)
_ADD_CHECKPOINT = insert(checkpoints)
_CHECKPOINTS = (
    select(checkpoints.c.payload).where(checkpoints.c.job_id == bindparam("of_job")).order_by(checkpoints.c.number)
)
_LAST_EVENT = select(jobs.c.last_seq, jobs.c.is_cancelling, jobs.c.state).where(jobs.c.id == bindparam("of_job"))
_LAST_SEQS = select(jobs.c.id, jobs.c.last_seq).where(jobs.c.id.in_(bindparam("ids", expanding=True)))


class LastEvent(NamedTuple):
    """The seq of a job's last event, whether its client cancels it, and whether it has ended."""

    seq: int
    is_cancelling: bool
    is_end: bool


def add_sentences(
    transaction: Transaction,
    job_id: str,
    lease: str,
    first_index: int,
    new: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> None:
    """Add sentences that are final, without those that an earlier attempt has added, and note the progress.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    row = leased(transaction, _LEASED_JOB, job_id, lease)
    index = max(first_index, row.sentences)
    more = new[index - first_index :]
    rows = [
        {
            "job_id": job_id,
            "seq": row.last_seq + 1 + place,
            "data": transaction.texts.write({"index": index + place, **sentence}),
        }
        for place, sentence in enumerate(more)
    ]
    if rows:
        transaction.connection.execute(_ADD_SENTENCES, rows)
    transaction.connection.execute(_COUNT, {"of_job": job_id, "more": len(rows), **new_progress(progress)})
    transaction.news.add(job_id)


def events(transaction: Transaction, job_id: str, after_seq: int, limit: int) -> list[JobEvent]:
    """Return events behind `after_seq` in order.

    Raises:
        JobNotFoundError: the job is gone.
    """
    row = job_row(transaction, job_id, None)
    found = [
        JobEvent(job_id, seq, "sentence", transaction.texts.read(data))
        for seq, data in transaction.connection.execute(
            _SENTENCES, {"of_job": job_id, "after": after_seq, "most": limit}
        )
    ]
    is_all = len(found) < limit
    error = read_error(row.error, transaction.texts)
    state = {
        "state": row.state,
        "attempts": row.attempts,
        "error": error and {"code": error.code, "message": error.message, "param": error.param},
        "is_cancelling": row.is_cancelling,
    }
    latest = (
        JobEvent(job_id, row.state_seq, "state", state),
        JobEvent(job_id, row.progress_seq, "progress", progress_values(row)),
    )
    found += [event for event in latest if event.seq > after_seq and (is_all or event.seq < found[-1].seq)]
    return sorted(found, key=lambda event: event.seq)[:limit]


def last_event(transaction: Transaction, job_id: str) -> LastEvent | None:
    """Return how far a job is; None: it is gone."""
    row = transaction.connection.execute(_LAST_EVENT, {"of_job": job_id}).one_or_none()
    return None if row is None else LastEvent(row.last_seq, row.is_cancelling, row.state not in UNFINISHED)


def last_seqs(transaction: Transaction, ids: Sequence[str]) -> dict[str, int]:
    """Return the seq of the last event of each of these jobs."""
    return {row.id: row.last_seq for row in transaction.connection.execute(_LAST_SEQS, {"ids": ids})}


def save_checkpoint(transaction: Transaction, job_id: str, lease: str, payload: bytes) -> None:
    """Keep the next part of the work for a later attempt.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    counted = leased(transaction, _COUNT_CHECKPOINT, job_id, lease)
    row = {"job_id": job_id, "number": counted.checkpoints, "payload": transaction.texts.seal(payload)}
    transaction.connection.execute(_ADD_CHECKPOINT, row)


def read_checkpoints(transaction: Transaction, job_id: str) -> list[bytes]:
    """Return the parts of the work that are kept, in the order of their numbers."""
    found = transaction.connection.execute(_CHECKPOINTS, {"of_job": job_id}).scalars()
    return [transaction.texts.unseal(payload) for payload in found]
