"""F1 of every mark on texts that the punctuation models never saw, for the offline and the realtime model."""

from pathlib import Path

from demo_recipe.evaluation.error_rates import mark_f1
from demo_recipe.punctuation.marked_text import CLASSES, NONE, Marked
from demo_recipe.punctuation.text_windows import held_out_texts
from paraserve.inference.base import Punctuator, StreamingPunctuator

ALL = "all"
SEGMENT_WORDS = (4, 9, 14, 7)
"""Lengths of the pieces in which the realtime model gets a text."""
Marks = list[str]


def wanted_marks(text: Marked) -> Marks:
    """The true mark behind each word, "" for none."""
    return ["" if mark == NONE else CLASSES[mark] for _, mark in text]


def offline_marks(model: Punctuator, text: Marked) -> Marks:
    """The marks of the whole text at once."""
    return model.punctuate([word for word, _ in text])


def realtime_marks(model: StreamingPunctuator, text: Marked) -> Marks:
    """The marks of the text that comes piece by piece; a mark at the head of a piece counts behind the one before."""
    words = [word for word, _ in text]
    state, found, begin, turn = model.new_state(), [], 0, 0
    while begin < len(words):
        piece = words[begin : begin + SEGMENT_WORDS[turn % len(SEGMENT_WORDS)]]
        state, head, marks = model.step(state, piece)
        if found:
            found[-1] = head
        found += marks
        begin, turn = begin + len(piece), turn + 1
    return found


def scores(
    model: Punctuator | StreamingPunctuator, folder: Path, lang: str, *, realtime: bool
) -> dict[str, dict[str, float]]:
    """F1 in percent by source and mark; the source "all" takes all texts together.

    The realtime model never closes a text, so its last word is not counted. `folder` is where `fetch_text.py` put
    the packages.
    """
    wanted: dict[str, Marks] = {ALL: []}
    found: dict[str, Marks] = {ALL: []}
    for name, texts in held_out_texts(folder, lang).items():
        for text in texts:
            marks = realtime_marks(model, text) if realtime else offline_marks(model, text)
            cut = len(text) - 1 if realtime else len(text)
            for key in (name, ALL):
                wanted.setdefault(key, []).extend(wanted_marks(text)[:cut])
                found.setdefault(key, []).extend(marks[:cut])
    marks_used = CLASSES[2:] if lang == "zh" else CLASSES[2:5]
    return {name: {mark: mark_f1(wanted[name], found[name], mark) for mark in marks_used} for name in wanted}
