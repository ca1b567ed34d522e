"""Recordings of any common format to blocks of mono 16 kHz samples, in bounded memory.

`wav_file` reads wav, FFmpeg's libraries read the rest (`demux`). Channels are mixed down (`channel_mix`), then a
streaming soxr resampler converts the sample rate.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import soxr

from paraserve.errors import AudioError, AudioTooLongError, DecoderError
from paraserve.inference.audio.channel_mix import mixed
from paraserve.inference.audio.source_chunks import SourceChunk
from paraserve.inference.audio.wav.live_header import MAX_SOURCE_RATE, MIN_SOURCE_RATE
from paraserve.inference.audio.wav.riff import is_wav
from paraserve.inference.audio.wav.wav_file import Source, open_wav
from paraserve.options import MAX_SPLIT_CHANNELS
from paraserve.types import SAMPLE_RATE, ChannelChoice, Samples, samples_to_ms

BLOCK_SAMPLES = 10 * SAMPLE_RATE
"""Length of a block: short enough that the first comes at once, long enough that its overhead does not count."""


class Recording:
    """Open recording, whose blocks can be iterated over once. `with` closes it.

    `received_samples` counts the samples (16 kHz) yielded so far. `warnings` are codes and sentences about what the
    file got wrong, or about sound that was not taken.
    """

    def __init__(
        self,
        source: Source,
        channel: int | None,
        max_duration_ms: int | None,
        warnings: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._source = source
        self._channel = channel
        self._max_duration_ms = max_duration_ms
        self.info = source.info
        self.warnings = warnings
        self.received_samples = 0

    @property
    def damaged_packets(self) -> int:
        """Number of packets so far that were missing or could not be decoded."""
        return self._source.damaged_packets

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Samples]:
        """Yield blocks of 10 s, the last one shorter. A recording of length zero has none.

        Raises:
            AudioTooLongError: more than `max_duration_ms` has been decoded.
            AudioError: the channel does not exist, or the sample rate is unusable.
            DecoderError: no packet of the recording could be decoded.
        """
        for block in _blocks_of(resampled(mixed(self._checked_chunks(), self._channel)), BLOCK_SAMPLES):
            self.received_samples += len(block)
            _check_duration(samples_to_ms(self.received_samples), self._max_duration_ms)
            yield block
        if self.damaged_packets and not self.received_samples:
            raise DecoderError(f"no packet of this {self.info.codec} recording could be decoded", param="file")

    def _checked_chunks(self) -> Iterator[SourceChunk]:
        for chunk in self._source.chunks():
            check_source(chunk.samples.shape[1], chunk.sample_rate, self._channel)
            yield chunk


def open_recording(
    file: BinaryIO | bytes,
    *,
    channel: int | None = None,
    track: int | None = None,
    max_duration_ms: int | None = None,
) -> Recording:
    """Open a recording at its beginning.

    Args:
        file: the whole file, or an open binary file. It must be seekable and stays open when the recording is closed.
        channel: 0-based channel to take; None mixes all of them down.
        track: 0-based audio track to take; None takes the default one, or the first with sound.
        max_duration_ms: longest recording that is accepted.

    Raises:
        UnsupportedFormatError: the container or codec is not supported.
        AudioTooLongError: the container states a dependable length, and that is over the limit.
        AudioError: the file is empty or damaged, or lacks audio, the channel or the track, or has an unusable
            sample rate.
    """
    file = io.BytesIO(file) if isinstance(file, bytes) else file
    source, warnings = _open_source(file, track)
    try:
        info = source.info
        check_source(info.channels, info.sample_rate, channel)
        _check_duration(info.duration_ms or 0, max_duration_ms)
    except AudioError:
        source.close()
        raise
    return Recording(source, channel, max_duration_ms, [*source.warnings, *warnings])


def _open_source(file: BinaryIO, track: int | None) -> tuple[Source, list[tuple[str, str]]]:
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise AudioError("the file is empty", code="empty_file", param="file")
    file.seek(0)
    if not is_wav(file):
        from paraserve.inference.audio.tracks import open_track  # noqa: PLC0415 - large libraries

        return open_track(file, track)
    if track:
        message = f"track {track} does not exist: a wav has one audio track, number 0"
        raise AudioError(message, code="track_out_of_range", param="track")
    return open_wav(file, size), []


def check_split(n_channels: int) -> None:
    """Check the number of channels that are to be kept apart.

    Raises:
        AudioError: there are too many.
    """
    if n_channels > MAX_SPLIT_CHANNELS:
        message = f"{n_channels} channels are too many to be transcribed one by one: at most {MAX_SPLIT_CHANNELS} are"
        raise AudioError(message, code="too_many_channels", param="channel")


def check_source(channels: int, sample_rate: int, channel: ChannelChoice) -> None:
    """Check what a file or a stream says of itself.

    Raises:
        AudioError: it has no such channel, too many of them to be kept apart, or an unusable rate.
    """
    if channel == "split":
        check_split(channels)
        channel = None
    if channel is not None and not 0 <= channel < channels:
        raise AudioError(
            f"channel {channel} does not exist: the recording has {channels} channel(s), counted from 0",
            code="channel_out_of_range",
            param="channel",
        )
    if not MIN_SOURCE_RATE <= sample_rate <= MAX_SOURCE_RATE:
        raise AudioError(f"sample rate {sample_rate} Hz is not usable", code="unsupported_sample_rate", param="file")


def _check_duration(duration_ms: int, max_duration_ms: int | None) -> None:
    if max_duration_ms is not None and duration_ms > max_duration_ms:
        raise AudioTooLongError(f"the recording is longer than {max_duration_ms // 1000} s", param="file")


def resampled(chunks: Iterable[tuple[Samples, int]]) -> Iterator[Samples]:
    """Convert to 16 kHz: one channel (n_samples,), or several that stay apart (n_samples, n_channels).

    Where a stream changes its rate, the rest of the old resampler comes first.
    """
    resampler, current_rate = None, SAMPLE_RATE
    nothing = np.zeros(0, np.float32)
    for samples, rate in chunks:
        if rate != current_rate:
            yield from _flush(resampler, nothing)
            n_channels = 1 if samples.ndim == 1 else samples.shape[1]
            resampler = None
            if rate != SAMPLE_RATE:
                resampler = soxr.ResampleStream(rate, SAMPLE_RATE, n_channels, dtype="float32")
            current_rate = rate
        nothing = samples[:0]
        yield resampler.resample_chunk(samples) if resampler else samples
    yield from _flush(resampler, nothing)


def _flush(resampler: soxr.ResampleStream | None, nothing: Samples) -> Iterator[Samples]:
    if resampler is not None:
        yield resampler.resample_chunk(nothing, last=True)


def _blocks_of(chunks: Iterable[Samples], n_samples: int) -> Iterator[Samples]:
    """Join and cut chunks of any length to blocks of `n_samples`; clip to [-1, 1], since resampling overshoots."""
    pending: list[Samples] = []
    missing = n_samples
    for chunk in chunks:
        rest = chunk
        while len(rest) >= missing:
            yield np.clip(np.concatenate([*pending, rest[:missing]]), -1.0, 1.0)
            rest = rest[missing:]
            pending, missing = [], n_samples
        pending.append(rest)
        missing -= len(rest)
    if missing < n_samples:
        yield np.clip(np.concatenate(pending), -1.0, 1.0)
