"""Synthetic recordings with pauses, composed of the committed clips; a number always gives the same recording.

A recording is stretches of speech (a clip, or some words of one) at different levels, between pauses of 0.2 to 3 s,
in faint noise. Half of them end in the middle of whatever is being said.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from paraserve.types import SAMPLE_RATE, Samples

DATA = Path(__file__).parents[1] / "data"
COUNT = 100
MIN_S, MAX_S = 3.0, 40.0
MIN_PAUSE_S, MAX_PAUSE_S = 0.2, 3.0
MIN_GAP_MS = 50
"""Between two words, so that a cut there damages neither."""
EDGE_MS = 60
"""Kept before the first and after the last word of a stretch: token times are that exact."""
INT16_SCALE = 32_768.0


@dataclass(frozen=True)
class Clip:
    """One committed utterance with the times of its words."""

    path: Path
    offset_samples: int
    n_samples: int
    start_ms: tuple[int, ...]
    end_ms: tuple[int, ...]

    def read(self, first: int, last: int) -> Samples:
        """The words from `first` to `last`."""
        start = max(0, (self.start_ms[first] - EDGE_MS) * SAMPLE_RATE // 1000)
        end = min(self.n_samples, (self.end_ms[last] + EDGE_MS) * SAMPLE_RATE // 1000)
        samples, rate = soundfile.read(self.path, end - start, self.offset_samples + start, dtype="float32")
        assert rate == SAMPLE_RATE
        return samples

    def cuts(self) -> list[int]:
        """Words that may begin a stretch, and the number of words."""
        gaps = zip(self.end_ms, self.start_ms[1:], strict=False)
        return [0, *(n for n, (end, start) in enumerate(gaps, 1) if start - end >= MIN_GAP_MS), len(self.start_ms)]


@functools.cache
def clips() -> tuple[Clip, ...]:
    """All committed utterances."""
    samples = json.loads((DATA / "samples.json").read_text("utf-8"))
    whole = [
        Clip(DATA / name, 0, soundfile.info(DATA / name).frames, tuple(one["start_ms"]), tuple(one["end_ms"]))
        for name, one in samples.items()
        if "end_ms" in one and name != "mixed_long.wav"  # which is made of the others
    ]
    folder = DATA / "heldout"
    records = map(json.loads, (folder / "heldout.jsonl").read_text("utf-8").splitlines())
    return (
        *whole,
        *(
            Clip(folder / r["file"], r["offset_samples"], r["n_samples"], tuple(r["start_ms"]), tuple(r["end_ms"]))
            for r in records
        ),
    )


def recording(number: int) -> Samples:
    """One of the recordings (0 to COUNT - 1), 3 to 40 s; its samples are exact in 16 bits."""
    rng = np.random.default_rng([20_260_801, number])
    # Steps of the golden ratio: any run of numbers has short and long ones.
    target_s = MIN_S * (MAX_S / MIN_S) ** (number * 0.6180339887 % 1)
    samples = rng.normal(0, 10 ** (rng.uniform(-75, -55) / 20), round(target_s * SAMPLE_RATE)).astype(np.float32)
    ends_in_speech = number % 2 == 1
    is_empty = True
    position = round(rng.uniform(0, 1) * SAMPLE_RATE)
    while position < len(samples):
        speech = _stretch(rng)
        room = len(samples) - position
        if len(speech) <= room or ends_in_speech or is_empty:
            is_empty = False
            samples[position : position + len(speech)] += speech[:room]
        position += len(speech) + round(rng.uniform(MIN_PAUSE_S, MAX_PAUSE_S) * SAMPLE_RATE)
    return (np.clip(np.round(samples * INT16_SCALE), -32_768, 32_767) / INT16_SCALE).astype(np.float32)


def recordings(count: int = COUNT) -> list[Samples]:
    """The first `count` of them."""
    return [recording(number) for number in range(count)]


def strange_speech() -> Samples:
    """Some 10 s of speech in words that no model knows: committed recordings backwards, with pauses between them."""
    pause = np.zeros(SAMPLE_RATE, np.float32)
    parts = [pause]
    for name in ("zh_home", "en_weather", "zh_number"):
        samples, _ = soundfile.read(DATA / f"{name}.wav", dtype="float32")
        parts += [samples[::-1], pause]
    return np.concatenate(parts)


def pcm(samples: Samples) -> bytes:
    """As a client sends them: signed 16-bit little-endian."""
    return np.round(samples * INT16_SCALE).astype("<i2").tobytes()


def _stretch(rng: np.random.Generator) -> Samples:
    """A clip, or a run of its words, between -14 and 0 dB of its level, never louder than full scale."""
    clip = clips()[int(rng.integers(len(clips())))]
    cuts = clip.cuts()
    if rng.random() < 0.5:
        first, end = sorted(rng.choice(len(cuts), 2, replace=False))
        cuts = cuts[first : end + 1]
    speech = clip.read(cuts[0], cuts[-1] - 1) * 10 ** (rng.uniform(-14, 0) / 20)
    return (speech * min(1.0, 0.99 / float(np.abs(speech).max()))).astype(np.float32)
