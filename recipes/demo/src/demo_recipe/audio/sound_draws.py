"""Random parameters of synthetic sounds, a part of every range held out for the test, and how sounds are placed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo_recipe.audio.features import SAMPLE_RATE, Array

_Item = TypeVar("_Item")
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws for training leave out the middle fifth of every range; with `is_held_out` they come from there only."""

    rng: Generator
    is_held_out: bool = False

    def uniform(self, low: float, high: float) -> float:
        """A number of the allowed part of [low, high]."""
        place = self.rng.uniform(0, 1)
        if self.is_held_out:
            place = 0.5 + (place - 0.5) * HELD_OUT_SHARE
        else:
            place *= 1 - HELD_OUT_SHARE
            place += HELD_OUT_SHARE if place > (1 - HELD_OUT_SHARE) / 2 else 0
        return low + (high - low) * place

    def log_uniform(self, low: float, high: float) -> float:
        """A number of the allowed part of [low, high], by its logarithm: for frequencies and decay times."""
        return float(np.exp(self.uniform(np.log(low), np.log(high))))

    def integer(self, low: int, high: int) -> int:
        """One of low to high, both included; nothing is held out."""
        return int(self.rng.integers(low, high + 1))

    def choice(self, items: Sequence[_Item]) -> _Item:
        """One of the items; nothing is held out."""
        return items[int(self.rng.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def noise(self, count: int) -> Array:
        """White noise of unit power."""
        return self.rng.standard_normal(count, np.float32)


def samples_of(seconds: float) -> int:
    """Length of so much sound, a sample at least."""
    return max(1, int(seconds * SAMPLE_RATE))


def time_s(count: int) -> Array:
    """Time of each sample."""
    return np.arange(count, dtype=np.float32) / np.float32(SAMPLE_RATE)


def place(wave: Array, position: int, sound: Array) -> None:
    """Adds the sound at a position; what passes the end is cut."""
    end = min(len(wave), position + len(sound))
    if position < end:
        wave[position:end] += sound[: end - position]


def unit_power(wave: NDArray) -> Array:
    """Scaled to a mean square of 1."""
    return (wave / (np.sqrt(np.mean(wave**2)) + 1e-9)).astype(np.float32)
