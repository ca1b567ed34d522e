"""Jobs as plain data. Times are seconds since 1970 by the database's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeAlias

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[JobState, ...] = ("queued", "running", "done", "failed", "cancelled")
UNFINISHED: tuple[JobState, ...] = ("queued", "running")
EventKind: TypeAlias = Literal["state", "progress", "sentence"]
PRIORITY_RANGE = (-10, 10)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What the client asks for, apart from the recording: the fields of an upload, as they came.

    `content_type` is that of the recording, which describes raw audio. `filename` is only shown. `traceparent` names
    the trace of the submission, "" where nobody traces.
    """

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    filename: str = ""
    content_type: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be submitted.

    `key_name` is the name of the API key, "" where none is wanted. `recording` names the recording in the recording
    store, "" while it is still to be fetched from `url`. `store` false keeps neither recording nor texts after they
    were delivered. `batch` is an id that the jobs of one request share. `upload` is the id of the resumable
    upload that becomes the recording.
    """

    id: str
    key_name: str
    request: JobRequest
    recording: str = ""
    size_bytes: int = 0
    url: str | None = None
    priority: int = 0
    timeout_s: float = 0.0
    callback_url: str | None = None
    store: bool = True
    batch: str | None = None
    upload: str | None = None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed, or its last attempt did: the `code`, `message` and `param` of a `ParaserveError`."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. `duration_ms` is None where the recording does not tell. `eta_s` is by the measured speed.

    `segments_done` counts the segments recognized in all attempts, `segments_kept` those of them that a later attempt
    took over from an earlier one.
    """

    done_ms: int = 0
    duration_ms: int | None = None
    eta_s: float | None = None
    segments_done: int = 0
    segments_kept: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the database has it.

    `attempts` counts those begun; of those since something new was kept for a later attempt, `failures` counts the
    ones that failed, `stops` the ones that have not ended by themselves, the one in progress included. `next_at_s` is
    the time before which it is not tried again. `lease` names the attempt in progress, None without one: writes of
    another lease are refused. `has_result` is true once the transcript can be had. `is_dead` marks a failed job that
    was given up after retries, the dead letters. `n_checkpoints` counts the parts of its work that are kept for a
    later attempt.
    """

    id: str
    key_name: str
    state: JobState
    request: JobRequest
    recording: str
    size_bytes: int
    url: str | None
    priority: int
    timeout_s: float
    callback_url: str | None
    store: bool
    batch: str | None
    created_s: float
    started_s: float | None = None
    ended_s: float | None = None
    next_at_s: float = 0.0
    attempts: int = 0
    failures: int = 0
    stops: int = 0
    error: JobError | None = None
    progress: Progress = Progress()
    lease: str | None = None
    is_cancelling: bool = False
    has_result: bool = False
    is_dead: bool = False
    n_checkpoints: int = 0

    @property
    def is_finished(self) -> bool:
        """True in a state that does not change any more."""
        return self.state not in UNFINISHED


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job. `seq` grows by one with each event of the job, from 1 on.

    `data` is the JSON of the SSE event: of `state` {state, attempts, error}, of `progress` the progress, of
    `sentence` {index, text, start_ms, end_ms, ...} as in a JSON transcript.
    """

    job_id: str
    seq: int
    kind: EventKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to a job's `callback_url`. `id` is stable over its attempts; `number` is its place among the job's.

    `state` is "waiting", "delivered" or "given up". `status` is that of the last HTTP answer.
    """

    id: str
    job_id: str
    number: int
    event: str
    url: str
    body: str
    state: Literal["waiting", "delivered", "given up"]
    attempts: int
    created_s: float
    next_at_s: float
    last_at_s: float | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LastSentences:
    """The last sentences of a job, for its events, from `first_index` on, and the progress that comes with them."""

    first_index: int = 0
    sentences: Sequence[Mapping[str, Any]] = ()
    progress: Progress = Progress()


NO_SENTENCES = LastSentences()


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list. `key_name` None means those of all keys. `after` is what the page before gave to go on."""

    key_name: str | None
    states: Sequence[JobState] = ()
    batch: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Quotas:
    """What the jobs of one key may have; 0 = no limit. `audio_ms_per_day` is of the day in UTC.

    `max_bytes` counts stored recordings and resumable uploads.
    """

    max_unfinished: int = 0
    audio_ms_per_day: int = 0
    max_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The `Idempotency-Key` of a request, and a digest of all that it asks for."""

    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload, as the database has it. Its bytes are in a file.

    `offset` counts the bytes that are on the disk. `length` is that of the whole, None until the client says it.
    """

    id: str
    key_name: str
    length: int | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    offset: int = 0
    created_s: float = 0.0
    updated_s: float = 0.0

    @property
    def is_complete(self) -> bool:
        """True once all bytes are there."""
        return self.offset == self.length


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one API key has used on one day (UTC)."""

    key_name: str
    day: date
    requests: int
    audio_ms: int
