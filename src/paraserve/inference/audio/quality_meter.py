"""Measurement of the level, clipping, noise and bandwidth of audio, in memory that does not grow.

Everything is counted in frames of 32 ms, so the results do not depend on how the audio was cut into blocks.
"""

import numpy as np
import numpy.typing as npt

from paraserve.quality_types import AudioQuality, QualityHint
from paraserve.types import SAMPLE_RATE, Samples

FRAME = 512
"""Samples of a frame, and length of its Fourier transform."""
LEAST_DB = -100
"""dBFS. Less is digital silence: one step of 16 bits is at -90."""
STEPS_PER_DB = 2
N_LEVELS = (12 - LEAST_DB) * STEPS_PER_DB
"""Levels that are told apart, up to 12 dB over full scale: a resampled signal may pass it."""
MARGIN_DB = 15.9
"""Speech is what lies at most this much under its own mean level. From ITU-T P.56, method B."""
NOISE_SHARE = 0.1
"""A tenth of the frames are no louder than the background."""
LOWEST_BIN = 3
"""94 Hz. What is lower is no speech, and a microphone's hum or offset would hide how loud that is."""
CLIPPED = 0.98
"""Limit of mu-law, the lowest of all formats, relative to full scale."""
BAND = 8
"""Bins of 31.25 Hz that make a band of 250 Hz."""
BAND_RANGE_DB = 60
"""Bands further below the strongest one are empty."""
LEAST_S = 1.0
"""Less audio gives no hints."""
QUIET_DBFS, CLIPPED_SHARE, NOISY_DB, NARROW_HZ = -45.0, 0.001, 15.0, 4_250
"""Limits of the hints: level, share of clipped samples, level above the noise, bandwidth."""


class QualityMeter:
    """Takes samples in blocks of any size and tells the quality of all of them so far."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.float32)
        self._window = np.hanning(FRAME).astype(np.float32)
        # A sine of full scale is at -3 dBFS, and so is white noise of that power.
        self._scale = 2 / (FRAME * float(np.sum(self._window**2)))
        self._counts = np.zeros(N_LEVELS, np.int64)
        self._powers = np.zeros(N_LEVELS)  # sums of the mean squares of the frames of a level
        self._spectrum = np.zeros(FRAME // 2 + 1)
        self._n_clipped = 0

    def add(self, samples: Samples) -> None:
        """Measure the next samples."""
        samples = np.concatenate((self._rest, samples))
        n_whole = len(samples) // FRAME * FRAME
        self._rest = samples[n_whole:].copy()
        for start in range(0, n_whole, FRAME * 1000):
            self._measure(samples[start : min(n_whole, start + FRAME * 1000)].reshape(-1, FRAME))

    def quality(self) -> AudioQuality:
        """Return the quality of all whole frames so far."""
        level, threshold = self._speech_level()
        if level is None:
            return AudioQuality(hints=("silent",) if self._lasts() else ())
        noise = self._noise_level()
        n_speech = int(self._counts[threshold:].sum()) * FRAME
        share, bandwidth = self._n_clipped / n_speech, self._bandwidth_hz()
        hints = _hints(level, noise, share, bandwidth) if self._lasts() else ()
        return AudioQuality(round(level, 1), round(noise, 1), round(min(1.0, share), 5), bandwidth, hints)

    def _measure(self, frames: npt.NDArray[np.float32]) -> None:
        spectra = np.abs(np.fft.rfft(frames * self._window)) ** 2
        powers = self._scale * spectra[:, LOWEST_BIN:].sum(axis=1, dtype=np.float64)
        levels = np.clip((_db(powers) - LEAST_DB) * STEPS_PER_DB, 0, N_LEVELS - 1).astype(np.int64)
        self._counts += np.bincount(levels, minlength=N_LEVELS)
        self._powers += np.bincount(levels, powers, minlength=N_LEVELS)
        self._n_clipped += int(np.count_nonzero(np.abs(frames) >= CLIPPED))
        self._spectrum += spectra.sum(axis=0)

    def _lasts(self) -> bool:
        return int(self._counts.sum()) * FRAME >= LEAST_S * SAMPLE_RATE

    def _speech_level(self) -> tuple[float | None, int]:
        """Return the level of speech and the lowest step of `_counts` that belongs to it; None for silence."""
        counts, powers = np.cumsum(self._counts[::-1])[::-1], np.cumsum(self._powers[::-1])[::-1]
        for step in range(1, N_LEVELS):  # step 0 is digital silence
            if not counts[step]:
                break
            level = float(_db(powers[step] / counts[step]))
            if level - (LEAST_DB + step / STEPS_PER_DB) <= MARGIN_DB:
                return level, step
        return None, 0

    def _noise_level(self) -> float:
        counted = np.cumsum(self._counts)
        return LEAST_DB + float(np.searchsorted(counted, NOISE_SHARE * counted[-1])) / STEPS_PER_DB

    def _bandwidth_hz(self) -> int:
        """Return the upper end of the highest band that is not empty."""
        bands = _db(self._spectrum[1:].reshape(-1, BAND).sum(axis=1))
        highest = int(np.flatnonzero(bands >= bands.max() - BAND_RANGE_DB)[-1])
        return (highest + 1) * BAND * SAMPLE_RATE // FRAME


def _hints(level: float, noise: float, clipped_share: float, bandwidth_hz: int) -> tuple[QualityHint, ...]:
    cases: tuple[tuple[bool, QualityHint], ...] = (
        (level < QUIET_DBFS, "too_quiet"),
        (clipped_share >= CLIPPED_SHARE, "clipped"),
        (level - noise < NOISY_DB, "noisy"),
        (bandwidth_hz <= NARROW_HZ, "narrow_band"),
    )
    return tuple(hint for is_so, hint in cases if is_so)


def _db(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return 10 * np.log10(np.maximum(power, 1e-12))
