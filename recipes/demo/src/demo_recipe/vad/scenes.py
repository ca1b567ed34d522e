"""Training and test sequences for the voice detector: speech with exact times among all that is no speech."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demo_recipe.audio import augment
from demo_recipe.audio.features import FRAME_LENGTH, FRAME_SHIFT, SAMPLE_RATE, Array, fbank, from_pcm, lfr
from demo_recipe.audio.noises import background
from demo_recipe.audio.sound_draws import Draws
from demo_recipe.speech.corpus import Utterance

# A shorter pause inside speech is part of it.
LONGEST_INNER_PAUSE = int(0.1 * SAMPLE_RATE)
# Frames this far under the loudest one are silence even inside a token's time.
QUIET_DB = -42.0


@dataclass(slots=True)
class Scene:
    """Samples and, for every sample of the clean speech in it, whether someone speaks."""

    samples: Array
    is_speech: np.ndarray


def speech_mask(utterance: Utterance) -> np.ndarray:
    """True from each token's start to its end, short pauses between tokens included, where it is not quiet."""
    mask = np.zeros(len(utterance.pcm), bool)
    for index, (start, end) in enumerate(zip(utterance.starts, utterance.ends, strict=True)):
        following = utterance.starts[index + 1] if index + 1 < len(utterance.starts) else end
        mask[start : following if following - end <= LONGEST_INNER_PAUSE else end] = True
    return mask & ~_quiet(utterance.pcm)


def _quiet(pcm: np.ndarray) -> np.ndarray:
    """Spans of 50 ms blocks whose level is far under the loudest block's; single quiet blocks do not count."""
    block = SAMPLE_RATE // 20
    count = -(-len(pcm) // block)
    padded = np.zeros(count * block, np.float64)
    padded[: len(pcm)] = pcm
    level_db = 10 * np.log10(np.mean(padded.reshape(count, block) ** 2, 1) + 1e-3)
    quiet = level_db < level_db.max() + QUIET_DB
    lonely = quiet & ~np.roll(quiet, 1) & ~np.roll(quiet, -1)
    return np.repeat(quiet & ~lonely, block)[: len(pcm)]


@dataclass(frozen=True, slots=True)
class Mix:
    """Settings of a mix. Levels are peaks in dBFS, `snr_db` counts the time of speech only."""

    seconds: float = 12.0
    silent_share: float = 0.5
    snr_db: tuple[float, float] = (5.0, 35.0)
    peak_db: tuple[float, float] = (-40.0, 0.0)
    is_held_out: bool = False


class SceneMaker:
    """Draws scenes from timed utterances."""

    def __init__(self, utterances: list[Utterance], seed: int, mix: Mix | None = None) -> None:
        self._speech = [(item, speech_mask(item)) for item in utterances if item.is_timed]
        self._rng = random.Random(seed)
        self._np_rng = np.random.default_rng(seed)
        self._mix = mix or Mix()
        self._draws = Draws(self._np_rng, self._mix.is_held_out)
        self._count = int(self._mix.seconds * SAMPLE_RATE)

    def draw(self) -> Scene:
        """Speech among other sounds, or other sounds alone."""
        rng, np_rng = self._rng, self._np_rng
        if rng.random() < self._mix.silent_share:
            level = 10 ** (rng.uniform(-75, -8) / 20)
            return Scene(background(self._count, self._draws) * np.float32(level), np.zeros(self._count, bool))
        scene = self._speech_scene()
        if rng.random() < 0.3:
            scene.samples = augment.add_room(scene.samples, np_rng)
        if rng.random() < 0.5:
            scene.samples = augment.shape_spectrum(scene.samples, np_rng, 1.0)
        if rng.random() < 0.8:
            scene.samples = augment.mix(scene.samples, background(self._count, self._draws), self._snr_db(scene))
        scene.samples = augment.set_level(scene.samples, rng.uniform(*self._mix.peak_db))
        if rng.random() < 0.9:
            floor = 10 ** rng.uniform(-5.5, -3.5)
            scene.samples += np_rng.standard_normal(self._count).astype(np.float32) * np.float32(floor)
        return scene

    def _snr_db(self, scene: Scene) -> float:
        """The ratio for `mix`, which takes the mean power of the whole scene, from one that counts speech only."""
        share = max(float(scene.is_speech.mean()), 0.02)
        return self._rng.uniform(*self._mix.snr_db) + 10 * float(np.log10(share))

    def _speech_scene(self) -> Scene:
        samples = np.zeros(self._count, np.float32)
        mask = np.zeros(self._count, bool)
        position = int(self._rng.uniform(0, 2) * SAMPLE_RATE)
        gain = 1.0
        while position < self._count:
            pcm, is_speech = self._piece()
            length = min(len(pcm), self._count - position)
            samples[position : position + length] = pcm[:length] * gain
            mask[position : position + length] = is_speech[:length]
            pause_s = self._rng.choice([0.2, 0.5, 1.0, 2.5]) * self._rng.uniform(0.3, 1.5)
            position += length + int(pause_s * SAMPLE_RATE)
            gain = 10 ** (self._rng.uniform(-8, 0) / 20)
        return Scene(samples, mask)

    def _piece(self) -> tuple[Array, np.ndarray]:
        """Half a second to six seconds of an utterance, resampled."""
        utterance, mask = self._rng.choice(self._speech)
        length = int(self._rng.uniform(0.5, 6) * SAMPLE_RATE)
        start = self._rng.randrange(max(1, len(mask) - length))
        factor = self._rng.uniform(0.85, 1.18)
        piece = from_pcm(utterance.pcm[start : start + length])
        samples = augment.resample(piece, factor)
        index = np.minimum((np.arange(len(samples)) * factor).astype(int), len(piece) - 1)
        return samples, mask[start : start + length][index]


def rows_and_labels(scene: Scene) -> tuple[Array, Array]:
    """LFR 5/1 rows [T, 400] and what the middle of each frame holds [T]; -1 within 20 ms of a change."""
    rows = lfr(fbank(scene.samples), 5, 1)
    centers = np.arange(len(rows)) * FRAME_SHIFT + FRAME_LENGTH // 2
    labels = scene.is_speech[centers].astype(np.float32)
    early, late = scene.is_speech[centers - FRAME_SHIFT], scene.is_speech[centers + FRAME_SHIFT]
    labels[early != late] = -1
    return rows, labels


def batches(maker: SceneMaker, size: int, pool: int = 64, fresh: int = 2) -> Iterator[tuple[Array, Array]]:
    """Endless ([B, T, 400], [B, T]): of a pool of scenes, `fresh` of which are replaced each time."""
    rng = np.random.default_rng(1)
    items = [rows_and_labels(maker.draw()) for _ in range(pool)]
    while True:
        chosen = [items[index] for index in rng.choice(pool, size, replace=False)]
        yield np.stack([rows for rows, _ in chosen]), np.stack([labels for _, labels in chosen])
        items = items[fresh:] + [rows_and_labels(maker.draw()) for _ in range(fresh)]
