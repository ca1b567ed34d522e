"""Measurement of the load that this machine carries: one or two seconds of work as fast as the engine can do it.

The audio is synthetic and its text is ignored. VAD runs on all of it as in service, but its decisions are ignored:
all audio counts as speech, so the figures are those of people who talk without a pause.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.inference.base import VadStep
from paraserve.options import StreamConfig
from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import first_cause
from paraserve.runtime.scheduling.batches import Lane
from paraserve.runtime.segments.live_segmenter import Chunk, LiveSegmenter, SpeechEnd
from paraserve.types import FRAME_MS, SAMPLE_RATE, Samples, Segment, SegmentAudio, VadEvent, ms_to_samples

VAD_STEP_SAMPLES = ms_to_samples(300)
"""A live stream in speech runs one VAD step for each chunk, and a few more where the speech may have ended."""
TALK_STEPS = 4
"""Steps of the streaming recognizer in the segment that each talker says in a round."""
FILE_MS = 20_000
SEGMENT_MS = 10_000
MEASURED_S = 1.0
"""Rounds are repeated for this long. A round that has begun is finished, so slow machines take longer."""
LIVE_SHARE = 0.8
"""Share of the measured speed that live streams may use. At full speed queues would grow for ever."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Seconds of audio a second (`speed`) with `callers` at once. The measurement took `took_s`."""

    speed: float
    callers: int
    took_s: float

    @property
    def live_streams(self) -> int:
        """People who may talk at once, at least 1; for a result of `measure_capacity`."""
        return max(1, int(self.speed * LIVE_SHARE))


async def measure_capacity(
    engine: Engine, talkers: int, config: StreamConfig | None = None, for_s: float = MEASURED_S
) -> Capacity:
    """Measure the speed of live streams: VAD, partial texts and second pass, each stream as fast as it gets texts.

    Args:
        engine: does the work.
        talkers: streams that talk at once.
        config: of each stream.
        for_s: seconds to measure for, after one stream alone as a warm-up.

    Raises:
        InferenceError: a model failed.
        ProtocolError: mode "online" without a streaming model.
    """
    config = config or StreamConfig()
    speech = synthetic_speech(config.chunk.step_ms * TALK_STEPS)
    return await _measure(lambda: _talk(engine, config, speech), len(speech), talkers, for_s)


async def measure_file_capacity(engine: Engine, callers: int, for_s: float = MEASURED_S) -> Capacity:
    """Measure the speed of `callers` files at once, already decoded: VAD, segments of 10 s, punctuation.

    Raises:
        InferenceError: a model failed.
    """
    speech = synthetic_speech(FILE_MS)
    return await _measure(lambda: _transcribe(engine, speech), len(speech), callers, for_s)


async def _measure(
    work: Callable[[], Coroutine[Any, Any, None]], n_samples: int, callers: int, for_s: float
) -> Capacity:
    """Repeat rounds of `callers` pieces of work at once; each piece is `n_samples` of audio."""
    begun = time.monotonic()
    await _together(work, 1)  # the first runs of a shape take longer
    started, n_done = time.monotonic(), 0
    while not n_done or time.monotonic() - started < for_s:
        await _together(work, callers)
        n_done += callers
    now = time.monotonic()
    return Capacity(n_done * n_samples / SAMPLE_RATE / (now - started), callers, now - begun)


async def _together(work: Callable[[], Coroutine[Any, Any, None]], n: int) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise first_cause(errors) from None


async def _talk(engine: Engine, config: StreamConfig, speech: Samples) -> None:
    """Run one segment as a live session does, except that its boundaries are given."""
    stream = engine.open_stream(config)
    segmenter = LiveSegmenter(step_ms=config.chunk.step_ms, lookback_ms=stream.lookback_ms, max_segment_ms=None)
    try:
        if config.mode == "online" and not stream.has_partials:
            raise ProtocolError("no streaming model is loaded: use 2pass", code="mode_unavailable", param="mode")
        for start in range(0, len(speech), VAD_STEP_SAMPLES):
            frame = speech[start : start + VAD_STEP_SAMPLES]
            vad = await stream.detect(frame, is_last=False)
            events = (VadEvent("start", 0),) if start == 0 else ()
            for item in segmenter.push(frame, VadStep(events, vad.result.features)):
                if isinstance(item, Chunk) and stream.has_partials:
                    await stream.step(item.audio, is_last=False)
        vad = await stream.detect(speech[:0], is_last=True)
        end = VadEvent("end", segmenter.heard_ms, segmenter.heard_ms)
        for item in segmenter.push(speech[:0], VadStep((end,), vad.result.features)):
            if isinstance(item, SpeechEnd) and config.mode == "2pass":
                stream.restart()
                await _finish(engine, [item.audio], config, Lane.FINAL)
    finally:
        await stream.close()


async def _transcribe(engine: Engine, speech: Samples) -> None:
    """Run one file, cut into segments of equal length."""
    buffer = AudioBuffer()
    vad = await engine.open_vad().step(speech, is_last=True)
    buffer.append(speech, vad.result.features)
    length_ms = min(SEGMENT_MS, engine.max_segment_ms // FRAME_MS * FRAME_MS)
    starts = range(0, buffer.end_ms, length_ms)
    segments = [buffer.slice(Segment(at, min(at + length_ms, buffer.end_ms))) for at in starts]
    await _finish(engine, segments, StreamConfig(), Lane.BULK)


async def _finish(engine: Engine, segments: list[SegmentAudio], config: StreamConfig, lane: Lane) -> None:
    timed = await asyncio.gather(*(engine.recognize(segment, config.options, lane) for segment in segments))
    await engine.punctuate([one.result for one in timed], config.options, lane)
