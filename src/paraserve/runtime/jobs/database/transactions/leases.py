"""Writes of the runner that has a job. Those of a runner that has lost it change nothing."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable, Row, bindparam

from paraserve.job_errors import LeaseLostError
from paraserve.runtime.jobs.database.tables import jobs
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.rows import PROGRESS, progress_values
from paraserve.runtime.jobs.job import Progress

IS_LEASED = (jobs.c.id == bindparam("job_id")) & (jobs.c.lease == bindparam("of_lease"))

NEXT_SEQ = jobs.c.last_seq + 1

NEW_STATE = {"last_seq": NEXT_SEQ, "state_seq": NEXT_SEQ}
"""Columns of an event of the state."""

NEW_PROGRESS = {"progress_seq": NEXT_SEQ, **{name: bindparam(f"new_{name}") for name in PROGRESS}}
"""Columns of an event of the progress, beside `last_seq`; `new_progress` has its values."""

NO_LEASE: Mapping[str, Any] = {"lease": None, "owner": None, "due_s": None}


def new_progress(progress: Progress) -> dict[str, Any]:
    """Return the values of NEW_PROGRESS."""
    return {f"new_{name}": value for name, value in progress_values(progress).items()}


def leased(transaction: Transaction, statement: Executable, job_id: str, lease: str, **values: Any) -> Row[Any]:
    """Run a statement on the leased job, and return its row.

    Raises:
        LeaseLostError: another runner has the job, or it is gone.
    """
    row = transaction.connection.execute(statement, {"job_id": job_id, "of_lease": lease, **values}).one_or_none()
    if row is None:
        raise LeaseLostError(f"job {job_id} was taken over by another runner, cancelled or deleted")
    return row
