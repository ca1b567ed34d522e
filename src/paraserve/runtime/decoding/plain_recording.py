"""Uncompressed wavs, read in this process: a child would take longer to ask than to answer.

It is as safe as a child. Nothing but numpy and the resampler sees the bytes, and the header's numbers are checked
against the file's real length. The limits and the errors are those of a child, since `open_recording` does both. A
long file goes to a child where its end has to be searched, or where it has many channels to mix.
"""

import asyncio
import contextlib
import io
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import BinaryIO

from paraserve.inference.audio.decoder_messages import DecodeRequest
from paraserve.inference.audio.recording import BLOCK_SAMPLES, Recording, open_recording
from paraserve.inference.audio.wav.plain_wav import is_plain_wav
from paraserve.inference.audio.wav.riff import MAGIC
from paraserve.types import Samples

SMALL_BYTES = 8 << 20
"""Four minutes at 16 kHz. In a file of this size everything may be searched."""
MANY_CHANNELS = 8
"""Mixing more channels of a long file takes CPU time that a child is given in bounds."""


async def open_plain_recording(file: BinaryIO, request: DecodeRequest) -> "PlainRecording | None":
    """Open an uncompressed wav; return None for any other file. The file's position stays as it was.

    Raises:
        AudioError: it cannot be used; the class and code say why.
    """
    position = file.tell()
    try:
        file.seek(0)
        is_wav = file.read(4) in MAGIC
        n_bytes = file.seek(0, io.SEEK_END)
    finally:
        file.seek(position)
    return await asyncio.to_thread(_opened, file, n_bytes, request) if is_wav else None


def _opened(file: BinaryIO, n_bytes: int, request: DecodeRequest) -> "PlainRecording | None":
    started_s = time.monotonic()
    own = _own_reader(file, n_bytes)
    try:
        if not is_plain_wav(own, n_bytes, may_search=n_bytes <= SMALL_BYTES):
            own.close()
            return None
        own.seek(0)
        recording = open_recording(
            own, channel=request.channel, track=request.track, max_duration_ms=request.max_duration_ms
        )
        if n_bytes > SMALL_BYTES and recording.info.channels > MANY_CHANNELS:
            own.close()
            return None
        return PlainRecording(own, recording, started_s)
    except BaseException:
        own.close()
        raise


def _own_reader(file: BinaryIO, n_bytes: int) -> BinaryIO:
    """Return a reader with a position of its own: of the bytes of a short file, or of the file opened anew."""
    if n_bytes > SMALL_BYTES:
        with contextlib.suppress(io.UnsupportedOperation):  # a file in memory has no descriptor
            descriptor = file.fileno()
            file.flush()  # bytes that its writer has buffered belong to the recording
            return os.fdopen(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY), "rb")
    position = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(position)
    return io.BytesIO(data)


class PlainRecording:
    """Blocks that are decoded here; see `DecodedBlocks`. The first one is decoded already.

    Raises:
        AudioError: the first block cannot be used.
    """

    wait_ms = 0.0

    def __init__(self, file: BinaryIO, recording: Recording, started_s: float) -> None:
        self.info = recording.info
        self.received_samples = 0
        self.damaged_packets = 0
        self.warnings: Sequence[tuple[str, str]] = recording.warnings
        self._file = file
        self._blocks: Iterator[Samples] = iter(recording)
        self._spent_s = 0.0
        self._first: Samples | None = self._next()
        self._is_finished = self._first is None
        self._spent_s = time.monotonic() - started_s

    @property
    def decode_ms(self) -> int:
        """Milliseconds of decoding so far."""
        return round(self._spent_s * 1000)

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        if self._is_finished:
            raise StopAsyncIteration
        block, self._first = self._first, None
        if block is None:
            block = await asyncio.to_thread(self._next)
        # A block that is not full is the last one.
        self._is_finished = block is None or len(block) < BLOCK_SAMPLES
        if block is None:
            raise StopAsyncIteration
        self.received_samples += len(block)
        return block

    def close(self) -> None:
        """Release the reader."""
        self._file.close()

    def _next(self) -> Samples | None:
        started_s = time.monotonic()
        block = next(self._blocks, None)
        self._spent_s += time.monotonic() - started_s
        return block
