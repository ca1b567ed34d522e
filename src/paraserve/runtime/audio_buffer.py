"""The part of a recording that may still become part of a segment: its samples and their fbank frames."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paraserve.inference.features.fbank import N_MELS, frame_count
from paraserve.types import FRAME_MS, FRAME_SAMPLES, Features, Samples, Segment, SegmentAudio, ms_to_samples


@dataclass(slots=True)
class _Rows:
    """An array that grows at its end and shrinks from its front, in time linear in the rows added or kept."""

    store: npt.NDArray[Any]
    n: int = 0

    @property
    def values(self) -> npt.NDArray[Any]:
        """A view of all rows; copy what must outlive the next change."""
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
        # The rest is copied, or the memory of one long utterance would be held for the rest of the recording.
        self.store = self.values[n_rows:].copy()
        self.n = len(self.store)


@dataclass(slots=True)
class AudioBuffer:
    """Samples and fbank frames of a recording from `start_ms` on; older ones have been dropped."""

    start_ms: int = 0
    _samples: _Rows = field(default_factory=lambda: _Rows(np.zeros(0, np.float32)))
    _features: _Rows = field(default_factory=lambda: _Rows(np.zeros((0, N_MELS), np.float32)))

    @property
    def end_ms(self) -> int:
        """End of the samples, rounded down to a frame (10 ms)."""
        return self.start_ms + self._samples.n // FRAME_SAMPLES * FRAME_MS

    @property
    def samples(self) -> Samples:
        """All samples held, as a view."""
        return self._samples.values

    @property
    def features(self) -> Features:
        """All fbank frames held, as a view."""
        return self._features.values

    def append(self, samples: Samples, features: Features) -> None:
        """Add the samples of one VAD step and the fbank frames that it computed."""
        self._samples.append(samples)
        self._features.append(features)

    def forget_before(self, at_ms: int) -> None:
        """Drop all audio before `at_ms`, rounded down to a frame (10 ms)."""
        frames = (at_ms - self.start_ms) // FRAME_MS
        if frames <= 0:
            return
        self._samples.forget(frames * FRAME_SAMPLES)
        self._features.forget(frames)
        self.start_ms += frames * FRAME_MS

    def before(self, at_ms: int, length_ms: int) -> Samples:
        """Return a copy of the samples before a time, as far as they are held."""
        end = max(0, at_ms - self.start_ms) // FRAME_MS * FRAME_SAMPLES
        return self.samples[max(0, end - ms_to_samples(length_ms)) : end].copy()

    def slice(self, segment: Segment, done_ms: int = 0) -> SegmentAudio:
        """Return a copy of a segment's audio after its first `done_ms`, with the frames not complete by then.

        Raises:
            ValueError: the audio begins before that which is held.
        """
        first = (segment.start_ms - self.start_ms) // FRAME_MS
        done = done_ms // FRAME_MS * FRAME_SAMPLES
        n_samples = (segment.end_ms - segment.start_ms) // FRAME_MS * FRAME_SAMPLES
        if first + frame_count(done) < 0:
            raise ValueError(f"{segment} begins before the audio kept from {self.start_ms} ms on")
        samples = self.samples[first * FRAME_SAMPLES + done : first * FRAME_SAMPLES + n_samples].copy()
        features = self.features[first + frame_count(done) : first + frame_count(n_samples)].copy()
        return SegmentAudio(samples, features)
