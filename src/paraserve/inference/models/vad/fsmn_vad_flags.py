"""Speech or silence for each 10 ms frame: probabilities of the network, and the level gate of some models.

Source: FunASR's `E2EVadModel`.
"""

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from paraserve.inference.features.fbank import WINDOW_SAMPLES
from paraserve.inference.models.vad.fsmn_vad_endpoints import Flags
from paraserve.inference.models.vad.fsmn_vad_options import VadOptions
from paraserve.types import FRAME_SAMPLES, Samples

NO_NOISE_DB = -100.0
"""Noise level of a stream before its first noise frame. No frame is below -60 dB."""

Floats = npt.NDArray[np.float64]


def frame_levels(samples: Samples, n_frames: int) -> Floats:
    """Return the level of each frame (n_frames,): 10 log10 of its energy in dB, -60 for digital silence."""
    if not n_frames:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), WINDOW_SAMPLES)[::FRAME_SAMPLES]
    levels: Floats = 10 * np.log10(np.einsum("ij,ij->i", windows, windows) + 1e-6)
    return levels


def speech_flags(silence: Floats, levels: Floats, noise_db: float, options: VadOptions) -> tuple[Flags, float]:
    """Return a flag for each frame (True = speech), and the noise level after them.

    Probabilities are compared, and not their logarithms like in FunASR, which fail at 0.

    Args:
        silence: summed probability of the silence classes (n_frames,).
        levels: levels of these frames and perhaps more, in dB; unused without a level gate.
        noise_db: noise level before them.
        options: thresholds.
    """
    is_speech: Flags = 1 - silence >= silence**options.speech_2_noise_ratio + options.speech_noise_thres
    if not options.has_level_gate:
        return is_speech, noise_db
    levels = levels[: len(silence)]
    is_loud = levels >= options.decibel_thres
    is_noise = is_loud & ~is_speech
    noise = _noise_levels(levels[is_noise], noise_db, options.noise_frame_num_used_for_snr)
    noise_before = noise[np.cumsum(is_noise) - is_noise]
    return is_speech & is_loud & (levels - noise_before >= options.snr_thres), float(noise[-1])


def _noise_levels(levels: Floats, noise_db: float, n_averaged: int) -> Floats:
    """Return the noise level before the first and after each of n noise frames (n + 1,), a running mean."""

    def follow(noise: float, level: float) -> float:
        return level if noise == NO_NOISE_DB else (level + (n_averaged - 1) * noise) / n_averaged

    return np.array(list(accumulate(levels.tolist(), follow, initial=noise_db)))
