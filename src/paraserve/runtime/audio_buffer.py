"""The part of a recording that may still be needed: its samples with their fbank."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paraserve.inference.features.fbank import N_MELS, frame_count
from paraserve.types import FRAME_MS, FRAME_SAMPLES, Features, Samples, Segment, SegmentAudio


@dataclass(slots=True)
class _Rows:
    """An array that grows at its end and is forgotten from its front, each in time linear in what comes or goes."""

    store: npt.NDArray[Any]
    n: int = 0

    @property
    def values(self) -> npt.NDArray[Any]:
        """A view; copy what must outlive the next change."""
        return self.store[: self.n]

    def append(self, rows: npt.NDArray[Any]) -> None:
        end = self.n + len(rows)
        if end > len(self.store):
            grown = np.empty((max(end, 2 * self.n), *self.store.shape[1:]), self.store.dtype)
            grown[: self.n] = self.values
            self.store = grown
        self.store[self.n : end] = rows
        self.n = end

    def forget(self, n_rows: int) -> None:
        # A copy of what is left, or one long utterance would hold its memory for the rest of the recording.
        self.store = self.values[n_rows:].copy()
        self.n = len(self.store)


@dataclass(slots=True)
class AudioBuffer:
    """The samples and fbank frames of a recording from `start_ms` on; older ones are forgotten."""

    start_ms: int = 0
    _samples: _Rows = field(default_factory=lambda: _Rows(np.zeros(0, np.float32)))
    _features: _Rows = field(default_factory=lambda: _Rows(np.zeros((0, N_MELS), np.float32)))

    @property
    def end_ms(self) -> int:
        """Where the samples end, rounded down to a frame."""
        return self.start_ms + self._samples.n // FRAME_SAMPLES * FRAME_MS

    @property
    def samples(self) -> Samples:
        """All that is kept; a view."""
        return self._samples.values

    @property
    def features(self) -> Features:
        """The fbank of all that is kept; a view."""
        return self._features.values

    def append(self, samples: Samples, features: Features) -> None:
        """Add what one VAD step saw and computed."""
        self._samples.append(samples)
        self._features.append(features)

    def forget_before(self, at_ms: int) -> None:
        """Drop all before `at_ms`, a multiple of 10 ms."""
        frames = (at_ms - self.start_ms) // FRAME_MS
        if frames <= 0:
            return
        self._samples.forget(frames * FRAME_SAMPLES)
        self._features.forget(frames)
        self.start_ms += frames * FRAME_MS

    def slice(self, segment: Segment, done_ms: int = 0) -> SegmentAudio:
        """Audio of a segment after its first `done_ms`, with the frames that were not complete by then.

        Raises:
            ValueError: the segment begins before what is kept.
        """
        if segment.start_ms < self.start_ms:
            raise ValueError(f"{segment} begins before the audio kept from {self.start_ms} ms on")
        first = (segment.start_ms - self.start_ms) // FRAME_MS
        done = done_ms // FRAME_MS * FRAME_SAMPLES
        n_samples = (segment.end_ms - segment.start_ms) // FRAME_MS * FRAME_SAMPLES
        samples = self.samples[first * FRAME_SAMPLES :][done:n_samples].copy()
        features = self.features[first:][frame_count(done) : frame_count(n_samples)].copy()
        return SegmentAudio(samples, features)
