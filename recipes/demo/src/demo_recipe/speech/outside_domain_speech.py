"""Generates running text outside the domain by Kokoro, with exact token times.

    python -m demo_recipe outside-speech --minutes 25 --seed 74 --out build/train/extra/other [--held-out]

Tokens that the vocabulary lacks are loaded as `<unk>`. With `--held-out` the sentences are others, by the voices that
are never trained on, for evaluation.
"""

import argparse
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from demo_recipe.options import add_work_option
from demo_recipe.speech.corpus import ShardWriter, fill
from demo_recipe.speech.domain_speech import write_script
from demo_recipe.speech.kokoro import Kokoro, held_out_style, training_style
from demo_recipe.text.outside_domain_text import other_sentence
from demo_recipe.text.templates import Words, tokens_of

MANDARIN_SHARE = 0.55
TARGET_TOKENS = {"zh": 22, "en": 14}
SLOWEST, FASTEST = 0.68, 1.5


def draw_sentences(lang: str, rng: Random, *, held_out: bool) -> list[Words]:
    """Sentences for one utterance of about six seconds."""
    sentences: list[Words] = []
    while sum(len(tokens_of(words)) for words in sentences) < TARGET_TOKENS[lang]:
        sentences.append(other_sentence(lang, rng, held_out=held_out))
    return sentences


def utterance(kokoro: Kokoro, rng: Random, *, held_out: bool) -> tuple[NDArray[np.int16], dict] | None:
    """Samples and their record; None if the draw cannot be said."""
    lang = "zh" if rng.random() < MANDARIN_SHARE else "en"
    script = write_script(draw_sentences(lang, rng, held_out=held_out), rng)
    if script is None:
        return None
    draw_style = held_out_style if held_out else training_style
    style, voice = draw_style(kokoro.voices, lang, len(script.phonemes), rng)
    speed = rng.uniform(SLOWEST, FASTEST)
    pcm, times = kokoro.speak(script, style, speed)
    if min(times["start"]) < 0:
        return None
    record = {"lang": lang, "tokens": script.tokens, "sentence": script.sentences, **times}
    return pcm, record | {"voice": voice, "speed": round(speed, 2), "am_spelled": True}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    add_work_option(parser)
    parser.add_argument("--held-out", action="store_true")


def run(arguments: argparse.Namespace) -> None:
    """Generate utterances until there are enough minutes."""
    rng, kokoro = Random(arguments.seed), Kokoro(arguments.work, bfloat16=True)
    writer = ShardWriter(arguments.out, f"other_{arguments.seed}")
    fill(writer, lambda: utterance(kokoro, rng, held_out=arguments.held_out), arguments.minutes)
