"""Training and test sequences for the voice detector: speech with exact times among silence, noise, tones, clicks."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import augment
from corpus import Utterance
from features import FRAME_LENGTH, FRAME_SHIFT, SAMPLE_RATE, Array, fbank, lfr

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


def tones(count: int, rng: np.random.Generator) -> Array:
    """Music-like notes: harmonics with a decaying envelope, one to four voices, 0.1 to 0.8 s each."""
    wave = np.zeros(count)
    for _ in range(int(rng.integers(1, 5))):
        position = 0
        while position < count:
            length = min(int(SAMPLE_RATE * rng.uniform(0.1, 0.8)), count - position)
            time_s = np.arange(length) / SAMPLE_RATE
            pitch = 110 * 2 ** (rng.integers(0, 48) / 12)
            note = sum(np.sin(2 * np.pi * pitch * k * time_s) / k ** rng.uniform(0.7, 2) for k in range(1, 6))
            wave[position : position + length] += note * np.exp(-time_s * rng.uniform(0, 8))
            position += length
    return (wave / (np.sqrt(np.mean(wave**2)) + 1e-9)).astype(np.float32)


def clicks(count: int, rng: np.random.Generator) -> Array:
    """Short bursts, knocks and beeps of 1 to 60 ms, a few a second."""
    wave = np.zeros(count, np.float32)
    for position in rng.integers(0, count, max(1, int(count / SAMPLE_RATE * rng.uniform(0.5, 5)))):
        length = min(int(SAMPLE_RATE * rng.uniform(0.001, 0.06)), count - int(position))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length * 0.3 + 1))
        wave[position : position + length] += burst * rng.uniform(0.2, 1)
    return wave / (np.sqrt(np.mean(wave**2)) + 1e-9)


class SceneMaker:
    """Draws scenes of `seconds` from timed utterances."""

    def __init__(self, utterances: list[Utterance], seed: int, seconds: float = 12.0) -> None:
        self._speech = [(item, speech_mask(item)) for item in utterances if item.is_timed]
        self._rng = random.Random(seed)
        self._np_rng = np.random.default_rng(seed)
        self._count = int(seconds * SAMPLE_RATE)

    def draw(self) -> Scene:
        """Mostly speech at -40 to 0 dBFS with noise 5 to 45 dB below; a third of the scenes have no speech."""
        rng, np_rng = self._rng, self._np_rng
        if rng.random() < 0.35:
            level = 10 ** (rng.uniform(-75, -8) / 20)
            return Scene(self._noise() * np.float32(level), np.zeros(self._count, bool))
        scene = self._speech_scene()
        if rng.random() < 0.3:
            scene.samples = augment.add_room(scene.samples, np_rng)
        if rng.random() < 0.5:
            scene.samples = augment.shape_spectrum(scene.samples, np_rng, 1.0)
        if rng.random() < 0.8:
            scene.samples = augment.mix(scene.samples, self._noise(), self._snr_db(scene))
        scene.samples = augment.set_level(scene.samples, rng.uniform(-40, 0))
        if rng.random() < 0.9:
            floor = 10 ** rng.uniform(-5.5, -3.5)
            scene.samples += np_rng.standard_normal(self._count).astype(np.float32) * np.float32(floor)
        return scene

    def _snr_db(self, scene: Scene) -> float:
        """The ratio for `mix`, which takes the mean power of the whole scene, from one that counts speech only."""
        share = max(float(scene.is_speech.mean()), 0.02)
        return self._rng.uniform(5, 45) + 10 * float(np.log10(share))

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
        piece = utterance.pcm[start : start + length].astype(np.float32) / 32768
        samples = augment.resample(piece, factor)
        index = np.minimum((np.arange(len(samples)) * factor).astype(int), len(piece) - 1)
        return samples, mask[start : start + length][index]

    def _noise(self) -> Array:
        """Noise, at times with notes or clicks in it; unit power."""
        wave = augment.noise(self._count, self._np_rng)
        kind = self._rng.random()
        if kind < 0.35:
            wave = self._rng.uniform(0, 0.3) * wave + tones(self._count, self._np_rng)
        elif kind < 0.75:
            wave = self._rng.uniform(0, 0.3) * wave + clicks(self._count, self._np_rng)
        return (wave / (np.sqrt(np.mean(wave**2)) + 1e-9)).astype(np.float32)


def rows_and_labels(scene: Scene) -> tuple[Array, Array]:
    """LFR 5/1 rows [T, 400] and what the middle of each frame holds [T]; -1 within 20 ms of a change."""
    rows = lfr(fbank(scene.samples), 5, 1)
    centers = np.arange(len(rows)) * FRAME_SHIFT + FRAME_LENGTH // 2
    labels = scene.is_speech[centers].astype(np.float32)
    early, late = scene.is_speech[centers - FRAME_SHIFT], scene.is_speech[centers + FRAME_SHIFT]
    labels[early != late] = -1
    return rows, labels


def batches(maker: SceneMaker, size: int) -> Iterator[tuple[Array, Array]]:
    """Endless ([B, T, 400], [B, T])."""
    while True:
        items = [rows_and_labels(maker.draw()) for _ in range(size)]
        yield np.stack([rows for rows, _ in items]), np.stack([labels for _, labels in items])
