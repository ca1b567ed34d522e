"""What the flows (files, live streams) ask of recognition, and the engine that runs it in this process.

`Engine` is the seam: the flows and the server know only this Protocol, so another implementation (several GPUs, a
cluster, a fake for fault and load tests) plugs in by one constructor argument.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from paraserve.inference.base import ModelBundle, Vad, VadStep
from paraserve.inference.text.final_text import final_sentences
from paraserve.runtime.draft_recognizer import DraftBudget, DraftRecognizer
from paraserve.runtime.local_stream import LocalStream, LocalVadStream, cost_frames
from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler
from paraserve.types import (
    Hypothesis,
    Partial,
    RecognitionOptions,
    Samples,
    SegmentAudio,
    Sentence,
    StreamConfig,
)


class VadStream(Protocol):
    """Voice activity detection of one stream; keeps its model state inside the engine."""

    async def step(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples; steps of one stream must not overlap."""
        ...


class EngineStream(Protocol):
    """One live utterance; its model state stays in the engine.

    Calls of one stream must not overlap, but `punctuate` may run beside the others.
    """

    @property
    def lookback_ms(self) -> int:
        """How far behind the samples already fed a boundary of speech may be reported."""
        ...

    @property
    def has_partials(self) -> bool:
        """Whether `step` may be called: there is a streaming recogniser, or something in its place."""
        ...

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples to the detector."""
        ...

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Feed the next chunk of a segment to the streaming recogniser; the last one begins a new segment."""
        ...

    def restart(self) -> None:
        """Give up the streaming recogniser's segment: the next step begins another."""
        ...

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        """Sentences of the next segment, its closing mark kept back for the head of the one after it.

        The last one is closed with a full stop.
        """
        ...

    async def close(self) -> None:
        """Let go of all state. May be called twice."""
        ...


class Engine(Protocol):
    """Recognition as a service."""

    @property
    def max_segment_ms(self) -> int:
        """Longest segment that `recognize` should get."""
        ...

    @property
    def lookback_ms(self) -> int:
        """How far behind the samples already fed a speech start may be reported."""
        ...

    def open_vad(self, lane: Lane = Lane.BULK) -> VadStream:
        """A detector for one stream."""
        ...

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """A live utterance.

        Raises:
            ProtocolError: a VAD knob is out of its range.
        """
        ...

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """One segment to text; token times are relative to its start."""
        ...

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Sentences of consecutive segments: punctuation, then ITN, as the options ask."""
        ...

    @property
    def queued(self) -> Mapping[Lane, int]:
        """How much work waits in each lane."""
        ...

    async def close(self) -> None:
        """Refuse new work, answer what waits, let go of the models."""
        ...


class LocalEngine:
    """One bundle of models on one device, behind one scheduler. `hotwords` are expected of every client."""

    def __init__(
        self, bundle: ModelBundle, scheduler: AnyScheduler, vad: Vad, hotwords: tuple[str, ...] = ()
    ) -> None:
        self._hotwords = hotwords
        self._bundle = bundle
        self._scheduler = scheduler
        self._vad = vad
        self._drafts = DraftBudget(scheduler.workers) if bundle.has_drafts else None

    @property
    def max_segment_ms(self) -> int:
        """The recogniser's own limit."""
        return self._bundle.recognizer.max_segment_ms

    @property
    def lookback_ms(self) -> int:
        """The detector's own look-back."""
        return self._vad.lookback_ms

    def open_vad(self, lane: Lane = Lane.BULK) -> VadStream:
        """A detector for one stream."""
        return LocalVadStream(self._vad, self._vad.new_state(), self._scheduler, lane)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """A live utterance; while any is open, one worker takes no files."""
        return LocalStream(self._bundle, self._vad, self._scheduler, config, self._redecoder(config))

    def _redecoder(self, config: StreamConfig) -> DraftRecognizer | None:
        if self._drafts is None:
            return None

        async def decode(audio: SegmentAudio, *, is_draft: bool) -> Timed[Hypothesis]:
            options = replace(config.options, draft=is_draft, word_times=not is_draft)
            return await self.recognize(audio, options, Lane.FINAL)

        return DraftRecognizer(decode, self._drafts, self.max_segment_ms, is_only_pass=config.mode == "online")

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """One segment to text.

        Raises:
            InferenceError: the model failed on this segment alone.
            OverloadedError: the engine is closed.
        """
        if self._hotwords:
            # The client's own come first: a model may take only so many.
            options = replace(options, hotwords=tuple(dict.fromkeys((*options.hotwords, *self._hotwords))))
        recognizer = self._bundle.recognizer
        budget = 0 if options.deterministic else recognizer.batch_frames
        stage = "draft" if options.draft else "recognize"
        job = BatchCall((stage, options), partial(recognizer.recognize, options=options), budget)
        return await self._scheduler.submit(job, audio, cost=cost_frames(audio.samples), lane=lane)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Punctuation over all segments together, then ITN sentence by sentence, as FunASR orders them."""
        job = BatchCall(("punctuate", options), partial(_punctuate, self._bundle, options))
        return await self._scheduler.submit(job, hypotheses, lane=lane)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """How much work waits in each lane."""
        return self._scheduler.queued

    async def close(self) -> None:
        """Answer everything that waits and stop the workers."""
        await asyncio.to_thread(self._scheduler.close)


def _punctuate(
    bundle: ModelBundle, options: RecognitionOptions, batch: Sequence[Sequence[Hypothesis]]
) -> list[tuple[Sentence, ...]]:
    return [final_sentences(bundle, hypotheses, options) for hypotheses in batch]
