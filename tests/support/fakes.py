"""A whole `Engine` for faults and for load on the transport: its text tells what it was given."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from paraserve.errors import ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.inference.base import VadStep
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.types import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Hypothesis,
    Partial,
    Samples,
    SegmentAudio,
    Sentence,
    Token,
    VadEvent,
)


def text_of(samples: Samples) -> str:
    """What `FakeEngine` hears in a segment: its length, and a word of its loudest sample."""
    return f"{len(samples)}x{round(float(np.abs(samples).max(initial=0.0)) * 1000)}"


ALL_ABILITIES = Abilities(frozenset(("en", "yue", "zh")), hotwords=True, prompt=True, model_itn=True, translates=True)


@dataclass
class FakeEngine:
    """Takes each recording as one segment and says `text_of` it.

    While `is_held`, recognition waits. `error` is what recognition raises. The counts tell what became of the calls.
    Live streams find speech where it is loud (`FakeStream`); `open_streams` are those not closed yet, `detections`
    the steps of their detectors. `hears` is what it recognizes in place of `text_of`, after a wait of `queue_ms`. Its
    live streams say `name` before the length of a chunk, and `sentence_end` where a pause begins.
    """

    is_held: bool = False
    error: Exception | None = None
    started: int = 0
    finished: int = 0
    cancelled: int = 0
    is_closed: bool = False
    max_segment_ms: int = 3_600_000
    lookback_ms: int = 0
    open_streams: int = 0
    detections: int = 0
    has_partials: bool = True
    abandonments: int = 0
    abandoned_with: ParaserveError | None = None
    abilities: Abilities = ALL_ABILITIES
    hears: Callable[[Samples], Hypothesis] | None = None
    queue_ms: float = 0.0
    name: str = ""
    sentence_end: float | None = None

    def open_stream(self, config: StreamConfig) -> "FakeStream":
        self.open_streams += 1
        lookback_ms = (HANGOVER_FRAMES + 1) * 10
        if config.endpoint is not None:
            lookback_ms = max(lookback_ms, config.endpoint.incomplete_ms + 10)
        return FakeStream(self, lookback_ms, has_partials=self.has_partials)

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> "FakeVadStream":
        return FakeVadStream(self.lookback_ms)

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        self.started += 1
        try:
            abandonments = self.abandonments
            while self.is_held:
                await asyncio.sleep(0.01)
                if self.abandonments > abandonments:
                    raise self.abandoned_with
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        self.finished += 1
        if self.hears is not None:
            return Timed(self.hears(audio.samples), self.queue_ms, 0.0)
        text = text_of(audio.samples)
        token = Token(text, 0, len(audio.samples) * 1000 // SAMPLE_RATE, 0.5)
        return Timed(Hypothesis((token,), (0,), text), 0.0, 0.0)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        sentences = (
            Sentence(
                h.text,
                h.tokens[0].start_ms,
                h.tokens[-1].end_ms,
                h.tokens,
                model=h.model,
                model_reason=h.model_reason,
            )
            for h in hypotheses
            if h.tokens
        )
        return Timed(tuple(sentences), 0.0, 0.0)

    @property
    def queued(self) -> dict[Lane, int]:
        return {Lane.BULK: self.started - self.finished - self.cancelled}

    @property
    def waited_s(self) -> dict[Lane, float]:
        return {}

    def end_overdue(self, timeout_s: float) -> int:
        return 0

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        self.abandonments += 1
        self.abandoned_with = error(message)

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeVadStream:
    """Speech from the first sample to the last whole frame."""

    lookback_ms: int = 0
    n_samples: int = 0

    async def step(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        events = []
        if not self.n_samples and len(samples):
            events.append(VadEvent("start", 0))
        frames_before = self.n_samples // FRAME_SAMPLES
        self.n_samples += len(samples)
        n_frames = self.n_samples // FRAME_SAMPLES
        if is_last and self.n_samples:
            events.append(VadEvent("end", n_frames * 10))
        return Timed(VadStep(tuple(events), np.zeros((n_frames - frames_before, 80), np.float32)), 0.0, 0.0)


class FixedLoad(LiveLoad):
    """A load of live streams that stays on one rung."""

    def __init__(self, level: int, *, is_full: bool = False) -> None:
        super().__init__()
        self.fixed, self.has_no_room = level, is_full

    @property
    def level(self) -> int:
        return self.fixed

    @property
    def is_full(self) -> bool:
        return self.has_no_room


LOUD = 0.01
HANGOVER_FRAMES = 20


@dataclass
class FakeStream:
    """Speech is what is louder than `LOUD`, until 200 ms of quiet; a chunk says its length in samples."""

    engine: FakeEngine
    lookback_ms: int = (HANGOVER_FRAMES + 1) * 10
    has_partials: bool = True
    rest: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    n_frames: int = 0
    last_loud: int | None = None
    stepped_ms: int = 0
    is_closed: bool = False
    is_ahead: bool = False
    hangover_frames: int = HANGOVER_FRAMES

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        heard = np.concatenate((self.rest, samples))
        n_new = len(heard) // FRAME_SAMPLES
        self.rest = heard[n_new * FRAME_SAMPLES :]
        frames = heard[: n_new * FRAME_SAMPLES].reshape(n_new, FRAME_SAMPLES)
        events = [event for frame in frames for event in self._frame(bool(np.abs(frame).max() > LOUD))]
        if is_last and self.last_loud is not None:
            events.append(VadEvent("end", self.n_frames * 10, self.n_frames * 10))
        self.engine.detections += 1
        first_ending = self.n_frames + 1 if self.last_loud is None else self.last_loud + self.hangover_frames
        silence_ms = 0 if self.last_loud is None else (self.n_frames - self.last_loud) * 10
        features = np.zeros((n_new, 80), np.float32)
        return Timed(VadStep(tuple(events), features, first_ending * 10, silence_ms), 0.0, 0.0)

    def _frame(self, is_loud: bool) -> list[VadEvent]:
        self.n_frames += 1
        now_ms = self.n_frames * 10
        if is_loud:
            is_start, self.last_loud = self.last_loud is None, self.n_frames
            return [VadEvent("start", now_ms - 10, now_ms)] if is_start else []
        if self.last_loud is not None and self.n_frames - self.last_loud >= self.hangover_frames:
            end_ms, self.last_loud = self.last_loud * 10, None
            return [VadEvent("end", end_ms, now_ms)]
        return []

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        text = f"{self.engine.name}<{len(audio.samples)}>" if len(audio.samples) else ""
        start_ms, self.stepped_ms = self.stepped_ms, self.stepped_ms + len(audio.samples) // 16
        tokens = (Token(text, start_ms, self.stepped_ms),) if text else ()
        if is_last:
            self.restart()
        return Timed(Partial(text, tokens=tokens), 0.0, 0.0)

    def restart(self) -> None:
        self.stepped_ms = 0

    @property
    def closing(self) -> str:
        return ""

    async def sentence_end(self, rest: SegmentAudio) -> Timed[float | None]:
        return Timed(self.engine.sentence_end, 0.0, 0.0)

    def set_end_silence(self, end_silence_ms: int | None) -> None:
        self.hangover_frames = HANGOVER_FRAMES if end_silence_ms is None else end_silence_ms // 10

    def set_ahead(self, *, is_ahead: bool) -> None:
        self.is_ahead = is_ahead

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        return await self.engine.punctuate([hypothesis], options)

    async def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.engine.open_streams -= 1
