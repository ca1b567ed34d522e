"""What the flows (files, live streams) ask of recognition, and the engine that runs it in this process.

`Engine` is the seam: the flows and the server know only this Protocol, so another implementation (several GPUs, a
cluster, a fake for fault and load tests) plugs in by one constructor argument.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from paraserve.inference.base import ModelBundle, Vad, VadStep
from paraserve.inference.sentences import apply_itn, segment_sentence, to_sentences
from paraserve.runtime.scheduler import Done, Job, Lane, Scheduler
from paraserve.types import FRAME_SAMPLES, DecodeOptions, Hypothesis, Samples, SegmentAudio, Sentence

PAUSE_MS = 700
"""A gap between two segments that counts as a pause; segments of FunASR's VAD end after 800 ms of silence."""
PAUSE_MARK = "，"

Item = TypeVar("Item")
Result = TypeVar("Result")


class VadStream(Protocol):
    """Voice activity detection of one stream; keeps its model state inside the engine."""

    async def step(self, samples: Samples, *, is_last: bool) -> Done[VadStep]:
        """Feed the next samples; steps of one stream must not overlap."""
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

    async def recognize(
        self, audio: SegmentAudio, options: DecodeOptions, lane: Lane = Lane.BULK
    ) -> Done[Hypothesis]:
        """One segment to text; token times are relative to its start."""
        ...

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: DecodeOptions, lane: Lane = Lane.BULK
    ) -> Done[tuple[Sentence, ...]]:
        """Sentences of consecutive segments: punctuation, then ITN, as the options ask."""
        ...

    async def close(self) -> None:
        """Refuse new work, answer what waits, let go of the models."""
        ...


@dataclass(slots=True)
class _LocalVadStream:
    vad: Vad
    state: Any
    scheduler: Scheduler
    lane: Lane

    async def step(self, samples: Samples, *, is_last: bool) -> Done[VadStep]:
        job = Job(("vad", is_last), partial(_vad_steps, self.vad, is_last=is_last))
        done = await self.scheduler.submit(job, (self.state, samples), cost=_frames(samples), lane=self.lane)
        # Only now: a failed or cancelled step leaves the stream as it was.
        self.state, result = done.result
        return Done(result, done.queue_ms, done.run_ms)


class LocalEngine:
    """One bundle of models on one device, behind one scheduler."""

    def __init__(self, bundle: ModelBundle, scheduler: Scheduler, vad: Vad) -> None:
        self._bundle = bundle
        self._scheduler = scheduler
        self._vad = vad

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
        return _LocalVadStream(self._vad, self._vad.new_state(), self._scheduler, lane)

    async def recognize(
        self, audio: SegmentAudio, options: DecodeOptions, lane: Lane = Lane.BULK
    ) -> Done[Hypothesis]:
        """One segment to text.

        Raises:
            InferenceError: the model failed on this segment alone.
            OverloadedError: the engine is closed.
        """
        recognizer = self._bundle.recognizer
        budget = 0 if options.deterministic else recognizer.batch_frames
        job = Job(("recognize", options), partial(recognizer.recognize, options=options), budget)
        return await self._scheduler.submit(job, audio, cost=_frames(audio.samples), lane=lane)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: DecodeOptions, lane: Lane = Lane.BULK
    ) -> Done[tuple[Sentence, ...]]:
        """Punctuation over all segments together, then ITN sentence by sentence, as FunASR orders them."""
        job = Job(("punctuate", options), partial(_punctuate, self._bundle, options))
        return await self._scheduler.submit(job, hypotheses, lane=lane)

    async def close(self) -> None:
        """Answer everything that waits and stop the workers."""
        await asyncio.to_thread(self._scheduler.close)


def _vad_steps(vad: Vad, batch: Sequence[tuple[Any, Samples]], *, is_last: bool) -> list[tuple[Any, VadStep]]:
    return [vad.step(state, samples, is_last=is_last) for state, samples in batch]


def _punctuate(
    bundle: ModelBundle, options: DecodeOptions, batch: Sequence[Sequence[Hypothesis]]
) -> list[tuple[Sentence, ...]]:
    return [_sentences(bundle, hypotheses, options) for hypotheses in batch]


def _sentences(bundle: ModelBundle, hypotheses: Sequence[Hypothesis], options: DecodeOptions) -> tuple[Sentence, ...]:
    tokens = [token for hypothesis in hypotheses for token in hypothesis.tokens]
    if not tokens:
        return ()
    if options.punctuate and bundle.punctuator is not None:
        marks = bundle.punctuator.punctuate([token.text for token in tokens])
        sentences = to_sentences(tokens, _with_pauses(marks, hypotheses))
    else:
        sentences = tuple(segment_sentence(h.tokens) for h in hypotheses if h.tokens)
    if options.itn and bundle.itn is not None:
        itn = bundle.itn
        sentences = tuple(apply_itn(sentence, itn) for sentence in sentences)
    return sentences


def _with_pauses(marks: list[str], hypotheses: Sequence[Hypothesis]) -> list[str]:
    """The marks, with a comma where the speaker paused between two segments and the model put none: it sees no times.

    Without it two numbers said one after the other would be written as one.
    """
    marks = list(marks)
    last = -1
    spoken = [hypothesis.tokens for hypothesis in hypotheses if hypothesis.tokens]
    for tokens, following in pairwise(spoken):
        last += len(tokens)
        end_ms, start_ms = tokens[-1].end_ms, following[0].start_ms
        is_pause = end_ms is not None and start_ms is not None and start_ms - end_ms >= PAUSE_MS
        if is_pause and not marks[last]:
            marks[last] = PAUSE_MARK
    return marks


def _frames(samples: Samples) -> int:
    return max(1, len(samples) // FRAME_SAMPLES)
