"""Short uncompressed wavs, read in this process: a child would take longer to ask than to answer.

It is as safe as a child. Nothing but numpy and the resampler sees the bytes, the header's numbers are checked against
the file's real length, and the file is small.
"""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import BinaryIO

from paraserve.inference.audio.decoder_messages import DecodeRequest
from paraserve.inference.audio.recording import Recording, open_recording
from paraserve.inference.audio.wav.plain_wav import is_plain_wav
from paraserve.types import Samples

MAX_BYTES = 8 << 20
"""Four minutes at 16 kHz. The decoding of longer recordings takes more time than that of asking a child."""


async def open_small_wav(file: BinaryIO, request: DecodeRequest) -> "SmallWav | None":
    """Open a short uncompressed wav; return None for any other file, whose position stays as it was.

    Raises:
        AudioError: it cannot be used; the class and code say why.
    """
    data = _small_wav_bytes(file)
    return None if data is None else await asyncio.to_thread(_opened, data, request)


def _small_wav_bytes(file: BinaryIO) -> bytes | None:
    position = file.tell()
    try:
        n_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        is_wav = n_bytes <= MAX_BYTES and file.read(4) == b"RIFF"
        file.seek(0)
        return file.read() if is_wav else None
    finally:
        file.seek(position)


def _opened(data: bytes, request: DecodeRequest) -> "SmallWav | None":
    if not is_plain_wav(io.BytesIO(data), len(data)):
        return None
    started_s = time.monotonic()
    recording = open_recording(
        data, channel=request.channel, track=request.track, max_duration_ms=request.max_duration_ms
    )
    return SmallWav(recording, started_s)


class SmallWav:
    """Blocks that are decoded here; see `DecodedBlocks`."""

    wait_ms = 0.0

    def __init__(self, recording: Recording, started_s: float) -> None:
        self.info = recording.info
        self.received_samples = 0
        self.damaged_packets = 0
        self.warnings: Sequence[tuple[str, str]] = recording.warnings
        self._blocks: Iterator[Samples] = iter(recording)
        self._spent_s = time.monotonic() - started_s

    @property
    def decode_ms(self) -> int:
        """Milliseconds of decoding so far."""
        return round(self._spent_s * 1000)

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        block = await asyncio.to_thread(self._next)
        if block is None:
            raise StopAsyncIteration
        self.received_samples += len(block)
        return block

    def _next(self) -> Samples | None:
        started_s = time.monotonic()
        block = next(self._blocks, None)
        self._spent_s += time.monotonic() - started_s
        return block
