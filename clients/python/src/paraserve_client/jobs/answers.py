"""What a server says of jobs, read from its JSON. Fields that it does not send have their defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from paraserve_client.facts import FieldWarning, warning_of
from paraserve_client.http.answered import not_understood

Body: TypeAlias = Mapping[str, Any]
FINISHED = frozenset(("done", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is. `duration_ms`, `percent` and `eta_s` are None where they are not known yet."""

    done_ms: int = 0
    duration_ms: int | None = None
    percent: float | None = None
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed, or its last attempt did."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the server has it.

    `state` is "queued", "running", "done", "failed" or "cancelled". `attempts` counts those begun. A failed job that
    was given up after several attempts `is_dead_letter`. One that runs and is to be cancelled `is_cancelling`. It
    `has_transcript` once that can be had. `warnings` are about fields of the submission. `raw` is the server's JSON.
    """

    id: str
    state: str
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    attempts: int = 0
    progress: JobProgress = JobProgress()
    error: JobFailure | None = None
    is_dead_letter: bool = False
    is_cancelling: bool = False
    has_transcript: bool = False
    priority: int = 0
    filename: str = ""
    size_bytes: int = 0
    url: str | None = None
    callback_url: str | None = None
    batch: str | None = None
    warnings: Sequence[FieldWarning] = ()
    raw: Body = field(default_factory=dict, repr=False)

    @property
    def is_finished(self) -> bool:
        """True in a state that does not change any more."""
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job.

    `kind` is "state", "progress", "sentence" or "end", `data` the server's JSON about it. `seq` grows with each event
    of the job. It is None at the end, which is no event of the job's own.
    """

    seq: int | None
    kind: str
    data: Body

    @property
    def progress(self) -> JobProgress:
        """What an event of kind "progress" says."""
        return progress_of(self.data)


@dataclass(frozen=True, slots=True)
class JobDelivery:
    """A message to a job's `callback_url`. `state` is "waiting", "delivered" or "given up".

    `status` is that of the last HTTP answer, `error` the reason where there was none. `raw` is the server's JSON.
    """

    id: str
    event: str
    state: str
    attempts: int
    status: int | None = None
    error: str | None = None
    raw: Body = field(default_factory=dict, repr=False)


def job_of(body: object) -> Job:
    """Read a job.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise not_understood("a job")
    failure = body.get("error")
    return Job(
        id=body["id"],
        state=str(body.get("state", "")),
        created=_time(body.get("created")),
        started=_time(body.get("started")),
        ended=_time(body.get("ended")),
        attempts=body.get("attempts", 0),
        progress=progress_of(body.get("progress") or {}),
        error=_failure(failure) if isinstance(failure, dict) else None,
        is_dead_letter=body.get("is_dead_letter") is True,
        is_cancelling=body.get("is_cancelling") is True,
        has_transcript=body.get("has_transcript") is True,
        priority=body.get("priority", 0),
        filename=body.get("filename") or "",
        size_bytes=body.get("size_bytes") or 0,
        url=body.get("url"),
        callback_url=body.get("callback_url"),
        batch=body.get("batch"),
        warnings=tuple(warning_of(one) for one in body.get("warnings", ())),
        raw=body,
    )


def progress_of(body: Body) -> JobProgress:
    """Read the progress of a job."""
    return JobProgress(body.get("done_ms", 0), body.get("duration_ms"), body.get("percent"), body.get("eta_s"))


def page_of(body: object) -> tuple[list[Job], str | None]:
    """Read a page of jobs, and where the next page begins: None after the last one.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise not_understood("a list of jobs")
    return [job_of(one) for one in body["data"]], body.get("next")


def deliveries_of(body: object) -> list[JobDelivery]:
    """Read the log of a job's webhooks.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise not_understood("deliveries")
    return [
        JobDelivery(
            str(one.get("id", "")),
            str(one.get("event", "")),
            str(one.get("state", "")),
            one.get("attempts", 0),
            one.get("status"),
            one.get("error"),
            one,
        )
        for one in body["data"]
    ]


def _failure(body: Body) -> JobFailure:
    return JobFailure(str(body.get("code", "")), str(body.get("message", "")), body.get("param"))


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
