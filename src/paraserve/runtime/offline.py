"""Transcription of a whole recording, block by block.

Blocks feed voice activity detection, the segments that it closes are recognized side by side, and their texts are
joined in order. Memory holds the audio of open segments and of segments in flight, never the whole recording.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from paraserve.hotword_types import HotwordHit
from paraserve.inference.hotword_lists import ignored_warnings, report, still_shown
from paraserve.inference.text.sentences import join_sentences, join_spoken
from paraserve.options import RecognitionOptions
from paraserve.runtime.audio_intake import AudioIntake
from paraserve.runtime.decoding.decoded_recording import DecodedBlocks
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.joined_second_passes import JoinedSecondPasses
from paraserve.runtime.redacted_texts import redacted_recording
from paraserve.runtime.routing.automatic_engine import AutomaticEngine, FirstPass
from paraserve.runtime.scheduling.batches import Timed
from paraserve.runtime.segments.segment_joiner import MAX_PAUSE_MS
from paraserve.runtime.segments.segmenter import Segmenter
from paraserve.runtime.understanding import AudioAccount, notice_about
from paraserve.types import (
    FieldWarning,
    Hypothesis,
    Samples,
    Segment,
    SegmentAudio,
    Timing,
    Token,
    Transcript,
    samples_to_ms,
)

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the milliseconds transcribed so far and the file's duration (None if the file does not tell)."""
IN_FLIGHT_MS = 120_000
"""Audio of one recording that may wait for recognition: enough to keep all workers busy, little enough for memory."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The operator's limits for files: the longest duration, and the length up to which FunASR's merge_vad merges."""

    max_duration_ms: int
    merge_ms: int | None = None


async def transcribe(
    engine: Engine, blocks: AsyncIterator[Samples], options: RecognitionOptions, *, merge_ms: int | None = None
) -> Transcript:
    """Transcribe the blocks of one recording. Cancelling it cancels all work that it started.

    Args:
        engine: recognizes the segments.
        blocks: consecutive samples (float32, mono, 16 kHz) in blocks of any size.
        options: the client's choices.
        merge_ms: merge neighbouring speech segments up to this length (FunASR's merge_vad); None = do not.

    Raises:
        AudioError: raised by the iterator while decoding.
        InferenceError: a segment could not be recognized; there is no partial transcript.
        TaskUnavailableError: a translation is asked for, and the engine does not translate.
    """
    engine.abilities.check_task(options)
    run = _Transcription(engine, options, merge_ms)
    try:
        async with asyncio.TaskGroup() as group:
            await run.feed(blocks, group)
    except ExceptionGroup as errors:
        raise first_cause(errors) from None
    return await run.finish()


async def transcribe_file(
    engine: Engine,
    pool: DecodePool,
    file: BinaryIO | Path,
    options: RecognitionOptions,
    limits: FileLimits,
    *,
    on_progress: OnProgress | None = None,
) -> Transcript:
    """Decode a file in a decode child and transcribe it. Cancelling it stops both.

    Args:
        engine: recognizes the segments.
        pool: decodes the file.
        file: an open file, or a path.
        options: the client's choices.
        limits: the operator's.
        on_progress: called after each decoded block that detection has taken.

    Raises:
        AudioError: the file cannot be used; its subclass and code say why.
        InferenceError: a segment could not be recognized.
        OverloadedError: the engine is closed.
    """
    choices = {"channel": options.channel, "track": options.track}
    async with pool.open(file, **choices, max_duration_ms=limits.max_duration_ms) as recording:
        blocks = _reported(recording, on_progress) if on_progress is not None else recording
        transcript = await transcribe(engine, blocks, options, merge_ms=limits.merge_ms)
    queue_ms = transcript.timing.queue_ms + round(recording.wait_ms)
    timing = replace(transcript.timing, queue_ms=queue_ms, decode_ms=round(recording.decode_ms))
    of_file = (FieldWarning(code, "file", message) for code, message in recording.warnings)
    warnings = (*of_file, *transcript.warnings)
    return replace(transcript, damaged_packets=recording.damaged_packets, timing=timing, warnings=warnings)


async def _reported(recording: DecodedBlocks, on_progress: OnProgress) -> AsyncIterator[Samples]:
    async for samples in recording:
        yield samples
        on_progress(samples_to_ms(recording.received_samples), recording.info.duration_ms)


@dataclass(slots=True)
class _TimeSpent:
    queue_ms: float = 0.0
    inference_ms: float = 0.0

    def add(self, timed: Timed[Any]) -> None:
        self.queue_ms += timed.queue_ms
        self.inference_ms += timed.run_ms


Recognized: TypeAlias = Hypothesis | FirstPass


@dataclass(slots=True)
class _InFlight:
    """A segment that waits for its hypothesis."""

    start_ms: int
    audio: SegmentAudio
    task: asyncio.Task[Recognized]

    @property
    def duration_ms(self) -> int:
        return samples_to_ms(len(self.audio.samples))


