"""Log-mel energies of 25 ms windows, as Kaldi computes them.

Each window is worked on alone and in the same way wherever it stands in a block, so its energies are the same to the
last bit in whatever company they are computed. All arithmetic is float32, but for the spectrum; numpy lets go of the
interpreter lock in each operation on a block.

Source: Kaldi's `feature-window` and `mel-computations` (MFCC front end of Povey et al., "The Kaldi Speech Recognition
Toolkit", ASRU 2011), with the options of FunASR's `WavFrontend`: mean removed, Hamming window, no dither, no floor.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from paraserve.types import SAMPLE_RATE, Features

N_MELS = 80
WINDOW_MS = 25
WINDOW_SAMPLES = SAMPLE_RATE * WINDOW_MS // 1000
FFT_SIZE = 512
"""The window is filled with zeros up to this."""
N_BINS = FFT_SIZE // 2
"""Kaldi leaves the last bin, 8 kHz, out."""
LOWEST_HZ, HIGHEST_HZ = 20.0, SAMPLE_RATE / 2
PREEMPHASIS = np.float32(0.97)
SMALLEST_ENERGY = np.finfo(np.float32).eps
TILE_WINDOWS = 8
"""BLAS chooses its kernel by the shape of a product, and another kernel adds in another order: products of one shape
only. This one, of under 2^18 multiplications, OpenBLAS does on the thread that asks for it."""

Float32 = npt.NDArray[np.float32]


def log_mel(windows: Float32) -> Features:
    """Natural logarithm of the mel energies (n, 80) of windows (n, 400) of samples in the int16 range.

    The windows are written to.
    """
    windows -= windows.mean(axis=1, keepdims=True)
    emphasized = np.empty_like(windows)
    np.subtract(windows[:, 1:], PREEMPHASIS * windows[:, :-1], out=emphasized[:, 1:])
    emphasized[:, 0] = windows[:, 0] - PREEMPHASIS * windows[:, 0]
    emphasized *= _hamming()
    return np.log(np.maximum(_mel(_power(emphasized)), SMALLEST_ENERGY))


def _power(windows: Float32) -> Float32:
    """Squared magnitudes (n, 256) of the spectra."""
    spectra = np.fft.rfft(windows, FFT_SIZE)[:, :N_BINS]
    power: Float32 = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


def _mel(power: Float32) -> Float32:
    """Energies (n, 80) under the mel filters."""
    n_tiles = -(-len(power) // TILE_WINDOWS)
    padded = np.zeros((n_tiles * TILE_WINDOWS, N_BINS), np.float32)
    padded[: len(power)] = power
    energies: Float32 = padded.reshape(n_tiles, TILE_WINDOWS, N_BINS) @ _filters()
    return energies.reshape(-1, N_MELS)[: len(power)]


@cache
def _hamming() -> Float32:
    phase = 2 * np.pi * np.arange(WINDOW_SAMPLES) / (WINDOW_SAMPLES - 1)
    return (0.54 - 0.46 * np.cos(phase)).astype(np.float32)


@cache
def _filters() -> Float32:
    """Weights (256, 80): triangles over the mel scale, each from the centre of the one before to that of the next.

    In float32 throughout, as Kaldi computes them: that moves the narrow ones by a hundred-thousandth.
    """
    lowest, highest = _mel_scale(np.array([LOWEST_HZ, HIGHEST_HZ], np.float32))
    edges = lowest + np.arange(N_MELS + 2, dtype=np.float32) * ((highest - lowest) / np.float32(N_MELS + 1))
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = _mel_scale(np.arange(N_BINS, dtype=np.float32) * np.float32(SAMPLE_RATE / FFT_SIZE))[:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    filters: Float32 = np.maximum(np.minimum(rising, falling), np.float32(0))
    return filters


def _mel_scale(hz: Float32) -> Float32:
    """1127 ln(1 + f / 700)."""
    ratio = np.float32(1) + hz / np.float32(700)
    return np.float32(1127) * np.log(ratio.astype(np.float64)).astype(np.float32)
