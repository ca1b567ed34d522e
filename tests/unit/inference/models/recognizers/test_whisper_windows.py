"""The windows that Whisper's encoder gets, and the texts that tell that one was too short."""

import numpy as np
import pytest

from paraserve.inference.models.recognizers.whisper_windows import (
    FULL_FRAMES,
    padded,
    repeats_itself,
    window_frames,
)
from paraserve.types import SAMPLE_RATE


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.03, 804), (1, 900), (1.25, 926), (21.9, 2_990), (22, FULL_FRAMES), (30, FULL_FRAMES)]
)
def test_windows(seconds, frames):
    """A segment has 8 s of silence behind it, up to the window of 30 s, in an even number of frames."""
    assert window_frames(int(seconds * SAMPLE_RATE)) == frames


def test_padding():
    """Features stand at the beginning of their window; what is too long is cut."""
    features = np.ones((80, 5), np.float32)
    assert padded(features, 8).sum(axis=0).tolist() == [80] * 5 + [0] * 3
    assert padded(features, 4).shape == (80, 4)
    assert padded(features, 8).dtype == np.float32


@pytest.mark.parametrize(
    ("text", "ids", "repeats"),
    [
        ("it was the best of times", [1, 2, 3, 4, 5, 6], False),
        ("no no no", [7, 7, 7], False),
        ("no no no no no no", [7] * 6, True),
        ("the cat the cat the cat", [1, 2] * 3, True),
        ("so the cat the cat, and that was that", [9, 1, 2, 1, 2, 3, 4, 5, 4], False),
        ("well, one two three one two three one two three", [8, *[1, 2, 3] * 3], True),
        ("ha" * 60, list(range(60)), True),
        ("", [], False),
    ],
)
def test_repetition(text, ids, repeats):
    """The same units three times in a row, six at least, or a text that compresses too well; not what people say."""
    assert repeats_itself(text, ids) is repeats
