"""Recordings that a job has, and those that no job needs any more."""

from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert  # its ON CONFLICT is SQLite's too

from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import deleted_recordings, jobs
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.leases import IS_LEASED, leased
from paraserve.runtime.jobs.database.transactions.rows import read_job, write_request
from paraserve.runtime.jobs.database.transactions.totals import change_totals
from paraserve.runtime.jobs.job import JobRequest

_LEASED_JOB = select(jobs).where(IS_LEASED).with_for_update()
_SET_RECORDING = (
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"))
    .values(recording=bindparam("name"), size_bytes=bindparam("bytes"), request=bindparam("new_request"))
)
_NO_RECORDING = update(jobs).where(jobs.c.id == bindparam("job_id")).values(recording="")
_TO_DELETE = (
    insert(deleted_recordings)
    .values(name=bindparam("name"), since_s=Now())
    .on_conflict_do_nothing(index_elements=[deleted_recordings.c.name])
)
_RECORDINGS_TO_DELETE = (
    select(deleted_recordings.c.name).order_by(deleted_recordings.c.since_s).limit(bindparam("most"))
)
_DELETED = delete(deleted_recordings).where(deleted_recordings.c.name == bindparam("deleted"))


def fetched(
    transaction: Transaction, job_id: str, lease: str, recording: str, size_bytes: int, request: JobRequest
) -> None:
    """Note that the recording of a job was fetched from its URL.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    row = leased(transaction, _LEASED_JOB, job_id, lease)
    stored = write_request(read_job(row, transaction.texts), request, transaction.texts)
    values = {"job_id": job_id, "name": recording, "bytes": size_bytes, "new_request": stored}
    transaction.connection.execute(_SET_RECORDING, values)
    change_totals(transaction, row.key_name, size_bytes=size_bytes - (row.size_bytes if row.recording else 0))


def give_up_recording(transaction: Transaction, row: Row[Any]) -> int:
    """Note that the recording of a job is to be deleted; return the bytes that its key has free again."""
    if not row.recording:
        return 0
    transaction.connection.execute(_TO_DELETE, {"name": row.recording})
    transaction.connection.execute(_NO_RECORDING, {"job_id": row.id})
    return int(row.size_bytes)


def recordings_to_delete(transaction: Transaction, limit: int) -> list[str]:
    """Return names of recordings that no job needs any more, the oldest first."""
    return list(transaction.connection.execute(_RECORDINGS_TO_DELETE, {"most": limit}).scalars())


def recording_deleted(transaction: Transaction, name: str) -> None:
    """Note that a recording is gone."""
    transaction.connection.execute(_DELETED, {"deleted": name})
