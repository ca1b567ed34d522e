"""Text of an utterance whose units come bit by bit: what is said is never taken back.

`merge_units` joins "@@" units and single letters across the steps, so the last units wait until nothing that may
follow can change the words before them. Work is linear: what was said is not looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from paraserve.inference.text.scripts import is_chinese_or_digits
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
    """Units that wait, and the last word said ("" for none)."""

    waiting: tuple[Token, ...] = ()
    last_word: str = ""


def text_step(
    state: TextState, units: Sequence[Token], lang: str | None, *, is_last: bool
) -> tuple[TextState, Partial]:
    """Take the next units; return the next state and the words, text and tail that they add.

    The texts of all steps joined are `join_words(merge_units(all units, lang), lang)`.
    """
    pending = [*state.waiting, *units]
    n_settled = len(pending) if is_last else _settled(pending, lang)
    words = merge_units(pending[:n_settled], lang)
    text = _joined(state.last_word, words, lang)
    last_word = words[-1].text if words else state.last_word
    waiting = pending[n_settled:]
    tail = _joined(last_word, merge_units(waiting, lang), lang)
    return TextState(tuple(waiting), last_word), Partial(text, tail, tuple(words))


def _joined(last_word: str, words: Sequence[Token], lang: str | None) -> str:
    """Text of words that go on after `last_word`, with the space before them."""
    if not words:
        return ""
    texts = [word.text for word in words]
    between = space_between_words(last_word, texts[0])
    if lang == ENGLISH_BPE:
        between = " " if last_word else ""
    return between + join_words(texts, lang)


def _settled(units: Sequence[Token], lang: str | None) -> int:
    """How many units from the front make words that no further unit can change."""
    if lang == ENGLISH_BPE:
        return max((i for i, unit in enumerate(units) if unit.text.startswith(STARTS_WORD)), default=0)
    return next((n for n in range(len(units), 0, -1) if _is_boundary(units, n)), 0)


def _is_boundary(units: Sequence[Token], n: int) -> bool:
    """Whether the words of the first `n` units stay what they are. A Chinese character ends whatever is open."""
    if n < len(units) and is_chinese_or_digits(units[n].text):
        return True
    last = units[n - 1].text
    if last.endswith(CONTINUES):
        return False
    # The last letter of a longer word is none of an abbreviation's.
    is_rest = n > 1 and units[n - 2].text.endswith(CONTINUES) and units[n - 2].text != CONTINUES
    return is_rest or not is_letter(last)
