"""Deliveries of messages: each is one sender's at a time, and those of a job go one after the other."""

from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select, update

from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import deliveries, jobs
from paraserve.runtime.jobs.database.texts import Texts
from paraserve.runtime.jobs.database.transaction import DELIVERIES, Transaction
from paraserve.runtime.jobs.job import Delivery

_oldest_due = (
    select(deliveries.c.id)
    .where(deliveries.c.due_s <= Now())
    .order_by(deliveries.c.due_s)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id == _oldest_due.scalar_subquery())
    .values(owner=bindparam("by"), due_s=Now() + bindparam("lease_s"))
    .returning(*deliveries.c)
)
_LOCK_JOB = (
    select(jobs.c.id)
    .where(jobs.c.id == select(deliveries.c.job_id).where(deliveries.c.id == bindparam("this")).scalar_subquery())
    .with_for_update()
)
_ATTEMPT = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("this"), deliveries.c.owner == bindparam("by"))
    .values(
        state=bindparam("new_state"),
        attempts=deliveries.c.attempts + 1,
        last_at_s=Now(),
        status=bindparam("new_status"),
        error=bindparam("new_error"),
        owner=None,
        due_s=Now() + bindparam("retry_in_s"),
    )
    .returning(deliveries.c.job_id)
)
_POSTPONE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("this"), deliveries.c.owner == bindparam("by"))
    .values(owner=None, due_s=Now() + bindparam("retry_in_s"))
)
_NEXT = (
    select(func.min(deliveries.c.number))
    .where(deliveries.c.job_id == bindparam("of_job"), deliveries.c.state == "waiting")
    .scalar_subquery()
)
_LET_NEXT_GO = (
    update(deliveries)
    .where(deliveries.c.job_id == bindparam("of_job"), deliveries.c.number == _NEXT)
    .values(due_s=Now())
)
_OF_JOB = select(deliveries).where(deliveries.c.job_id == bindparam("of_job")).order_by(deliveries.c.number)
_NEXT_DUE: Select[float | None] = select(func.min(deliveries.c.due_s) - Now())


def claim_delivery(transaction: Transaction, owner: str, lease_s: float) -> Delivery | None:
    """Take the message that has been due for longest, for `lease_s`."""
    row = transaction.connection.execute(_CLAIM, {"by": owner, "lease_s": lease_s}).one_or_none()
    return None if row is None else _delivery(row, transaction.texts)


def delivery_done(transaction: Transaction, message_id: str, owner: str, status: int) -> None:
    """Note that a message was received. Nothing changes where another sender has it by now."""
    _end_attempt(transaction, message_id, owner, {"new_state": "delivered", "new_status": status})


def delivery_failed(
    transaction: Transaction, message_id: str, owner: str, status: int | None, error: str, retry_in_s: float | None
) -> None:
    """Note an attempt that failed; `retry_in_s` None gives the message up."""
    values = {
        "new_state": "given up" if retry_in_s is None else "waiting",
        "new_status": status,
        "new_error": transaction.texts.write(error),
        "retry_in_s": retry_in_s,
    }
    _end_attempt(transaction, message_id, owner, values)


def postpone_delivery(transaction: Transaction, message_id: str, owner: str, retry_in_s: float) -> None:
    """Give a message back that was not sent. It counts as no attempt."""
    transaction.connection.execute(_POSTPONE, {"this": message_id, "by": owner, "retry_in_s": retry_in_s})


def deliveries_of(transaction: Transaction, job_id: str) -> list[Delivery]:
    """Return the messages about a job in order."""
    rows = transaction.connection.execute(_OF_JOB, {"of_job": job_id})
    return [_delivery(row, transaction.texts) for row in rows]


def next_delivery_due_s(transaction: Transaction) -> float | None:
    """Return the time until a message may be tried again, or its sender's lease ends; None: there is none."""
    return transaction.connection.execute(_NEXT_DUE).scalar_one()


def _end_attempt(transaction: Transaction, message_id: str, owner: str, values: dict[str, Any]) -> None:
    """Note the end of an attempt. The job is locked, so that no message is added between the last and the next."""
    transaction.connection.execute(_LOCK_JOB, {"this": message_id})
    defaults = {"this": message_id, "by": owner, "new_error": None, "retry_in_s": None}
    row = transaction.connection.execute(_ATTEMPT, {**defaults, **values}).one_or_none()
    if row is not None and values["new_state"] != "waiting":
        transaction.connection.execute(_LET_NEXT_GO, {"of_job": row.job_id})
        transaction.news.add(DELIVERIES)


def _delivery(row: Row[Any], texts: Texts) -> Delivery:
    message = texts.read(row.message)
    return Delivery(
        id=row.id,
        job_id=row.job_id,
        number=row.number,
        event=row.event,
        url=message["url"],
        body=message["body"],
        state=row.state,
        attempts=row.attempts,
        created_s=row.created_s,
        next_at_s=row.due_s or 0.0,
        last_at_s=row.last_at_s,
        status=row.status,
        error=None if row.error is None else texts.read(row.error),
    )
