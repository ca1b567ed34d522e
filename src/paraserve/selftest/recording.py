"""The recording that is recognized: two clips that are part of the package, one in Chinese and one in English."""

import difflib
import io
from functools import cache
from importlib.resources import files

import numpy as np
import soundfile

from paraserve.selftest.verdicts import expect
from paraserve.types import SAMPLE_RATE

CLIPS = ("zh_home", "en_weather")
PAUSE_S = 1.0
DEMO_TEXT = "声音减少一些。sunny with a chance of rain."
"""What the embedded bundle recognizes."""


@cache
def pcm() -> bytes:
    """Return the recording as signed 16-bit samples at 16 kHz, about 7 s."""
    folder = files("paraserve") / "web" / "static" / "start" / "clips"
    parts = []
    for name in CLIPS:
        samples, _ = soundfile.read(io.BytesIO((folder / f"{name}.flac").read_bytes()), dtype="int16")
        parts += [samples, np.zeros(int(PAUSE_S * SAMPLE_RATE), np.int16)]
    return np.concatenate(parts[:-1]).tobytes()


@cache
def encoded(container: str = "WAV") -> bytes:
    """Return the recording as a file: WAV or FLAC."""
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(pcm(), np.int16), SAMPLE_RATE, format=container, subtype="PCM_16")
    return file.getvalue()


def duration_s() -> float:
    """Return the length of the recording in seconds."""
    return len(pcm()) / 2 / SAMPLE_RATE


def plain(text: str) -> str:
    """Return a text without spaces: protocols join segments in their own ways."""
    return "".join(text.split())


def expect_text(text: str, expected: str, of: str = "the recording") -> None:
    """Go on if a text is the expected one, but for spaces.

    Raises:
        CheckFailedError: it is another one. `of` says whose.
    """
    expect(plain(text) == plain(expected), f"the text {expected!r} of {of}", repr(text))


def likeness(one: str, other: str) -> float:
    """Return the share of two texts' letters and digits that agree, from 0 to 1, whatever their case and marks."""
    first, second = ("".join(filter(str.isalnum, text)).lower() for text in (one, other))
    return difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()
