"""How much this machine carries, found in a second or two by letting the engine work as fast as it can.

No text is looked at. The detector hears everything, as it does in service, but whether it calls the audio speech does
not count: all of it is taken for speech, so the figures are those of people who talk without a pause.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.inference.base import VadStep
from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.runtime.engine import Engine
from paraserve.runtime.live_segmenter import Chunk, LiveSegmenter, SpeechEnd
from paraserve.runtime.offline import first_cause
from paraserve.runtime.scheduling.batches import Lane
from paraserve.types import (
    FRAME_MS,
    SAMPLE_RATE,
    Samples,
    Segment,
    SegmentAudio,
    StreamConfig,
    VadEvent,
    ms_to_samples,
)

DETECTED_SAMPLES = ms_to_samples(300)
"""In speech a session steps the detector for each chunk, and a little more often where the speech may have ended."""
"""What live clients send at a time."""
TALK_STEPS = 4
"""Steps of the streaming recogniser in the segment that each talker says in a round."""
FILE_MS = 20_000
SEGMENT_MS = 10_000
MEASURED_S = 1.0
"""Rounds are repeated for so long; a round that has begun is ended, so slow machines take longer."""
LIVE_SHARE = 0.8
"""Of what the engine can do at most. The rest keeps waits short: with all of it queues grow for ever."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """`speed` is seconds of audio a second while `callers` talked or uploaded; it took `took_s` to find out."""

    speed: float
    callers: int
    took_s: float

    @property
    def live_streams(self) -> int:
        """People who may talk at once; at least 1. Of a rating by `measure_capacity`."""
        return max(1, int(self.speed * LIVE_SHARE))


async def measure_capacity(
    engine: Engine, talkers: int, config: StreamConfig | None = None, for_s: float = MEASURED_S
) -> Capacity:
    """So many live streams that talk at once, each as fast as it gets its texts: detector, partials, second pass.

    Raises:
        InferenceError: a model failed.
        ProtocolError: mode "online" without a streaming model.
    """
    config = config or StreamConfig()
    speech = synthetic_speech(config.chunk.step_ms * TALK_STEPS)
    return await _rate(lambda: _talk(engine, config, speech), len(speech), talkers, for_s)


async def rate_files(engine: Engine, callers: int, for_s: float = MEASURED_S) -> Capacity:
    """So many files at once, already decoded: detector, segments of 10 s, punctuation.

    Raises:
        InferenceError: a model failed.
    """
    speech = synthetic_speech(FILE_MS)
    return await _rate(lambda: _transcribe(engine, speech), len(speech), callers, for_s)


async def _rate(
    work: Callable[[], Coroutine[Any, Any, None]], n_samples: int, callers: int, for_s: float
) -> Capacity:
    begun = time.monotonic()
    await _together(work, 1)  # first runs of new shapes take longer
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
    """One segment, as a session treats it, except for what the detector decides."""
    stream = engine.open_stream(config)
    segmenter = LiveSegmenter(step_ms=config.chunk.step_ms, lookback_ms=stream.lookback_ms, max_segment_ms=None)
    try:
        if config.mode == "online" and not stream.has_partials:
            raise ProtocolError("no streaming model is loaded: use 2pass", code="mode_unavailable", param="mode")
        for start in range(0, len(speech), DETECTED_SAMPLES):
            frame = speech[start : start + DETECTED_SAMPLES]
            heard = await stream.detect(frame, is_last=False)
            begun = (VadEvent("start", 0),) if start == 0 else ()
            for item in segmenter.push(frame, VadStep(begun, heard.result.features)):
                if isinstance(item, Chunk) and stream.has_partials:
                    await stream.step(item.audio, is_last=False)
        rest = await stream.detect(speech[:0], is_last=True)
        ended = VadEvent("end", segmenter.heard_ms, segmenter.heard_ms)
        for item in segmenter.push(speech[:0], VadStep((ended,), rest.result.features)):
            if isinstance(item, SpeechEnd) and config.mode == "2pass":
                stream.restart()
                await _finish(engine, [item.audio], config, Lane.FINAL)
    finally:
        await stream.close()


async def _transcribe(engine: Engine, speech: Samples) -> None:
    detector, buffer = engine.open_vad(), AudioBuffer()
    heard = await detector.step(speech, is_last=True)
    buffer.append(speech, heard.result.features)
    length_ms = min(SEGMENT_MS, engine.max_segment_ms // FRAME_MS * FRAME_MS)
    starts = range(0, buffer.end_ms, length_ms)
    segments = [buffer.slice(Segment(at, min(at + length_ms, buffer.end_ms))) for at in starts]
    await _finish(engine, segments, StreamConfig(), Lane.BULK)


async def _finish(engine: Engine, segments: list[SegmentAudio], config: StreamConfig, lane: Lane) -> None:
    heard = await asyncio.gather(*(engine.recognize(segment, config.options, lane) for segment in segments))
    await engine.punctuate([done.result for done in heard], config.options, lane)
