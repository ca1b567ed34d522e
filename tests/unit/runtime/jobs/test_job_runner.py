"""Attempts at jobs: the result is the direct one's, and whatever goes wrong, no work and no sentence is lost."""

import asyncio
import io
import json
import random
import zlib
from dataclasses import dataclass

import pytest

from paraserve.errors import AudioError, InferenceError
from paraserve.formats import sentence_event, transcript_json
from paraserve.job_errors import DatabaseAwayError
from paraserve.runtime.jobs.job import JobError
from paraserve.runtime.jobs.working import attempt as attempts
from paraserve.runtime.recorded_file import transcribe_file
from paraserve.runtime.scheduling.batches import Lane
from support.jobs import FILE_LIMITS, OPTIONS, DeadStore, jobs_in, with_store
from support.loud_engine import LoudEngine, bursts, wav_of

N_BURSTS = 12


def without_timing(body):
    return {name: value for name, value in body.items() if name != "timing"}


async def direct(jobs, recording):
    """The transcript of an upload."""
    return await transcribe_file(LoudEngine(), jobs.place.pool, recording, OPTIONS, FILE_LIMITS)


async def assert_is_direct(jobs, recording, job_id="job"):
    """The stored transcript, and the sentences that were told, are those of an upload."""
    transcript = await direct(jobs, recording)
    stored = json.loads(await jobs.store.transcript(job_id, None))
    assert without_timing(stored) == without_timing(transcript_json(transcript))
    told = await jobs.sentences(job_id)
    assert told == [{"index": n, **sentence_event(one)} for n, one in enumerate(transcript.sentences)]
    assert len(told) == N_BURSTS


async def test_the_result_is_the_direct_one(tmp_path):
    """Text, times and sentences are those of an upload; all calls are in the lane behind the uploads."""
    engine, recording = LoudEngine(), wav_of(bursts(N_BURSTS))
    async with jobs_in(tmp_path, engine) as jobs, jobs.working():
        await jobs.submit(recording)
        job = await jobs.ended()
        assert (job.state, job.attempts, job.error, jobs.outcomes) == ("done", 1, None, ["done"])
        assert job.progress.done_ms == job.progress.duration_ms == 42_000
        await assert_is_direct(jobs, recording)
    assert engine.lanes == {Lane.JOBS}


async def test_a_server_that_stops_gives_the_job_back(tmp_path, monkeypatch, full):
    """Stopped at any point, the attempt does not count, and no segment is recognized twice that was not in work."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.02)
    recording = wav_of(bursts(N_BURSTS))
    for _ in range(40 if full else 4):
        engine = LoudEngine(pace_s=0.02)
        folder = tmp_path / str(random.random())
        folder.mkdir()
        async with jobs_in(folder, engine) as jobs:
            await jobs.submit(recording)
            while (job := await jobs.store.get("job", None)).state != "done":
                async with jobs.working():
                    await asyncio.sleep(random.uniform(0.0, 0.15))
            assert job.attempts == 1
            await assert_is_direct(jobs, recording)
        assert sum(engine.heard.values()) == N_BURSTS


async def test_a_killed_attempt_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch):
    """Another runner takes over once the lease has ended, and recognizes nothing again that was kept."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.05)
    monkeypatch.setattr(attempts, "RELEASE_TIMEOUT_S", 0.01)
    engine, recording = LoudEngine(hold_after=6), wav_of(bursts(N_BURSTS))
    monkeypatch.setattr("paraserve.runtime.offline.IN_FLIGHT_MS", 4_000)
    async with jobs_in(tmp_path, engine, lease_s=1.0) as jobs:
        await jobs.submit(recording)
        dying = DeadStore(jobs.store)
        async with with_store(jobs, dying).working():
            await jobs.reached("job", lambda job: job.progress.segments_done >= 4)
            dying.kill()
        n_heard, engine.hold_after = engine.heard.total(), None
        kept = attempts.KeptSegments()
        kept.load(await jobs.store.checkpoints("job"))
        n_kept = len(kept._kept)
        assert 0 < n_kept <= n_heard < N_BURSTS
        async with jobs.working("second"):
            job = await jobs.ended()
        assert (job.state, job.attempts, job.progress.segments_kept) == ("done", 2, n_kept)
        assert sum(engine.heard.values()) - n_heard == N_BURSTS - n_kept
        await assert_is_direct(jobs, recording)


async def test_failures_that_may_pass_are_tried_again(tmp_path, monkeypatch):
    """A failed segment is recognized by a later attempt, and the others are not again."""
    monkeypatch.setattr("paraserve.runtime.offline.IN_FLIGHT_MS", 1_000)
    engine = LoudEngine(failing=[InferenceError("the model is ill")] * 2)
    recording = wav_of(bursts(N_BURSTS))
    async with jobs_in(tmp_path, engine) as jobs, jobs.working():
        await jobs.submit(recording)
        job = await jobs.ended()
        assert (job.state, job.attempts, job.error) == ("done", 3, None)
        assert jobs.outcomes == ["retry", "retry", "done"]
        await assert_is_direct(jobs, recording)
    assert set(engine.heard.values()) == {1}


