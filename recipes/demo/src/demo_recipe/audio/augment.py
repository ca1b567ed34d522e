"""Augmentation: of the waveform (costly, reused) and of the log-mel frames (cheap, new for each reuse).

Every function takes its randomness from the generator it is given; `strength` runs from 0 (clean) to 1.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo_recipe.audio.features import MEL_BINS, SAMPLE_RATE, Array


def resample(samples: Array, factor: float) -> Array:
    """Plays `factor` times faster: tempo, pitch and formants all move, which makes another speaker."""
    count = int(len(samples) / factor)
    return np.interp(np.arange(count) * factor, np.arange(len(samples)), samples).astype(np.float32)


def add_room(samples: Array, rng: Generator) -> Array:
    """Convolves with exponentially decaying noise of 50 to 350 ms behind the direct sound."""
    length = int(SAMPLE_RATE * rng.uniform(0.05, 0.35))
    decay = np.exp(-np.arange(length) / (length / rng.uniform(4, 9)))
    response = rng.standard_normal(length) * decay * rng.uniform(0.02, 0.12)
    response[0] = 1.0
    size = 1 << (len(samples) + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return wet[: len(samples)].astype(np.float32)


def shape_spectrum(samples: Array, rng: Generator, strength: float) -> Array:
    """A random equaliser of seven points and, by chance, a telephone-like low-pass and a high-pass."""
    size = 1 << max(len(samples) - 1, 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    hz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    limit_db = 6 * strength
    gain_db = np.interp(hz, [0, 200, 500, 1000, 2000, 4000, 8000], rng.uniform(-limit_db, limit_db, 7))
    if rng.random() < 0.15 * strength:
        gain_db += np.where((hz < rng.uniform(250, 350)) | (hz > rng.uniform(3300, 3600)), -rng.uniform(25, 60), 0)
    elif rng.random() < 0.3 * strength:
        gain_db += np.where(hz > rng.choice([3400, 3800, 4000, 5500]), -rng.uniform(25, 60), 0)
    if rng.random() < 0.25 * strength:
        gain_db += np.where(hz < rng.uniform(100, 300), -20, 0)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), size)[: len(samples)].astype(np.float32)


def noise(count: int, rng: Generator) -> Array:
    """Unit-power noise with a random slope of 0 to -9 dB an octave, by chance with a hum or tones in it."""
    size = 1 << max(count - 1, 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum *= np.maximum(np.arange(len(spectrum)), 4.0) ** -rng.uniform(0, 1.5)
    wave = np.fft.irfft(spectrum, size)[:count]
    wave /= np.sqrt(np.mean(wave**2)) + 1e-9
    if rng.random() < 0.2:
        time_s = np.arange(count) / SAMPLE_RATE
        for _ in range(int(rng.integers(1, 5))):
            wave += rng.uniform(0.2, 1.5) * np.sin(2 * np.pi * rng.uniform(50, 3000) * time_s)
        wave /= np.sqrt(np.mean(wave**2)) + 1e-9
    return wave.astype(np.float32)


def mix(samples: Array, other: Array, snr_db: float) -> Array:
    """Adds `other` (as long as `samples`) at the given ratio of mean powers."""
    power = np.mean(samples**2) / (np.mean(other**2) + 1e-12)
    return samples + other * np.float32(np.sqrt(power) * 10 ** (-snr_db / 20))


def set_level(samples: Array, peak_db: float) -> Array:
    """Scales the peak to `peak_db` under full scale."""
    return (samples * (10 ** (peak_db / 20) / (np.abs(samples).max() + 1e-6))).astype(np.float32)


def distort(samples: Array, rng: Generator) -> Array:
    """Clips or coarsely quantises."""
    if rng.random() < 0.3:
        return (np.round(samples * 127) / 127).astype(np.float32)
    return np.clip(samples * rng.uniform(1, 2.5), -0.9, 0.9).astype(np.float32)


def degrade(samples: Array, rng: Generator, strength: float, babble: Array | None) -> Array:
    """Room, equaliser, noise (or `babble`), level and distortion, each by chance."""
    if rng.random() < 0.25 * strength:
        samples = add_room(samples, rng)
    if rng.random() < 0.3 + 0.4 * strength:
        samples = shape_spectrum(samples, rng, strength)
    if rng.random() < 0.25 + 0.35 * strength:
        snr_db = rng.uniform(30 - 22 * strength, 40)
        if babble is not None and rng.random() < 0.15:
            samples = mix(samples, np.resize(babble, len(samples)), snr_db + 8)
        else:
            samples = mix(samples, noise(len(samples), rng), snr_db)
    samples = set_level(samples, rng.uniform(-30, -0.5))
    return distort(samples, rng) if rng.random() < 0.12 * strength else samples


def stretch_and_warp(frames: Array, tempo: float, warp: float) -> Array:
    """Changes the tempo (> 1: shorter) and moves the formants (> 1: upwards) of log-mel frames [F, 80]."""
    count = max(1, round(len(frames) / tempo))
    rows = np.linspace(0, len(frames) - 1, count)
    columns = np.clip(np.arange(MEL_BINS) / warp, 0, MEL_BINS - 1)
    return _interpolate(_interpolate(frames, rows).T, columns).T.astype(np.float32)


def _interpolate(array: Array, rows: NDArray[np.float64]) -> Array:
    low = rows.astype(np.int64)
    high = np.minimum(low + 1, len(array) - 1)
    part = (rows - low)[:, None].astype(np.float32)
    return array[low] * (1 - part) + array[high] * part


def mask(frames: Array, rng: Generator) -> Array:
    """SpecAugment: two bands of up to 10 bins and two spans of up to 150 ms take the mean value."""
    frames = frames.copy()
    for _ in range(2):
        width = int(rng.integers(0, 11))
        low = int(rng.integers(0, MEL_BINS - width))
        frames[:, low : low + width] = frames.mean()
        span = int(rng.integers(0, min(15, len(frames) // 8) + 1))
        start = int(rng.integers(0, len(frames) - span + 1))
        frames[start : start + span] = frames.mean()
    return frames
