"""The status of a server: that of all its worker processes together, and the jobs of their database."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paraserve import __version__
from paraserve.errors import TraceNotFoundError
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.status.drain_switch import DrainSwitch
from paraserve.server.status.job_status import JobStatus
from paraserve.server.status.joining import joined_batches, joined_history, joined_models, joined_queues
from paraserve.server.status.process_status import ProcessStatus
from paraserve.server.status.trace_json import trace_json
from paraserve.server.status.worker_sockets import ask_others
from paraserve.server.telemetry.recent_errors import MAX_ERRORS

MAX_LISTED = 500
"""Sessions and uploads that are listed. Their numbers count all."""
KEPT_S = 0.5
"""However many operators look, the workers are asked so often at most."""


@dataclass(slots=True)
class WholeStatus:
    """The status of a server, from the worker that was asked. `folder` is where its workers meet, None for one."""

    own: ProcessStatus
    jobs: JobStatus
    switch: DrainSwitch
    folder: Path | None
    _told: Json = field(default_factory=dict)
    _told_s: float = float("-inf")

    async def look(self) -> Json:
        """Return the status of all workers now."""
        if time.monotonic() - self._told_s >= KEPT_S:
            others = await ask_others(self.folder, {"ask": "status"})
            parts = [self.own.look(), *(one for one in others.values() if one is not None)]
            silent = [pid for pid, one in others.items() if one is None]
            self._told = self._joined(parts) | {"silent_workers": silent, "jobs": await self.jobs.look()}
            self._told_s = time.monotonic()
        return self._told

    async def trace(self, request_id: str) -> Json:
        """Return the trace of a session or upload, whichever worker has it.

        Raises:
            TraceNotFoundError: none has.
        """
        found = self._own_trace(request_id)
        if found is None:
            answers = await ask_others(self.folder, {"ask": "trace", "request_id": request_id})
            found = next((one["trace"] for one in answers.values() if one and one["trace"]), None)
        if found is None:
            raise TraceNotFoundError("there is no trace of this id: it is too old, or nothing came with it")
        return found

    async def drain(self, *, ends_sessions: bool) -> None:
        """Let all workers take no new work."""
        self.switch.drain(ends_sessions=ends_sessions)
        await ask_others(self.folder, {"ask": "drain", "ends_sessions": ends_sessions})
        self._told_s = float("-inf")

    async def take_work(self) -> None:
        """Let all workers take new work again."""
        self.switch.take_work()
        await ask_others(self.folder, {"ask": "take work"})
        self._told_s = float("-inf")

    async def follow_others(self) -> None:
        """Take no new work where another worker takes none: this one has just started, in place of one perhaps."""
        answers = await ask_others(self.folder, {"ask": "state"})
        if any(one is not None and one["is_drained"] for one in answers.values()):
            self.switch.drain()

    async def answer(self, question: Json) -> Json:
        """Answer another worker."""
        match question["ask"]:
            case "status":
                return self.own.look()
            case "trace":
                return {"trace": self._own_trace(question["request_id"])}
            case "drain":
                self.switch.drain(ends_sessions=question["ends_sessions"])
            case "take work":
                self.switch.take_work()
        return {"is_drained": self.switch.is_drained}

    def _own_trace(self, request_id: str) -> Json | None:
        timeline = self.own.timelines.find(request_id)
        return None if timeline is None else trace_json(request_id, timeline.events())

    def _joined(self, parts: Sequence[Json]) -> Json:
        workers = sorted((part["worker"] for part in parts), key=lambda worker: worker["pid"])
        sessions = sorted((one for part in parts for one in part["sessions"]), key=lambda one: -one["age_s"])
        uploads = sorted((one for part in parts for one in part["uploads"]), key=lambda one: -one["age_s"])
        errors = sorted((one for part in parts for one in part["errors"]), key=lambda one: -one["at_s"])
        traced = {one for part in parts for one in part["traces"]}
        return {
            "version": __version__,
            "at_s": round(time.time(), 1),
            "state": self.own.state,
            "workers": workers,
            "sessions": {"count": len(sessions), "data": sessions[:MAX_LISTED]},
            "uploads": {"count": len(uploads), "data": uploads[:MAX_LISTED]},
            "queues": joined_queues([part["queues"] for part in parts]),
            "batches": joined_batches([part["batches"] for part in parts]),
            "history": joined_history([part["history"] for part in parts]),
            "models": joined_models([part["models"] for part in parts]),
            "errors": [one | {"has_trace": one["request_id"] in traced} for one in errors[:MAX_ERRORS]],
        }