async def test_a_job_is_given_up_in_the_end(tmp_path):
    """After the last attempt it is a dead letter, with the reason."""
    engine = LoudEngine(failing=[InferenceError("the model is ill")] * 100)
    async with jobs_in(tmp_path, engine, max_attempts=3) as jobs, jobs.working():
        await jobs.submit(wav_of(bursts(1)))
        job = await jobs.ended()
        assert (job.state, job.attempts, job.is_dead) == ("failed", 3, True)
        assert job.error == JobError("inference_failed", "the model is ill")
        assert jobs.outcomes == ["retry", "retry", "dead"]


@pytest.mark.parametrize(
    ("error", "code"), [(AudioError("bad"), "invalid_audio"), (ValueError("of ours"), "internal_error")]
)
async def test_failures_for_good_and_defects(tmp_path, error, code):
    """What is wrong with the recording is told at once. A defect is tried again, and tells no client its inside."""
    engine = LoudEngine(failing=[error] * 2)
    async with jobs_in(tmp_path, engine, max_attempts=2) as jobs, jobs.working():
        await jobs.submit(wav_of(bursts(1)))
        job = await jobs.ended()
        assert (job.state, job.error.code) == ("failed", code)
        assert (job.attempts, job.is_dead) == ((2, True) if code == "internal_error" else (1, False))
        assert "of ours" not in job.error.message


async def test_no_recording_is_a_failure_for_good(tmp_path):
    """A file that is none is refused by the decoder, without another attempt."""
    async with jobs_in(tmp_path, LoudEngine()) as jobs, jobs.working():
        await jobs.submit(io.BytesIO(b"no audio" * 100))
        job = await jobs.ended()
        assert (job.state, job.attempts, job.is_dead, job.error.code) == ("failed", 1, False, "unsupported_format")


async def test_a_job_that_takes_too_long(tmp_path):
    """Its attempt ends, all of its work is cancelled, and it is tried again."""
    engine = LoudEngine(is_held=True)
    async with jobs_in(tmp_path, engine, max_attempts=2) as jobs, jobs.working():
        await jobs.submit(wav_of(bursts(3)), timeout_s=0.1)
        job = await jobs.ended()
        assert (job.state, job.attempts, job.error.code, job.is_dead) == ("failed", 2, "job_timeout", True)
    assert engine.cancelled == engine.started == 6


async def test_cancelling_a_running_job_frees_everything(tmp_path, monkeypatch):
    """Its calls are cancelled, and the next job is worked on."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.02)
    engine = LoudEngine(is_held=True)
    async with jobs_in(tmp_path, engine, at_once=1) as jobs, jobs.working():
        await jobs.submit(wav_of(bursts(3)))
        await jobs.submit(wav_of(bursts(2)), "next")
        await jobs.reached("job", lambda job: job.state == "running")
        await jobs.store.cancel("job", None)
        assert (await jobs.ended()).state == "cancelled"
        assert engine.cancelled == 3
        engine.is_held = False
        assert (await jobs.ended("next")).state == "done"
    assert jobs.outcomes == ["cancelled", "done"]


class AwayStore(DeadStore):
    """A store that does not answer for a while."""

    is_away = False

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*args, **kwargs):
            if self.is_away:
                raise DatabaseAwayError("the database does not answer")
            return await method(*args, **kwargs)

        return call


async def test_a_database_that_is_away_stops_no_work(tmp_path, monkeypatch):
    """The recognition goes on, and all is written once it is back: nothing is lost, and nothing done twice."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.02)
    engine, recording = LoudEngine(pace_s=0.02), wav_of(bursts(N_BURSTS))
    async with jobs_in(tmp_path, engine, lease_s=30) as jobs:
        away = AwayStore(jobs.store)
        await jobs.submit(recording)
        async with with_store(jobs, away).working():
            await jobs.reached("job", lambda job: job.state == "running")
            away.is_away = True
            async with asyncio.timeout(20):
                while sum(engine.heard.values()) < N_BURSTS:  # noqa: ASYNC110 - the engine counts
                    await asyncio.sleep(0.02)
            assert (await jobs.store.get("job", None)).state == "running"
            away.is_away = False
            assert (await jobs.ended()).attempts == 1
        await assert_is_direct(jobs, recording)
    assert sum(engine.heard.values()) == N_BURSTS


