"""Transcription of a recording channel by channel, and of all channels as one."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby
from operator import add, attrgetter, itemgetter
from pathlib import Path
from typing import BinaryIO

from paraserve.hotword_types import HotwordReport
from paraserve.inference.audio.recording import check_split
from paraserve.inference.text.sentences import join_sentences
from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.decoded_recording import RecordingOpener
from paraserve.runtime.engine import Engine
from paraserve.runtime.recorded_file import FileLimits, OnProgress, transcribe_decoded, transcribe_file
from paraserve.runtime.recording_sentences import OnSentences
from paraserve.runtime.stage_clock import StageClock
from paraserve.subtitles.labels import labelled
from paraserve.types import Sentence, Timing, Transcript


async def transcribe_recording(  # noqa: PLR0913 - two callers see different sides of the same work
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
    """Transcribe a file as `transcribe_file` does, with `options.channel` "split" one channel after the other.

    One at a time, since the decoder reads the file at its own pace, and a channel alone keeps the models busy. The
    sentences of split channels come all at the end, by their starts.

    Raises:
        AudioError: what `transcribe_file` raises, or there are too many channels.
    """
    if options.channel != "split":
        return await transcribe_file(
            engine, pool, file, options, limits, on_progress=on_progress, clock=clock, on_sentences=on_sentences
        )
    done: list[Transcript] = []
    n_channels = 1
    while len(done) < n_channels:
        choices = {"channel": len(done), "track": options.track}
        async with pool.open(file, **choices, max_duration_ms=limits.max_duration_ms) as recording:
            n_channels = recording.info.channels
            check_split(n_channels)
            report = None if on_progress is None else _part_of(on_progress, done, n_channels)
            decoded = transcribe_decoded(engine, recording, options, limits, on_progress=report, clock=clock)
            done.append(await decoded)
    joined = joined_channels(done)
    if on_sentences is not None and joined.sentences:
        on_sentences(joined.sentences)
    return joined


def _part_of(on_progress: OnProgress, done: Sequence[Transcript], n_channels: int) -> OnProgress:
    """Return the progress of one channel as a part of that of all."""
    done_ms = sum(one.duration_ms for one in done)

    def report(at_ms: int, duration_ms: int | None) -> None:
        on_progress((done_ms + at_ms) // n_channels, duration_ms or (done[0].duration_ms if done else None))

    return report


def joined_channels(channels: Sequence[Transcript]) -> Transcript:
    """Return one transcript of all channels: sentences by their starts, a line of text for each turn."""
    numbered = [[replace(sentence, channel=n) for sentence in one.sentences] for n, one in enumerate(channels)]
    sentences = _by_start(numbered)
    first = channels[0]
    has_spoken = any(one.spoken for one in channels)
    redactions = [one.redactions for one in channels if one.redactions is not None]
    return replace(
        first,
        text=_turns(sentences),
        sentences=sentences,
        duration_ms=max(one.duration_ms for one in channels),
        language=next((one.language for one in channels if one.language), None),
        audio_received_ms=max(one.audio_received_ms for one in channels),
        audio_processed_ms=min(one.audio_processed_ms for one in channels),
        damaged_packets=max(one.damaged_packets for one in channels),
        timing=_total(one.timing for one in channels),
        warnings=tuple(dict.fromkeys(warning for one in channels for warning in one.warnings)),
        heard=reduce(add, (one.heard for one in channels)),
        notice=next((one.notice for one in channels if one.notice is not None), None),
        spoken=_turns([replace(one, text=one.as_spoken) for one in sentences]) if has_spoken else "",
        hotwords=_all_hotwords(channels),
        redactions=reduce(add, redactions) if redactions else None,
        quality=None,  # each channel has its own
        channels=tuple(replace(one, sentences=tuple(part)) for one, part in zip(channels, numbered, strict=True)),
    )


def _by_start(channels: Iterable[Sequence[Sentence]]) -> tuple[Sentence, ...]:
    """Return all sentences by their starts. One without times stays behind the one before it."""
    timed: list[tuple[int, Sentence]] = []
    for sentences in channels:
        start_ms = 0
        for sentence in sentences:
            start_ms = max(start_ms, sentence.start_ms or 0)
            timed.append((start_ms, sentence))
    return tuple(sentence for _, sentence in sorted(timed, key=itemgetter(0)))


def _turns(sentences: Iterable[Sentence]) -> str:
    """Return a line for each turn: what one channel says until another one does."""
    turns = groupby(sentences, attrgetter("channel"))
    return "\n".join(labelled(channel, join_sentences(list(part))) for channel, part in turns)


def _total(timings: Iterable[Timing]) -> Timing:
    spent = list(timings)
    return Timing(
        queue_ms=sum(one.queue_ms for one in spent),
        decode_ms=sum(one.decode_ms for one in spent),
        inference_ms=sum(one.inference_ms for one in spent),
    )


def _all_hotwords(channels: Sequence[Transcript]) -> HotwordReport | None:
    reports = [one.hotwords for one in channels if one.hotwords is not None]
    if not reports:
        return None
    hits = sorted((hit for report in reports for hit in report.hits), key=lambda hit: hit.start_ms or 0)
    return HotwordReport(tuple(hits), tuple(dict.fromkeys(word for report in reports for word in report.ignored)))
