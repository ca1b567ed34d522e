"""The status of one server process, as JSON that other processes can add to theirs."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.scheduling.batches import Lane
from paraserve.server.http.health import model_state
from paraserve.server.http.upload_progress import UploadProgress, UploadsInProgress
from paraserve.server.live.session_facts import SessionFacts
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.history import BatchSizes, Load, Point, joined_sizes
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.process_memory import memory_bytes
from paraserve.server.telemetry.recent_errors import RecentErrors
from paraserve.server.telemetry.timelines import Timelines

BATCH_POINTS = 12
"""Sizes of batches are those of the last minute."""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """Everything that the status of a process tells of.

    `decode_memory_bytes` gives the memory of its decode children, `memory_limit_bytes` is the limit for both
    together, 0 = none. `jobs_in_progress` gives the number of jobs that it works on.
    """

    engine: RoutedEngine
    readiness: Readiness
    metrics: Metrics
    live: LiveService
    uploads: UploadsInProgress
    errors: RecentErrors
    timelines: Timelines
    memory_limit_bytes: int
    decode_memory_bytes: Callable[[], int]
    jobs_in_progress: Callable[[], int]
    started_s: float = field(default_factory=time.monotonic)

    def look(self) -> Json:
        """Return the status now."""
        return {
            "worker": self._worker(),
            "sessions": [_session(facts) for facts in self._sessions()],
            "uploads": [_upload(one) for one in self.uploads.all],
            "queues": self._queues(),
            "batches": [_batches(stage, sizes) for stage, sizes in self._batch_sizes().items()],
            "history": [_point(point) for point in self.metrics.history.points],
            "models": [model_state(status) | {"bundle": status.bundle} for status in self.engine.statuses],
            "errors": [asdict(error) for error in self.errors.errors],
            "traces": sorted(self.timelines.ids),
        }

    def load(self) -> Load:
        """Return what is in progress now."""
        queued = sum(self.engine.queued.values())
        return Load(len(self.live.connections), len(self.uploads.all), queued, memory_bytes())

    @property
    def state(self) -> str:
        """Return what the process does about new work, in a word."""
        if self.readiness.is_draining:
            return "stopping"
        if self.readiness.is_stuck:
            return "stuck"
        return "serving" if self.readiness.takes_work else "drained"

    def _worker(self) -> Json:
        return {
            "pid": os.getpid(),
            "state": self.state,
            "uptime_s": round(time.monotonic() - self.started_s, 1),
            "live_sessions": len(self.live.connections),
            "live_limit": self.live.admission.limit,
            "degradation_level": self.metrics.live_load.level,
            "uploads": len(self.uploads.all),
            "jobs_in_progress": self.jobs_in_progress(),
            "memory_bytes": memory_bytes(),
            "decode_memory_bytes": self.decode_memory_bytes(),
            "memory_limit_bytes": self.memory_limit_bytes or None,
        }

    def _sessions(self) -> list[SessionFacts]:
        return [connection.facts for connection in self.live.connections] + self.live.away

    def _queues(self) -> list[Json]:
        waiting, waited_s = self.engine.queued, self.engine.waited_s
        return [
            {
                "lane": lane.name.lower(),
                "waiting": waiting.get(lane, 0),
                "oldest_ms": round(waited_s.get(lane, 0.0) * 1000),
            }
            for lane in Lane
        ]

    def _batch_sizes(self) -> dict[str, BatchSizes]:
        points: Sequence[Point] = list(self.metrics.history.points)[-BATCH_POINTS:]
        return joined_sizes(points)


def _session(facts: SessionFacts) -> Json:
    return asdict(facts) | {"pid": os.getpid(), "age_s": round(facts.age_s, 1)}


def _upload(upload: UploadProgress) -> Json:
    return {
        "pid": os.getpid(),
        "request_id": upload.request_id,
        "path": upload.path,
        "address": upload.address,
        "key": upload.key,
        "age_s": round(upload.age_s, 1),
        "state": upload.state,
        "received_bytes": upload.received_bytes,
        "recognized_ms": upload.recognized_ms,
        "duration_ms": upload.duration_ms,
    }


def _batches(stage: str, sizes: BatchSizes) -> Json:
    return {"stage": stage, **asdict(sizes)}


def _point(point: Point) -> Json:
    latencies = {kind: asdict(found) for kind, found in point.latencies.items()}
    return {"at_s": point.at_s, "latencies": latencies, **asdict(point.load)}
