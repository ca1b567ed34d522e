"""Streams of the engine in this process: they hold the models' states, the scheduler runs the steps."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.inference.base import ModelBundle, StreamingItem, Vad, VadStep
from paraserve.inference.text.final_text import realtime_sentences
from paraserve.runtime.draft_recognizer import DraftRecognizer
from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler
from paraserve.types import (
    FRAME_SAMPLES,
    Hypothesis,
    Partial,
    RecognitionOptions,
    Samples,
    SegmentAudio,
    Sentence,
    StreamConfig,
)

VAD_BATCH = 16
"""Detectors of different streams that one worker steps in a row: each is so short that handing it over costs more.

FunASR's files fix their batch axis at one stream. With that freed, 4 to 16 streams of six frames in one run give the
same bits in 0.10 ms a stream in place of 0.13, and from ten frames on in the same time: not worth another graph."""


@dataclass(slots=True)
class LocalVadStream:
    """Matches `VadStream`."""

    vad: Vad
    state: Any
    scheduler: AnyScheduler
    lane: Lane

    async def step(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples; steps of one stream must not overlap."""
        # Live steps are much alike and share a batch; blocks of files are long, one of them is enough.
        cost, budget = (1, VAD_BATCH) if self.lane is Lane.STEP else (cost_frames(samples), 0)
        job = BatchCall(("vad", is_last, self.lane), partial(_vad_steps, self.vad, is_last=is_last), budget)
        done = await self.scheduler.submit(job, (self.state, samples), cost=cost, lane=self.lane)
        # Only now: a failed or cancelled step leaves the stream as it was.
        self.state, result = done.result
        return Timed(result, done.queue_ms, done.run_ms)


class LocalStream:
    """One live utterance; matches `EngineStream`. Where there is a `redecoder`, partial texts are its."""

    def __init__(
        self,
        bundle: ModelBundle,
        vad: Vad,
        scheduler: AnyScheduler,
        config: StreamConfig,
        redecoder: DraftRecognizer | None = None,
    ) -> None:
        try:
            self.lookback_ms = vad.lookback_with(config.vad)
            state = vad.new_state(config.vad)
        except ValueError as error:
            raise ProtocolError(f"voice activity detection: {error}", code="invalid_value") from error
        self._bundle = bundle
        self._scheduler = scheduler
        self._config = config
        self._vad = LocalVadStream(vad, state, scheduler, Lane.STEP)
        self._redecoder = redecoder
        self._asr_state: Any = None
        self._punc_state: Any = None
        self._open = ExitStack()
        self._open.enter_context(scheduler.live_session())

    @property
    def has_partials(self) -> bool:
        """Whether there is something that gives partial texts."""
        return self._redecoder is not None or self._bundle.streaming is not None

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples to the detector."""
        return await self._vad.step(samples, is_last=is_last)

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Feed the next chunk; streams with chunks of the same size share a batch.

        Raises:
            InferenceError: the model failed on this stream's chunk alone; the stream is as it was.
        """
        if self._redecoder is not None:
            return await self._redecoder.step(audio, is_last=is_last)
        streaming = self._bundle.streaming
        assert streaming is not None, "a stream without partials was stepped"
        state = streaming.new_state(self._config.chunk) if self._asr_state is None else self._asr_state
        budget = 0 if self._config.options.deterministic else streaming.batch_size
        job = BatchCall(("step", self._config.chunk, is_last), streaming.step, budget)
        done = await self._scheduler.submit(job, StreamingItem(state, audio, is_last), lane=Lane.STEP)
        self._asr_state, result = done.result
        if is_last:
            self._asr_state = None
        return Timed(result, done.queue_ms, done.run_ms)

    def restart(self) -> None:
        """The next step begins another segment."""
        self._asr_state = None
        if self._redecoder is not None:
            self._redecoder.restart()

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        """Sentences of the next segment, its closing mark kept back for the one after it."""
        job = BatchCall(
            ("punctuate online", is_last, options), partial(_realtime_sentences, self._bundle, options, is_last)
        )
        done = await self._scheduler.submit(job, (self._punc_state, hypothesis), lane=Lane.FINAL)
        self._punc_state, sentences = done.result
        return Timed(sentences, done.queue_ms, done.run_ms)

    async def close(self) -> None:
        """Let go of all state."""
        self.restart()
        self._punc_state = None
        self._open.close()


def cost_frames(samples: Samples) -> int:
    """What a batch pays for these samples: fbank frames."""
    return max(1, len(samples) // FRAME_SAMPLES)


def _vad_steps(vad: Vad, batch: Sequence[tuple[Any, Samples]], *, is_last: bool) -> list[tuple[Any, VadStep]]:
    return [vad.step(state, samples, is_last=is_last) for state, samples in batch]


def _realtime_sentences(
    bundle: ModelBundle, options: RecognitionOptions, is_last: bool, batch: Sequence[tuple[Any, Hypothesis]]
) -> list[tuple[Any, tuple[Sentence, ...]]]:
    return [realtime_sentences(bundle, state, hypothesis, options, is_last=is_last) for state, hypothesis in batch]