async def test_a_lost_lease_ends_the_attempt(tmp_path, monkeypatch):
    """A database that stays away for longer than the lease: another runner has the job then, and writes alone."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.02)
    engine, recording = LoudEngine(is_held=True), wav_of(bursts(N_BURSTS))
    async with jobs_in(tmp_path, engine, lease_s=1.0) as jobs:
        away = AwayStore(jobs.store)
        await jobs.submit(recording)
        async with with_store(jobs, away).working():
            await jobs.reached("job", lambda job: job.state == "running")
            away.is_away = True
            job = None
            async with asyncio.timeout(20):
                while job is None:
                    job = await jobs.store.claim("another", 30.0)
                    await asyncio.sleep(0.05)
            away.is_away = False
            async with asyncio.timeout(20):
                while jobs.outcomes != ["lost"]:  # noqa: ASYNC110 - it is told by a call
                    await asyncio.sleep(0.02)
        assert job.attempts == 2
        assert engine.cancelled == engine.started
        now = await jobs.store.get("job", None)
        assert (now.state, now.lease) == ("running", job.lease)


async def test_a_job_whose_server_dies_each_time(tmp_path):
    """It is given up after as many stops as a job may have, for it may be the cause."""
    async with jobs_in(tmp_path, LoudEngine(), max_attempts=1, max_stops=2) as jobs:
        await jobs.submit(wav_of(bursts(1)))
        for _ in range(2):
            await _dying_attempt(jobs)
        async with jobs.working():
            job = await jobs.ended()
        assert (job.state, job.attempts, job.is_dead, job.error.code) == ("failed", 3, True, "attempts_used")


async def test_a_job_that_goes_on_between_deaths(tmp_path):
    """It is not given up, however often its server dies: what is kept each time shows that it gets to its end."""
    async with jobs_in(tmp_path, LoudEngine(), max_stops=2) as jobs:
        await jobs.submit(wav_of(bursts(1)))
        for number in range(5):
            job = await _dying_attempt(jobs)
            assert job.stops == min(number + 1, 2)
            await jobs.store.save_checkpoint(job.id, job.lease, zlib.compress(b""))
        async with jobs.working():
            job = await jobs.ended()
        assert (job.state, job.attempts) == ("done", 6)


async def test_failures_count_while_nothing_new_is_kept(tmp_path, monkeypatch):
    """Attempts that each recognize a segment more bring the job to its end, however many fail."""
    monkeypatch.setattr("paraserve.runtime.offline.IN_FLIGHT_MS", 1_000)
    engine = EverySecondFails()
    async with jobs_in(tmp_path, engine, max_attempts=2) as jobs, jobs.working():
        await jobs.submit(wav_of(bursts(N_BURSTS)))
        job = await jobs.ended()
        assert (job.state, jobs.outcomes[-1]) == ("done", "done")
        assert job.attempts == len(jobs.outcomes) > 3


@dataclass
class EverySecondFails(LoudEngine):
    n_calls: int = 0

    async def recognize(self, audio, options, lane=Lane.BULK):
        self.n_calls += 1
        if self.n_calls % 2 == 0:
            raise InferenceError("the model is ill")
        return await super().recognize(audio, options, lane)


async def _dying_attempt(jobs):
    await asyncio.sleep(0.05)
    job = await jobs.store.claim("dying", 0.03)
    assert job is not None
    return job


async def test_a_recording_at_a_url(tmp_path):
    """It is fetched into the store by the first attempt, with its name, and not fetched again."""
    engine, recording = LoudEngine(failing=[InferenceError("ill")]), wav_of(bursts(N_BURSTS))
    (tmp_path / "talk.wav").write_bytes(recording.getvalue())
    async with jobs_in(tmp_path, engine) as jobs, jobs.working():
        await jobs.submit(url=(tmp_path / "talk.wav").as_uri())
        await jobs.reached("job", lambda job: job.recording)
        (tmp_path / "talk.wav").unlink()
        job = await jobs.ended()
        assert (job.state, job.request.filename, job.recording) == ("done", "talk.wav", "job")
        assert job.size_bytes == len(recording.getvalue())
        await assert_is_direct(jobs, recording)


async def test_a_forbidden_url_is_a_failure_for_good(tmp_path):
    """It is not fetched, whoever has put it into the database."""
    async with jobs_in(tmp_path, LoudEngine()) as jobs, jobs.working():
        await jobs.submit(url="http://127.0.0.1/talk.wav")
        job = await jobs.ended()
        assert (job.state, job.attempts, job.error.code) == ("failed", 1, "url_not_allowed")


async def test_several_jobs_at_once(tmp_path):
    """As many as the limit says, no more."""
    engine = LoudEngine(is_held=True)
    async with jobs_in(tmp_path, engine, at_once=3) as jobs, jobs.working() as runner:
        for number in range(5):
            await jobs.submit(wav_of(bursts(1)), f"job{number}")
        async with asyncio.timeout(10):
            while engine.started < 3:  # noqa: ASYNC110 - the engine counts
                await asyncio.sleep(0.01)
        assert runner.in_progress == engine.started == 3
        engine.is_held = False
        for number in range(5):
            assert (await jobs.ended(f"job{number}")).state == "done"
