"""Kaldi log-mel features, low-frame-rate stacking and the am.mvn file, in numpy.

The server computes the same with kaldi-native-fbank: 16 kHz samples times 32768, hamming window of 25 ms every
10 ms, 80 mel bins from 20 Hz to 8 kHz, no dither (a test compares the two).
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
FRAME_SHIFT = 160
FRAME_LENGTH = 400
MEL_BINS = 80
_FFT_SIZE = 512
_EPSILON = 1.1920929e-07

Array = NDArray[np.float32]


def from_pcm(pcm: NDArray[np.int16]) -> Array:
    """16-bit samples -> samples in [-1, 1)."""
    return pcm.astype(np.float32) / np.float32(32768)


def _mel_filters() -> Array:
    """Kaldi's triangles, linear in mel = 1127 ln(1 + f/700): [257, 80]."""

    def mel(hz: float) -> float:
        return 1127.0 * math.log(1.0 + hz / 700.0)

    edges = np.linspace(mel(20.0), mel(SAMPLE_RATE / 2), MEL_BINS + 2)
    points = np.array([mel(k * SAMPLE_RATE / _FFT_SIZE) for k in range(_FFT_SIZE // 2)])[:, None]
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    slopes = np.minimum((points - left) / (center - left), (right - points) / (right - center))
    return np.concatenate([np.maximum(slopes, 0.0), np.zeros((1, MEL_BINS))]).astype(np.float32)


_FILTERS = _mel_filters()
_WINDOW = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(FRAME_LENGTH) / (FRAME_LENGTH - 1))).astype(np.float32)


def fbank(samples: Array) -> Array:
    """Samples in [-1, 1] -> [frames, 80], frames = 1 + floor((n - 400) / 160), none under 400 samples."""
    if len(samples) < FRAME_LENGTH:
        return np.zeros((0, MEL_BINS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_LENGTH)[::FRAME_SHIFT] * np.float32(32768)
    frames = frames - frames.mean(1, keepdims=True)
    previous = np.concatenate([frames[:, :1], frames[:, :-1]], 1)
    frames = (frames - np.float32(0.97) * previous) * _WINDOW
    spectrum = np.fft.rfft(frames, _FFT_SIZE)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return np.log(np.maximum(power @ _FILTERS, _EPSILON))


def lfr(frames: Array, width: int = 7, step: int = 6) -> Array:
    """Stacks `width` frames every `step`: [F, 80] -> [ceil(F / step), width * 80], edges repeated as in FunASR."""
    if len(frames) == 0:
        return np.zeros((0, width * frames.shape[1]), np.float32)
    rows = -(-len(frames) // step)
    index = np.arange(rows)[:, None] * step + np.arange(width) - (width - 1) // 2
    return frames[np.clip(index, 0, len(frames) - 1)].reshape(rows, -1)


def write_mvn(path: Path, mean: Array, std: Array) -> None:
    """Kaldi nnet text: <AddShift> holds the negative means, <Rescale> the inverse deviations."""
    size = len(mean)
    shift = " ".join(f"{-value:.6f}" for value in mean)
    scale = " ".join(f"{1 / value:.6f}" for value in std)
    path.write_text(
        f"<Nnet> \n<Splice> {size} {size}\n[ 0 ]\n<AddShift> {size} {size} \n<LearnRateCoef> 0 [ {shift} ]\n"
        f"<Rescale> {size} {size} \n<LearnRateCoef> 0 [ {scale} ]\n</Nnet> \n"
    )


def read_mvn(path: Path) -> tuple[Array, Array]:
    """(shift, scale); a feature becomes (x + shift) * scale."""
    words = path.read_text().split()
    values = []
    for tag in ("<AddShift>", "<Rescale>"):
        start = words.index("[", words.index(tag)) + 1
        values.append(np.array(words[start : words.index("]", start)], np.float32))
    return values[0], values[1]
