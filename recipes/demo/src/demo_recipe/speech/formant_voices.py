"""Generates speech of two old engines, flite (English) and espeak-ng (English, Mandarin), with exact token times.

    python -m demo_recipe formant-voices --minutes 30 --seed 71 --lang en --out build/train/extra/formant_en

The engines give no token times: each token is spoken alone, trimmed, and joined to the others.
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

from demo_recipe.audio.features import SAMPLE_RATE
from demo_recipe.speech.corpus import ShardWriter, fill
from demo_recipe.speech.phonemes import word_pinyin
from demo_recipe.text.domain_grammar import BalancedText
from demo_recipe.text.templates import Words, tokens_of

Pcm = NDArray[np.int16]
# The command that speaks its last argument to a pipe, and the voice's name.
Voice = tuple[list[str], str]
FLITE_VOICES = ["kal16", "awb", "rms", "slt"]
FLITE_SHARE = 0.75
ESPEAK_ENGLISH = ["en-us", "en-gb", "en-gb-x-rp", "en-029", "en-gb-scotland"]
ESPEAK_MANDARIN = "cmn-latn-pinyin"
ESPEAK_VARIANTS = "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Alex anika belinda linda max michael rob steph".split()  # noqa: SIM905
SPELLED = {"AM": "A M", "PM": "P M"}
QUIET_DB = -38.0
EDGE = SAMPLE_RATE // 10
LONGEST_GAP_S = {"en": 0.12, "zh": 0.06}
SENTENCE_PAUSE_S, LONG_PAUSE_S, LONG_PAUSE_SHARE = (0.15, 0.5), (0.5, 1.6), 0.3


def draw_voice(lang: str, rng: Random) -> Voice:
    """Flite or espeak-ng at some tempo and pitch."""
    if lang == "en" and rng.random() < FLITE_SHARE:
        voice = rng.choice(FLITE_VOICES)
        stretch = f"duration_stretch={rng.uniform(0.7, 1.3):.2f}"
        return ["flite", "-voice", voice, "--setf", stretch, "-o", "/dev/stdout", "-t"], f"flite {voice}"
    accent = rng.choice(ESPEAK_ENGLISH) if lang == "en" else ESPEAK_MANDARIN
    voice = accent + "+" + rng.choice(ESPEAK_VARIANTS)
    pace, pitch = str(rng.randint(110, 220)), str(rng.randint(20, 80))
    return ["espeak-ng", "-v", voice, "-s", pace, "-p", pitch, "--stdout"], f"espeak {voice}"


def to_pcm(wav: bytes) -> Pcm:
    """16 kHz samples of a wav file, whose length field a pipe may have left open."""
    audio, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    samples = resample_poly(audio, SAMPLE_RATE, rate)
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def trim(pcm: Pcm, quiet_db: float = QUIET_DB) -> Pcm:
    """Cuts 10 ms blocks at both ends that are far under the loudest one."""
    blocks = pcm[: len(pcm) // 160 * 160].reshape(-1, 160).astype(np.float64)
    level_db = 10 * np.log10(np.mean(blocks**2, 1) + 1e-3)
    loud = np.flatnonzero(level_db > level_db.max() + quiet_db)
    return pcm[loud[0] * 160 : (loud[-1] + 1) * 160]


def spoken_texts(words: Words, rng: Random) -> list[str]:
    """Text that the engine reads for each token: English unchanged, Mandarin as pinyin with a tone.

    ValueError if a word cannot be read.
    """
    texts: list[str] = []
    for word in words:
        if word.isascii():
            texts.append(SPELLED.get(word, word))
            continue
        pinyin = word_pinyin(word, rng)
        if pinyin is None:
            raise ValueError(f"no reading of {word}")
        texts += [syllable.replace("v", "ü") for syllable in pinyin]
    return texts


def join(sentences: list[list[Pcm]], longest_gap_s: float, rng: Random) -> tuple[Pcm, dict]:
    """Tokens with short gaps and sentences with pauses between them; the record has the time of each token."""
    parts: list[Pcm] = [np.zeros(EDGE, np.int16)]
    starts, ends, owners = [], [], []
    position = EDGE
    for index, tokens in enumerate(sentences):
        for token in tokens:
            starts.append(position)
            ends.append(position + len(token))
            owners.append(index)
            is_last = len(owners) == sum(map(len, sentences[: index + 1]))
            gap_s = _pause_s(rng) if is_last else rng.uniform(0, longest_gap_s)
            parts += [token, np.zeros(int(gap_s * SAMPLE_RATE), np.int16)]
            position += len(token) + len(parts[-1])
    return np.concatenate(parts), {"start": starts, "end": ends, "sentence": owners}


def _pause_s(rng: Random) -> float:
    return rng.uniform(*(LONG_PAUSE_S if rng.random() < LONG_PAUSE_SHARE else SENTENCE_PAUSE_S))


def speak(lang: str, sentences: list[Words], rng: Random) -> tuple[Pcm, dict]:
    """One voice for all sentences."""
    command, voice = draw_voice(lang, rng)
    spoken = [
        [trim(to_pcm(subprocess.run([*command, text], capture_output=True, check=True).stdout)) for text in texts]
        for texts in (spoken_texts(words, rng) for words in sentences)
    ]
    pcm, record = join(spoken, LONGEST_GAP_S[lang], rng)
    tokens = [token for words in sentences for token in tokens_of(words)]
    return pcm, {"lang": lang, "tokens": tokens, **record, "voice": voice, "am_spelled": True}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--lang", choices=list(LONGEST_GAP_S), required=True)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Generate utterances until there are enough minutes."""
    rng, text = Random(arguments.seed), BalancedText()
    writer = ShardWriter(arguments.out, f"formant_{arguments.lang}_{arguments.seed}")
    fill(writer, lambda: speak(arguments.lang, text.utterance(arguments.lang, rng), rng), arguments.minutes)
