"""Messages to a job's `callback_url`: they are written with what they tell, and delivered in order."""

import json
from datetime import UTC, datetime

from sqlalchemy import bindparam, case, exists, func, select
from sqlalchemy.dialects.postgresql import insert  # its ON CONFLICT is SQLite's too

from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import deliveries
from paraserve.runtime.jobs.database.transaction import DELIVERIES, Transaction
from paraserve.runtime.jobs.job import Job

_of_job = deliveries.c.job_id == bindparam("of_job")
_is_one_waiting = exists().where(_of_job, deliveries.c.state == "waiting")
_ADD = (
    insert(deliveries)
    .values(
        id=bindparam("message_id"),
        job_id=bindparam("of_job"),
        number=select(func.coalesce(func.max(deliveries.c.number), 0) + 1).where(_of_job).scalar_subquery(),
        event=bindparam("of_event"),
        message=bindparam("written"),
        state="waiting",
        attempts=0,
        created_s=Now(),
        due_s=case((_is_one_waiting, None), else_=Now()),
    )
    .on_conflict_do_nothing(index_elements=[deliveries.c.id])
)


def add_message(transaction: Transaction, job: Job, event: str) -> None:
    """Add a message about a job whose row this transaction has locked. Each event is told once."""
    message = {"url": job.callback_url, "body": _body(job, event)}
    values = {
        "message_id": f"{job.id}-{job.state}",
        "of_job": job.id,
        "of_event": event,
        "written": transaction.texts.write(message),
    }
    transaction.connection.execute(_ADD, values)
    transaction.news.add(DELIVERIES)


def _body(job: Job, event: str) -> str:
    """Return the JSON of a message. It has no texts: whoever has an API key gets them from the job."""
    error = job.error and {"code": job.error.code, "message": job.error.message, "param": job.error.param}
    data = {
        "id": job.id,
        "state": job.state,
        "created": _iso(job.created_s),
        "started": _iso(job.started_s),
        "ended": _iso(job.ended_s),
        "attempts": job.attempts,
        "error": error,
        "is_dead_letter": job.is_dead,
        "duration_ms": job.progress.duration_ms,
        "filename": job.request.filename,
        "batch": job.batch,
    }
    told = {"type": event, "timestamp": _iso(job.ended_s or job.started_s), "data": data}
    return json.dumps(told, separators=(",", ":"))  # in ASCII: a file's name may hold what UTF-8 does not


def _iso(time_s: float | None) -> str | None:
    return None if time_s is None else datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")
