"""Pool of child processes that decode audio: reused, killed at their limits, and replaced when they die.

A child gets a recording as an open descriptor, so there is no file to clean up. Its samples come back in blocks, only
as fast as they are read.
"""

import asyncio
import contextlib
import io
import os
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from paraserve.errors import AudioError, DecoderError, ShuttingDownError
from paraserve.inference.audio.decoder_messages import (
    BLOCK,
    ERROR,
    INFO,
    DecodeRequest,
    FrameHeader,
    unpack_error,
    unpack_info,
)
from paraserve.runtime.decoding.child import DecodeChild
from paraserve.types import RecordingInfo, Samples

SPOOL_MEMORY_BYTES = 1024**2
"""Size up to which a recording being received stays in memory; a larger one goes to an unlinked file."""
DEFAULT_MEMORY_LIMIT_BYTES = 1 << 30
"""Address space limit of a child, which uses 0.2 GiB when idle and 0.3 GiB with ordinary files."""


class DecodePool:
    """Decodes up to `workers` recordings at once; others wait in order of arrival. Use it from one event loop.

    Args:
        workers: most children that decode at once.
        memory_limit_bytes: address space of each child.
        stall_timeout_s: seconds without a block after which a child counts as stuck and is killed.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        memory_limit_bytes: int = DEFAULT_MEMORY_LIMIT_BYTES,
        stall_timeout_s: float = 30.0,
    ) -> None:
        self._memory_limit_bytes = memory_limit_bytes
        self._stall_timeout_s = stall_timeout_s
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[DecodeChild] = []
        self._children: set[DecodeChild] = set()
        self._reaping: set[asyncio.Task[int]] = set()
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def open(
        self, file: BinaryIO | Path, *, channel: int | None = None, max_duration_ms: int
    ) -> "AsyncIterator[DecodedRecording]":
        """Open a recording in a child, to be iterated over for blocks of at most 30 s (float32, mono, 16 kHz).

        Leaving the context before the end stops the decoding. The file's position is neither used nor changed.

        Args:
            file: an open file, or a path.
            channel: the one to decode (0-based); None mixes all down.
            max_duration_ms: longest recording.

        Raises:
            UnsupportedFormatError: not a container or codec that we decode.
            AudioTooLongError: longer than `max_duration_ms`; here or while iterating.
            DecoderError: the child died, stalled or ran out of memory, or nothing could be decoded.
            AudioError: the recording cannot be used for another reason; `code` says which.
            ShuttingDownError: the pool is closed.
            OSError: the path cannot be opened.
        """
        async with self._slots:
            with await _readable(file) as source:
                child = self._take()
                child.send(DecodeRequest(channel, max_duration_ms), source.fileno())
            recording = DecodedRecording(child, self._stall_timeout_s)
            try:
                await recording.read_info()
                yield recording
            finally:
                self._give_back(child, is_clean=recording.is_finished)

    def start(self) -> None:
        """Start one child, so that the first recording does not wait 0.2 s for it."""
        self._idle.append(self._new_child())

    async def close(self) -> None:
        """Kill all children and wait until they are gone. Recordings being read fail with DecoderError."""
        self._is_closed = True
        for child in list(self._children):
            self._discard(child)
        await asyncio.gather(*self._reaping)

    def _take(self) -> DecodeChild:
        if self._is_closed:
            raise ShuttingDownError("the server is shutting down")
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._discard(child)
        return self._new_child()

    def _new_child(self) -> DecodeChild:
        child = DecodeChild(self._memory_limit_bytes)
        self._children.add(child)
        return child

    def _give_back(self, child: DecodeChild, *, is_clean: bool) -> None:
        if is_clean and not self._is_closed:
            self._idle.append(child)
        else:
            self._discard(child)

    def _discard(self, child: DecodeChild) -> None:
        if child in self._children:
            self._children.remove(child)
            task = asyncio.create_task(child.kill())
            self._reaping.add(task)
            task.add_done_callback(self._reaping.discard)


class DecodedRecording:
    """Iterator over the blocks of a recording that a child decodes, with totals of the blocks read so far.

    `received_samples` (16 kHz), `damaged_packets` and `decode_ms` (the child's time, without its waits) grow with
    each block. `is_finished` is true once the child has sent its last message and can take another recording.
    """

    info: RecordingInfo

    def __init__(self, child: DecodeChild, stall_timeout_s: float) -> None:
        self._child = child
        self._stall_timeout_s = stall_timeout_s
        self.received_samples = 0
        self.damaged_packets = 0
        self.decode_ms = 0
        self.is_finished = False

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        if self.is_finished:
            raise StopAsyncIteration
        header, payload = await self._read_frame()
        if header.kind != BLOCK:
            self.is_finished = True
            raise StopAsyncIteration
        samples = np.frombuffer(payload, np.float32)
        self.received_samples += len(samples)
        return samples

    async def read_info(self) -> None:
        """Wait for the first frame. Raises what `DecodePool.open` raises."""
        header, payload = await self._read_frame()
        if header.kind != INFO:
            raise DecoderError("the decoder answered out of turn", code="decoder_died", param="file")
        self.info = unpack_info(payload)

    async def _read_frame(self) -> tuple[FrameHeader, bytearray]:
        try:
            async with asyncio.timeout(self._stall_timeout_s):
                header, payload = await self._child.receive()
        except TimeoutError:
            message = f"the decoder made no progress in {self._stall_timeout_s:g} s"
            raise DecoderError(message, code="decoder_timeout", param="file") from None
        except (EOFError, OSError):
            raise await self._child.exit_error() from None
        self.damaged_packets, self.decode_ms = header.damaged_packets, header.decode_ms
        if header.kind == ERROR:
            self.is_finished = True
            raise unpack_error(payload)
        return header, payload


async def _readable(file: BinaryIO | Path) -> BinaryIO | contextlib.nullcontext[BinaryIO]:
    """Return the file with a descriptor, in a context that closes it only if it was opened here."""
    if isinstance(file, Path):
        return _open_path(file)
    if _has_descriptor(file):
        return contextlib.nullcontext(file)
    return await asyncio.to_thread(_copy_to_memory, file)


def _open_path(path: Path) -> BinaryIO:
    # Without O_NONBLOCK a FIFO would block the open, and then the child.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise AudioError(f"{path} is not a regular file", code="not_a_file", param="file")
    return file


def _has_descriptor(file: BinaryIO) -> bool:
    try:
        file.fileno()
    except io.UnsupportedOperation:
        return False
    file.flush()  # bytes that its writer has buffered belong to the recording
    return True


def _copy_to_memory(file: BinaryIO) -> BinaryIO:
    """Return a copy in memory, with a descriptor, of an `io.BytesIO` or the like. Nothing is written to disk."""
    copy = os.fdopen(os.memfd_create("recording"), "w+b")
    position = file.tell()
    file.seek(0)
    shutil.copyfileobj(file, copy)
    file.seek(position)
    copy.flush()
    return copy
