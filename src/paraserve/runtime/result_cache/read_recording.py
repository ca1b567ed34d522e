"""A recording that is decoded once to know it by its samples, and then again, or from memory, to be recognized.

Samples of a short recording are kept, so that it is decoded once. A long one is decoded twice: that takes a small
part of the time of its recognition, and memory stays bounded.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from paraserve.inference.audio.recording import check_split
from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.decoded_recording import DecodedBlocks, RecordingOpener
from paraserve.types import RecordingInfo, Samples, ms_to_samples, samples_to_ms

MAX_KEPT_SAMPLES = ms_to_samples(120_000)
"""7.7 MB of samples: as much as may be in flight of a recording that is being recognized."""


@dataclass(frozen=True, slots=True)
class KeptBlocks:
    """All blocks of one channel, and the facts about them, as `DecodedBlocks` has them at its end."""

    info: RecordingInfo
    blocks: Sequence[Samples]
    damaged_packets: int
    decode_ms: int
    wait_ms: float
    warnings: Sequence[tuple[str, str]]


class BlocksAgain:
    """Blocks that were kept; matches `DecodedBlocks`."""

    def __init__(self, kept: KeptBlocks) -> None:
        self.info = kept.info
        self.received_samples = 0
        self.damaged_packets = kept.damaged_packets
        self.decode_ms = kept.decode_ms
        self.wait_ms = kept.wait_ms
        self.warnings = kept.warnings
        self._blocks = iter(kept.blocks)

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        block = next(self._blocks, None)
        if block is None:
            raise StopAsyncIteration
        self.received_samples += len(block)
        return block


class ReadRecording:
    """A recording that has been decoded; matches `RecordingOpener` for whoever recognizes it.

    `digest` is equal for recordings that a recognizer and the answer cannot tell apart. `decode_ms` is the time of
    decoding.
    """

    def __init__(self, pool: RecordingOpener) -> None:
        self.digest = ""
        self.decode_ms = 0
        self._pool = pool
        self._kept: dict[int | None, KeptBlocks] = {}
        self._n_kept = 0

    async def read(
        self,
        file: BinaryIO | Path,
        options: RecognitionOptions,
        max_duration_ms: int,
        on_decoded: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Decode all channels that the options choose. `on_decoded` is called with the ms of the recording so far.

        Raises:
            AudioError: the file cannot be used; its subclass and code say why.
            OverloadedError: the pool cannot decode it now.
        """
        is_split = options.channel == "split"
        digest = hashlib.sha256(json.dumps([options.channel, options.track]).encode())
        channels: list[int | None] = [0 if options.channel == "split" else options.channel]
        for channel in channels:  # it grows once their number is known
            async with self._pool.open(
                file, channel=channel, track=options.track, max_duration_ms=max_duration_ms
            ) as recording:
                if is_split and len(channels) < recording.info.channels:
                    check_split(recording.info.channels)
                    channels += range(1, recording.info.channels)
                await self._read(recording, channel, digest, on_decoded)
                facts = [recording.damaged_packets, list(recording.warnings), recording.received_samples]
                digest.update(json.dumps(facts).encode())
                self.decode_ms += recording.decode_ms
        self.digest = digest.hexdigest()

    def open(
        self, file: BinaryIO | Path, *, channel: int | None = None, track: int | None = None, max_duration_ms: int
    ) -> AbstractAsyncContextManager[DecodedBlocks]:
        """See `DecodePool.open`."""
        kept = self._kept.pop(channel, None)
        if kept is not None:
            return _again(kept)
        return self._pool.open(file, channel=channel, track=track, max_duration_ms=max_duration_ms)

    async def _read(
        self,
        recording: DecodedBlocks,
        channel: int | None,
        digest: "hashlib._Hash",
        on_decoded: Callable[[int], None],
    ) -> None:
        blocks: list[Samples] = []
        n_before, is_kept = self._n_kept, True
        async for block in recording:
            await asyncio.to_thread(digest.update, block.data)  # 5 ms for 30 s of audio
            is_kept = is_kept and n_before + recording.received_samples <= MAX_KEPT_SAMPLES
            if is_kept:
                blocks.append(block)
            else:
                blocks.clear()
            on_decoded(samples_to_ms(recording.received_samples))
        if is_kept:
            self._n_kept += recording.received_samples
            facts = (recording.damaged_packets, recording.decode_ms, recording.wait_ms, recording.warnings)
            self._kept[channel] = KeptBlocks(recording.info, blocks, *facts)


@asynccontextmanager
async def _again(kept: KeptBlocks) -> AsyncIterator[DecodedBlocks]:
    yield BlocksAgain(kept)
