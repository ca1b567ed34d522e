"""Synthetic speech without meaning, to warm up models and to measure speed without a recording.

Each syllable has harmonics of a gliding pitch under two formants and begins with a burst of noise. Models find about
as many tokens in it as in speech, which silence, noise and tones do not give. The recognized text has no meaning.
"""

import numpy as np

from paraserve.types import SAMPLE_RATE, Samples, ms_to_samples

SYLLABLE_MS = (150, 280)
BURST_MS = 30
PITCH_HZ = (110.0, 240.0)
FORMANTS_HZ = ((280.0, 800.0), (850.0, 2400.0))
FORMANT_WIDTH_HZ = 120.0
HIGHEST_HZ = 3600.0
PEAK = 0.3


def synthetic_speech(duration_ms: int, seed: int = 0) -> Samples:
    """Return `duration_ms` of synthetic speech without pauses. Deterministic for a given `seed`."""
    rng = np.random.default_rng(seed)
    n_samples = ms_to_samples(duration_ms)
    audio = np.zeros(n_samples, np.float32)
    start = 0
    while start < n_samples:
        syllable = _syllable(rng)[: n_samples - start]
        audio[start : start + len(syllable)] = syllable
        start += len(syllable)
    return audio


def _syllable(rng: np.random.Generator) -> Samples:
    n = ms_to_samples(int(rng.uniform(*SYLLABLE_MS)))
    pitch_hz = np.linspace(rng.uniform(*PITCH_HZ), rng.uniform(*PITCH_HZ), n)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    formants = np.array([rng.uniform(*span) for span in FORMANTS_HZ])
    harmonics = np.arange(1, int(HIGHEST_HZ / pitch_hz.max()) + 1)
    distance = (harmonics[:, None] * pitch_hz.mean() - formants) / FORMANT_WIDTH_HZ
    gains = np.exp(-np.abs(distance) / 2).sum(axis=1)
    voice = gains @ np.sin(harmonics[:, None] * phase)
    voice *= PEAK / np.abs(voice).max() * np.sin(np.pi * np.arange(n) / n) ** 0.5
    burst = ms_to_samples(BURST_MS)
    voice[:burst] += rng.normal(0, PEAK / 10, burst)
    syllable: Samples = voice.astype(np.float32)
    return syllable
