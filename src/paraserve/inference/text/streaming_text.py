"""Text of an utterance whose units come step by step. Text that was given is never taken back.

`merge_units` joins "@@" units and single letters across steps. The last units therefore wait until no further unit
can change their words. The work is linear in the number of units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from paraserve.inference.text.scripts import TO_ASCII_MARKS, has_unspaced, is_chinese_or_digits
from paraserve.inference.text.spaces import space_between_words
from paraserve.inference.text.units import (
    CONTINUES,
    ENGLISH_BPE,
    STARTS_WORD,
    is_letter,
    join_words,
    merge_units,
)
from paraserve.types import Partial, Token


@dataclass(frozen=True, slots=True)
class TextState:
    """Units that wait, and the last word that was given ("" for none)."""

    waiting: tuple[Token, ...] = ()
    last_word: str = ""


def text_step(
    state: TextState, units: Sequence[Token], lang: str | None, *, is_last: bool
) -> tuple[TextState, Partial]:
    """Take the next units. Return the next state, and the words, text and tail that they add.

    The texts of all steps joined are `join_words(merge_units(all units, lang), lang)`.

    Args:
        state: state after the step before.
        units: the units of this step, as `Token`s.
        lang: `lang` of the model's config.yaml.
        is_last: the utterance ends, so no unit waits any longer.
    """
    pending = [*state.waiting, *units]
    n_settled = len(pending) if is_last else _count_settled(pending, lang)
    words = merge_units(pending[:n_settled], lang)
    text = _joined(state.last_word, words, lang)
    last_word = words[-1].text if words else state.last_word
    waiting = pending[n_settled:]
    tail = _joined(last_word, merge_units(waiting, lang), lang)
    return TextState(tuple(waiting), last_word), Partial(text, tail, tuple(words))


def with_marks(text: str, words: Sequence[Token], head: str, marks: Sequence[str]) -> str:
    """Return the text of a step with punctuation. `head` stands before its first word, `marks` after each of them."""
    marked, position = head, 0
    for word, mark in zip(words, marks, strict=True):
        at = text.find(word.text, position)
        if at < 0:  # of another spelling than the text
            continue
        end = at + len(word.text)
        marked, position = marked + text[position:end] + fitting_mark(word.text, mark), end
    return marked + text[position:]


def fitting_mark(word: str, mark: str) -> str:
    """Return a mark as the script of the word before it writes it."""
    return mark if has_unspaced(word) else mark.translate(TO_ASCII_MARKS)


def _joined(last_word: str, words: Sequence[Token], lang: str | None) -> str:
    """Return the text of words that follow `last_word`, with the space before them."""
    if not words:
        return ""
    texts = [word.text for word in words]
    between = space_between_words(last_word, texts[0])
    if lang == ENGLISH_BPE:
        between = " " if last_word else ""
    return between + join_words(texts, lang)


def _count_settled(units: Sequence[Token], lang: str | None) -> int:
    """Return the number of units from the front whose words no further unit can change."""
    if lang == ENGLISH_BPE:
        return max((i for i, unit in enumerate(units) if unit.text.startswith(STARTS_WORD)), default=0)
    return next((n for n in range(len(units), 0, -1) if _is_boundary(units, n)), 0)


def _is_boundary(units: Sequence[Token], n: int) -> bool:
    """Return whether no further unit can change the words of the first `n`. A Chinese character ends any word."""
    if n < len(units) and is_chinese_or_digits(units[n].text):
        return True
    last = units[n - 1].text
    if last.endswith(CONTINUES):
        return False
    # A letter that ends a longer word cannot be part of an abbreviation.
    is_end_of_word = n > 1 and units[n - 2].text.endswith(CONTINUES) and units[n - 2].text != CONTINUES
    return is_end_of_word or not is_letter(last)
