"""Measures a bundle through the package's own inference and writes the results into its card.

    python -m demo_recipe evaluate [--bundle models/demo] [--eval build/train/eval] [--work build/train] [--card]

The sets are folders made by `eval-speech`, `eval-people` and `outside-speech`. Telephone band and noise are
added here. Errors are counted in characters for Mandarin and in words for English, numbers as they are
spoken. Decoding is greedy.
"""

import argparse
import tempfile
from pathlib import Path

from demo_recipe.bundle.assemble import write_manifest
from demo_recipe.evaluation.hallucinations import noise_lines, other_speech_lines
from demo_recipe.evaluation.speech_sets import offline_rows, streaming_rows
from demo_recipe.evaluation.speed_and_size import (
    agreement_lines,
    load_timed,
    make_float_bundle,
    size_line,
    speed_lines,
)
from demo_recipe.evaluation.vad_and_punctuation import detector_lines, punctuation_rows
from demo_recipe.options import add_work_option
from paraserve.inference.base import ModelBundle
from paraserve.inference.models.load import load_bundle

BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def compare_with_float(bundle: ModelBundle, arguments: argparse.Namespace) -> list[str]:
    """Lines on int8 and float32, if the bundle is int8 and the float32 graphs are there."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "bundle"
        if not make_float_bundle(arguments.bundle, arguments.work, target):
            return []
        return agreement_lines(bundle, load_bundle(target), arguments.eval)


def measure(arguments: argparse.Namespace) -> list[str]:
    """Print all results in Markdown as they come, and return them.

    Raises:
        ValueError: the bundle lacks one of the five models; `--quick` needs the recogniser only.
    """
    bundle, load_line = load_timed(arguments.bundle)
    lines: list[str] = []
    steps = [lambda: offline_rows(bundle, arguments.eval, show=arguments.quick)]
    if not arguments.quick:
        if None in (bundle.vad, bundle.streaming, bundle.punctuator, bundle.punctuator_online):
            raise ValueError(f"{arguments.bundle} is no complete bundle: one of its models is missing")
        steps += [
            lambda: ["", *streaming_rows(bundle, arguments.eval)],
            lambda: ["", *punctuation_rows(bundle, arguments.work / "text"), ""],
            lambda: other_speech_lines(bundle, arguments.eval),
            lambda: noise_lines(bundle, arguments.minutes),
            lambda: detector_lines(bundle, arguments.eval, arguments.minutes),
            lambda: compare_with_float(bundle, arguments),
            lambda: [size_line(arguments.bundle), load_line, *speed_lines(bundle, arguments.eval)],
        ]
    for step in steps:
        made = step()
        print("\n".join(made), flush=True)
        lines += made
    return lines


def write_between_marks(page: Path, lines: list[str]) -> None:
    """Replaces what stands between the two marks of a page."""
    before, rest = page.read_text().split(BEGIN)
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + rest.split(END)[1]]))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)
    parser.add_argument("--bundle", type=Path, default=Path("models/demo"))
    parser.add_argument("--eval", type=Path, help="folder of the sets, WORK/eval by default")
    parser.add_argument("--card", action="store_true", help="write the results into the bundle's README.md")
    parser.add_argument(
        "--minutes", type=int, choices=range(1, 31), default=30, metavar="1..30",
        help="of sounds without speech, and of mixes for the voice detector",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="the first table only, with every wrong utterance")


def run(arguments: argparse.Namespace) -> None:
    """Print all results, and write them into the bundle's card where asked."""
    arguments.eval = arguments.eval or arguments.work / "eval"
    lines = measure(arguments)
    if arguments.card:
        write_between_marks(arguments.bundle / "README.md", lines)
        write_manifest(arguments.bundle)
