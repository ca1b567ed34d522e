"""Jobs and their results, as clients ask for them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Row, Select, bindparam, func, select, union_all

from paraserve.errors import ProtocolError
from paraserve.job_errors import JobStateError
from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import jobs, results
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.rows import is_storable, job_row, read_job
from paraserve.runtime.jobs.job import STATES, Job, JobFilter, JobState

MAX_NUMBER = 2**63 - 1

_PAGE = select(jobs).where(jobs.c.number.in_(bindparam("numbers", expanding=True))).order_by(jobs.c.number.desc())
_RESULT = select(results.c.transcript).where(results.c.job_id == bindparam("of_job"))
_COUNTS = select(jobs.c.state, func.count().label("jobs")).group_by(jobs.c.state)
_OLDEST_WAITING = select(Now() - jobs.c.created_s).where(jobs.c.state == "queued").order_by(jobs.c.number).limit(1)


def get(transaction: Transaction, job_id: str, key_name: str | None) -> Job:
    """Return a job of a key, None: of any.

    Raises:
        JobNotFoundError: there is none, or it belongs to another key.
    """
    return read_job(job_row(transaction, job_id, key_name), transaction.texts)


def list_jobs(transaction: Transaction, wanted: JobFilter) -> tuple[list[Job], str | None]:
    """Return a page of jobs, the newest first, and what the next page begins behind (None: it is the last).

    Raises:
        ProtocolError: `after` is not what a page gave.
    """
    rows = _rows(transaction, wanted)
    page = [read_job(row, transaction.texts) for row in rows[: wanted.limit]]
    return page, str(rows[wanted.limit - 1].number) if len(rows) > wanted.limit else None


def _rows(transaction: Transaction, wanted: JobFilter) -> list[Row[Any]]:
    """Return the rows of a page and one more."""
    before = _number(wanted.after)
    if not is_storable(wanted.batch or ""):
        return []
    states = tuple(wanted.states or STATES)
    column = "batch" if wanted.batch is not None else "key_name" if wanted.key_name is not None else None
    values: dict[str, Any] = {f"state_{place}": state for place, state in enumerate(states)}
    values |= {"of": column and getattr(wanted, column), "before": before, "most": wanted.limit + 1}
    numbers = transaction.connection.execute(_numbers(len(states), column), values).scalars().all()
    rows = transaction.connection.execute(_PAGE, {"numbers": numbers}) if numbers else ()
    return [row for row in rows if wanted.key_name in (None, row.key_name)]  # the key of a batch is not asked for


@cache
def _numbers(n_states: int, column: str | None) -> Select[int]:
    """Return the query for the numbers of a page. Indexes are by state, so each state is asked for by itself."""
    parts = []
    for place in range(n_states):
        part = select(jobs.c.number).where(jobs.c.state == bindparam(f"state_{place}"))
        part = part.where(jobs.c.number < bindparam("before", type_=BigInteger))
        if column is not None:
            part = part.where(jobs.c[column] == bindparam("of"))
        newest = part.order_by(jobs.c.number.desc()).limit(bindparam("most")).subquery()
        parts.append(select(newest.c.number))
    whole = union_all(*parts).subquery()
    return select(whole.c.number).order_by(whole.c.number.desc()).limit(bindparam("most"))


def _number(after: str | None) -> int:
    if after is None:
        return MAX_NUMBER
    if not (after.isascii() and after.isdecimal() and int(after) <= MAX_NUMBER):
        raise ProtocolError("after is not one that a list of jobs gave", code="invalid_value", param="after")
    return int(after)


def with_transcript(transaction: Transaction, job_id: str, key_name: str | None) -> tuple[Job, bytes]:
    """Return a job and its result.

    Raises:
        JobNotFoundError: there is no such job, or it belongs to another key.
        JobStateError: it has no result (yet).
    """
    row = job_row(transaction, job_id, key_name)
    if row.has_result:
        stored = transaction.connection.execute(_RESULT, {"of_job": job_id}).scalar_one()
        return read_job(row, transaction.texts), transaction.texts.unseal(stored)
    raise _no_result(read_job(row, transaction.texts))


def _no_result(job: Job) -> JobStateError:
    if job.state == "done":
        return JobStateError(f"the result of job {job.id} was delivered and deleted", code="result_deleted")
    if job.state == "failed":
        why = job.error.message if job.error else "its attempts failed"
        return JobStateError(f"job {job.id} failed: {why}", code="job_failed")
    if job.state == "cancelled":
        return JobStateError(f"job {job.id} was cancelled", code="job_cancelled")
    return JobStateError(f"job {job.id} is not done yet", code="job_not_done")


def counts(transaction: Transaction) -> Mapping[JobState, int]:
    """Return how many jobs are in each state."""
    found = {row.state: row.jobs for row in transaction.connection.execute(_COUNTS)}
    return {state: found.get(state, 0) for state in STATES}


def oldest_waiting_s(transaction: Transaction) -> float | None:
    """Return how long the oldest job in the queue has been there; None: it is empty."""
    return transaction.connection.execute(_OLDEST_WAITING).scalar_one_or_none()
