"""Submission: new jobs get their turn in the queue, within the quotas of their key."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, case, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert  # its ON CONFLICT is SQLite's too

from paraserve.runtime.jobs.database.tables import jobs, turns
from paraserve.runtime.jobs.database.transaction import WORK, Transaction
from paraserve.runtime.jobs.database.transactions.idempotency import jobs_before, remember
from paraserve.runtime.jobs.database.transactions.rows import progress_values, write_request
from paraserve.runtime.jobs.database.transactions.totals import change_totals, check_quotas
from paraserve.runtime.jobs.database.transactions.uploads import use_up
from paraserve.runtime.jobs.job import Idempotency, Job, NewJob, Progress, Quotas

MIN_COST_BYTES = 2**20
"""Cost of the smallest job in the fair shares of keys. Larger ones cost their size."""
URL_COST_BYTES = 8 * 2**20
"""Cost of a job whose recording is still to be fetched."""

_claimed_turn = (
    select(func.coalesce(func.max(turns.c.claimed_turn), 0))
    .where(turns.c.priority == bindparam("priority"))
    .scalar_subquery()
)
_FIRST_TURN = upsert(turns).values(
    priority=bindparam("priority"),
    key_name=bindparam("key_name"),
    last_turn=_claimed_turn + bindparam("cost"),
    claimed_turn=0,
)
_after_own_jobs = turns.c.last_turn + bindparam("cost")
_TAKE_TURNS = _FIRST_TURN.on_conflict_do_update(
    index_elements=[turns.c.priority, turns.c.key_name],
    set_={
        "last_turn": case(
            (_after_own_jobs > _FIRST_TURN.excluded.last_turn, _after_own_jobs),
            else_=_FIRST_TURN.excluded.last_turn,
        )
    },
).returning(turns.c.last_turn)
_ADD_JOBS = insert(jobs)


def submit(
    transaction: Transaction,
    new_jobs: Sequence[NewJob],
    quotas: Quotas,
    idempotency: Idempotency | None = None,
) -> list[Job]:
    """Put jobs of one key into the queue, all or none; a repeated request gets the jobs of the first.

    Raises:
        IdempotencyError, QuotaError, UploadNotFoundError: see `JobStore.submit`.
    """
    key_name = new_jobs[0].key_name
    if idempotency is not None and not remember(transaction, key_name, idempotency, [job.id for job in new_jobs]):
        return jobs_before(transaction, key_name, idempotency) or []
    for job in new_jobs:
        if job.upload is not None:
            use_up(transaction, job.upload, key_name)
    size_bytes = sum(job.size_bytes for job in new_jobs)
    totals = change_totals(transaction, key_name, unfinished=len(new_jobs), size_bytes=size_bytes)
    check_quotas(totals, quotas)
    turn_of = _take_turns(transaction, key_name, new_jobs)
    rows = [_row(transaction, job, turn_of[job.id], totals.now_s) for job in new_jobs]
    transaction.connection.execute(_ADD_JOBS, rows)
    transaction.news.add(WORK)
    return [_job(job, totals.now_s) for job in new_jobs]


def _take_turns(transaction: Transaction, key_name: str, new_jobs: Sequence[NewJob]) -> dict[str, int]:
    """Return the turn of each job: after the key's jobs in the queue, and not before what others have had already."""
    turn_of: dict[str, int] = {}
    for priority in {job.priority for job in new_jobs}:
        same = [job for job in new_jobs if job.priority == priority]
        cost = sum(map(_cost, same))
        values = {"priority": priority, "key_name": key_name, "cost": cost}
        turn = transaction.connection.execute(_TAKE_TURNS, values).scalar_one() - cost
        for job in same:
            turn += _cost(job)
            turn_of[job.id] = turn
    return turn_of


def _cost(job: NewJob) -> int:
    return max(job.size_bytes, MIN_COST_BYTES) if job.recording else URL_COST_BYTES


def _row(transaction: Transaction, job: NewJob, turn: int, now_s: float) -> dict[str, Any]:
    return {
        "id": job.id,
        "key_name": job.key_name,
        "batch": job.batch,
        "state": "queued",
        "in_queue": True,
        "request": write_request(job, job.request, transaction.texts),
        "recording": job.recording,
        "size_bytes": job.size_bytes,
        "priority": job.priority,
        "turn": turn,
        "timeout_s": job.timeout_s,
        "store": job.store,
        "created_s": now_s,
        "last_seq": 1,
        "state_seq": 1,
        **_ZEROS,
        **progress_values(Progress()),
    }


_ZEROS = {
    **dict.fromkeys(("attempts", "failures", "stops", "progress_seq", "sentences", "checkpoints"), 0),
    **dict.fromkeys(("is_cancelling", "is_dead", "has_result"), False),
}


def _job(job: NewJob, now_s: float) -> Job:
    return Job(
        id=job.id,
        key_name=job.key_name,
        state="queued",
        request=job.request,
        recording=job.recording,
        size_bytes=job.size_bytes,
        url=job.url,
        priority=job.priority,
        timeout_s=job.timeout_s,
        callback_url=job.callback_url,
        store=job.store,
        batch=job.batch,
        created_s=now_s,
    )
