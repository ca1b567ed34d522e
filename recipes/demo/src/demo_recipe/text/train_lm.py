"""The language model of the bundle: what the domain's grammar says, as a small n-gram graph.

python -m demo_recipe train-lm [--work build/train] [--utterances 100000] [--ngrams 25000]

The recogniser's context layers have learnt from the same grammar. The graph adds what they have forgotten.
"""

import argparse
import json
from pathlib import Path
from random import Random

import numpy as np

from demo_recipe.options import add_work_option
from demo_recipe.text.domain_grammar import LANGUAGES, sentence
from demo_recipe.text.templates import tokens_of
from paraserve.inference.text.units import EOS_ID, SPECIAL_IDS, Vocabulary
from paraserve.ngrams.building import write_folder
from paraserve.ngrams.counting import NgramCounter
from paraserve.ngrams.kneser_ney import kneser_ney
from paraserve.ngrams.pruning import pruned

TARGET_TOKENS = {"zh": 17, "en": 11, "mix": 14}
WEIGHT = 0.4


def utterance(rng: Random) -> list[str]:
    """Tokens of about five seconds of speech, words as often as the grammar says them."""
    (lang,) = rng.choices(list(LANGUAGES), list(LANGUAGES.values()))
    tokens: list[str] = []
    while len(tokens) < TARGET_TOKENS[lang]:
        tokens += tokens_of(sentence(rng.choice(["zh", "en", "mix"]) if lang == "mix" else lang, rng))
    return tokens


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)
    parser.add_argument("--utterances", type=int, default=100_000)
    parser.add_argument("--order", type=int, default=3)
    parser.add_argument("--ngrams", type=int, default=25_000, help="n-grams of two tokens and more that are kept")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument(
        "--tokens", type=Path, help="tokens.json of the recogniser; by default that of the work folder"
    )
    parser.add_argument("--out", type=Path, help="by default the folder lm of the work folder")


def run(arguments: argparse.Namespace) -> None:
    """Draw the utterances, estimate the model and write its folder."""
    tokens_json = arguments.tokens or arguments.work / "asr" / "tokens.json"
    vocabulary = Vocabulary(json.loads(tokens_json.read_text("utf-8")))
    rng, counter = Random(arguments.seed), NgramCounter(arguments.order)
    for _ in range(arguments.utterances):
        counter.add(vocabulary.ids(utterance(rng)))
    units = np.array([EOS_ID, *(i for i in range(len(vocabulary)) if i not in SPECIAL_IDS)])
    model = pruned(kneser_ney(*counter.result(), arguments.order, units), arguments.ngrams)
    out = arguments.out or arguments.work / "lm"
    write_folder(model, vocabulary, out, WEIGHT)
    # The bundle's manifest has these files.
    (out / "manifest.json").unlink()
    print(
        f"{out}: {model.n_ngrams} n-grams of {counter.n_units} tokens, {(out / 'G.fst').stat().st_size / 1e6:.2f} MB"
    )
