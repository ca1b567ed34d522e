"""Several models as one engine that chooses: a segment that the first model is unsure of goes to another one.

No segment is recognized by more than two models. The hypothesis names the model that wrote it and the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from paraserve.errors import EngineStuckError, InferenceError, ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.engine import EngineStream, VadStream
from paraserve.runtime.routing.automatic_stream import AutomaticStream
from paraserve.runtime.routing.candidates import Candidate, Candidates
from paraserve.runtime.routing.session_route import SessionRoute
from paraserve.runtime.routing.unsure import UNKNOWN_LANGUAGE, unsure_reason
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import Hypothesis, SegmentAudio, Sentence, samples_to_ms

SURE = "sure"
"""The first model wrote the text, and is sure of it."""
NO_BETTER = "no_better"
"""The first model is unsure. No other one knows the language, can be used now, or found any words."""
OVERLOADED = "overloaded"
"""The first model is unsure, and too much waits for another one to be asked."""
LONGEST_WAIT_MS = 1_000
"""Wait of a live segment for its first model above which no second one is asked."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """The reason why the first model is unsure of a segment, and the language that it heard."""

    reason: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class FirstPass:
    """A segment's first text, its writer, and why that is unsure; None: it is not, or no other model may be asked."""

    writer: Candidate
    timed: Timed[Hypothesis]
    unsure: Unsure | None = None


class AutomaticEngine:
    """The engine of one request or utterance that leaves the choice to the server; matches `Engine`.

    Speech is detected by the first model. Live segments also tell something about those to come (`SessionRoute`).
    Segments of recordings do not, so that a text does not depend on which of them was ready first.
    """

    def __init__(self, candidates: Candidates, abilities: Abilities) -> None:
        self.abilities = abilities
        self._candidates = candidates
        self._first = candidates.first.engine
        self._route = SessionRoute(candidates.first)

    @property
    def max_segment_ms(self) -> int:
        """Length at which speech is cut: that of the first model."""
        return self._first.max_segment_ms

    @property
    def second_max_segment_ms(self) -> int:
        """Length that every other model takes in one piece, as far as they are loaded."""
        return self._candidates.others_max_segment_ms

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> VadStream:
        """Open voice activity detection of the first model."""
        return self._first.open_vad(lane, overrides)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance.

        Raises:
            ProtocolError: a VAD override is out of its range.
        """
        return AutomaticStream(config, self._candidates, self._route)

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """Recognize one segment with the first model, and with another one if the first is unsure.

        Raises:
            InferenceError: the first model failed on this segment.
            OverloadedError: the engine is closed.
        """
        first = await self.first_pass(audio, options, lane)
        writer, timed = first.writer, first.timed
        if first.unsure is not None:
            if lane is Lane.FINAL and timed.queue_ms > LONGEST_WAIT_MS:
                timed = _because(OVERLOADED, timed)
            elif (second := await self.second_pass(audio, options, first.unsure, lane)) is not None:
                writer, after = second
                timed = replace(after, queue_ms=timed.queue_ms + after.queue_ms, run_ms=timed.run_ms + after.run_ms)
        if not lane.is_file and not options.deterministic:
            self._route.note(writer, timed.result.language)
        return timed

    async def first_pass(self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK) -> FirstPass:
        """Recognize one segment with the first model, or with another one alone for its language.

        Raises:
            InferenceError: the model failed on this segment.
            OverloadedError: the engine is closed.
        """
        first, duration_ms = self._candidates.first, samples_to_ms(len(audio.samples))
        alone = await self._chosen_by_language(options.language, duration_ms)
        if alone is not None:
            timed = await alone.engine.recognize(audio, options, lane)
            return FirstPass(alone, _because(UNKNOWN_LANGUAGE, timed))
        timed = await first.engine.recognize(audio, options, lane)
        reason = unsure_reason(timed.result, duration_ms, first.languages)
        if reason is None:
            return FirstPass(first, _because(SURE, timed))
        return FirstPass(first, _because(NO_BETTER, timed), Unsure(reason, timed.result.language))

    async def second_pass(
        self, audio: SegmentAudio, options: RecognitionOptions, unsure: Unsure, lane: Lane = Lane.BULK
    ) -> tuple[Candidate, Timed[Hypothesis]] | None:
        """Recognize a segment that the first model is unsure of with another one, and name it.

        None: no other one knows the language or can be used, it found no words, or failed. The first text stands.

        Raises:
            EngineStuckError: no model answers any more.
            OverloadedError: the engine is closed.
        """
        other = await self._candidates.other(options.language or unsure.language, samples_to_ms(len(audio.samples)))
        if other is None:
            return None
        try:
            timed = await other.engine.recognize(audio, options, lane)
        except EngineStuckError:
            raise
        except InferenceError:
            return None
        return (other, _because(unsure.reason, timed)) if timed.result.tokens else None

    async def _chosen_by_language(self, language: str | None, duration_ms: int) -> Candidate | None:
        """Return the model that is asked alone: for a language of the client or of the segments before."""
        if language is None:
            return self._route.alone
        if self._candidates.first.knows(language):
            return None
        return await self._candidates.other(language, duration_ms)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments. Neighbours of one model are punctuated together, by it."""
        sentences: list[Sentence] = []
        queue_ms = run_ms = 0.0
        for (name, _), group in groupby(_spoken(hypotheses), key=lambda one: (one.model, one.model_reason)):
            writer = self._candidates.opened(name or "") or self._candidates.first
            timed = await writer.engine.punctuate(list(group), options, lane)
            sentences += timed.result
            queue_ms, run_ms = queue_ms + timed.queue_ms, run_ms + timed.run_ms
        return Timed(tuple(sentences), queue_ms, run_ms)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane of the device, whatever their model."""
        return self._first.queued

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane has waited, 0 in an empty one."""
        return self._first.waited_s

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress."""
        return self._first.end_overdue(timeout_s)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call that waits or runs with this error."""
        self._first.abandon(error, message)

    async def close(self) -> None:
        """Do nothing: the models belong to the server."""


def _because(reason: str, timed: Timed[Hypothesis]) -> Timed[Hypothesis]:
    return replace(timed, result=replace(timed.result, model_reason=reason))


def _spoken(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Return those with words. One without would part the segments on both sides of it."""
    return [hypothesis for hypothesis in hypotheses if hypothesis.tokens]
