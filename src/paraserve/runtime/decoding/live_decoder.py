"""Compressed audio of one live utterance, decoded by a child piece by piece."""

from collections.abc import AsyncIterator

import numpy as np

from paraserve.errors import DecoderUnavailableError
from paraserve.inference.audio.decoder_messages import BLOCK, END, ERROR, INFO, WANT, unpack_error, unpack_info
from paraserve.runtime.decoding.child import ChildLoss, DecodeChild, frame_or_loss
from paraserve.types import RecordingInfo, Samples


class LiveDecoder:
    """Decoder of a stream of bytes; get one from `DecodePool.open_live`.

    A child that dies cannot be replaced, since what it had decoded from is gone. `info` is there once the stream has
    told what it is, `has_given` once it gave samples. `is_finished` is true once the child can take other work.

    Args:
        child: has got the request, and asks for bytes.
        is_split: channels stay apart.
        stall_timeout_s: seconds without a frame after which the child counts as stuck.
    """

    def __init__(self, child: DecodeChild, *, is_split: bool, stall_timeout_s: float) -> None:
        self.child = child
        self.info: RecordingInfo | None = None
        self.damaged_packets = 0
        self.has_given = False
        self.is_finished = False
        self._is_split = is_split
        self._stall_timeout_s = stall_timeout_s
        self._is_asking = False

    async def push(self, data: bytes) -> AsyncIterator[Samples]:
        """Yield all samples that these bytes complete, in blocks of at most a second.

        A block is (n_samples,), or (n_samples, n_channels) where channels stay apart.

        Raises:
            AudioError: the bytes are damaged, of no known format, or have no such channel.
            DecoderError: they crashed the child, or took too long or too much memory.
            DecoderUnavailableError: the child was ended from outside.
        """
        if data:
            async for samples in self._exchange(data):
                yield samples

    async def finish(self) -> AsyncIterator[Samples]:
        """Yield the samples that the end of the stream completes. Raises what `push` raises."""
        async for samples in self._exchange(b""):
            yield samples

    async def _exchange(self, data: bytes) -> AsyncIterator[Samples]:
        """Give bytes to the child once it asks for them; yield the blocks before and after."""
        while not self._is_asking and not self.is_finished:
            samples = await self._next_block()
            if samples is not None:
                yield samples
        if self.is_finished:
            return
        self._is_asking = False
        await self.child.send_bytes(data)
        while not self._is_asking and not self.is_finished:
            samples = await self._next_block()
            if samples is not None:
                yield samples

    async def _next_block(self) -> Samples | None:
        """Take the child's next frame; return its samples if it has some."""
        frame = await frame_or_loss(self.child, self._stall_timeout_s)
        if isinstance(frame, ChildLoss):
            raise frame.error
        header, payload = frame
        self.damaged_packets = header.damaged_packets
        self._is_asking = header.kind == WANT
        self.is_finished = header.kind in {END, ERROR}
        if header.kind == ERROR:
            raise unpack_error(payload)
        if header.kind == INFO:
            self.info = unpack_info(payload)
        if header.kind != BLOCK:
            return None
        if self.info is None:
            raise DecoderUnavailableError("the decoder process sent audio before it said of what kind")
        self.has_given = True
        samples: Samples = np.frombuffer(payload, np.float32)
        return samples.reshape(-1, self.info.channels) if self._is_split else samples
