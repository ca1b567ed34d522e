"""The loudest samples of a recording, which a waveform is drawn from, measured while it is decoded."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from paraserve.runtime.decoding.decoded_recording import DecodedBlocks, RecordingOpener
from paraserve.types import SAMPLE_RATE, Samples

PEAKS_PER_S = 10
"""A day of audio has 864,000 peaks, of a byte each."""
PEAK_SAMPLES = SAMPLE_RATE // PEAKS_PER_S
FULL_SCALE = 255

OnPeaks: TypeAlias = Callable[[int, bytes], None]
"""Called with the number of the first of some peaks, and with these peaks."""


@dataclass(slots=True)
class RecordingPeaks:
    """The loudest sample of each 100 ms of a recording, from 0 to 255 for full scale.

    Where a recording is decoded several times, or channel by channel, the loudest of all counts.
    """

    values: bytearray = field(default_factory=bytearray)

    def put(self, start: int, peaks: bytes) -> bytes | None:
        """Take the peaks from number `start` on. Returns those that are known now, None if they were known before."""
        end = start + len(peaks)
        before = bytes(self.values[start:end])
        known = np.frombuffer(before.ljust(len(peaks), b"\0"), np.uint8)
        now = np.maximum(known, np.frombuffer(peaks, np.uint8)).tobytes()
        if now == before:
            return None
        self.values[start:end] = now
        return now


class PeakMeter:
    """Measures the samples of one decoding, in blocks of any size."""

    def __init__(self) -> None:
        self.n_peaks = 0
        self._rest: Samples = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> bytes:
        """Return the peaks that are complete with these samples."""
        heard = np.concatenate((self._rest, np.abs(samples)))
        n_whole = len(heard) // PEAK_SAMPLES * PEAK_SAMPLES
        self._rest = heard[n_whole:]
        return self._quantized(heard[:n_whole].reshape(-1, PEAK_SAMPLES))

    def finish(self) -> bytes:
        """Return the peak of what is left, if anything is."""
        rest, self._rest = self._rest, self._rest[:0]
        return self._quantized(rest.reshape(1, -1)) if len(rest) else b""

    def _quantized(self, windows: Samples) -> bytes:
        self.n_peaks += len(windows)
        loudest = windows.max(axis=1) if len(windows) else np.zeros(0, np.float32)
        return bytes(np.minimum(np.rint(loudest * FULL_SCALE), FULL_SCALE).astype(np.uint8))


class MeasuredBlocks:
    """The blocks of a recording, which are measured as they pass; matches `DecodedBlocks`."""

    def __init__(self, blocks: DecodedBlocks, peaks: RecordingPeaks, on_peaks: OnPeaks) -> None:
        self.info = blocks.info
        self._blocks = blocks
        self._peaks = peaks
        self._on_peaks = on_peaks
        self._meter = PeakMeter()
        self._copy_totals()

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        start = self._meter.n_peaks
        try:
            samples = await anext(self._blocks)
        except StopAsyncIteration:
            self._note(start, self._meter.finish())
            raise
        finally:
            self._copy_totals()
        self._note(start, self._meter.push(samples))
        return samples

    def _copy_totals(self) -> None:
        self.received_samples = self._blocks.received_samples
        self.damaged_packets = self._blocks.damaged_packets
        self.decode_ms = self._blocks.decode_ms
        self.wait_ms = self._blocks.wait_ms
        self.warnings = self._blocks.warnings

    def _note(self, start: int, measured: bytes) -> None:
        new = self._peaks.put(start, measured)
        if new:
            self._on_peaks(start, new)


@dataclass(frozen=True, slots=True)
class MeasuringOpener:
    """Opens recordings that are measured while they are decoded; matches `RecordingOpener`."""

    pool: RecordingOpener
    peaks: RecordingPeaks
    on_peaks: OnPeaks

    @asynccontextmanager
    async def open(
        self, file: BinaryIO | Path, *, channel: int | None = None, track: int | None = None, max_duration_ms: int
    ) -> AsyncIterator[DecodedBlocks]:
        """See `DecodePool.open`."""
        opened = self.pool.open(file, channel=channel, track=track, max_duration_ms=max_duration_ms)
        async with opened as blocks:
            yield MeasuredBlocks(blocks, self.peaks, self.on_peaks)
