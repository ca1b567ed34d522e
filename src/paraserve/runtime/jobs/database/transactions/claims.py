"""Claims: which job is next, and who works on it."""

import secrets

from sqlalchemy import Select, bindparam, func, select, update

from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import IN_QUEUE, jobs, turns
from paraserve.runtime.jobs.database.transaction import WORK, Transaction
from paraserve.runtime.jobs.database.transactions.endings import end_as_cancelled
from paraserve.runtime.jobs.database.transactions.leases import (
    IS_LEASED,
    NEW_PROGRESS,
    NEW_STATE,
    NEXT_SEQ,
    NO_LEASE,
    leased,
    new_progress,
)
from paraserve.runtime.jobs.database.transactions.messages import add_message
from paraserve.runtime.jobs.database.transactions.rows import read_job
from paraserve.runtime.jobs.job import Job, Progress

_overdue = (
    select(jobs.c.number)
    .where(jobs.c.due_s <= Now())
    .order_by(jobs.c.due_s)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_first_in_queue = (
    select(jobs.c.number)
    .where(IN_QUEUE)
    .order_by(jobs.c.priority.desc(), jobs.c.turn, jobs.c.number)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(jobs)
    .where(jobs.c.number == func.coalesce(_overdue.scalar_subquery(), _first_in_queue.scalar_subquery()))
    .values(
        state="running",
        in_queue=False,
        lease=bindparam("new_lease"),
        owner=bindparam("by"),
        due_s=Now() + bindparam("lease_s"),
        attempts=jobs.c.attempts + 1,
        stops=jobs.c.stops + 1,
        started_s=func.coalesce(jobs.c.started_s, Now()),
        **NEW_STATE,
    )
    .returning(*jobs.c)
)
_HAD_ITS_TURN = (
    update(turns)
    .where(turns.c.priority == bindparam("of_priority"), turns.c.key_name == bindparam("of_key"))
    .where(turns.c.claimed_turn < bindparam("turn"))
    .values(claimed_turn=bindparam("turn"))
)
_HEARTBEAT = update(jobs).where(IS_LEASED).values(due_s=Now() + bindparam("lease_s")).returning(jobs.c.is_cancelling)
_HEARTBEAT_WITH_PROGRESS = _HEARTBEAT.values(last_seq=NEXT_SEQ, **NEW_PROGRESS)
_RELEASE = (
    update(jobs)
    .where(IS_LEASED)
    .values(state="queued", in_queue=True, attempts=jobs.c.attempts - 1, stops=0, **NO_LEASE, **NEW_STATE)
    .returning(*jobs.c)
)
_NEXT_DUE: Select[float | None] = select(func.min(jobs.c.due_s) - Now())


def claim(transaction: Transaction, owner: str, lease_s: float) -> Job | None:
    """Take the next job: one whose retry is due or whose lease has ended, else the best in the queue."""
    while True:
        values = {"new_lease": secrets.token_hex(8), "by": owner, "lease_s": lease_s}
        row = transaction.connection.execute(_CLAIM, values).one_or_none()
        if row is None:
            return None
        turn = {"of_priority": row.priority, "of_key": row.key_name, "turn": row.turn}
        transaction.connection.execute(_HAD_ITS_TURN, turn)
        job = read_job(row, transaction.texts)
        transaction.news.add(job.id)
        if not job.is_cancelling:
            break
        end_as_cancelled(transaction, row)  # whoever had it is gone
    if job.callback_url:
        add_message(transaction, job, "job.running")
    return job


def heartbeat(
    transaction: Transaction, job_id: str, lease: str, lease_s: float, progress: Progress | None = None
) -> bool:
    """Prolong a lease; return whether the client cancels the job.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    if progress is None:
        row = leased(transaction, _HEARTBEAT, job_id, lease, lease_s=lease_s)
    else:
        values = new_progress(progress)
        row = leased(transaction, _HEARTBEAT_WITH_PROGRESS, job_id, lease, lease_s=lease_s, **values)
        transaction.news.add(job_id)
    return bool(row.is_cancelling)


def release(transaction: Transaction, job_id: str, lease: str) -> None:
    """Give a job back to the queue as if this attempt had not begun.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    row = leased(transaction, _RELEASE, job_id, lease)
    transaction.news.add(job_id)
    if row.is_cancelling:
        end_as_cancelled(transaction, row)
    else:
        transaction.news.add(WORK)


def next_due_s(transaction: Transaction) -> float | None:
    """Return the time until a lease ends or a job may be tried again; None: there is none of them."""
    return transaction.connection.execute(_NEXT_DUE).scalar_one()
