"""Measures a bundle through the package's own inference and writes the results into its card and the manual.

    python scripts/train/evaluate.py [--bundle models/demo] [--eval build/train/eval] [--work build/train] [--card]

Sets are folders made by `eval_speech.py`, `eval_people.py` and `other_speech.py`; telephone band and noise are made
here. Errors are characters for Mandarin and words for English, numbers as they are spoken, greedy decoding.
"""

import argparse
import os
import tempfile
from pathlib import Path

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
    """All results in Markdown, printed as they come."""
    bundle, load_line = load_timed(arguments.bundle)
    lines: list[str] = []
    steps = [lambda: offline_rows(bundle, arguments.eval, show=arguments.quick)]
    if not arguments.quick:
        steps += [
            lambda: ["", *streaming_rows(bundle, arguments.eval)],
            lambda: ["", *punctuation_rows(bundle, arguments.work / "text"), ""],
            lambda: other_speech_lines(bundle, arguments.eval),
            lambda: noise_lines(bundle),
            lambda: detector_lines(bundle, arguments.eval),
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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    work = Path(os.environ.get("TRAIN_WORK", "build/train"))
    parser.add_argument("--bundle", type=Path, default=Path("models/demo"))
    parser.add_argument("--eval", type=Path, default=work / "eval")
    parser.add_argument("--work", type=Path, default=work, help="has the float32 graphs and the texts")
    parser.add_argument(
        "--card", action="store_true", help="write the results into the bundle's README.md and the manual"
    )
    parser.add_argument("--quick", action="store_true", help="the first table only, with every wrong utterance")
    arguments = parser.parse_args()
    lines = measure(arguments)
    if arguments.card:
        for page in (arguments.bundle / "README.md", Path("docs/models.md")):
            write_between_marks(page, lines)


if __name__ == "__main__":
    main()
