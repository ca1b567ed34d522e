"""Generates speech of the domain with exact token times, hour after hour.

    nice -n 19 python -m demo_recipe domain-speech --hours 10 --seed 61 --out build/train/speech

It may be stopped at any time and goes on when it is started again: each shard has a random generator of its own, and
the tokens that were said so far steer what is said next. A second process takes another seed and another folder.
"""

import argparse
import json
import math
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from demo_recipe.audio.features import SAMPLE_RATE
from demo_recipe.options import add_work_option
from demo_recipe.speech.corpus import KOKORO_LAG, ShardWriter
from demo_recipe.speech.kokoro import MAX_PHONEMES, Kokoro, Script, training_style
from demo_recipe.speech.phonemes import NO_OWNER, phonemize_mixed
from demo_recipe.text.domain_grammar import LANGUAGES, BalancedText
from demo_recipe.text.templates import Words, tokens_of

SLOWEST, FASTEST = 0.6, 1.5
LONG_PAUSE_SHARE = 0.3
LONG_PAUSE_S = (0.2, 1.6)
FADE = 80
# A gap shorter than this is no place for a pause, in samples.
MIN_GAP = 2 * FADE


def write_script(sentences: list[Words], rng: Random) -> Script | None:
    """Sentences apart by a comma's or a full stop's pause; None if something cannot be read or is too long.

    The language is that of most tokens.
    """
    script = Script("", [], [], [])
    are_words = all(len(words) == 1 for words in sentences)
    for index, words in enumerate(sentences):
        phonemes = phonemize_mixed(words, len(script.tokens), rng)
        if phonemes is None:
            return None
        tokens = tokens_of(words)
        script.tokens += tokens
        script.sentences += [index] * len(tokens)
        mark = "." if are_words or index == len(sentences) - 1 else rng.choice([", ", ". ", "? "])
        script.phonemes += phonemes + [(symbol, NO_OWNER) for symbol in mark]
    english = sum(token.isascii() for token in script.tokens)
    script.lang = "en" if 2 * english > len(script.tokens) else "zh"
    return script if len(script.phonemes) <= MAX_PHONEMES else None


def stretch_pauses(
    pcm: NDArray[np.int16], times: dict, sentences: list[int], rng: Random
) -> tuple[NDArray[np.int16], dict]:  # fmt: skip
    """Puts up to 1.6 s of silence into some of the pauses between sentences and moves the times behind it."""
    starts, ends = list(times["start"]), list(times["end"])
    parts, cut, shift = [], 0, 0
    for token in range(1, len(sentences)):
        gap = times["start"][token] - times["end"][token - 1]
        if sentences[token] != sentences[token - 1] and gap > MIN_GAP and rng.random() < LONG_PAUSE_SHARE:
            middle = max(cut, times["end"][token - 1] + gap // 2 - KOKORO_LAG)
            silence = int(rng.uniform(*LONG_PAUSE_S) * SAMPLE_RATE)
            parts += [_faded(pcm[cut:middle]), np.zeros(silence, np.int16)]
            cut, shift = middle, shift + silence
        starts[token] += shift
        ends[token] += shift
    return np.concatenate([*parts, _faded(pcm[cut:])]), {"start": starts, "end": ends}


def _faded(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """5 ms at both ends, so that a cut does not click."""
    ramp = np.ones(len(pcm), np.float32)
    fade = min(FADE, len(pcm) // 2)
    ramp[:fade] = np.linspace(0, 1, fade)
    ramp[len(pcm) - fade :] = np.linspace(1, 0, fade)
    return (pcm * ramp).astype(np.int16)


def utterance(
    kokoro: Kokoro, text: BalancedText, shares: list[float], rng: Random
) -> tuple[NDArray[np.int16], dict] | None:
    """Samples and their record; None if the draw cannot be said."""
    (lang,) = rng.choices(list(LANGUAGES), shares)
    script = write_script(text.utterance(lang, rng), rng)
    if script is None:
        return None
    style, voice = training_style(kokoro.voices, script.lang, len(script.phonemes), rng)
    speed = math.exp(rng.uniform(math.log(SLOWEST), math.log(FASTEST)))
    pcm, times = kokoro.speak(script, style, speed)
    if min(times["start"]) < 0:
        return None
    pcm, times = stretch_pauses(pcm, times, script.sentences, rng)
    record = {"lang": script.lang, "tokens": script.tokens, "sentence": script.sentences, **times}
    return pcm, record | {"voice": voice, "speed": round(speed, 2), "am_spelled": True}


def repair(folder: Path, stem: str) -> tuple[Counter[str], float]:
    """Drops what a killed process left unfinished; (how often each token was said, seconds of speech) so far."""
    path = folder / "utterances.jsonl"
    said: Counter[str] = Counter()
    files, total = set(), 0
    if path.exists():
        text = path.read_text()
        if not text.endswith("\n"):
            path.write_text(text[: text.rfind("\n") + 1])
        for record in map(json.loads, path.read_text().splitlines()):
            said.update(record["tokens"])
            files.add(record["file"])
            total += record["n_samples"]
    for orphan in set(folder.glob(f"{stem}_*.opus")):
        if orphan.name not in files:
            orphan.unlink()
    return said, total / SAMPLE_RATE


def make_shard(
    kokoro: Kokoro, writer: ShardWriter, said: Counter[str], arguments: argparse.Namespace, rng: Random
) -> float:  # fmt: skip
    """Fill one shard, which `writer` then writes, add its tokens to `said`, and return its seconds."""
    text = BalancedText(said)
    samples = 0
    while samples < arguments.shard_s * SAMPLE_RATE:
        made = utterance(kokoro, text, arguments.shares, rng)
        if made is not None:
            writer.add(*made)
            said.update(made[1]["tokens"])
            samples += len(made[0])
    return samples / SAMPLE_RATE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--shares", type=float, nargs=len(LANGUAGES), default=list(LANGUAGES.values()),
        metavar=tuple(name.upper() for name in LANGUAGES), help="how often each language is drawn",
    )  # fmt: skip
    parser.add_argument("--shard-s", type=float, default=60, help="seconds of speech in a file, lost when killed")
    add_work_option(parser)
    parser.add_argument("--max-mib", type=float, default=2000, help="stop when the folder is this large")


def run(arguments: argparse.Namespace) -> None:
    """Generate shards until there are enough hours."""
    stem = f"wide_{arguments.seed}"
    said, seconds = repair(arguments.out, stem)
    kokoro = Kokoro(arguments.work, bfloat16=True)
    writer = ShardWriter(arguments.out, stem, shard_s=arguments.shard_s)
    while seconds < arguments.hours * 3600:
        shards = len(list(arguments.out.glob(f"{stem}_*.opus")))
        size = sum(file.stat().st_size for file in arguments.out.iterdir())
        if size > arguments.max_mib * 2**20:
            raise SystemExit(f"{arguments.out} has {size / 2**20:.0f} MiB after {seconds / 3600:.1f} h")
        seconds += make_shard(kokoro, writer, said, arguments, Random(f"{arguments.seed} {shards}"))
        print(f"{stem} {shards}: {seconds / 3600:.2f} h", flush=True)
