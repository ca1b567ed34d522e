"""Channels to one: their mean, or the loudest channel where the mean would cancel what was said.

A plug that is wired wrongly, or a stereo-widening effect, gives channels of opposite sign, whose mean is silence.
Where the mean has less than a fiftieth of the loudest channel's energy, that channel is taken instead. The mean of
two unrelated channels has a quarter of the louder one's energy or more, so ordinary stereo never comes near it.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from paraserve.inference.audio.source_chunks import SourceChunk
from paraserve.types import ChannelChoice, Samples

WINDOW_MS = 100
"""Energies are measured over windows of this length, and the choice is made for each."""
MEMORY_WINDOWS = 5
"""A choice looks at this many windows up to its own, so that a short rest in one channel changes nothing."""
CANCELLED, MIXES = 1 / 50, 1 / 12
"""Energy of the mean by the loudest channel's. Below the first a channel is taken, from the second on the mean."""
FADE_MS = 10
"""Where the choice changes, the old one is faded into the new one over this time, since a jump would click."""

Frames: TypeAlias = npt.NDArray[np.float32]
"""(n_frames, n_channels)."""
MEAN = -1
"""The choice of the mean, beside the numbers of the channels."""


def mixed(chunks: Iterable[SourceChunk], channel: ChannelChoice) -> Iterator[tuple[Samples, int]]:
    """Yield the samples and rate of each chunk as one channel: the chosen one, or None = as the module says.

    "split" leaves them as they are, (n_frames, n_channels).
    """
    mixer: ChannelMixer | None = None
    for chunk in chunks:
        n_channels = chunk.samples.shape[1]
        if channel == "split":
            yield chunk.samples, chunk.sample_rate
            continue
        if mixer is not None and (mixer.n_channels, mixer.sample_rate) != (n_channels, chunk.sample_rate):
            yield mixer.flush(), mixer.sample_rate
            mixer = None
        if channel is not None or n_channels == 1:
            yield chunk.samples[:, channel or 0], chunk.sample_rate
            continue
        mixer = mixer or ChannelMixer(n_channels, chunk.sample_rate)
        yield mixer.push(chunk.samples), chunk.sample_rate
    if mixer is not None:
        yield mixer.flush(), mixer.sample_rate


class ChannelMixer:
    """Mixer of one stretch of audio. Its result does not depend on how the audio is cut into chunks."""

    def __init__(self, n_channels: int, sample_rate: int) -> None:
        self.n_channels = n_channels
        self.sample_rate = sample_rate
        self._window = max(1, sample_rate * WINDOW_MS // 1000)
        self._waiting: list[Frames] = []
        self._n_waiting = 0
        self._energies = np.zeros((0, n_channels + 1))  # of the last windows: the channels, then their mean
        self._choice: int | None = None

    def push(self, frames: Frames) -> Samples:
        """Return the mix of the windows that these frames complete."""
        self._waiting.append(frames)
        self._n_waiting += len(frames)
        n_ready = self._n_waiting // self._window * self._window
        if not n_ready:
            return np.zeros(0, np.float32)
        joined = np.concatenate(self._waiting)
        self._waiting, self._n_waiting = [joined[n_ready:]], self._n_waiting - n_ready
        return self._mix(joined[:n_ready])

    def flush(self) -> Samples:
        """Return the mix of the last window, which is shorter."""
        rest, self._waiting, self._n_waiting = self._waiting, [], 0
        return self._mix(np.concatenate(rest)) if sum(map(len, rest)) else np.zeros(0, np.float32)

    def _mix(self, frames: Frames) -> Samples:
        mean: Samples = frames.mean(axis=1)
        before, choices = self._choice, self._choices(frames, mean)
        old = choices[0] if before is None else before
        if old == MEAN and all(choice == MEAN for choice in choices):
            return mean
        out = mean.copy()
        for number, choice in enumerate(choices):
            at = slice(number * self._window, (number + 1) * self._window)
            out[at] = _taken(frames[at], mean[at], choice)
            if choice != old:
                out[at] = self._faded(_taken(frames[at], mean[at], old), out[at])
            old = choice
        return out

    def _faded(self, old: Samples, new: Samples) -> Samples:
        n_fade = max(1, self.sample_rate * FADE_MS // 1000)
        ramp = np.minimum(np.arange(1, len(new) + 1, dtype=np.float32) / n_fade, 1)
        return old + (new - old) * ramp

    def _choices(self, frames: Frames, mean: Samples) -> list[int]:
        """Return the choice for each window: all are whole, or there is one, shorter."""
        both = np.column_stack((frames, mean)).reshape(-1, min(self._window, len(frames)), self.n_channels + 1)
        energies = np.einsum("wnc,wnc->wc", both, both, dtype=np.float64)
        known = np.concatenate((self._energies, energies))
        self._energies = known[-MEMORY_WINDOWS:]
        if self._choice in (None, MEAN) and (known[:, -1] >= CANCELLED * known[:, :-1].max(axis=1)).all():
            self._choice = MEAN
            return [MEAN] * len(energies)  # what holds for each window holds for their sums
        choices = []
        for end in range(len(known) - len(energies) + 1, len(known) + 1):
            self._choice = _choice(known[max(0, end - MEMORY_WINDOWS) : end].sum(axis=0), self._choice)
            choices.append(self._choice)
        return choices


def _choice(energies: npt.NDArray[np.float64], before: int | None) -> int:
    """Return what to take, from the energies of the channels and of their mean, and the choice before."""
    loudest = int(np.argmax(energies[:-1]))
    limit = (CANCELLED if before in (None, MEAN) else MIXES) * energies[loudest]
    if energies[-1] >= limit:
        return MEAN
    # Of channels that are equally loud none is better, so the one taken before is kept.
    return before if before not in (None, MEAN) and energies[before] > energies[loudest] / 2 else loudest


def _taken(frames: Frames, mean: Samples, choice: int) -> Samples:
    return mean if choice == MEAN else frames[:, choice]
