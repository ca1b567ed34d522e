"""Answers of the routes of the status."""

from typing import Any, Literal

from pydantic import Field

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.health_answers import ModelFacts


class StatusWorker(Documented):
    """One server process."""

    pid: int
    """Number of the process."""
    state: Literal["serving", "drained", "stopping", "stuck"]
    """`drained`: it takes no new work. `stuck`: no model answers, and it is being replaced."""
    uptime_s: float = Field(ge=0)
    """Seconds since it began to serve."""
    live_sessions: int = Field(ge=0)
    """Open live connections."""
    live_limit: int = Field(ge=0)
    """Live connections that are let in at once."""
    degradation_level: int = Field(ge=0, le=3)
    """What partial texts give up so that final texts keep their time: 0 = nothing, 3 = most."""
    uploads: int = Field(ge=0)
    """Uploads being received or worked on."""
    jobs_in_progress: int = Field(ge=0)
    """Jobs that it works on."""
    memory_bytes: int = Field(ge=0)
    """Its resident memory, without that of decode children."""
    decode_memory_bytes: int = Field(ge=0)
    """Memory of its decode children, without shared libraries."""
    memory_limit_bytes: int | None
    """Limit of both together, from which newcomers are refused. Null where there is none."""


class StatusSession(Documented):
    """A live session."""

    pid: int
    """Process that has it."""
    request_id: str
    """Id of its connection, as in log lines and errors."""
    protocol: str
    """Protocol of the client, such as `FunASR` or `OpenAI Realtime`."""
    address: str
    """Address of the client."""
    key: str | None
    """Name of its API key. Null where no key is wanted."""
    age_s: float = Field(ge=0)
    """Seconds since it began."""
    state: Literal["waiting", "speaking", "finishing", "away"]
    """`waiting`: between two utterances. `finishing`: its audio has ended, and texts are still to come. `away`: its
    connection broke, and the client may return."""
    mode: str
    """`2pass`, `online` or `offline`."""
    model: str | None
    """Model that it asked for. Null for the server's choice."""
    audio_ms: int = Field(ge=0)
    """Audio that it has sent so far."""
    utterances: int = Field(ge=0)
    """Utterances so far."""
    delay_ms: int | None
    """How far its texts are behind its audio: the delay of the last one, or the age of the oldest audio that waits,
    if that is more. Null before the first."""
    is_degraded: bool
    """True if its partial texts are given up in part, since the server is busy."""
    lost_ms: int = Field(ge=0)
    """Audio of the present utterance that never came, though time went on."""


class StatusSessions(Documented):
    """The live sessions."""

    count: int = Field(ge=0)
    """Their number, and that of sessions whose clients are away."""
    data: list[StatusSession]
    """The oldest 500 of them."""


class StatusUpload(Documented):
    """An upload."""

    pid: int
    """Process that has it."""
    request_id: str
    """Its id, as in log lines and errors."""
    path: str
    """Path that it was sent to."""
    address: str
    """Address of the client."""
    key: str | None
    """Name of its API key. Null where no key is wanted."""
    age_s: float = Field(ge=0)
    """Seconds since it began."""
    state: Literal["receiving", "recognizing"]
    """`recognizing` once all bytes are here."""
    received_bytes: int = Field(ge=0)
    """Bytes that have come."""
    recognized_ms: int = Field(ge=0)
    """Audio that has been recognized."""
    duration_ms: int | None
    """Duration of the recording. Null while it is not known."""


class StatusUploads(Documented):
    """The uploads."""

    count: int = Field(ge=0)
    """Their number."""
    data: list[StatusUpload]
    """The oldest 500 of them."""


class StatusJob(Documented):
    """A job that is worked on, by this server or another one with the same database."""

    id: str
    """Its id."""
    key: str | None
    """Name of its API key. Null where no key is wanted."""
    age_s: float = Field(ge=0)
    """Seconds since it was submitted."""
    attempts: int = Field(ge=0)
    """Attempts so far, with this one."""
    done_ms: int = Field(ge=0)
    """Audio that is done."""
    duration_ms: int | None
    """Duration of the recording. Null while it is not known."""
    percent: float | None
    """Done so far. Null while the duration is not known."""
    eta_s: float | None
    """Seconds that are left, about. Null while that is not known."""


class StatusJobs(Documented):
    """The jobs in the database."""

    counts: dict[Literal["queued", "running", "done", "failed", "cancelled"], int]
    """Their number by state."""
    oldest_waiting_s: float | None
    """Age of the oldest job in the queue. Null without one."""
    running: list[StatusJob]
    """Those that are worked on, 50 at most."""


