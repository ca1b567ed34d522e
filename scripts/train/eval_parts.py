"""Figures of the voice detector and of the punctuation models."""

import os
from pathlib import Path

from corpus import load_folder
from paraserve.inference.base import ModelBundle
from punc_score import ALL, scores
from vad_score import held_out_count
from vocabulary import build_tokens

TEXT = Path(os.environ.get("TRAIN_WORK", "build/train")) / "text"
"""Where `fetch_text.py` put the packages with the texts."""


def detector_lines(bundle: ModelBundle, folder: Path) -> list[str]:
    """Speech missed and time without speech passed on mixes of held-out voices and held-out sounds."""
    names = ("heldout_zh", "heldout_en")
    words = build_tokens("wide")
    speech = [item for name in names for item in load_folder(folder / name, words, held_out=True, domain="wide")]
    return [
        f"- voice detector, speech 10 to 40 dB over the other sounds, {held_out_count(bundle.vad, speech).line()}"
    ]


def punctuation_lines(bundle: ModelBundle, folder: Path = TEXT) -> list[str]:
    """F1 by mark on held-out documents, a held-out package and held-out templates, for both models."""
    lines = []
    for title, model in (("offline", bundle.punctuator), ("realtime", bundle.punctuator_online)):
        for lang in ("zh", "en"):
            by_source = scores(model, folder, lang, realtime=title == "realtime")
            parts = [f"{name}: {_marks(found)}" for name, found in by_source.items() if name != ALL]
            lines.append(f"- punctuation F1 (%), {title}, {lang}: {_marks(by_source[ALL])} ({'; '.join(parts)})")
    return lines


def _marks(found: dict[str, float]) -> str:
    return ", ".join(f"{mark} {value:.0f}" for mark, value in found.items())
