"""Streams of the engine in this process: they hold model states, and the scheduler runs their steps."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic

from paraserve.errors import ProtocolError
from paraserve.inference.base import ModelBundle, State, StreamingItem, Vad, VadStep
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.text.final_text import realtime_sentences
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.draft_recognizer import DraftRecognizer
from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler
from paraserve.types import FRAME_SAMPLES, Hypothesis, Partial, Samples, SegmentAudio, Sentence, ms_to_samples

VAD_BATCH = 16
"""VAD steps of different streams that one worker runs in a row: each is so short that handing it over costs more.

FunASR's graphs fix their batch axis at one stream. With a free batch axis, 4 to 16 streams of six frames in one run
give the same bits in 0.10 ms a stream instead of 0.13, and from ten frames on take the same time. That is not worth
another graph."""

NEVER_CUT_MS = 1 << 40
"""A detector's limit of a segment's length that nothing reaches. A detector ends segments in the middle of a word and
then waits for new speech, which loses the rest of that word. `cut_long_segment` chooses better places."""


@dataclass(slots=True)
class LocalVadStream(Generic[State]):
    """The VAD state of one stream; matches `VadStream`."""

    vad: Vad[State]
    state: State
    scheduler: AnyScheduler
    lane: Lane

    async def step(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples; steps of one stream must not overlap."""
        # Live steps are short and alike, so they share a batch; a block of a file is long enough alone.
        cost, budget = (cost_frames(samples), 0) if self.lane is Lane.BULK else (1, VAD_BATCH)
        call = BatchCall(
            ("vad", id(self.vad), is_last, self.lane), partial(_vad_steps, self.vad, is_last=is_last), budget
        )
        timed = await self.scheduler.submit(call, (self.state, samples), cost=cost, lane=self.lane)
        # Set after the wait: a failed or cancelled step leaves the stream as it was.
        self.state, result = timed.result
        return Timed(result, timed.queue_ms, timed.run_ms)


class LocalStream:
    """One live utterance; matches `EngineStream`.

    A `draft_recognizer` gives the partial texts in place of the bundle's streaming recognizer.

    Raises:
        ProtocolError: a VAD override is out of its range.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        vad: Vad[Any],
        scheduler: AnyScheduler,
        config: StreamConfig,
        hotwords: OperatorHotwords,
        draft_recognizer: DraftRecognizer | None = None,
    ) -> None:
        overrides = replace(config.vad, max_segment_ms=NEVER_CUT_MS)
        try:
            self.lookback_ms = vad.lookback_with(overrides)
            state = vad.new_state(overrides)
        except ValueError as error:
            raise ProtocolError(f"voice activity detection: {error}", code="invalid_value") from error
        self._bundle = bundle
        self._scheduler = scheduler
        self._config = config
        self._hotwords = hotwords
        self._step_options = replace(config.options, hotwords=(), hotword_rule=hotwords.rule)
        self._vad = LocalVadStream(vad, state, scheduler, Lane.SHORT)
        self._lane = Lane.STEP
        self._draft_recognizer = draft_recognizer
        self._asr_state: Any = None
        self._punc_state: Any = None
        self._is_closed = False
        self._live_session = ExitStack()
        self._live_session.enter_context(scheduler.live_session())

    @property
    def has_partials(self) -> bool:
        """True if a streaming recognizer or a draft recognizer gives partial texts."""
        return self._draft_recognizer is not None or self._bundle.streaming is not None

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples to voice activity detection."""
        return await self._vad.step(samples, is_last=is_last)

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Feed the next chunks of a segment, with the client's hotwords. Streams with equal ones share a batch.

        Raises:
            InferenceError: the model failed on this stream's chunk alone; the stream is as it was.
        """
        if self._draft_recognizer is not None:
            return await self._draft_recognizer.step(audio, is_last=is_last)
        streaming = self._bundle.streaming
        assert streaming is not None, "a stream without partials was stepped"
        state = streaming.new_state(self._config.chunk) if self._asr_state is None else self._asr_state
        n_chunks = max(1, len(audio.samples) // ms_to_samples(self._config.chunk.step_ms))
        # Longer steps fill a run sooner, and a final text waits for the run that it finds.
        budget = 0 if self._config.options.deterministic else max(1, streaming.batch_size * 2 // (1 + n_chunks))
        call = BatchCall(("step", id(streaming), self._config.chunk, n_chunks, is_last), streaming.step, budget)
        words = self._hotwords.joined(audio.hotwords) if self._hotwords.in_partials else ()
        item = StreamingItem(state, replace(audio, hotwords=words), is_last, self._step_options)
        timed = await self._scheduler.submit(call, item, lane=self._lane)
        self._asr_state, result = timed.result
        if is_last:
            self._asr_state = None
        return Timed(result, timed.queue_ms, timed.run_ms)

    def restart(self) -> None:
        """Drop the open segment; the next step begins another."""
        self._asr_state = None
        if self._draft_recognizer is not None:
            self._draft_recognizer.restart()

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of the next segment, with realtime marks (see `realtime_sentences`)."""
        call = BatchCall(
            ("punctuate online", id(self._bundle), is_last, replace(options, hotwords=())),
            partial(_realtime_sentences, self._bundle, options, is_last),
        )
        timed = await self._scheduler.submit(call, (self._punc_state, hypothesis), lane=self._vad.lane)
        self._punc_state, sentences = timed.result
        return Timed(sentences, timed.queue_ms, timed.run_ms)

    def set_ahead(self, *, is_ahead: bool) -> None:
        """Leave the lane of those who speak, and the claim to a worker, while the audio comes faster than speech."""
        lane = Lane.AHEAD if is_ahead else Lane.STEP
        if lane is self._lane or self._is_closed:
            return
        self._lane = lane
        self._vad.lane = Lane.AHEAD if is_ahead else Lane.SHORT
        self._live_session.close()
        if not is_ahead:
            self._live_session.enter_context(self._scheduler.live_session())

    async def close(self) -> None:
        """Release all state. May be called twice."""
        self.restart()
        self._punc_state = None
        self._is_closed = True
        self._live_session.close()


def cost_frames(samples: Samples) -> int:
    """Return the cost of these samples in a batch: their fbank frames, at least 1."""
    return max(1, len(samples) // FRAME_SAMPLES)


def _vad_steps(
    vad: Vad[State], batch: Sequence[tuple[State, Samples]], *, is_last: bool
) -> list[tuple[State, VadStep]]:
    return [vad.step(state, samples, is_last=is_last) for state, samples in batch]


def _realtime_sentences(
    bundle: ModelBundle, options: RecognitionOptions, is_last: bool, batch: Sequence[tuple[Any, Hypothesis]]
) -> list[tuple[Any, tuple[Sentence, ...]]]:
    return [realtime_sentences(bundle, state, hypothesis, options, is_last=is_last) for state, hypothesis in batch]
