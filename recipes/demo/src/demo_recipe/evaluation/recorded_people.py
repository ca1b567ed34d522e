"""Collects recordings of people for evaluation, never for training.

    python -m demo_recipe eval-people --digits REPOSITORY --syllables DIR --pocketsphinx DIR --out build/train/eval

`--digits` is a clone of Jakobovski/free-spoken-digit-dataset (CC-BY-SA-4.0), `--syllables` the recordings of Debian's
gcin-voice (speaker 3, GPL-3 or LGPL-3), `--pocketsphinx` the data of Debian's pocketsphinx-testdata (BSD). Only the
sets of the folders that are given are written. None of the recordings is in this repository.
"""

import argparse
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from demo_recipe.audio.features import SAMPLE_RATE
from demo_recipe.evaluation.evaluation_speech import new_sentence
from demo_recipe.speech.corpus import ShardWriter
from demo_recipe.speech.syllable_speech import HELD_OUT_SPEAKER, SyllableBank
from demo_recipe.speech.syllable_speech import speak as speak_syllables

Spoken = tuple[NDArray[np.int16], dict]
DIGITS = "zero one two three four five six seven eight nine".split()  # noqa: SIM905 - easier to read
DIGIT_FILES, DIGIT_STRINGS, SYLLABLE_SENTENCES = 300, 60, 80
EDGE = SAMPLE_RATE // 5
GAP_S = (0.2, 0.5)
# What pocketsphinx-testdata says in words of the domain, and what it reads of a novel.
KNOWN_TEXTS = {
    "cards/004.wav": "five five", "tidigits/dhd.2934z.raw": "two nine three four zero",
    "goforward.raw": "go forward ten meters",
}  # fmt: skip
OTHER_TEXTS = "librivox/transcription"


class DigitFiles:
    """The recordings in a clone, read from its newest commit: a mirror has no files."""

    def __init__(self, clone: Path) -> None:
        self._clone = clone
        names = self._git("ls-tree", "-r", "--name-only", "HEAD", "recordings").decode().split()
        self.names = sorted(name for name in names if name.endswith(".wav"))

    def read(self, name: str) -> NDArray[np.int16]:
        """16 kHz samples of an 8 kHz file."""
        audio, rate = soundfile.read(io.BytesIO(self._git("show", f"HEAD:{name}")), dtype="float32")
        return (np.clip(resample_poly(audio, SAMPLE_RATE, rate), -1, 1) * 32767).astype(np.int16)

    def _git(self, *arguments: str) -> bytes:
        return subprocess.run(["git", "-C", self._clone, *arguments], capture_output=True, check=True).stdout


def _speaker(name: str) -> str:
    return name.split("_")[1]


def _digit(name: str) -> str:
    return DIGITS[int(Path(name).name[0])]


def _record(tokens: list[str], voice: str, lang: str = "en") -> dict:
    return {"lang": lang, "tokens": tokens, "sentence": [0] * len(tokens), "voice": voice}


def single_digits(files: DigitFiles, rng: Random) -> Iterator[Spoken]:
    """One digit an utterance, as often by each speaker."""
    speakers = sorted(set(map(_speaker, files.names)))
    edge = np.zeros(EDGE, np.int16)
    for speaker in speakers:
        own = [name for name in files.names if _speaker(name) == speaker]
        for name in rng.sample(own, DIGIT_FILES // len(speakers)):
            yield np.concatenate([edge, files.read(name), edge]), _record([_digit(name)], "fsdd")


def digit_strings(files: DigitFiles, rng: Random) -> Iterator[Spoken]:
    """Three to six digits of one speaker, 0.2 to 0.5 s apart."""
    for _ in range(DIGIT_STRINGS):
        speaker = _speaker(rng.choice(files.names))
        own = [name for name in files.names if _speaker(name) == speaker]
        names = rng.sample(own, rng.randint(3, 6))
        parts = [np.zeros(EDGE, np.int16)]
        for name in names:
            parts += [files.read(name), np.zeros(int(rng.uniform(*GAP_S) * SAMPLE_RATE), np.int16)]
        yield np.concatenate(parts), _record([_digit(name) for name in names], "fsdd")


def syllable_sentences(bank: SyllableBank, rng: Random) -> Iterator[Spoken]:
    """Sentences of the domain, syllable by syllable."""
    known: set[tuple[str, ...]] = set()
    count = 0
    while count < SYLLABLE_SENTENCES:
        made = speak_syllables(bank, [new_sentence("zh", rng, known)], rng)
        if made is not None:
            count += 1
            yield made


def known_sentences(folder: Path) -> Iterator[Spoken]:
    """A few sentences of the domain; a .raw file has 16-bit samples at 16 kHz."""
    for name, text in KNOWN_TEXTS.items():
        is_raw = name.endswith(".raw")
        pcm = np.fromfile(folder / name, "<i2") if is_raw else soundfile.read(folder / name, dtype="int16")[0]
        yield pcm, _record(text.split(), "pocketsphinx")


def other_sentences(folder: Path) -> Iterator[Spoken]:
    """Half a minute of a novel: `<s> text </s> (file)` a line."""
    for line in (folder / OTHER_TEXTS).read_text().splitlines():
        _, *words, _, name = line.split()
        pcm = soundfile.read((folder / OTHER_TEXTS).with_name(name.strip("()") + ".wav"), dtype="int16")[0]
        yield pcm, _record(words, "pocketsphinx")


def write(out: Path, name: str, spoken: Iterator[Spoken]) -> None:
    """A set in a folder of its own."""
    writer = ShardWriter(out / name, name)
    for pcm, record in spoken:
        writer.add(pcm, record)
    writer.flush()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--digits", type=Path)
    parser.add_argument("--syllables", type=Path)
    parser.add_argument("--pocketsphinx", type=Path)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the sets whose recordings are given."""
    rng = Random(arguments.seed)
    if arguments.digits:
        files = DigitFiles(arguments.digits)
        write(arguments.out, "people_digits", single_digits(files, rng))
        write(arguments.out, "people_digit_strings", digit_strings(files, rng))
    if arguments.syllables:
        write(
            arguments.out,
            "people_syllables",
            syllable_sentences(SyllableBank(arguments.syllables, HELD_OUT_SPEAKER), rng),
        )
    if arguments.pocketsphinx:
        write(arguments.out, "people_sentences", known_sentences(arguments.pocketsphinx))
        write(arguments.out, "people_other", other_sentences(arguments.pocketsphinx))
