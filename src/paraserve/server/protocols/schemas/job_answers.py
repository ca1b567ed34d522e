"""Answers of the routes of jobs."""

from typing import Literal, TypeAlias

from pydantic import Field

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.warnings import WithWarnings

JobStateName: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]


class JobProblem(Documented):
    """Why a job failed, or why its last attempt did."""

    code: str
    """Name of the case, for programs: a code of an upload's errors, `job_timeout`, `url_failed` and others."""
    message: str
    """Description for people. It may change."""
    param: str | None
    """Field of the submission at fault, null where there is none."""


class JobProgress(Documented):
    """How far a job is, by the time of its audio."""

    done_ms: int = Field(ge=0)
    """Audio that was transcribed, in ms."""
    duration_ms: int | None
    """Length of the recording in ms. null while nothing is known of it."""
    percent: float | None = Field(ge=0, le=100)
    """Share of the recording that was transcribed. null while its length is not known."""
    eta_s: float | None
    """Seconds until the end of the work, by the speed so far. null while there is none."""
    segments_done: int = Field(ge=0)
    """Segments of speech that were recognized, in all attempts together."""
    segments_kept: int = Field(ge=0)
    """Those of them that a later attempt took over from an earlier one."""


class JobLinks(Documented):
    """Paths of the routes that belong to a job."""

    self: str
    """The job."""
    transcript: str
    """Its transcript."""
    events: str
    """Its events."""
    deliveries: str
    """Messages to its `callback_url`."""


class JobJson(Documented):
    """A job."""

    id: str
    """Id of the job."""
    object: Literal["job"]
    """Always `job`."""
    state: JobStateName
    """`queued`, then `running`, then `done`, `failed` or `cancelled`. A job whose attempt failed may be `queued`
    again."""
    created: str
    """When it was submitted: ISO 8601 in UTC."""
    started: str | None
    """When its last attempt began. null before the first."""
    ended: str | None
    """When it was done, failed or cancelled. null before."""
    attempts: int = Field(ge=0)
    """Attempts that have begun."""
    progress: JobProgress
    """How far it is."""
    error: JobProblem | None
    """Why it failed. Of a job that is to be tried again: why the last attempt failed. null otherwise."""
    is_dead_letter: bool
    """True if it failed after all its attempts, for a reason that might have passed."""
    is_cancelling: bool
    """True while it runs and is about to be cancelled."""
    has_transcript: bool
    """True once its transcript can be had, and as long as it is kept."""
    priority: int
    """Jobs of higher priority come first."""
    timeout_s: float = Field(ge=0)
    """Seconds that an attempt may take. 0 = no limit."""
    store: bool
    """False if recording and texts are deleted once the transcript was delivered."""
    filename: str
    """Name of the recording's file, empty where none was given."""
    size_bytes: int = Field(ge=0)
    """Size of the recording. 0 while it is to be fetched."""
    url: str | None
    """Where the recording is fetched from. null for one that was sent."""
    callback_url: str | None
    """Who is told of the end. null for nobody."""
    batch: str | None
    """Id that all jobs of one request share. null for a job that was submitted alone."""
    model: str | None
    """Name of the model that was asked for. null where the server chooses."""
    links: JobLinks
    """Paths of its routes."""


class SubmittedJob(JobJson, WithWarnings):
    """A job that has been accepted. `warnings` are about the fields of the request."""


class SubmittedBatch(Documented):
    """Jobs of one request that have been accepted, all of them."""

    object: Literal["batch"]
    """Always `batch`."""
    batch: str
    """Id of the batch: `GET /v1/jobs?batch=ID` lists its jobs."""
    data: list[SubmittedJob]
    """The jobs, in the order of the request."""


class JobList(Documented):
    """A page of jobs, the newest first."""

    object: Literal["list"]
    """Always `list`."""
    data: list[JobJson]
    """The jobs of this page."""
    next: str | None
    """Value of `after` for the next page. null on the last one."""


class DeletedJob(Documented):
    """A job that was deleted, with its recording, texts, events and deliveries."""

    id: str
    """Id of the job."""
    object: Literal["job"]
    """Always `job`."""
    deleted: Literal[True]
    """Always true."""


class DeliveryJson(Documented):
    """A message to the `callback_url` of a job."""

    id: str
    """Id of the message, in the header `webhook-id` of each attempt."""
    event: str
    """What it tells: `job.running` when the work begins, then `job.done`, `job.failed` or `job.cancelled`."""
    url: str
    """Where it goes."""
    state: Literal["waiting", "delivered", "given up"]
    """`waiting` until it is received, or given up."""
    attempts: int = Field(ge=0)
    """Attempts so far."""
    created: str
    """When it was written: ISO 8601 in UTC."""
    last_attempt: str | None
    """When it was last sent. null before the first attempt."""
    next_attempt: str | None
    """When it will be sent again. null where it will not."""
    status: int | None
    """Status of the last answer. null where there was none."""
    error: str | None
    """Why the last attempt failed. null where it did not."""


class DeliveryList(Documented):
    """Messages to the `callback_url` of a job, in their order."""

    object: Literal["list"]
    """Always `list`."""
    data: list[DeliveryJson]
    """The messages. Empty without a `callback_url`, and before the job has ended."""


class StateEvent(Documented):
    """SSE event `state`, and `end` after the last one: the job has come to a state."""

    state: JobStateName
    """The state."""
    attempts: int = Field(ge=0)
    """Attempts that have begun."""
    error: JobProblem | None
    """Why it failed, or the last attempt did. null otherwise."""
