"""Joins recorded syllables to Mandarin sentences of the domain, with exact token times.

    python -m demo_recipe syllable-speech --minutes 15 --seed 73 --bank DIR --out build/train/extra/syllables

The recordings are Debian's gcin-voice, in `DIR/ㄅㄚ4/5.ogg`: speaker 5 by ChionMeilin, vocal source from Chu Lo
(CC-BY-3.0). Speaker 3 is for evaluation only (`--speaker 3`): `corpus.py` refuses it for training.
"""

import argparse
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from numpy.typing import NDArray
from pypinyin import Style
from pypinyin.contrib.tone_convert import tone3_to_tone
from pypinyin.style import convert
from scipy.signal import resample_poly

from demo_recipe.audio.features import SAMPLE_RATE
from demo_recipe.speech.corpus import ShardWriter, fill
from demo_recipe.speech.formant_voices import join, trim
from demo_recipe.speech.phonemes import word_pinyin
from demo_recipe.text.domain_grammar import BalancedText
from demo_recipe.text.templates import Words, tokens_of

TRAINING_SPEAKER, HELD_OUT_SPEAKER = 5, 3
PEAK = 0.5
TRIM_DB = -32.0
FADE = SAMPLE_RATE // 200
# Longest gap within a sentence, drawn for each utterance: connected, brisk, one syllable at a time.
GAPS_S = (0.0, 0.05, 0.15)
_TONE_MARKS = str.maketrans({"ˊ": "2", "ˇ": "3", "ˋ": "4", "˙": "1", "ˉ": ""})


class SyllableBank:
    """Recorded syllables of one speaker."""

    def __init__(self, folder: Path, speaker: int) -> None:
        self._folder, self._speaker = folder, speaker
        self.voice = f"gcin{speaker}"
        self._recordings: dict[str, NDArray[np.int16] | None] = {}

    def get(self, syllable: str) -> NDArray[np.int16] | None:
        """16 kHz samples of a syllable like `zhong1`, without silence around; None if nobody recorded it.

        The first tone stands in for a neutral one, of which there are few.
        """
        if syllable not in self._recordings:
            names = [folder_name(syllable), folder_name(syllable.replace("5", "1"))]
            paths = [self._folder / name / f"{self._speaker}.ogg" for name in names]
            self._recordings[syllable] = next((_read(path) for path in paths if path.exists()), None)
        return self._recordings[syllable]


@cache
def folder_name(syllable: str) -> str:
    """Zhuyin with a digit for the tone: none for the first, 1 for the neutral one."""
    return convert(tone3_to_tone(syllable), Style.BOPOMOFO, strict=True).translate(_TONE_MARKS)


def _read(path: Path) -> NDArray[np.int16]:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = resample_poly(audio.mean(1), SAMPLE_RATE, rate)
    pcm = trim((samples / np.abs(samples).max() * PEAK * 32767).astype(np.int16), TRIM_DB)
    ramp = np.ones(len(pcm), np.float32)
    ramp[:FADE], ramp[-FADE:] = np.linspace(0, 1, FADE), np.linspace(1, 0, FADE)
    return (pcm * ramp).astype(np.int16)


def speak(bank: SyllableBank, sentences: list[Words], rng: Random) -> tuple[NDArray[np.int16], dict] | None:
    """Samples and their record; None if a syllable is missing."""
    spoken = []
    for words in sentences:
        readings = [word_pinyin(word, rng) for word in words]
        recordings = [bank.get(syllable) for reading in readings for syllable in reading or [""]]
        if any(recording is None for recording in recordings):
            return None
        spoken.append([recording for recording in recordings if recording is not None])
    pcm, record = join(spoken, rng.choice(GAPS_S), rng)
    tokens = [token for words in sentences for token in tokens_of(words)]
    return pcm, {"lang": "zh", "tokens": tokens, **record, "voice": bank.voice}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--bank", type=Path, default=Path("/usr/share/gcin-voice/ogg"))
    parser.add_argument("--speaker", type=int, choices=[TRAINING_SPEAKER, HELD_OUT_SPEAKER], default=TRAINING_SPEAKER)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Join utterances until there are enough minutes."""
    rng, text = Random(arguments.seed), BalancedText()
    bank = SyllableBank(arguments.bank, arguments.speaker)
    writer = ShardWriter(arguments.out, f"{bank.voice}_{arguments.seed}")
    fill(writer, lambda: speak(bank, text.utterance("zh", rng), rng), arguments.minutes)
