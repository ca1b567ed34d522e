"""Figures of the voice detector and of the punctuation models."""

from pathlib import Path
from random import Random

import numpy as np

from chat_text import domain_sentence, template_sentence
from corpus import load_folder
from paraserve.inference.base import ModelBundle
from punc_data import CLASSES, NONE, help_sentences, parse
from scoring import mark_f1
from vad_data import SceneMaker
from vocabulary import build_tokens


def detector_lines(bundle: ModelBundle, folder: Path) -> list[str]:
    """Share of speech outside the detected segments, and of segments' time without speech around."""
    names = ("heldout_zh", "heldout_en")
    words = build_tokens("wide")
    speech = [item for name in names for item in load_folder(folder / name, words, held_out=True, domain="wide")]
    maker = SceneMaker(speech, seed=9)
    missed = spoken = false_segments = segments = 0
    for _ in range(60):
        scene = maker.draw()
        inside = np.zeros(len(scene.samples), bool)
        for segment in bundle.vad.segment(scene.samples):
            span = slice(segment.start_ms * 16, segment.end_ms * 16)
            inside[span] = True
            segments += 1
            false_segments += not scene.is_speech[span].any()
        missed += int((scene.is_speech & ~inside).sum())
        spoken += int(scene.is_speech.sum())
    share = 100 * missed / max(1, spoken)
    wrong = f"{false_segments} of {segments} segments without speech"
    return [f"- voice detector: {share:.1f} % of the speech missed, {wrong}"]


def punctuation_lines(bundle: ModelBundle) -> list[str]:
    """F1 by mark on held-out help text and on new template sentences."""
    rng = Random(99)
    sources = {f"help text, {lang}": (lang, help_sentences(lang, held_out=True)) for lang in ("zh", "en")}
    for lang in ("zh", "en"):
        drawn = [(template_sentence if i % 2 else domain_sentence)(lang, rng) for i in range(600)]
        sources[f"everyday templates and the domain, {lang}"] = (lang, [parse(text, lang, rng) for text in drawn])
    lines = []
    for name, (_, sentences) in sources.items():
        rng.shuffle(sentences)
        wanted: list[str] = []
        found: list[str] = []
        for i in range(0, min(len(sentences), 600) - 2, 3):
            marked = [pair for sentence in sentences[i : i + 3] for pair in sentence]
            wanted += ["" if mark == NONE else CLASSES[mark] for _, mark in marked]
            found += bundle.punctuator.punctuate([word for word, _ in marked])
        scores = ", ".join(f"{mark} {mark_f1(wanted, found, mark):.0f}" for mark in CLASSES[2:] if mark in wanted)
        lines.append(f"- punctuation F1 (%), {name}: {scores}")
    return lines
