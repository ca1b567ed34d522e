"""Figures of the voice detector and of the punctuation models, on what they never saw."""

from functools import partial
from pathlib import Path

from demo_recipe.punctuation.marked_text import CLASSES
from demo_recipe.punctuation.punc_score import ALL, offline_marks, realtime_marks, scores
from demo_recipe.speech.corpus import load_folder
from demo_recipe.text.vocabulary import build_tokens
from demo_recipe.vad.vad_score import held_out_count
from paraserve.inference.base import ModelBundle
from paraserve.inference.models.vad.fsmn_vad import FsmnVad

DETECTOR_SETS = ("heldout_zh", "heldout_en")
MARKS = CLASSES[2:]


def detector_lines(bundle: ModelBundle, folder: Path, minutes: int) -> list[str]:
    """Measure speech missed and other sounds passed, in `minutes` of mixes of the held-out voices and sounds."""
    assert isinstance(bundle.vad, FsmnVad)
    words = build_tokens()
    loaded = [load_folder(folder / name, words, held_out=True) for name in DETECTOR_SETS]
    count = held_out_count(bundle.vad, [item for items in loaded for item in items], minutes)
    return [f"- voice detector, held-out voices 10 to 40 dB over held-out sounds, {count.line()}"]


def punctuation_rows(bundle: ModelBundle, texts: Path) -> list[str]:
    """The table of F1 by mark: all held-out texts for each model, and the offline one's by source."""
    rows = ["| punctuation, F1 % | " + " | ".join(MARKS) + " |", "| --- " + "| --: " * len(MARKS) + "|"]
    assert bundle.punctuator is not None
    assert bundle.punctuator_online is not None
    models = {
        "offline": partial(offline_marks, bundle.punctuator),
        "realtime": partial(realtime_marks, bundle.punctuator_online),
    }
    for lang in ("zh", "en"):
        for name, give_marks in models.items():
            by_source = scores(give_marks, texts, lang, is_closed=name == "offline")
            for source, by_mark in by_source.items():
                if source == ALL or name == "offline":
                    cells = [f"{by_mark[mark]:.0f}" if mark in by_mark else "-" for mark in MARKS]
                    rows.append(f"| {name}, {lang}, {source} | " + " | ".join(cells) + " |")
    return rows
