"""A job of a whole day in bounded memory, which a second runner goes on with from where the first one was killed."""

import asyncio
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from paraserve.inference.base import VadStep
from paraserve.options import NO_OVERRIDES
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.jobs.working import attempt as attempts
from paraserve.runtime.recorded_file import transcribe_file
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import FRAME_SAMPLES, SAMPLE_RATE, Hypothesis, Token, VadEvent
from support.jobs import FILE_LIMITS, OPTIONS, DeadStore, jobs_in, with_store
from support.loud_engine import LoudEngine

PERIOD_S, BURST_S = 3.0, 0.5
N_LEVELS = 2**14
WORDS = 8
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
MIB = 1024**2


def write_recording(path, hours):
    """A WAV with a burst each three seconds, no two of which are equal within half a day. The pauses take no room."""
    n_bursts, period, burst = int(hours * 3600 / PERIOD_S), int(PERIOD_S * SAMPLE_RATE), int(BURST_S * SAMPLE_RATE)
    n_bytes = n_bursts * period * 2
    path.parent.mkdir()
    with path.open("wb") as file:
        fmt = (
            b"RIFF",
            n_bytes + 36,
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            SAMPLE_RATE,
            2 * SAMPLE_RATE,
            2,
            16,
            b"data",
            n_bytes,
        )
        file.write(HEADER.pack(*fmt))
        for number in range(n_bursts):
            file.seek(HEADER.size + 2 * number * period)
            length = burst + number // N_LEVELS * FRAME_SAMPLES
            file.write(np.full(length, 1000 + number % N_LEVELS, "<i2").tobytes())
        file.truncate(HEADER.size + n_bytes)
    return n_bursts


@dataclass
class QuickVadStream:
    """Speech is what is not zero, in whole frames."""

    lookback_ms: int = 10
    n_frames: int = 0
    was_loud: bool = False
    rest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    async def step(self, samples, *, is_last):
        heard = np.concatenate((self.rest, samples))
        n_new = len(heard) // FRAME_SAMPLES
        self.rest = heard[n_new * FRAME_SAMPLES :]
        is_loud = heard[: n_new * FRAME_SAMPLES].reshape(n_new, FRAME_SAMPLES).any(axis=1)
        edges = np.flatnonzero(np.diff(is_loud, prepend=self.was_loud))
        events = [VadEvent("start" if is_loud[at] else "end", int(self.n_frames + at) * 10) for at in edges]
        self.n_frames += n_new
        self.was_loud = bool(is_loud[-1]) if n_new else self.was_loud
        if is_last and self.was_loud:
            events.append(VadEvent("end", self.n_frames * 10))
        return Timed(VadStep(tuple(events), np.zeros((n_new, 80), np.float32)), 0.0, 0.0)


def hears(samples):
    """Some words, of which one tells the level."""
    level = round(float(samples[0]) * 32768)
    tokens = tuple(Token(f"w{level}" if n == 0 else "字", n * 50, n * 50 + 50, 0.5, (n,)) for n in range(WORDS))
    return Hypothesis(tokens, text="".join(token.text for token in tokens))


class QuickEngine(LoudEngine):
    """Hears each burst, at once."""

    def open_vad(self, lane=Lane.BULK, overrides=NO_OVERRIDES):
        return QuickVadStream()


def memory_bytes():
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


async def peak_memory(peak):
    """Note the largest memory so far in `peak`."""
    while True:
        peak.append(max(peak.pop(), memory_bytes()))
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("hours", [0.2, pytest.param(24, marks=[pytest.mark.full, pytest.mark.timeout(1200)])])
async def test_a_long_job_is_not_begun_again(tmp_path, monkeypatch, hours):
    """Killed at half, it recognizes only what was not kept, in a fraction of the memory that its audio has."""
    if hours < 1:
        monkeypatch.setattr(attempts, "REPORT_S", 0.03)
        monkeypatch.setattr("paraserve.runtime.offline.IN_FLIGHT_MS", 2_000)
    monkeypatch.setattr(attempts, "RELEASE_TIMEOUT_S", 0.01)
    n_bursts = write_recording(tmp_path / "recordings" / "job", hours)
    engine = QuickEngine(hears=hears, pace_s=0.002, hold_after=int(0.6 * n_bursts))
    peak = [memory_bytes()]
    before_bytes = peak[0]
    watching = asyncio.create_task(peak_memory(peak))
    async with jobs_in(tmp_path, engine, lease_s=2.0 if hours < 1 else 20.0) as jobs:
        await jobs.submit_stored()
        dying = DeadStore(jobs.store)
        async with with_store(jobs, dying).working():
            await jobs.reached("job", lambda job: job.progress.done_ms >= hours * 1_800_000, timeout_s=600)
            dying.kill()
        n_first, engine.hold_after = engine.heard.total(), None
        async with jobs.working("second"):
            job = await jobs.ended(timeout_s=600)
        watching.cancel()
        n_second = engine.heard.total() - n_first
        assert (job.state, job.attempts) == ("done", 2)
        assert job.progress.segments_done == n_bursts
        assert job.progress.segments_kept == n_bursts - n_second >= 0.45 * n_bursts
        assert n_second > 0
        stored = json.loads(await jobs.store.transcript("job", None))
        sentences = await jobs.sentences()
    assert [one["text"] for one in stored["sentences"]] == [one["text"] for one in sentences]
    assert [one["index"] for one in sentences] == list(range(n_bursts))
    print(f"{hours} h: {n_first} + {n_second} of {n_bursts} segments, {(peak[0] - before_bytes) / MIB:.0f} MiB more")
    audio_bytes = hours * 3600 * SAMPLE_RATE * 4
    assert peak[0] - before_bytes < max(150 * MIB, 0.12 * audio_bytes)


@pytest.mark.full
@pytest.mark.timeout(1200)
async def test_a_long_upload_takes_no_more_memory(tmp_path):
    """A day of audio that is sent directly."""
    n_bursts = write_recording(tmp_path / "recordings" / "upload", 24)
    peak = [memory_bytes()]
    before_bytes = peak[0]
    watching = asyncio.create_task(peak_memory(peak))
    pool = DecodePool()
    file = tmp_path / "recordings" / "upload"
    transcript = await transcribe_file(QuickEngine(hears=hears), pool, file, OPTIONS, FILE_LIMITS)
    watching.cancel()
    await pool.close()
    assert len(transcript.sentences) == n_bursts
    assert peak[0] - before_bytes < 0.12 * 24 * 3600 * SAMPLE_RATE * 4
