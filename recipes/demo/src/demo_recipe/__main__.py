"""Runs one step of the recipe of paraserve's embedded bundle.

The README of the recipe has the steps in their order, with the options that made the bundle.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple


class Step(NamedTuple):
    """A module with `add_options` and `run`, and what it does."""

    module: str
    summary: str


STEPS = {
    "domain-text": Step("text.domain_grammar", "print sentences of the domain and how often its words come"),
    "domain-speech": Step("speech.domain_speech", "generate speech of the domain with Kokoro"),
    "outside-speech": Step("speech.outside_domain_speech", "generate speech outside the domain with Kokoro"),
    "formant-voices": Step("speech.formant_voices", "generate speech of the domain with flite and espeak-ng"),
    "syllable-speech": Step("speech.syllable_speech", "join recorded Mandarin syllables to sentences of the domain"),
    "train-asr": Step("acoustic.train_asr", "train the recogniser"),
    "token-confusions": Step("acoustic.token_confusions", "collect what a recogniser takes each token for"),
    "train-context": Step("acoustic.train_context", "train the context layers of a recogniser on text"),
    "export-asr": Step("acoustic.export_asr", "write the graph of the recogniser"),
    "train-stream": Step("streaming.train_stream", "train the streaming recogniser, from the first one"),
    "export-stream": Step("streaming.export_stream", "write the graphs of the streaming recogniser"),
    "train-lm": Step("text.train_lm", "make the language model of the recognisers"),
    "train-vad": Step("vad.train_vad", "train the voice detector and write its graph"),
    "fetch-text": Step("punctuation.fetch_text", "download packages with punctuated text"),
    "train-punc": Step("punctuation.train_punc", "train both punctuation models and write their graphs"),
    "quantize": Step("bundle.quantize", "write the int8 form of graphs"),
    "bundle": Step("bundle.assemble", "put the trained models together as a bundle with its manifest"),
    "eval-speech": Step("evaluation.evaluation_speech", "generate speech for evaluation"),
    "eval-people": Step("evaluation.recorded_people", "collect recordings of people for evaluation"),
    "evaluate": Step("evaluation.evaluate", "measure a bundle"),
    "samples": Step("bundle.samples", "write the recordings of tests/data"),
}


def main(arguments: Sequence[str]) -> None:
    """Run the step that the first argument names with the options behind it."""
    parser = argparse.ArgumentParser(
        prog="python -m demo_recipe",
        usage="%(prog)s STEP [options]",
        description=__doc__,
        epilog="steps:\n" + "\n".join(f"  {name:17} {step.summary}" for name, step in STEPS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "step", choices=STEPS, metavar="STEP", help="one of the steps below; STEP --help has its options"
    )
    name = parser.parse_args(arguments[:1]).step
    # A thread that waits for another must not spin: the loader of the training data needs its core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Only the chosen step is imported: each has needs of its own.
    module = import_module(f"demo_recipe.{STEPS[name].module}")
    options = argparse.ArgumentParser(
        prog=f"python -m demo_recipe {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_options(options)
    module.run(options.parse_args(arguments[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
