"""A whole `Engine` for faults and for load on the transport: its text tells what it was given."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paraserve.inference.base import VadStep
from paraserve.runtime.scheduler import Done, Lane
from paraserve.types import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    DecodeOptions,
    Hypothesis,
    Samples,
    SegmentAudio,
    Sentence,
    Token,
    VadEvent,
)


def text_of(samples: Samples) -> str:
    """What `FakeEngine` hears in a segment: its length, and a word of its loudest sample."""
    return f"{len(samples)}x{round(float(np.abs(samples).max(initial=0.0)) * 1000)}"


@dataclass
class FakeEngine:
    """Takes each recording as one segment and says `text_of` it.

    While `is_held`, recognition waits. `error` is what recognition raises. The counts tell what became of the calls.
    """

    is_held: bool = False
    error: Exception | None = None
    started: int = 0
    finished: int = 0
    cancelled: int = 0
    is_closed: bool = False
    max_segment_ms: int = 3_600_000
    lookback_ms: int = 0

    def open_vad(self, lane: Lane = Lane.BULK) -> "FakeVadStream":
        return FakeVadStream()

    async def recognize(
        self, audio: SegmentAudio, options: DecodeOptions, lane: Lane = Lane.BULK
    ) -> Done[Hypothesis]:
        self.started += 1
        try:
            while self.is_held:  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        self.finished += 1
        text = text_of(audio.samples)
        token = Token(text, 0, len(audio.samples) * 1000 // SAMPLE_RATE, 0.5)
        return Done(Hypothesis((token,), (0,), text), 0.0, 0.0)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: DecodeOptions, lane: Lane = Lane.BULK
    ) -> Done[tuple[Sentence, ...]]:
        sentences = (Sentence(h.text, h.tokens[0].start_ms, h.tokens[-1].end_ms, h.tokens) for h in hypotheses)
        return Done(tuple(sentences), 0.0, 0.0)

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeVadStream:
    """Speech from the first sample to the last whole frame."""

    n_samples: int = 0

    async def step(self, samples: Samples, *, is_last: bool) -> Done[VadStep]:
        events = []
        if not self.n_samples and len(samples):
            events.append(VadEvent("start", 0))
        frames_before = self.n_samples // FRAME_SAMPLES
        self.n_samples += len(samples)
        n_frames = self.n_samples // FRAME_SAMPLES
        if is_last and self.n_samples:
            events.append(VadEvent("end", n_frames * 10))
        return Done(VadStep(tuple(events), np.zeros((n_frames - frames_before, 80), np.float32)), 0.0, 0.0)
