"""Streams of the engine in this process: they hold model states, and the scheduler runs their steps."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic

from paraserve.errors import ProtocolError
from paraserve.inference.base import (
    ModelBundle,
    Punctuator,
    State,
    StreamingItem,
    Vad,
    VadStep,
)
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.text.final_text import realtime_sentences
from paraserve.options import RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.draft_recognizer import DraftRecognizer
from paraserve.runtime.partial_punctuation import PartialPunctuation
from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler
from paraserve.types import (
    FRAME_MS,
    FRAME_SAMPLES,
    Hypothesis,
    Partial,
    Samples,
    SegmentAudio,
    Sentence,
    ms_to_samples,
)

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
    lookback_ms: int
    scheduler: AnyScheduler
    lane: Lane

    async def step(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples; steps of one stream must not overlap."""
        # Live steps are short and alike, so they share a batch; a block of a file is long enough alone.
        cost, budget = cost_frames(samples), 0
        if not self.lane.is_file:
            cost, budget = 1, self.scheduler.bounds.budget(VAD_BATCH, cost)
        call = BatchCall(
            ("vad", id(self.vad), is_last, self.lane), partial(_vad_steps, self.vad, is_last=is_last), budget
        )
        timed = await self.scheduler.submit(call, (self.state, samples), cost=cost, lane=self.lane)
        # Set after the wait: a failed or cancelled step leaves the stream as it was.
        self.state, result = timed.result
        return Timed(result, timed.queue_ms, timed.run_ms)


def open_vad_stream(
    vad: Vad[State], overrides: VadOverrides, scheduler: AnyScheduler, lane: Lane
) -> LocalVadStream[State]:
    """Open the detector of one stream with a client's overrides, except that it ends no segment amid speech.

    Raises:
        ProtocolError: a VAD override is out of its range.
    """
    overrides = replace(overrides, max_segment_ms=NEVER_CUT_MS)
    try:
        return LocalVadStream(vad, vad.new_state(overrides), vad.lookback_with(overrides), scheduler, lane)
    except ValueError as error:
        raise ProtocolError(f"voice activity detection: {error}", code="invalid_value") from error


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
        self._vad = open_vad_stream(vad, config.vad, scheduler, Lane.SHORT)
        self.lookback_ms = self._vad.lookback_ms
        if config.endpoint is not None:
            longest = replace(config.vad, max_end_silence_ms=config.endpoint.incomplete_ms)
            self.lookback_ms = max(self.lookback_ms, vad.lookback_with(replace(longest, max_segment_ms=NEVER_CUT_MS)))
        self._bundle = bundle
        self._scheduler = scheduler
        self._config = config
        self._hotwords = hotwords
        self._step_options = replace(config.options, hotwords=(), hotword_rule=hotwords.rule)
        self._lane = Lane.STEP
        self._draft_recognizer = draft_recognizer
        self._asr_state: Any = None
        self._punc_state: Any = None
        self._punctuation: PartialPunctuation | None = None
        if config.partial_punctuation and config.options.punctuate and bundle.punctuator_online is not None:
            self._punctuation = PartialPunctuation(bundle.punctuator_online, scheduler)
        self._words: list[str] = []  # of the open segment, where its end depends on them
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
        timed = await self._step(audio, is_last=is_last)
        if self._punctuation is None:
            return timed
        return replace(timed, result=await self._punctuation.mark(timed.result, self._vad.lane))

    async def _step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        if self._draft_recognizer is not None:
            return await self._draft_recognizer.step(audio, is_last=is_last)
        timed = await self._stepped(audio, is_last=is_last)
        self._asr_state, result = timed.result
        if self._config.endpoint is not None:
            self._words += [token.text for token in result.tokens]
        if is_last:
            self._asr_state = None
            self._words = []
        return Timed(result, timed.queue_ms, timed.run_ms)

    async def _stepped(self, audio: SegmentAudio, *, is_last: bool) -> Timed[tuple[Any, Partial]]:
        """Run a step of the streaming recognizer. Return the state after it, and what it adds."""
        streaming = self._bundle.streaming
        assert streaming is not None, "a stream without partials was stepped"
        state = streaming.new_state(self._config.chunk) if self._asr_state is None else self._asr_state
        step_ms = self._config.chunk.step_ms
        n_chunks = max(1, len(audio.samples) // ms_to_samples(step_ms))
        # Longer steps fill a run sooner, and a final text waits for the run that it finds.
        n_streams = max(1, streaming.batch_size * 2 // (1 + n_chunks))
        budget = self._scheduler.bounds.budget(n_streams, n_chunks * step_ms // FRAME_MS)
        budget = 0 if self._config.options.deterministic else budget
        call = BatchCall(("step", id(streaming), self._config.chunk, n_chunks, is_last), streaming.step, budget)
        words = self._hotwords.joined(audio.hotwords) if self._hotwords.in_partials else ()
        item = StreamingItem(state, replace(audio, hotwords=words), is_last, self._step_options)
        return await self._scheduler.submit(call, item, lane=self._lane)

    @property
    def closing(self) -> str:
        """The mark behind the partial texts of an utterance without final ones, "" where none is asked for."""
        return "" if self._punctuation is None else self._punctuation.closing

    async def sentence_end(self, rest: SegmentAudio) -> Timed[float | None]:
        """Return the probability that the words of the open segment end a sentence, None without words.

        The streaming recognizer is asked for them as if the segment ended with `rest`. Its state stays as it was.
        """
        punctuator = self._bundle.punctuator
        if self._bundle.streaming is None or punctuator is None:
            return Timed(None, 0.0, 0.0)
        peeked = await self._stepped(rest, is_last=True)
        words = [*self._words, *(token.text for token in peeked.result[1].tokens)]
        if not words:
            return Timed(None, peeked.queue_ms, peeked.run_ms)
        call = BatchCall(("sentence end", id(punctuator)), partial(_sentence_ends, punctuator))
        timed = await self._scheduler.submit(call, words, lane=self._vad.lane)
        return Timed(timed.result, peeked.queue_ms + timed.queue_ms, peeked.run_ms + timed.run_ms)

    def set_end_silence(self, end_silence_ms: int | None) -> None:
        """Let open speech end after this much silence from now on; None = as the client or the model has it."""
        wanted_ms = self._config.vad.max_end_silence_ms if end_silence_ms is None else end_silence_ms
        self._vad.state = self._vad.vad.with_end_silence(self._vad.state, wanted_ms)

    def restart(self) -> None:
        """Drop the open segment; the next step begins another."""
        self._asr_state = None
        self._words = []
        if self._punctuation is not None:
            self._punctuation.restart()
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


def _sentence_ends(punctuator: Punctuator, batch: Sequence[Sequence[str]]) -> list[float]:
    return [punctuator.sentence_end_probability(words) for words in batch]


def _realtime_sentences(
    bundle: ModelBundle, options: RecognitionOptions, is_last: bool, batch: Sequence[tuple[Any, Hypothesis]]
) -> list[tuple[Any, tuple[Sentence, ...]]]:
    return [realtime_sentences(bundle, state, hypothesis, options, is_last=is_last) for state, hypothesis in batch]
