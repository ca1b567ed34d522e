"""F1 of every mark on texts that the punctuation models never saw, for the offline and the realtime model."""

from collections.abc import Callable
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
    found: Marks = []
    state, begin, turn = model.new_state(), 0, 0
    while begin < len(words):
        piece = words[begin : begin + SEGMENT_WORDS[turn % len(SEGMENT_WORDS)]]
        state, head, marks = model.step(state, piece)
        if found:
            found[-1] = head
        found += marks
        begin, turn = begin + len(piece), turn + 1
    return found


def scores(
    mark: Callable[[Marked], Marks], folder: Path, lang: str, *, is_closed: bool
) -> dict[str, dict[str, float]]:
    """F1 in percent by source and mark; the source "all" takes all texts together.

    Args:
        mark: gives the marks of a text.
        folder: where the packages of text are.
        lang: "zh" or "en".
        is_closed: whether `mark` closes a text. The realtime model does not: its last word is not counted.
    """
    wanted: dict[str, Marks] = {ALL: []}
    found: dict[str, Marks] = {ALL: []}
    for name, texts in held_out_texts(folder, lang).items():
        for text in texts:
            marks = mark(text)
            cut = len(text) if is_closed else len(text) - 1
            for key in (name, ALL):
                wanted.setdefault(key, []).extend(wanted_marks(text)[:cut])
                found.setdefault(key, []).extend(marks[:cut])
    marks_used = CLASSES[2:] if lang == "zh" else CLASSES[2:5]
    return {name: {one: mark_f1(wanted[name], found[name], one) for one in marks_used} for name in wanted}