class _Transcription:
    """The progress of one recording."""

    def __init__(self, engine: Engine, options: RecognitionOptions, merge_ms: int | None) -> None:
        self._engine = engine
        self._options = options
        # Open speech is not cut here while segments are merged, so the detector has to bound it.
        self._vad = engine.open_vad(cuts=bool(merge_ms))
        self._segmenter = Segmenter(
            max_segment_ms=engine.max_segment_ms,
            lookback_ms=engine.lookback_ms,
            merge_ms=merge_ms,
            join_ms=min(engine.abilities.join_ms, engine.max_segment_ms),
            pause_ms=MAX_PAUSE_MS if isinstance(engine, AutomaticEngine) else 0,
        )
        self._in_flight: deque[_InFlight] = deque()
        self._hypotheses: list[Hypothesis] = []
        self._received_samples = 0
        self._intake = AudioIntake(options)
        self._account = AudioAccount()
        self._spent = _TimeSpent()
        self._second_passes: JoinedSecondPasses | None = None
        if isinstance(engine, AutomaticEngine):
            self._second_passes = JoinedSecondPasses(
                engine, options, self._hypotheses, self._spent.add, shifted, self._account.join
            )

    async def feed(self, blocks: AsyncIterator[Samples], group: asyncio.TaskGroup) -> None:
        async for samples in blocks:
            self._received_samples += len(samples)
            await self._step(await self._intake.take_block(samples), group, is_last=False)
        await self._step(self._intake.rest(), group, is_last=True)
        for start_ms, audio in self._segmenter.finish():
            await self._start(start_ms, audio, group)
        while self._in_flight:
            await self._collect(group)
        if self._second_passes is not None:
            await self._second_passes.finish(group)

    async def _step(self, samples: Samples, group: asyncio.TaskGroup, *, is_last: bool) -> None:
        timed = await self._vad.step(samples, is_last=is_last)
        self._spent.add(timed)
        for start_ms, audio in self._segmenter.push(samples, timed.result):
            await self._start(start_ms, audio, group)
        self._account.add_detected(len(samples), timed.result.events)
        while self._in_flight and self._in_flight[0].task.done():
            await self._collect(group)

    async def _start(self, start_ms: int, audio: SegmentAudio, group: asyncio.TaskGroup) -> None:
        duration_ms = samples_to_ms(len(audio.samples))
        while self._in_flight and sum(s.duration_ms for s in self._in_flight) + duration_ms > IN_FLIGHT_MS:
            await self._collect(group)
        task = group.create_task(self._recognize(audio))
        self._in_flight.append(_InFlight(start_ms, audio, task))

    async def _recognize(self, audio: SegmentAudio) -> Recognized:
        if isinstance(self._engine, AutomaticEngine):
            first = await self._engine.first_pass(audio, self._options)
            self._spent.add(first.timed)
            return first
        timed = await self._engine.recognize(audio, self._options)
        self._spent.add(timed)
        return timed.result

    async def _collect(self, group: asyncio.TaskGroup) -> None:
        oldest = self._in_flight.popleft()
        end_ms = oldest.start_ms + oldest.duration_ms
        recognized = await oldest.task
        hypothesis = recognized if isinstance(recognized, Hypothesis) else recognized.timed.result
        self._hypotheses.append(shifted(hypothesis, oldest.start_ms, end_ms))
        self._account.add_recognized(Segment(oldest.start_ms, end_ms))
        if self._second_passes is not None and isinstance(recognized, FirstPass):
            await self._second_passes.feed(oldest.start_ms, oldest.audio, recognized, group)

    async def finish(self) -> Transcript:
        timed = await self._engine.punctuate(self._hypotheses, self._options)
        self._spent.add(timed)
        sentences, redactions = await redacted_recording(timed.result, self._options.redaction)
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
            duration_ms=samples_to_ms(self._received_samples),
            language=n_words.most_common(1)[0][0] if n_words else None,
            audio_received_ms=samples_to_ms(self._received_samples),
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


def shifted(hypothesis: Hypothesis, start_ms: int, end_ms: int) -> Hypothesis:
    """Return the hypothesis of a segment with its token times counted from the recording's start.

    FunASR's rule for the last token counts padded frames. It may pass the segment's end, where the next one's first
    word may begin, so times are cut there.
    """
    tokens = moved(hypothesis.tokens, start_ms, end_ms)
    return replace(hypothesis, tokens=tokens, hotwords=moved(hypothesis.hotwords, start_ms, end_ms))


Placed = TypeVar("Placed", Token, HotwordHit)


def moved(items: Sequence[Placed], by_ms: int, latest_ms: int, *, earliest_ms: int = 0) -> tuple[Placed, ...]:
    """Return tokens or hotwords later by `by_ms`, with all times between `earliest_ms` and `latest_ms`."""

    def later(ms: int | None) -> int | None:
        return None if ms is None else max(earliest_ms, min(ms + by_ms, latest_ms))

    return tuple(replace(item, start_ms=later(item.start_ms), end_ms=later(item.end_ms)) for item in items)


def first_cause(errors: Exception) -> Exception:
    """Return the first exception that is no group, however deeply task groups have wrapped it."""
    while isinstance(errors, ExceptionGroup):
        errors = errors.exceptions[0]
    return errors
