"""Windows of Whisper: the audio that its encoder gets with a segment, and texts that show that it was too little.

The model was trained on windows of 30 s, the rest of them silent. Its encoder takes any number of frames, in time
proportional to them. With too little silence behind the speech the decoder repeats what it wrote and invents more.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from paraserve.types import FRAME_SAMPLES, Features

FULL_FRAMES = 3_000
"""The window of 30 s."""
PADDING_FRAMES = 800
"""Silence behind a segment. docs/speed.md has the error rates of other lengths."""
STEP_FRAMES = 2
"""The encoder halves the number of frames."""
MAX_COMPRESSION = 2.4
"""Bytes of a text by bytes of the compressed text; a higher ratio is that of repetition (the reference's value)."""
REPEATS, MIN_REPEATED_UNITS = 3, 6
"""A text repeats itself where the same units come three times in a row, and are six units at least."""


def window_frames(n_samples: int) -> int:
    """Return the frames of the window for a segment of this length."""
    n_frames = n_samples // FRAME_SAMPLES + PADDING_FRAMES
    return min(FULL_FRAMES, -(-n_frames // STEP_FRAMES) * STEP_FRAMES)


def padded(features: Features, n_frames: int) -> Features:
    """Return (dim, n_frames) features: those of a segment (dim, n), cut or with silence behind them."""
    features = features[:, :n_frames]
    return np.pad(features, ((0, 0), (0, n_frames - features.shape[1])))


def repeats_itself(text: str, ids: Sequence[int]) -> bool:
    """Return whether a text says one thing over and over, as a decoder does that has lost its place."""
    encoded = text.encode()
    return len(encoded) > MAX_COMPRESSION * len(zlib.compress(encoded)) or _has_repeated_run(ids)


def _has_repeated_run(ids: Sequence[int]) -> bool:
    for length in range(1, len(ids) // REPEATS + 1):
        needed = max(length * (REPEATS - 1), MIN_REPEATED_UNITS - length)
        run = 0
        for before, unit in zip(ids, ids[length:], strict=False):
            run = run + 1 if unit == before else 0
            if run >= needed:
                return True
    return False
