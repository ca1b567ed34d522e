"""A whole `Engine` that hears loud bursts, and recordings of them."""

import asyncio
import io
import wave
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from paraserve.options import NO_OVERRIDES
from paraserve.runtime.scheduling.batches import Lane
from paraserve.types import SAMPLE_RATE, Samples
from support.fakes import FakeEngine, FakeStream, text_of

BURST_S, PAUSE_S = 2.0, 1.5


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

    `pace_s` is waited for before each recognition, `failing` are errors of the next ones. No more than `hold_after`
    are ended while that is set.
    """

    heard: Counter = field(default_factory=Counter)
    lanes: set[Lane] = field(default_factory=set)
    pace_s: float = 0.0
    failing: list[Exception] = field(default_factory=list)
    hold_after: int | None = None

    def open_vad(self, lane=Lane.BULK, overrides=NO_OVERRIDES):
        self.lanes.add(lane)
        return LoudVadStream(FakeStream(self))

    async def recognize(self, audio, options, lane=Lane.BULK):
        self.lanes.add(lane)
        if self.pace_s:
            await asyncio.sleep(self.pace_s)
        while self.hold_after is not None and self.heard.total() >= self.hold_after:  # noqa: ASYNC110 - tests set it
            await asyncio.sleep(0.01)
        if self.failing:
            raise self.failing.pop(0)
        timed = await super().recognize(audio, options, lane)
        self.heard[text_of(audio.samples)] += 1
        return timed

    async def punctuate(self, hypotheses, options, lane=Lane.BULK):
        self.lanes.add(lane)
        return await super().punctuate(hypotheses, options, lane)
