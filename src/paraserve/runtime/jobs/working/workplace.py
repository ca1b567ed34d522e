"""What attempts at jobs work with, and the operator's limits for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.jobs.job_plan import ModelOf, PlanJob
from paraserve.runtime.jobs.recordings.recording_store import RecordingStore
from paraserve.runtime.jobs.working.attempt_watch import Following, not_followed
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.runtime.result_cache.cached_recording import SharedResults
from paraserve.runtime.routing.routed_engine import RoutedEngine

if TYPE_CHECKING:
    from paraserve.runtime.jobs.database.store import JobStore

Outcome: TypeAlias = Literal["done", "failed", "retry", "dead", "cancelled", "released", "lost"]
"""How an attempt ended: "dead" with a job that was given up after retries, "lost" where another runner has it now."""


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """The operator's limits. `lease_s` is the time without a sign of life after which another runner takes a job.

    `timeout_s` bounds an attempt, 0 = no limit. `retry_s` is the wait before the second one. A job is given up after
    `max_attempts` failures, or when the server has stopped in the midst of it `max_stops` times, if meanwhile nothing
    new was kept.
    """

    at_once: int = 2
    lease_s: float = 30.0
    timeout_s: float = 0.0
    max_attempts: int = 5
    max_stops: int = 10
    retry_s: float = 2.0
    max_fetched_bytes: int = 2 * 1024**3
    fetch_timeout_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Workplace:
    """What attempts work with.

    `pool` is one for jobs alone: a long recording holds a decoder for as long as it is recognized, and uploads would
    wait for it. `results` is the result cache, None without one. `on_end` is called when an attempt has ended, with
    the age of the job in seconds. `following` is the context of each attempt.
    """

    store: "JobStore"
    recordings: RecordingStore
    fetcher: Fetcher
    pool: DecodePool
    engine: RoutedEngine
    plan: PlanJob
    model_of: ModelOf
    file_limits: FileLimits
    limits: WorkLimits
    results: SharedResults | None = None
    on_end: Callable[[Outcome, float], None] = lambda _outcome, _age_s: None
    following: Following = not_followed
