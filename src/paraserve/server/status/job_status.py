"""Jobs for the status: counted at most every other second, however many operators look."""

import time
from dataclasses import dataclass

import structlog

from paraserve.errors import StorageError
from paraserve.runtime.jobs.job import STATES, Job, JobFilter
from paraserve.server.jobs.job_json import progress_json
from paraserve.server.jobs.job_service import JobService
from paraserve.server.protocols.json_encoding import Json

LOOK_S = 2.0
MAX_RUNNING = 50
"""Running jobs that are listed."""

log = structlog.get_logger()


@dataclass(slots=True)
class JobStatus:
    """Jobs of the database, which all processes that share it have alike."""

    jobs: JobService
    _told: Json | None = None
    _looked_s: float = float("-inf")

    async def look(self) -> Json | None:
        """Return the counts and the running jobs; None while there are no jobs, or they cannot be counted."""
        if time.monotonic() - self._looked_s >= LOOK_S:
            self._told = await self._look()
            self._looked_s = time.monotonic()
        return self._told

    async def _look(self) -> Json | None:
        store = self.jobs.store()
        if store is None:
            return None
        try:
            counts = await store.counts()
            oldest_s = await store.oldest_waiting_s()
            running, _ = await store.list(JobFilter(key_name=None, states=("running",), limit=MAX_RUNNING))
        except StorageError as error:
            log.warning("jobs cannot be counted now", error=error.message)
            return None
        return {
            "counts": {state: counts.get(state, 0) for state in STATES},
            "oldest_waiting_s": None if oldest_s is None else round(oldest_s, 1),
            "running": [_job(job) for job in running],
        }


def _job(job: Job) -> Json:
    age_s = max(0.0, time.time() - job.created_s)
    progress = progress_json(job.progress)
    facts = {name: progress[name] for name in ("done_ms", "duration_ms", "percent", "eta_s")}
    return {"id": job.id, "key": job.key_name or None, "age_s": round(age_s, 1), "attempts": job.attempts, **facts}
