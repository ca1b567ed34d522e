"""Speech to measure with."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "data"
RATE = 16_000
UNIT_S = 300
NOISE_LEVEL = 0.002

Wave = npt.NDArray[np.float32]


def speech(folder: Path) -> Wave:
    """UNIT_S seconds: the folder's wav files in random order, pauses of 0.4 to 3 s, faint noise all the way."""
    rng = random.Random(0)
    clips = [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("*.wav"))]
    unit = np.random.default_rng(0).normal(0, NOISE_LEVEL, UNIT_S * RATE).astype(np.float32)
    position = 0
    while True:
        position += round(rng.uniform(0.4, 3.0) * RATE)
        clip = rng.choice(clips)
        if position + len(clip) > len(unit):
            return unit
        unit[position : position + len(clip)] += clip
        position += len(clip)


def source(paths: Sequence[Path]) -> Wave:
    """The recordings (16 kHz mono wav) one after the other; without any, speech made of the committed samples."""
    if not paths:
        return speech(SAMPLES)
    waves = []
    for path in paths:
        wave, rate = soundfile.read(path, dtype="float32")
        if rate != RATE or wave.ndim > 1:
            raise SystemExit(f"{path}: 16 kHz mono is needed")
        waves.append(wave)
    return np.concatenate(waves)


def cut(wave: Wave, n: int, shortest_s: float, longest_s: float) -> list[Wave]:
    """`n` pieces of random lengths and places, always the same; the recording goes round and round."""
    rng = np.random.default_rng(0)
    lengths = (rng.uniform(shortest_s, longest_s, n) * RATE).astype(int)
    starts = rng.integers(0, len(wave), n)
    return [looped(wave, int(start), int(length)) for start, length in zip(starts, lengths, strict=True)]


def looped(wave: Wave, start: int, length: int) -> Wave:
    """So many samples from `start` on, beginning again at the end."""
    return np.resize(np.roll(wave, -start), length)


def pcm16(wave: Wave) -> bytes:
    """16-bit little-endian."""
    return np.clip(np.round(wave * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def write_wavs(waves: Sequence[Wave], folder: Path) -> list[Path]:
    """As files of a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = [folder / f"{n:03}.wav" for n in range(len(waves))]
    for path, wave in zip(paths, waves, strict=True):
        soundfile.write(path, wave, RATE, subtype="PCM_16")
    return paths
