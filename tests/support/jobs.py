"""Jobs on a whole `Engine` that hears loud bursts, and a runner on a database of its own."""

import asyncio
import io
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Job, JobEvent, JobRequest, NewJob, Quotas
from paraserve.runtime.jobs.job_plan import AskedModel, JobPlan
from paraserve.runtime.jobs.recordings.folder_store import FolderStore
from paraserve.runtime.jobs.working.runner import JobRunner
from paraserve.runtime.jobs.working.workplace import WorkLimits, Workplace
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.runtime.routing.routed_engine import RoutedEngine

FILE_LIMITS = FileLimits(max_duration_ms=48 * 3600 * 1000)
OPTIONS = RecognitionOptions()


@dataclass
class Jobs:
    """The parts of jobs in one process."""

    store: JobStore
    place: Workplace
    outcomes: list[str] = field(default_factory=list)

    async def submit(self, recording: io.BytesIO | None = None, job_id: str = "job", **fields) -> Job:
        """Hand over a recording."""
        if recording is None:
            return await self._submit(NewJob(job_id, "", JobRequest(), **fields))
        size_bytes = await self.place.recordings.put(job_id, recording)
        return await self.submit_stored(job_id, size_bytes=size_bytes, **fields)

    async def submit_stored(self, job_id: str = "job", **fields) -> Job:
        """Hand over a recording that is stored already."""
        return await self._submit(NewJob(job_id, "", JobRequest(), recording=job_id, **fields))

    async def _submit(self, new: NewJob) -> Job:
        (job,) = await self.store.submit([new], Quotas())
        return job

    @asynccontextmanager
    async def working(self, name: str = "first"):
        """A runner at work. On leaving it is closed."""
        runner = JobRunner(self.place, name)
        task = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            await runner.close()
            await asyncio.gather(task, return_exceptions=True)

    async def ended(self, job_id: str = "job", timeout_s: float = 60.0) -> Job:
        """The job once it has ended."""
        return await self.reached(job_id, lambda job: job.is_finished, timeout_s)

    async def reached(self, job_id, is_there, timeout_s: float = 60.0) -> Job:
        """The job once it is as wanted."""
        seq = 0
        async with asyncio.timeout(timeout_s):
            while not is_there(job := await self.store.get(job_id, None)):
                await self.store.wait(job_id, seq, 0.5)
                seq = max((event.seq for event in await self.store.events(job_id, seq)), default=seq)
        return job

    async def sentences(self, job_id: str = "job") -> list[dict]:
        """The data of all events of sentences."""
        found: list[JobEvent] = []
        while more := await self.store.events(job_id, found[-1].seq if found else 0):
            found += more
        return [dict(event.data) for event in found if event.kind == "sentence"]


@asynccontextmanager
async def jobs_in(folder: Path, engine, options: RecognitionOptions = OPTIONS, asked: str | None = None, **limits):
    """The parts of jobs on a database and recordings in a folder. `engine` may be a `RoutedEngine`."""
    routed = engine if isinstance(engine, RoutedEngine) else RoutedEngine.of_one("fake", "fake", engine)
    store = await JobStore.open(folder / "jobs.sqlite3")
    pool = DecodePool()
    outcomes: list[str] = []
    place = Workplace(
        store,
        FolderStore(folder / "recordings"),
        Fetcher(AddressGuard(()), file_root=str(folder)),
        pool,
        routed,
        plan=lambda _request, _choice: JobPlan(options),
        model_of=lambda _request: AskedModel(asked),
        file_limits=FILE_LIMITS,
        limits=WorkLimits(**{"lease_s": 2.0, "retry_s": 0.05, **limits}),
        on_end=lambda outcome, _age_s: outcomes.append(outcome),
    )
    try:
        yield Jobs(store, place, outcomes)
    finally:
        await pool.close()
        await store.close()


def with_store(jobs: Jobs, store) -> Jobs:
    """The same parts with another store in front of the runner."""
    return replace(jobs, place=replace(jobs.place, store=store))


class DeadStore:
    """A store of a process that dies: from `kill` on, nothing that it begins is ever written."""

    def __init__(self, store):
        self._store = store
        self._is_dead = False

    def kill(self):
        self._is_dead = True

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*args, **kwargs):
            if self._is_dead:
                await asyncio.Event().wait()
            return await method(*args, **kwargs)

        return call
