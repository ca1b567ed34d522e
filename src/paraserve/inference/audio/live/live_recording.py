"""Audio of a live client in a container, decoded packet by packet while its bytes arrive."""

from collections.abc import Callable, Iterator

import numpy as np

from paraserve.errors import AudioError
from paraserve.inference.audio.channel_mix import mixed
from paraserve.inference.audio.demux import HEAD_BYTES, ContainerSource, open_stream
from paraserve.inference.audio.live.flac_frames import FlacStream
from paraserve.inference.audio.recording import check_source, resampled
from paraserve.inference.audio.source_chunks import SourceChunk, converted
from paraserve.types import ChannelChoice, Samples

MIN_READ_BYTES = 128
"""Smaller pieces are gathered: FFmpeg's demuxers of mp3 and mp4 go back by some bytes, within one read."""


class ArrivingBytes:
    """Bytes that are asked for when none are left.

    Args:
        ask: waits for the next bytes and returns them, none at the end.
    """

    def __init__(self, ask: Callable[[], bytes]) -> None:
        self.head = b""
        self._ask = ask
        self._rest = b""
        self._has_enough = False
        self._is_over = False

    def read(self, n_bytes: int) -> bytes:
        """Return 1 to `n_bytes` bytes, none at the end."""
        while not self._has_enough and not self._is_over:
            piece = self._ask()
            self._is_over = not piece
            self._rest += piece
            self.head += piece[: HEAD_BYTES - len(self.head)]
            self._has_enough = len(self._rest) >= MIN_READ_BYTES
        data, self._rest = self._rest[:n_bytes], self._rest[n_bytes:]
        self._has_enough = bool(self._rest)
        return data


class LiveRecording:
    """Samples of bytes as they arrive; to be iterated over once.

    Nothing that can be decoded waits for the next bytes, except in formats whose packets tell their end only by the
    next one. `info` has the stream's own rate and channels.

    Args:
        stream: the bytes.
        container: FFmpeg's name of the container; None leaves it to the first bytes.
        channel: the channel to take; "split" yields (n_samples, n_channels).

    Raises:
        AudioError: the bytes are no audio of a known format, are damaged, or have no such channel.
    """

    def __init__(self, stream: ArrivingBytes, container: str | None, channel: ChannelChoice) -> None:
        is_flac = container == "flac"
        self._source = FlacStream(stream) if is_flac else ContainerSource(open_stream(stream, container))
        self._channel = channel
        self.info = self._source.info
        self.received_samples = 0

    @property
    def damaged_packets(self) -> int:
        """Number of packets so far that were missing or could not be decoded."""
        return self._source.damaged_packets

    def close(self) -> None:
        """Release the container."""
        self._source.close()

    def __iter__(self) -> Iterator[Samples]:
        """Yield samples at 16 kHz in [-1, 1], some of each packet.

        Raises:
            AudioError: the sample rate or the number of channels cannot be used, or changes to such a one, or
                nothing could be decoded.
        """
        for samples in resampled(mixed(self._chunks(), self._channel)):
            self.received_samples += len(samples)
            yield np.clip(samples, -1.0, 1.0)
        if self.damaged_packets and not self.received_samples:
            raise AudioError(f"no packet of its {self.info.codec} could be decoded in this order", param="file")

    def _chunks(self) -> Iterator[SourceChunk]:
        n_channels = None
        for frame in self._source.frames():
            for chunk in converted([frame]):
                check_source(chunk.samples.shape[1], chunk.sample_rate, self._channel)
                if self._channel == "split" and n_channels not in (None, chunk.samples.shape[1]):
                    raise AudioError("the number of channels changes, so they cannot be kept apart", param="channel")
                n_channels = chunk.samples.shape[1]
                yield chunk
