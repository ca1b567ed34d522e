"""Requests that were sent before, by their `Idempotency-Key`."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert  # its ON CONFLICT is SQLite's too

from paraserve.job_errors import IdempotencyError
from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import idempotency_keys, jobs
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.rows import read_job
from paraserve.runtime.jobs.job import Idempotency, Job

_REMEMBER = (
    insert(idempotency_keys)
    .values(
        key_name=bindparam("key_name"),
        key=bindparam("key"),
        digest=bindparam("digest"),
        job_ids=bindparam("job_ids"),
        created_s=Now(),
    )
    .on_conflict_do_nothing(index_elements=[idempotency_keys.c.key_name, idempotency_keys.c.key])
    .returning(idempotency_keys.c.key)
)
_is_this = (idempotency_keys.c.key_name == bindparam("of_key")) & (idempotency_keys.c.key == bindparam("this"))
_BEFORE = select(idempotency_keys.c.digest, idempotency_keys.c.job_ids).where(_is_this)
_FORGET = delete(idempotency_keys).where(_is_this)
_JOBS = select(jobs).where(jobs.c.id.in_(bindparam("ids", expanding=True)))


def remember(transaction: Transaction, key_name: str, idempotency: Idempotency, job_ids: Sequence[str]) -> bool:
    """Keep a request; return False where it was sent before and jobs of it are still there.

    Where two come at once, PostgreSQL lets the second wait here until the first has ended.

    Raises:
        IdempotencyError: the same key came with another request.
    """
    values = {
        "key_name": key_name,
        "key": idempotency.key,
        "digest": idempotency.digest,
        "job_ids": " ".join(job_ids),
    }
    if transaction.connection.execute(_REMEMBER, values).one_or_none() is not None:
        return True
    if jobs_before(transaction, key_name, idempotency):
        return False
    transaction.connection.execute(_FORGET, {"of_key": key_name, "this": idempotency.key})
    transaction.connection.execute(_REMEMBER, values)
    return True


def jobs_before(transaction: Transaction, key_name: str, idempotency: Idempotency) -> list[Job] | None:
    """Return the jobs of a request that was sent before, without those deleted since; None: it was not.

    Raises:
        IdempotencyError: the same key came with another request.
    """
    values = {"of_key": key_name, "this": idempotency.key}
    before = transaction.connection.execute(_BEFORE, values).one_or_none()
    if before is None:
        return None
    if before.digest != idempotency.digest:
        raise IdempotencyError("the Idempotency-Key was used before, with another request", param="Idempotency-Key")
    ids = before.job_ids.split()
    found = {row.id: read_job(row, transaction.texts) for row in transaction.connection.execute(_JOBS, {"ids": ids})}
    return [found[job_id] for job_id in ids if job_id in found] or None
