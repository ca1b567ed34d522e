"""The `Engine` contract between the flows (files, live streams) and recognition, and the engine in this process.

The flows and the server know only the Protocols, so another implementation (several GPUs, a cluster, a fake for fault
and load tests) takes one constructor argument.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from paraserve.errors import ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.inference.base import ModelBundle, Vad, VadStep
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.text.final_text import final_sentences
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.draft_recognizer import DraftBudget, DraftRecognizer
from paraserve.runtime.local_stream import NEVER_CUT_MS, LocalStream, cost_frames, open_vad_stream
from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler
from paraserve.runtime.spoken_language import SpokenLanguage
from paraserve.types import Hypothesis, Partial, Samples, SegmentAudio, Sentence

NO_HOTWORDS = OperatorHotwords()


class VadStream(Protocol):
    """Voice activity detection of one stream, whose model state stays in the engine."""

    @property
    def lookback_ms(self) -> int:
        """Milliseconds behind the fed samples that a speech boundary may be reported, at most."""
        ...

    async def step(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples; steps of one stream must not overlap."""
        ...


class EngineStream(Protocol):
    """One live utterance, whose model state stays in the engine.

    Calls of one method must not overlap. `detect`, `step` and `punctuate` may run beside one another.
    """

    @property
    def lookback_ms(self) -> int:
        """Milliseconds behind the fed samples that a speech boundary may be reported, at most."""
        ...

    @property
    def has_partials(self) -> bool:
        """True if `step` may be called: a streaming recognizer, or a substitute, gives partial texts."""
        ...

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples to voice activity detection."""
        ...

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Feed the next whole chunks of a segment to the streaming recognizer, or its rest as the last step.

        After the last step a new segment begins.
        """
        ...

    def restart(self) -> None:
        """Drop the streaming recognizer's segment; the next step begins another. No step may be running."""
        ...

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of the next segment, with realtime marks (see `realtime_sentences`)."""
        ...

    @property
    def closing(self) -> str:
        """The mark behind the partial texts of an utterance without final ones, "" where none is asked for."""
        ...

    async def sentence_end(self, rest: SegmentAudio) -> Timed[float | None]:
        """Return the probability that the words of the open segment end a sentence, None without words.

        `rest` is its audio that no step has taken, less than a chunk. Nothing of the stream is changed.
        """
        ...

    def set_end_silence(self, end_silence_ms: int | None) -> None:
        """Let open speech end after this much silence from now on; None = as the client or the model has it."""
        ...

    def set_ahead(self, *, is_ahead: bool) -> None:
        """Say whether the audio comes faster than it is spoken. Then those who speak are served first."""
        ...

    async def close(self) -> None:
        """Release all state. May be called twice."""
        ...


class Engine(Protocol):
    """Recognition of segments and live streams, on any number of devices."""

    @property
    def abilities(self) -> Abilities:
        """Options of clients that it honours."""
        ...

    @property
    def max_segment_ms(self) -> int:
        """Length at which speech is cut. `recognize` takes no longer segment."""
        ...

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> VadStream:
        """Open voice activity detection for one stream. It ends no segment amid speech, however long.

        Raises:
            ProtocolError: a VAD override is out of its range.
        """
        ...

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance.

        Raises:
            ProtocolError: a VAD override is out of its range.
            TaskUnavailableError: a translation is asked for, and no recognizer translates.
        """
        ...

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """Recognize one segment; token times are relative to its start.

        Raises:
            InferenceError: the model failed on this segment.
            OverloadedError: the engine is closed.
            TaskUnavailableError: a translation is asked for, and no recognizer translates.
        """
        ...

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments (see `final_sentences`)."""
        ...

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane."""
        ...

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane has waited, 0 in an empty one."""
        ...

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress.

        The callers get an `InferenceTimeoutError`. A run itself cannot be ended.
        """
        ...

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call that waits or runs with this error. Later calls are taken as ever."""
        ...

    async def close(self) -> None:
        """Refuse new calls, answer those that wait with an error, and release the models."""
        ...


class LocalEngine:
    """One bundle of models on one device, behind the device's scheduler; matches `Engine`.

    `vad` is the bundle's own or a substitute. `hotwords` are the operator's, joined with those of each request. The
    scheduler is closed with the engine that owns it. One that serves several models is owned by none of them, and
    they share its `draft_budget`.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        scheduler: AnyScheduler,
        vad: Vad[Any],
        hotwords: OperatorHotwords = NO_HOTWORDS,
        *,
        owns_scheduler: bool = True,
        draft_budget: DraftBudget | None = None,
    ) -> None:
        self._hotwords = hotwords
        self._owns_scheduler = owns_scheduler
        self._bundle = bundle
        self._scheduler = scheduler
        self._vad = vad
        self._draft_budget = (draft_budget or budget_of_drafts(scheduler)) if bundle.has_drafts else None

    @property
    def abilities(self) -> Abilities:
        """Those of the bundle."""
        abilities = self._bundle.abilities
        if self._hotwords.in_partials or self._bundle.has_drafts:
            return abilities
        return replace(abilities, partial_hotwords=False)

    @property
    def max_segment_ms(self) -> int:
        """Longest segment: that which the recognizer takes, or a shorter one of the detector's options."""
        return min(self._bundle.recognizer.max_segment_ms, self._vad.max_segment_ms or NEVER_CUT_MS)

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> VadStream:
        """Open voice activity detection for one stream."""
        return open_vad_stream(self._vad, overrides, self._scheduler, lane)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance. While any is open, one worker takes no files.

        Raises:
            ProtocolError: a VAD override is out of its range.
            TaskUnavailableError: a translation is asked for, and the bundle's recognizer does not translate.
        """
        self.abilities.check_task(config.options)
        draft_recognizer = self._draft_recognizer(config)
        return LocalStream(self._bundle, self._vad, self._scheduler, config, self._hotwords, draft_recognizer)

    def _draft_recognizer(self, config: StreamConfig) -> DraftRecognizer | None:
        if self._draft_budget is None:
            return None

        language = SpokenLanguage()

        async def recognize(audio: SegmentAudio, *, is_draft: bool) -> Timed[Hypothesis]:
            n_samples = len(audio.samples)
            options = language.told(replace(config.options, draft=is_draft, word_times=not is_draft), n_samples)
            timed = await self.recognize(audio, options, Lane.FINAL)
            language.hear(timed.result, options, n_samples)
            return timed

        is_only_pass = config.mode == "online"
        return DraftRecognizer(recognize, self._draft_budget, self.max_segment_ms, is_only_pass=is_only_pass)

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """Recognize one segment; token times are relative to its start.

        Raises:
            InferenceError: the model failed on this segment alone.
            OverloadedError: the engine is closed.
            TaskUnavailableError: a translation is asked for, and the bundle's recognizer does not translate.
        """
        self.abilities.check_task(options)
        recognizer = self._bundle.recognizer
        words, rule = self._hotwords.joined(options.hotwords), self._hotwords.rule
        if recognizer.capabilities.item_hotwords:
            # Segments with different words share a batch.
            audio, words = replace(audio, hotwords=words), ()
        options = replace(options, hotwords=words, hotword_rule=rule)
        if not recognizer.capabilities.keeps_language:
            options = replace(options, heard_language=None)  # which would only keep segments from sharing a batch
        budget = 0 if options.deterministic else self._scheduler.bounds.budget(recognizer.batch_frames)
        stage = "draft" if options.draft else "recognize"
        # A waiting call keeps its model alive, so no other model has this id meanwhile.
        key = (stage, id(self._bundle), options)
        call = BatchCall(key, partial(recognizer.recognize, options=options), budget)
        return await self._scheduler.submit(call, audio, cost=cost_frames(audio.samples), lane=lane)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments (see `final_sentences`)."""
        options = replace(options, hotwords=())
        call = BatchCall(("punctuate", id(self._bundle), options), partial(_punctuate, self._bundle, options))
        return await self._scheduler.submit(call, hypotheses, lane=lane)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane."""
        return self._scheduler.queued

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane has waited, 0 in an empty one."""
        return self._scheduler.waited_s

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress."""
        return self._scheduler.end_overdue(timeout_s)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call that waits or runs with this error."""
        self._scheduler.abandon(error, message)

    async def close(self) -> None:
        """Answer waiting calls with an error and stop the workers, if the scheduler is this engine's own."""
        if self._owns_scheduler:
            await asyncio.to_thread(self._scheduler.close)


def budget_of_drafts(scheduler: AnyScheduler) -> DraftBudget:
    """Return the budget of all models that share a scheduler: drafts rest while other work waits there."""
    return DraftBudget(scheduler.workers, lambda: any(scheduler.queued.values()))


def _punctuate(
    bundle: ModelBundle, options: RecognitionOptions, batch: Sequence[Sequence[Hypothesis]]
) -> list[tuple[Sentence, ...]]:
    return [final_sentences(bundle, hypotheses, options) for hypotheses in batch]
