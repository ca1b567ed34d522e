"""A file to its transcript: decoded in a child or here, then transcribed as it comes."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.decoded_recording import DecodedBlocks, RecordingOpener
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import transcribe
from paraserve.runtime.recording_sentences import OnSentences
from paraserve.runtime.stage_clock import DECODE_WAIT, StageClock
from paraserve.types import (
    FieldWarning,
    Samples,
    Transcript,
    ms_to_samples,
    samples_to_ms,
)

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the milliseconds transcribed so far and the file's duration (None if the file does not tell)."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The operator's limits for files: the longest duration, and whether and up to which length merge_vad merges."""

    max_duration_ms: int
    merge_vad: bool = False
    merge_length_ms: int = 15_000

    def merge_ms(self, options: RecognitionOptions) -> int | None:
        """Return the length up to which the segments of a recording are merged; None = they are not."""
        is_merged = self.merge_vad if options.merge_vad is None else options.merge_vad
        return (options.merge_length_ms or self.merge_length_ms) if is_merged else None


async def transcribe_file(  # noqa: PLR0913 - two callers see different sides of the same work
    engine: Engine,
    pool: RecordingOpener,
    file: BinaryIO | Path,
    options: RecognitionOptions,
    limits: FileLimits,
    *,
    on_progress: OnProgress | None = None,
    clock: StageClock | None = None,
    on_sentences: OnSentences | None = None,
) -> Transcript:
    """Decode a file and transcribe it. Cancelling it stops both.

    Args:
        engine: recognizes the segments.
        pool: decodes the file.
        file: an open file, or a path.
        options: the client's choices.
        limits: the operator's.
        on_progress: called after each decoded block that detection has taken.
        clock: gets the time of each stage.
        on_sentences: is called with the sentences of the transcript as they become final.

    Raises:
        AudioError: the file cannot be used; its subclass and code say why.
        InferenceError: a segment could not be recognized.
        OverloadedError: the engine is closed.
    """
    channel = None if options.channel == "split" else options.channel
    async with pool.open(
        file, channel=channel, track=options.track, max_duration_ms=limits.max_duration_ms
    ) as recording:
        return await transcribe_decoded(
            engine, recording, options, limits, on_progress=on_progress, clock=clock, on_sentences=on_sentences
        )


async def transcribe_decoded(  # noqa: PLR0913 - as `transcribe_file`
    engine: Engine,
    recording: DecodedBlocks,
    options: RecognitionOptions,
    limits: FileLimits,
    *,
    on_progress: OnProgress | None = None,
    clock: StageClock | None = None,
    on_sentences: OnSentences | None = None,
) -> Transcript:
    """Transcribe a file that is being decoded. Arguments and errors are those of `transcribe_file`."""
    clock = clock or StageClock()
    clock.part(DECODE_WAIT, recording.wait_ms / 1000)
    blocks = _reported(recording, on_progress) if on_progress is not None else aiter(recording)
    if options.first_ms is not None:
        blocks = _first(blocks, ms_to_samples(options.first_ms))
    # What was taken from the file matters no more: segments of any channel share batches.
    options = replace(options, channel=None, track=None)
    merge_ms = limits.merge_ms(options)
    transcript = await transcribe(engine, blocks, options, merge_ms=merge_ms, clock=clock, on_sentences=on_sentences)
    queue_ms = transcript.timing.queue_ms + round(recording.wait_ms)
    timing = replace(transcript.timing, queue_ms=queue_ms, decode_ms=round(recording.decode_ms))
    of_file = (FieldWarning(code, "file", message) for code, message in recording.warnings)
    warnings = (*of_file, *transcript.warnings)
    return replace(transcript, damaged_packets=recording.damaged_packets, timing=timing, warnings=warnings)


async def _first(blocks: AsyncIterator[Samples], n_samples: int) -> AsyncIterator[Samples]:
    async for samples in blocks:
        yield samples[:n_samples]
        n_samples -= len(samples)
        if n_samples <= 0:
            return


async def _reported(recording: DecodedBlocks, on_progress: OnProgress) -> AsyncIterator[Samples]:
    async for samples in recording:
        yield samples
        on_progress(samples_to_ms(recording.received_samples), recording.info.duration_ms)
