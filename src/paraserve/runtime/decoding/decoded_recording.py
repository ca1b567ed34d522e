"""A recording that a decode child turns into blocks of samples."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from paraserve.inference.audio.decoder_messages import (
    BLOCK,
    ERROR,
    INFO,
    FrameHeader,
    unpack_error,
    unpack_info,
    unpack_warnings,
)
from paraserve.runtime.decoding.child import ChildLoss, DecodeChild, frame_or_loss
from paraserve.types import RecordingInfo, Samples


class DecodedBlocks(Protocol):
    """Iterator over the blocks of a recording (float32, mono, 16 kHz), with totals of the blocks read so far.

    `received_samples` (16 kHz), `damaged_packets` and `decode_ms` (time of decoding alone) grow with each block.
    `wait_ms` passed before decoding began. `warnings` are codes and sentences about the file, complete at the end.
    """

    info: RecordingInfo
    received_samples: int
    damaged_packets: int
    wait_ms: float
    warnings: Sequence[tuple[str, str]]

    @property
    def decode_ms(self) -> int:
        """See above."""
        ...

    def __aiter__(self) -> AsyncIterator[Samples]:
        """Return itself."""
        ...

    async def __anext__(self) -> Samples:
        """Return the next block of at most 30 s."""
        ...


class RecordingOpener(Protocol):
    """Opens recordings to be decoded."""

    def open(
        self, file: BinaryIO | Path, *, channel: int | None = None, track: int | None = None, max_duration_ms: int
    ) -> AbstractAsyncContextManager[DecodedBlocks]:
        """See `DecodePool.open`."""
        ...


class DecodedRecording:
    """Blocks that a child decodes; see `DecodedBlocks`.

    A child that dies or stops is replaced once: another one decodes from the beginning, and what had been read
    already is dropped. `is_finished` is true once the child has sent its last message and can take another recording.

    Args:
        hire: sends the request to a child and returns it.
        dismiss: kills a child.
        stall_timeout_s: seconds without a frame after which a child counts as stuck.
    """

    info: RecordingInfo

    def __init__(
        self,
        hire: Callable[[], Awaitable[DecodeChild]],
        dismiss: Callable[[DecodeChild], None],
        stall_timeout_s: float,
    ) -> None:
        self.child: DecodeChild | None = None
        self.received_samples = 0
        self.damaged_packets = 0
        self.decode_ms = 0
        self.wait_ms = 0.0
        self.warnings: Sequence[tuple[str, str]] = ()
        self.is_finished = False
        self._hire = hire
        self._dismiss = dismiss
        self._stall_timeout_s = stall_timeout_s
        self._may_retry = True

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        if self.is_finished:
            raise StopAsyncIteration
        header, payload = await self._next_frame()
        if header.kind != BLOCK:
            self.is_finished = True
            self.warnings = unpack_warnings(payload)
            raise StopAsyncIteration
        samples = np.frombuffer(payload, np.float32)
        self.received_samples += len(samples)
        return samples

    async def begin(self) -> None:
        """Send the request, and wait for the first frame. Raises what `DecodePool.open` raises."""
        started_s = time.monotonic()
        self.child = await self._hire()
        _, payload = await self._next_frame()
        self.info = unpack_info(payload)
        self.wait_ms = max(0.0, (time.monotonic() - started_s) * 1000 - self.decode_ms)

    async def _next_frame(self) -> tuple[FrameHeader, bytearray]:
        assert self.child is not None
        while True:
            frame = await frame_or_loss(self.child, self._stall_timeout_s)
            if not isinstance(frame, ChildLoss):
                return self._noted(*frame)
            if not (frame.may_retry and self._may_retry):
                raise frame.error
            self._may_retry = False
            replaced = await self._replaced()
            if replaced is not None:
                return self._noted(*replaced)

    async def _replaced(self) -> tuple[FrameHeader, bytearray] | None:
        """Let another child decode up to where the lost one was; return a frame that was no such block, if any."""
        assert self.child is not None
        self._dismiss(self.child)
        self.child = await self._hire()
        n_missing = self.received_samples
        is_started = not hasattr(self, "info")
        while n_missing or not is_started:
            frame = await frame_or_loss(self.child, self._stall_timeout_s)
            if isinstance(frame, ChildLoss):
                raise frame.error
            header, payload = frame
            is_started = is_started or header.kind == INFO
            if header.kind == BLOCK:
                n_missing -= len(payload) // np.dtype(np.float32).itemsize
            elif header.kind != INFO:
                return frame
        return None

    def _noted(self, header: FrameHeader, payload: bytearray) -> tuple[FrameHeader, bytearray]:
        self.damaged_packets, self.decode_ms = header.damaged_packets, header.decode_ms
        if header.kind == ERROR:
            self.is_finished = True
            raise unpack_error(payload)
        return header, payload
