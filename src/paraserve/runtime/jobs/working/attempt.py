"""One attempt at a job, from its claim to its end.

The recording is transcribed as an upload's is. Meanwhile the lease is prolonged about once a second, and with it goes
what there is to tell: recognized segments, final sentences, and the progress. Sentences are told once their segments
are kept, so that a later attempt does not tell others.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from paraserve.errors import ParaserveError, ShuttingDownError
from paraserve.formats import sentence_event, transcript_json
from paraserve.inference.abilities import ModelChoice
from paraserve.job_errors import AttemptsUsedError, JobTimeoutError, LeaseLostError
from paraserve.options import RecognitionOptions
from paraserve.runtime.channels.split_recording import transcribe_recording
from paraserve.runtime.decoding.decoded_recording import RecordingOpener
from paraserve.runtime.engine import Engine
from paraserve.runtime.in_thread import entered_in_thread
from paraserve.runtime.jobs.job import Job
from paraserve.runtime.jobs.job_plan import JobPlan
from paraserve.runtime.jobs.working.attempt_watch import AttemptEnd
from paraserve.runtime.jobs.working.fetching import with_recording
from paraserve.runtime.jobs.working.job_engine import JobEngine
from paraserve.runtime.jobs.working.kept_segments import KeptSegments
from paraserve.runtime.jobs.working.leased_job import LeasedJob
from paraserve.runtime.jobs.working.progress import AttemptProgress
from paraserve.runtime.jobs.working.retries import job_error, may_pass, retry_in_s
from paraserve.runtime.jobs.working.workplace import Outcome, Workplace
from paraserve.runtime.result_cache.cached_recording import ResultsOf, cached_transcript
from paraserve.types import Sentence, Transcript

REPORT_S = 1.0
"""Time between two reports. Each is a few writes to the database."""
CHECKPOINT_MS = 60_000
"""Audio after which recognized segments are kept, if no sentence has become final meanwhile."""
RELEASE_TIMEOUT_S = 5.0
"""Longest time to give a job back. The lease ends by itself where the database does not answer."""

log = logging.getLogger(__name__)


class Attempt:
    """Works on a job that has just been claimed. `ending` gets what there is to tell of its end."""

    def __init__(self, job: Job, place: Workplace, ending: AttemptEnd) -> None:
        self._job = job
        self._place = place
        self._ending = ending
        self._leased = LeasedJob(place.store, job, place.limits.lease_s)
        self._segments = KeptSegments()
        self._progress = AttemptProgress(self._segments)
        self._sentences: list[Sentence] = []
        self._unsaved: bytes | None = None
        self._failures = job.failures
        self._is_over = asyncio.Event()
        self._is_cancelled = False
        self._work: asyncio.Task[Transcript] | None = None

    async def run(self) -> Outcome:
        """Work on the job to the end of this attempt, and write how it ended. Cancelling it gives the job back."""
        try:
            async with asyncio.TaskGroup() as group:
                reporting = group.create_task(self._report())
                await self._finished_work()
                self._is_over.set()
                await reporting
                return await self._end()
        except ExceptionGroup as errors:
            if errors.subgroup(LeaseLostError) is None:
                raise
            log.warning("job %s: another runner has it, or it was deleted", self._job.id)
            return "lost"
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back())
            raise

    async def _finished_work(self) -> None:
        """Transcribe, for as long as the job may take. Whatever comes of it is left in the task."""
        limits = [limit for limit in (self._job.timeout_s, self._place.limits.timeout_s) if limit]
        self._work = asyncio.create_task(self._transcribe())
        try:
            await asyncio.wait({self._work}, timeout=min(limits, default=None))
        finally:
            self._work.cancel()
            await asyncio.wait({self._work})

    async def _transcribe(self) -> Transcript:
        if self._job.stops > self._place.limits.max_stops:
            raise AttemptsUsedError(f"the server stopped {self._job.stops - 1} times while it worked on the job")
        if self._job.n_checkpoints:
            await asyncio.to_thread(self._segments.load, await self._leased.checkpoints())
        job = await with_recording(self._job, self._place, self._leased)
        asked = self._place.model_of(job.request)
        async with self._place.engine.for_model(asked.name, asked.task, self._job_engine) as engine:
            choice = ModelChoice(engine.abilities, self._place.engine.choice_of(asked.name).warnings)
            plan = self._place.plan(job.request, choice)
            async with self._recording(job, plan) as recording:
                transcript = await cached_transcript(
                    self._results(plan),
                    self._place.pool,
                    recording,
                    plan.options,
                    partial(self._recognized, engine, recording, plan.options),
                    limits=self._place.file_limits,
                    model=partial(self._place.engine.made_of, asked.name, asked.task),
                )
        if transcript.is_cached:
            self._sentences.extend(transcript.sentences)
        return replace(transcript, warnings=(*plan.warnings, *transcript.warnings))

    async def _recognized(
        self, engine: Engine, recording: BinaryIO, options: RecognitionOptions, opener: RecordingOpener
    ) -> Transcript:
        return await transcribe_recording(
            engine,
            opener,
            recording,
            options,
            self._place.file_limits,
            on_progress=self._progress.detected,
            on_sentences=self._sentences.extend,
        )

    def _results(self, plan: JobPlan) -> ResultsOf | None:
        """Return the results that the job may get: none where nothing of it is to be stored."""
        results = self._place.results
        if results is None or not self._job.store or not plan.may_be_cached:
            return None
        return results.of(self._job.key_name, "jobs")

    @asynccontextmanager
    async def _recording(self, job: Job, plan: JobPlan) -> AsyncIterator[BinaryIO]:
        async with (
            self._place.recordings.open(job.recording) as stored,
            entered_in_thread(_file(stored)) as file,
            entered_in_thread(plan.with_header(file)) as recording,
        ):
            yield recording

    def _job_engine(self, model: str, engine: Engine) -> Engine:
        return JobEngine(engine, self._place.engine.models.made_of(model), self._segments)

    async def _report(self) -> None:
        """Prolong the lease and tell the progress until the work is over."""
        period_s = min(REPORT_S, self._place.limits.lease_s / 3)
        while not await _is_set(self._is_over, period_s):
            await self._tell()
            if await self._leased.heartbeat(self._progress.now()) and self._work is not None:
                self._is_cancelled = True
                self._work.cancel()

    async def _tell(self) -> None:
        """Write what has become final since the last time, and before it the segments that it comes from."""
        sentences, self._sentences[:] = self._sentences[:], []
        if sentences or self._segments.unsaved_ms >= CHECKPOINT_MS:
            await self._keep_segments()
        if sentences:
            await self._leased.add_sentences([sentence_event(one) for one in sentences], self._progress.now())

    async def _keep_segments(self) -> None:
        # A checkpoint whose writing was cut off may not be there, so it is written again. Twice does no harm.
        while (checkpoint := self._unsaved or self._segments.take_unsaved()) is not None:
            self._unsaved = checkpoint
            await self._leased.save_checkpoint(checkpoint)
            self._unsaved = None
            self._failures = 0

    async def _end(self) -> Outcome:
        """Write how the attempt ended."""
        work = self._work
        assert work is not None, "the work has been begun"
        if self._is_cancelled:
            await self._leased.end_cancelled()
            return "cancelled"
        if work.cancelled():
            return await self._failed(JobTimeoutError("the job took longer than it may"))
        if (error := work.exception()) is not None:
            return await self._failed(error)
        return await self._done(work.result())

    async def _done(self, transcript: Transcript) -> Outcome:
        self._ending.audio_ms = transcript.duration_ms
        text = await asyncio.to_thread(_json, transcript)
        sentences = list(map(sentence_event, self._sentences))
        await self._leased.finish(text, transcript.duration_ms, sentences, self._progress.now())
        return "done"

    async def _failed(self, error: BaseException) -> Outcome:
        if isinstance(error, LeaseLostError):
            raise error
        if isinstance(error, ShuttingDownError):
            await self._keep_segments()
            await self._leased.release()
            return "released"
        if not isinstance(error, ParaserveError):
            log.error("job %s failed on a defect", self._job.id, exc_info=error)
        self._ending.error_code = job_error(error).code
        can_pass = may_pass(error)
        if can_pass:
            await self._keep_segments()
        limits, failures = self._place.limits, self._failures + 1
        if can_pass and failures < limits.max_attempts:
            wait_s = retry_in_s(failures, limits.retry_s)
            log.warning("job %s is tried again in %.1f s: %s", self._job.id, wait_s, error)
            await self._leased.fail(job_error(error), retry_in_s=wait_s, is_dead=False)
            return "retry"
        is_dead = can_pass or isinstance(error, AttemptsUsedError)
        log.warning("job %s failed: %s", self._job.id, error)
        await self._leased.fail(job_error(error), retry_in_s=None, is_dead=is_dead)
        return "dead" if is_dead else "failed"

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self._keep_segments()
                await self._leased.release()
        except LeaseLostError:
            log.info("job %s has ended already", self._job.id)
        except TimeoutError:
            log.warning("job %s could not be given back: its lease ends by itself", self._job.id)


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False


def _json(transcript: Transcript) -> bytes:
    return json.dumps(transcript_json(transcript), ensure_ascii=False, separators=(",", ":")).encode()


def _file(stored: BinaryIO | Path) -> AbstractContextManager[BinaryIO]:
    return stored.open("rb") if isinstance(stored, Path) else nullcontext(stored)
