"""A little English speech of two old engines, for variety: flite and espeak-ng.

    python scripts/train/spice.py --minutes 12 --seed 21 --out build/train/spice

They tell no token times, so each word is spoken alone, trimmed, and joined to the others.
"""

import argparse
import io
import subprocess
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

import grammar
import wide_grammar
from corpus import ShardWriter
from features import SAMPLE_RATE
from templates import Words
from vocabulary import DOMAINS

FLITE_VOICES = ["kal16", "awb", "rms", "slt"]
ESPEAK_ENGLISH = ["en-us", "en-gb", "en-gb-x-rp", "en-029", "en-gb-scotland"]
ESPEAK_VARIANTS = "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Alex anika belinda linda max michael rob steph".split()  # noqa: SIM905
QUIET_DB = -38.0
SPELLED = {"numbers": {"am": "A M", "pm": "P M"}, "wide": {"AM": "A M", "PM": "P M"}}


def espeak_command(rng: Random) -> tuple[list[str], str]:
    """A random voice: the command that speaks its last argument to a pipe, and the voice's name."""
    voice = rng.choice(ESPEAK_ENGLISH) + "+" + rng.choice(ESPEAK_VARIANTS)
    pace, pitch = str(rng.randint(110, 220)), str(rng.randint(20, 80))
    return ["espeak-ng", "-v", voice, "-s", pace, "-p", pitch, "--stdout"], f"espeak {voice}"


def flite_command(rng: Random) -> tuple[list[str], str]:
    """The same for flite."""
    voice = rng.choice(FLITE_VOICES)
    stretch = f"duration_stretch={rng.uniform(0.7, 1.2):.2f}"
    return ["flite", "-voice", voice, "--setf", stretch, "-o", "/dev/stdout", "-t"], f"flite {voice}"


def to_pcm(wav: bytes) -> NDArray[np.int16]:
    """16 kHz samples of a wav file, whose length field a pipe may have left open."""
    audio, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    samples = resample_poly(audio, SAMPLE_RATE, rate)
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def trim(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Cuts 10 ms blocks at both ends that are far under the loudest one."""
    blocks = pcm[: len(pcm) // 160 * 160].reshape(-1, 160).astype(np.float64)
    level_db = 10 * np.log10(np.mean(blocks**2, 1) + 1e-3)
    loud = np.flatnonzero(level_db > level_db.max() + QUIET_DB)
    return pcm[loud[0] * 160 : (loud[-1] + 1) * 160]


def speak(words: Words, spelled: dict[str, str], rng: Random) -> tuple[NDArray[np.int16], dict]:
    """Words one after the other with gaps of up to 120 ms; the record has the time of each.

    `spelled` has the text of words that are read as letters.
    """
    command, voice = (flite_command if rng.random() < 0.75 else espeak_command)(rng)
    parts = [np.zeros(1600, np.int16)]
    starts, ends = [], []
    for word in words:
        text = spelled.get(word, word)
        wav = subprocess.run([*command, text], capture_output=True, check=True).stdout
        starts.append(sum(map(len, parts)))
        parts.append(trim(to_pcm(wav)))
        ends.append(starts[-1] + len(parts[-1]))
        parts.append(np.zeros(rng.randint(0, 1920), np.int16))
    return np.concatenate([*parts, parts[0]]), {"start": starts, "end": ends, "voice": voice}


def draw_words(domain: str, rng: Random) -> Words:
    """A sentence; of the domain of numbers mostly one of rare words."""
    if domain == "wide":
        return wide_grammar.sentence("en", rng)
    return (grammar.rare_sentence if rng.random() < 0.6 else grammar.sentence)("en", rng)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, default="numbers")
    arguments = parser.parse_args()
    rng = Random(arguments.seed)
    writer = ShardWriter(arguments.out, f"spice_{arguments.seed}", shard_s=120)
    total = 0
    while total < arguments.minutes * 60 * SAMPLE_RATE:
        words = draw_words(arguments.domain, rng)
        pcm, record = speak(words, SPELLED[arguments.domain], rng)
        tokens = [word.lower() for word in words]
        record |= {"lang": "en", "tokens": tokens, "sentence": [0] * len(words), "am_spelled": True}
        writer.add(pcm, record)
        total += len(pcm)
    writer.flush()


if __name__ == "__main__":
    main()