class StatusQueue(Documented):
    """What waits in one lane for a model."""

    lane: Literal["short", "step", "final", "ahead", "bulk", "jobs"]
    """`short`: speech detection and punctuation. `step`: partial texts. `final`: final texts of live speech. `ahead`:
    live audio that comes faster than speech. `bulk`: uploads. `jobs`: jobs."""
    waiting: int = Field(ge=0)
    """Calls that wait."""
    oldest_ms: int = Field(ge=0)
    """For how long the first of them has waited."""


class StatusBatch(Documented):
    """Sizes of the batches of a stage in the last minute."""

    stage: str
    """The stage, such as `recognize`."""
    runs: int = Field(ge=0)
    """Batches that ran."""
    mean: float = Field(ge=0)
    """Mean number of items in them."""
    largest: int = Field(ge=0)
    """Items of the largest."""


class StatusLatency(Documented):
    """Seconds from the audio that made live results possible to their sending."""

    count: int = Field(ge=0)
    """Results."""
    p50_ms: int = Field(ge=0)
    """Half of them were faster. Of several processes the slowest counts."""
    p95_ms: int = Field(ge=0)
    """95 % of them were faster. Of several processes the slowest counts."""


class StatusPoint(Documented):
    """Five seconds of the last ten minutes."""

    at_s: int
    """Their end, in seconds since 1970."""
    latencies: dict[Literal["partial", "final"], StatusLatency]
    """Latencies of live results. A kind without results is absent."""
    live_sessions: int = Field(ge=0)
    """Open live connections."""
    uploads: int = Field(ge=0)
    """Uploads in progress."""
    queued: int = Field(ge=0)
    """Calls that wait for a model."""
    memory_bytes: int = Field(ge=0)
    """Resident memory, without that of decode children."""


class StatusModel(ModelFacts):
    """A model of the server."""

    name: str
    """Its name."""
    bundle: str
    """Bundle that it is in, as the settings name it."""
    users: int = Field(ge=0)
    """Requests and live utterances that use it now."""
    loaded_in: int = Field(ge=0)
    """Processes that have it loaded."""
    reason: str | None
    """Reason why it cannot be loaded. Null where it can."""


class StatusError(Documented):
    """An error that a client was told."""

    at_s: float
    """When, in seconds since 1970."""
    request_id: str
    """Id of the request or the connection."""
    path: str
    """Path of the request."""
    code: str
    """Code of the error."""
    message: str
    """Its message."""
    status: int | None
    """Status of the answer. Null for live clients."""
    has_trace: bool
    """True if there is a trace of this id."""


class Status(Documented):
    """What the server does now. Nothing of it says what was spoken."""

    version: str
    """Version of the server."""
    at_s: float
    """When, in seconds since 1970."""
    state: Literal["serving", "drained", "stopping", "stuck"]
    """State of the process that answers."""
    workers: list[StatusWorker]
    """The server processes."""
    silent_workers: list[int]
    """Numbers of processes that do not answer the others, and are in none of these figures."""
    sessions: StatusSessions
    """Live sessions."""
    uploads: StatusUploads
    """Uploads in progress."""
    jobs: StatusJobs | None
    """Jobs. Null while there are none, or they cannot be counted."""
    queues: list[StatusQueue]
    """What waits for a model, by lane."""
    batches: list[StatusBatch]
    """Sizes of batches by stage."""
    history: list[StatusPoint]
    """The last ten minutes."""
    models: list[StatusModel]
    """The models."""
    errors: list[StatusError]
    """The last 50 errors, the newest first."""


class DrainState(Documented):
    """What the server does about new work, and what it still has to do."""

    state: Literal["serving", "drained", "stopping", "stuck"]
    """`drained`: it takes no new work. The server may be stopped without loss once nothing is in progress."""
    live_sessions: int = Field(ge=0)
    """Live sessions, with those whose clients are away."""
    uploads: int = Field(ge=0)
    """Uploads in progress."""


class Trace(Documented):
    """A trace in the Trace Event Format."""

    trace_events: list[dict[str, Any]] = Field(alias="traceEvents")
    """Its events: names of tracks (`ph` `M`), and spans (`ph` `X`) with `ts` and `dur` in microseconds."""
    display_time_unit: Literal["ms"] = Field(alias="displayTimeUnit")
    """How viewers show times."""
    other_data: dict[str, str] = Field(alias="otherData")
    """The id of the request."""
