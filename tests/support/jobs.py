"""Jobs on a whole `Engine` that hears loud bursts, and a runner on a database of its own."""

import asyncio
import io
import wave
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from paraserve.options import NO_OVERRIDES, RecognitionOptions
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
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import SAMPLE_RATE, Samples
from support.fakes import FakeEngine, FakeStream, text_of

FILE_LIMITS = FileLimits(max_duration_ms=48 * 3600 * 1000)
BURST_S, PAUSE_S = 2.0, 1.5
OPTIONS = RecognitionOptions()


def bursts(count: int, first: int = 0) -> Samples:
    """So many stretches of sound with pauses between them, no two of which are equal."""
    parts = []
    for number in range(first, first + count):
        n_samples = int(BURST_S * SAMPLE_RATE) + number // 700 * 160
        parts += [np.full(n_samples, 0.1 + number % 700 / 1000, np.float32), np.zeros(int(PAUSE_S * SAMPLE_RATE))]
    return np.concatenate(parts).astype(np.float32)


def wav_of(samples: Samples) -> io.BytesIO:
    """A WAV of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    file.seek(0)
    return file


@dataclass
class LoudVadStream:
    """Speech is what is loud; see `FakeStream`."""

    stream: FakeStream

    @property
    def lookback_ms(self) -> int:
        return self.stream.lookback_ms

    async def step(self, samples, *, is_last):
        return await self.stream.detect(samples, is_last=is_last)


@dataclass
class LoudEngine(FakeEngine):
    """Hears each burst as one segment. `heard` counts the texts that were recognized, `lanes` the lanes of all calls.

    `pace` is waited for before each recognition, `failing` are errors of the next ones.
    """

    heard: Counter = field(default_factory=Counter)
    lanes: set[Lane] = field(default_factory=set)
    pace_s: float = 0.0
    failing: list[Exception] = field(default_factory=list)

    def open_vad(self, lane=Lane.BULK, overrides=NO_OVERRIDES):
        self.lanes.add(lane)
        return LoudVadStream(FakeStream(self))

    async def recognize(self, audio, options, lane=Lane.BULK):
        self.lanes.add(lane)
        if self.pace_s:
            await asyncio.sleep(self.pace_s)
        if self.failing:
            raise self.failing.pop(0)
        timed = await super().recognize(audio, options, lane)
        self.heard[text_of(audio.samples)] += 1
        return timed

    async def punctuate(self, hypotheses, options, lane=Lane.BULK):
        self.lanes.add(lane)
        timed = await super().punctuate(hypotheses, options, lane)
        return Timed(timed.result, 0.0, 0.0)


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
