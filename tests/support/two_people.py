"""A call of two people, one in each channel, of voices that no model was trained on."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from paraserve.types import SAMPLE_RATE
from support.recordings import clips

PAUSE_S = 1.2


def call(number: int, way: Literal["in turns", "at once"]) -> npt.NDArray[np.float32]:
    """Samples of (n_samples, 2) at 16 kHz: each of the two says one to three sentences."""
    n_sentences = 1 + number % 3
    unseen = [one for one in clips() if one.path.parent.name == "heldout"]
    step = len(unseen) // 2
    first = number * n_sentences
    people = [[unseen[(first + n + who * step) % len(unseen)] for n in range(n_sentences)] for who in (0, 1)]
    pause, parts = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32), ([], [])
    for sentences in zip(*people, strict=True):
        said = [one.read(0, len(one.start_ms) - 1) for one in sentences]
        if way == "in turns":
            parts[0].extend((said[0], pause, np.zeros_like(said[1]), pause))
            parts[1].extend((np.zeros_like(said[0]), pause, said[1], pause))
        else:
            n_samples = max(map(len, said))
            for part, samples in zip(parts, said, strict=True):
                part.extend((np.pad(samples, (0, n_samples - len(samples))), pause))
    return np.stack([np.concatenate(part) for part in parts], axis=1)
