"""A whole recording: everything in order, bounded work in flight, failures and cancellation reach the caller."""

import asyncio

import numpy as np
import pytest

from paraserve.errors import DecoderError, InferenceError
from paraserve.options import RecognitionOptions
from paraserve.runtime.offline import IN_FLIGHT_MS, transcribe
from paraserve.runtime.segments.segmenter import Segmenter
from support.fakes import FakeEngine

SEGMENT_MS = 3000
OPTIONS = RecognitionOptions(itn=False)


def ramp(seconds: float) -> np.ndarray:
    """A signal whose level tells the second it comes from."""
    samples = np.arange(int(seconds * 16000)) // 16000
    return (samples / 1000).astype(np.float32)


async def blocks_of(samples, n_samples, error=None):
    for first in range(0, len(samples), n_samples):
        await asyncio.sleep(0)  # as a decode child would
        yield samples[first : first + n_samples]
    if error is not None:
        raise error


async def settled(engine: FakeEngine, started: int) -> None:
    async with asyncio.timeout(10):
        while engine.started < started:  # noqa: ASYNC110 - the engine counts, it does not signal
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("n_samples", [1600, 16_001, 480_000])
async def test_all_segments_in_order_and_accounted_for(n_samples):
    """Whatever the blocks: texts in time order, touching segments, nothing missing, processed = received."""
    samples = ramp(20)
    transcript = await transcribe(FakeEngine(max_segment_ms=SEGMENT_MS), blocks_of(samples, n_samples), OPTIONS)
    starts = [s.start_ms for s in transcript.sentences]
    ends = [s.end_ms for s in transcript.sentences]
    assert starts == [0, *ends[:-1]]
    assert ends[-1] == 20_000
    assert all(int(s.text.split("x")[1]) == (s.end_ms - 1) // 1000 for s in transcript.sentences)
    assert transcript.audio_processed_ms == transcript.audio_received_ms == transcript.duration_ms == 20_000


async def test_a_lost_segment_shows(monkeypatch):
    """Speech that never reaches the recognizer is missing from what was processed and recognized."""
    push = Segmenter.push

    def lossy(*args):
        return [one for one in push(*args) if not 0 < one.start_ms <= SEGMENT_MS]

    monkeypatch.setattr(Segmenter, "push", lossy)
    transcript = await transcribe(FakeEngine(max_segment_ms=SEGMENT_MS), blocks_of(ramp(20), 16_000), OPTIONS)
    lost_ms = transcript.heard.speech_ms - transcript.heard.recognized_ms
    assert transcript.heard.speech_ms == transcript.audio_received_ms == 20_000
    assert 0 < lost_ms <= SEGMENT_MS
    assert transcript.audio_processed_ms == 20_000 - lost_ms


async def test_no_samples_give_an_empty_transcript():
    """A recording without samples has no text, and that is not an error."""
    transcript = await transcribe(FakeEngine(), blocks_of(ramp(0), 1600), OPTIONS)
    assert (transcript.text, transcript.sentences, transcript.duration_ms) == ("", (), 0)


async def test_work_in_flight_is_bounded():
    """A slow recogniser stops the reading instead of filling the memory."""
    engine = FakeEngine(is_held=True, max_segment_ms=20_000)
    task = asyncio.create_task(transcribe(engine, blocks_of(ramp(400), 16_000), OPTIONS))
    await settled(engine, 5)
    assert engine.started * 20_000 * 0.6 <= IN_FLIGHT_MS + 20_000
    engine.is_held = False
    assert (await task).duration_ms == 400_000


async def test_a_failed_segment_fails_the_recording():
    """No partial transcript is passed off as the whole."""
    engine = FakeEngine(error=InferenceError("the model is ill"), max_segment_ms=SEGMENT_MS)
    with pytest.raises(InferenceError, match="the model is ill"):
        await transcribe(engine, blocks_of(ramp(10), 16_000), OPTIONS)


async def test_a_decoder_error_reaches_the_caller_and_stops_recognition():
    """An error of the blocks comes out unchanged; segments in progress are cancelled."""
    engine = FakeEngine(is_held=True, max_segment_ms=SEGMENT_MS)
    blocks = blocks_of(ramp(10), 16_000, DecoderError("the decoder died", code="decoder_died"))
    with pytest.raises(DecoderError, match="the decoder died"):
        await transcribe(engine, blocks, OPTIONS)
    assert engine.cancelled == engine.started > 0


async def test_cancelling_cancels_everything_it_started():
    """The client leaves: no recognition goes on for it."""
    engine = FakeEngine(is_held=True, max_segment_ms=SEGMENT_MS)
    task = asyncio.create_task(transcribe(engine, blocks_of(ramp(30), 16_000), OPTIONS))
    await settled(engine, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.cancelled == engine.started
