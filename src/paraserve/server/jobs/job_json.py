"""Jobs and their deliveries as JSON. `schemas/job_answers.py` describes it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from paraserve.formats import warnings_json
from paraserve.runtime.jobs.job import Delivery, Job, JobError, Progress
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import FieldWarning


def job_json(job: Job) -> Json:
    """Return a job."""
    path = job_path(job.id)
    return {
        "id": job.id,
        "object": "job",
        "state": job.state,
        "created": utc_text(job.created_s),
        "started": utc_text(job.started_s),
        "ended": utc_text(job.ended_s),
        "attempts": job.attempts,
        "progress": progress_json(job.progress),
        "error": _error_json(job.error),
        "is_dead_letter": job.is_dead,
        "is_cancelling": job.is_cancelling,
        "has_transcript": job.has_result,
        "priority": job.priority,
        "timeout_s": job.timeout_s,
        "store": job.store,
        "filename": job.request.filename,
        "size_bytes": job.size_bytes,
        "url": job.url,
        "callback_url": job.callback_url,
        "batch": job.batch,
        "model": next(iter(job.request.fields.get("model", ())), None),
        "links": {"self": path} | {name: f"{path}/{name}" for name in ("transcript", "events", "deliveries")},
    }


def submitted_json(job: Job, warnings: Iterable[FieldWarning]) -> Json:
    """Return a job that was accepted, with the warnings about its fields."""
    return job_json(job) | warnings_json(warnings)


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/v1/jobs/{job_id}"


def progress_json(progress: Progress) -> Json:
    """Return how far a job is."""
    whole_ms = progress.duration_ms
    return {
        "done_ms": progress.done_ms,
        "duration_ms": whole_ms,
        "percent": round(min(100.0, 100 * progress.done_ms / whole_ms), 1) if whole_ms else None,
        "eta_s": None if progress.eta_s is None else round(progress.eta_s, 1),
        "segments_done": progress.segments_done,
        "segments_kept": progress.segments_kept,
    }


def state_json(data: Mapping[str, Any]) -> Json:
    """Return what an event tells of the state."""
    return {"state": data["state"], "attempts": data["attempts"], "error": data.get("error")}


def delivery_json(delivery: Delivery) -> Json:
    """Return a message to a `callback_url`."""
    return {
        "id": delivery.id,
        "event": delivery.event,
        "url": delivery.url,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "created": utc_text(delivery.created_s),
        "last_attempt": utc_text(delivery.last_at_s),
        "next_attempt": utc_text(delivery.next_at_s) if delivery.state == "waiting" else None,
        "status": delivery.status,
        "error": delivery.error,
    }


def utc_text(time_s: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    if time_s is None:
        return None
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error_json(error: JobError | None) -> Json | None:
    return None if error is None else {"code": error.code, "message": error.message, "param": error.param}
