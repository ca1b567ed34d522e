"""Sentence templates: words with choices and slots, filled at random.

    打开|关掉 {房间} 的 {电器}          words stand apart; one of those between bars is taken; {..} is a slot
    turn_on|switch_on the {device}      _ joins the words of one choice; an empty choice says nothing
    今天 {小数}度                       a slot inside a Mandarin word becomes part of that word

A word of a sentence is a Mandarin word, of which each character is a token, or an English word in lower case, itself
a token. An English word in capitals is spelled in speech ("PM"); its token is in lower case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

Words = list[str]
# What a slot stands for: one of these phrases, or whatever the function draws.
Slot = Callable[[Random], Words] | Sequence[str]
_SLOT = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One subject of conversation: its templates for each of "zh", "en" and "mix", and the slots they name."""

    templates: Mapping[str, Sequence[str]]
    slots: Mapping[str, Slot]

    def sentence(self, lang: str, rng: Random) -> Words:
        """A random sentence; KeyError if the subject has no templates of `lang` or a slot is missing."""
        return fill(rng.choice(self.templates[lang]), self.slots, rng)


def lines(text: str) -> list[str]:
    """One template a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def phrases(text: str) -> list[str]:
    """Phrases between commas, over several lines."""
    return [" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip()]


def fill(template: str, slots: Mapping[str, Slot], rng: Random) -> Words:
    """A sentence of the template as words."""
    words: Words = []
    for piece in template.split():
        for atom in rng.choice(piece.split("|")).split("_"):
            words += _atom(atom, slots, rng)
    return words


def tokens_of(words: Words) -> list[str]:
    """Characters of Mandarin words, English words in lower case."""
    return [token for word in words for token in ([word.lower()] if word.isascii() else word)]


def _atom(atom: str, slots: Mapping[str, Slot], rng: Random) -> Words:
    if not atom:
        return []
    whole = _SLOT.fullmatch(atom)
    if whole:
        return _draw(slots[whole[1]], rng)
    return [_SLOT.sub(lambda found: "".join(_draw(slots[found[1]], rng)), atom)]


def _draw(slot: Slot, rng: Random) -> Words:
    return slot(rng) if callable(slot) else rng.choice(slot).split()
