"""Transcription of a whole recording, block by block.

Blocks feed voice activity detection, the segments that it closes are recognized side by side, and their sentences are
written in order. Memory holds the audio of open segments and of segments in flight, never the whole recording.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from paraserve.inference.hotword_lists import ignored_warnings, report, still_shown
from paraserve.inference.text.sentences import join_sentences, join_spoken
from paraserve.options import RecognitionOptions
from paraserve.runtime.audio_intake import AudioIntake
from paraserve.runtime.engine import Engine
from paraserve.runtime.joined_second_passes import JoinedSecondPasses
from paraserve.runtime.recording_sentences import OnSentences, RecordingSentences
from paraserve.runtime.routing.automatic_engine import AutomaticEngine, FirstPass
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.runtime.segments.cut_speech import (
    LastWords,
    Surroundings,
    last_words,
    own_words,
    part_context_ms,
    recognize_part,
    shifted,
)
from paraserve.runtime.segments.segment_joiner import MAX_PAUSE_MS
from paraserve.runtime.segments.segmenter import FoundSegment, Segmenter
from paraserve.runtime.stage_clock import DECODE, DETECT, PUNCTUATE, RECOGNIZE, StageClock
from paraserve.runtime.understanding import AudioAccount, notice_about
from paraserve.types import (
    Hypothesis,
    Samples,
    Segment,
    Timing,
    Transcript,
    samples_to_ms,
)

IN_FLIGHT_MS = 120_000
"""Audio of one recording that may wait for recognition: enough to keep all workers busy, little enough for memory."""

SHORT_MS = 3_600_000
"""A transcript of this much audio is put together in milliseconds. A longer one would be felt by others."""


async def transcribe(
    engine: Engine,
    blocks: AsyncIterator[Samples],
    options: RecognitionOptions,
    *,
    merge_ms: int | None = None,
    clock: StageClock | None = None,
    on_sentences: OnSentences | None = None,
) -> Transcript:
    """Transcribe the blocks of one recording. Cancelling it cancels all work that it started.

    Args:
        engine: recognizes the segments.
        blocks: consecutive samples (float32, mono, 16 kHz) in blocks of any size.
        options: the client's choices.
        merge_ms: merge neighbouring speech segments up to this length (FunASR's merge_vad); None = do not.
        clock: gets the time of each stage.
        on_sentences: is called with the sentences of the transcript, each once and in order, as they become final.

    Raises:
        AudioError: raised by the iterator while decoding.
        InferenceError: a segment could not be recognized; there is no partial transcript.
        TaskUnavailableError: a translation is asked for, and the engine does not translate.
    """
    engine.abilities.check_task(options)
    run = _Transcription(engine, options, merge_ms, clock or StageClock(), on_sentences)
    try:
        async with asyncio.TaskGroup() as group:
            await run.feed(blocks, group)
    except ExceptionGroup as errors:
        raise first_cause(errors) from None
    if run.received_ms <= SHORT_MS:
        return run.transcript()
    return await asyncio.to_thread(run.transcript)


@dataclass(slots=True)
class _TimeSpent:
    queue_ms: float = 0.0
    inference_ms: float = 0.0

    def add(self, timed: Timed[Any]) -> None:
        self.queue_ms += timed.queue_ms
        self.inference_ms += timed.run_ms


@dataclass(frozen=True, slots=True)
class CutPart:
    """A part of cut speech as it was recognized together with its surroundings."""

    hypothesis: Hypothesis
    around: Surroundings


Recognized: TypeAlias = Hypothesis | CutPart | FirstPass


@dataclass(slots=True)
class _InFlight:
    """A segment that waits for its hypothesis."""

    found: FoundSegment
    task: asyncio.Task[Recognized]


class _Transcription:
    """The progress of one recording."""

    def __init__(
        self,
        engine: Engine,
        options: RecognitionOptions,
        merge_ms: int | None,
        clock: StageClock,
        on_sentences: OnSentences | None,
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._options = options
        self._vad = engine.open_vad(overrides=options.vad)
        max_ms = min(engine.max_segment_ms, options.vad.max_segment_ms or engine.max_segment_ms)
        self._segmenter = Segmenter(
            max_segment_ms=max_ms,
            lookback_ms=self._vad.lookback_ms,
            merge_ms=merge_ms,
            join_ms=min(engine.abilities.join_ms, engine.max_segment_ms),
            pause_ms=MAX_PAUSE_MS if isinstance(engine, AutomaticEngine) else 0,
            # Several models hear each segment as it is, to be joined with its neighbours later.
            context_ms=0 if isinstance(engine, AutomaticEngine) else part_context_ms(engine.max_segment_ms, max_ms),
        )
        self._last_words: LastWords | None = None  # of the part before
        self._in_flight: deque[_InFlight] = deque()
        self._hypotheses: list[Hypothesis] = []
        self._received_samples = 0
        self._intake = AudioIntake(options)
        self._account = AudioAccount()
        self._spent = _TimeSpent()
        self._writing = RecordingSentences(engine, options, self._hypotheses, self._spent.add, on_sentences)
        self._second_passes: JoinedSecondPasses | None = None
        if isinstance(engine, AutomaticEngine):
            self._second_passes = JoinedSecondPasses(
                engine, options, self._hypotheses, self._spent.add, shifted, self._account.join
            )

    async def feed(self, blocks: AsyncIterator[Samples], group: asyncio.TaskGroup) -> None:
        async for samples in blocks:
            self._clock.lap(DECODE)
            self._received_samples += len(samples)
            await self._step(await self._intake.take_block(samples), group, is_last=False)
        await self._step(self._intake.rest(), group, is_last=True)
        for found in self._segmenter.finish():
            await self._start(found, group)
        while self._in_flight:
            await self._collect(group)
        if self._second_passes is not None:
            await self._second_passes.finish(group)
        self._clock.lap(RECOGNIZE)
        await self._writing.finish(group)
        self._clock.lap(PUNCTUATE)

    async def _step(self, samples: Samples, group: asyncio.TaskGroup, *, is_last: bool) -> None:
        timed = await self._vad.step(samples, is_last=is_last)
        self._clock.lap(DETECT)
        self._spent.add(timed)
        for found in self._segmenter.push(samples, timed.result):
            await self._start(found, group)
        self._account.add_detected(len(samples), timed.result.events)
        while self._in_flight and self._in_flight[0].task.done():
            await self._collect(group)

    async def _start(self, found: FoundSegment, group: asyncio.TaskGroup) -> None:
        while self._in_flight and self._in_flight_ms() + found.duration_ms > IN_FLIGHT_MS:
            await self._collect(group)
        self._in_flight.append(_InFlight(found, group.create_task(self._recognize(found))))

    def _in_flight_ms(self) -> int:
        return sum(segment.found.duration_ms for segment in self._in_flight)

    async def _recognize(self, found: FoundSegment) -> Recognized:
        """Recognize a segment, with times of the recording. A part of cut speech may have words of its neighbours."""
        if isinstance(self._engine, AutomaticEngine):
            first = await self._engine.first_pass(found.audio, self._options)
            self._spent.add(first.timed)
            return first
        segment, around = found.segment, found.around
        if around is not None:
            part = await recognize_part(self._engine, segment, around, self._options, Lane.BULK)
            if part is not None:
                self._spent.add(part)
                return CutPart(part.result, around)
        timed = await self._engine.recognize(found.audio, self._options)
        self._spent.add(timed)
        return shifted(timed.result, segment.start_ms, segment.end_ms)

    async def _collect(self, group: asyncio.TaskGroup) -> None:
        oldest = self._in_flight.popleft()
        found, segment = oldest.found, oldest.found.segment
        recognized = await oldest.task
        self._clock.lap(RECOGNIZE)
        self._hypotheses.append(self._placed(recognized, segment))
        self._account.add_recognized(segment)
        n_settled = len(self._hypotheses)
        if self._second_passes is not None and isinstance(recognized, FirstPass):
            await self._second_passes.feed(found.start_ms, found.audio, recognized, group)
            n_settled = self._second_passes.n_settled
        self._writing.advance(n_settled, group)

    def _placed(self, recognized: Recognized, segment: Segment) -> Hypothesis:
        """Return the hypothesis of the next segment with times of the recording, and with its own words alone."""
        if isinstance(recognized, CutPart):
            last = self._last_words if recognized.around.has_before else None
            own = own_words(recognized.hypothesis, segment, recognized.around, last)
            if recognized.around.has_after:
                self._last_words = last_words(own, are_whole=True) or self._last_words
            return own
        if isinstance(recognized, FirstPass):
            return shifted(recognized.timed.result, segment.start_ms, segment.end_ms)
        return recognized

    @property
    def received_ms(self) -> int:
        return samples_to_ms(self._received_samples)

    def transcript(self) -> Transcript:
        sentences, redactions = tuple(self._writing.sentences), self._writing.redactions
        n_words = Counter({h.language: 0 for h in self._hypotheses if h.language})
        for hypothesis in self._hypotheses:
            if hypothesis.language:
                n_words[hypothesis.language] += len(hypothesis.tokens)
        heard, processed_ms = self._account.balance(self._hypotheses)
        hotwords = report(
            self._options.hotwords,
            tuple(hit for hypothesis in self._hypotheses for hit in hypothesis.hotwords),
            tuple(item for hypothesis in self._hypotheses for item in hypothesis.hotwords_ignored),
        )
        text, spoken = join_sentences(sentences), join_spoken(sentences)
        if redactions is not None:
            hotwords = still_shown(hotwords, text, spoken)
        return Transcript(
            text=text,
            sentences=sentences,
            duration_ms=self.received_ms,
            language=n_words.most_common(1)[0][0] if n_words else None,
            audio_received_ms=self.received_ms,
            audio_processed_ms=processed_ms,
            timing=Timing(queue_ms=round(self._spent.queue_ms), inference_ms=round(self._spent.inference_ms)),
            heard=heard,
            notice=notice_about(heard, self._engine.abilities.knows),
            task=self._options.task,
            spoken=spoken,
            warnings=ignored_warnings(hotwords),
            hotwords=hotwords,
            redactions=redactions,
            quality=self._intake.quality(),
        )


def first_cause(errors: Exception) -> Exception:
    """Return the first exception that is no group, however deeply task groups have wrapped it."""
    while isinstance(errors, ExceptionGroup):
        errors = errors.exceptions[0]
    return errors
