"""Words to the units that a model's vocabulary spells them with.

A Chinese character or a digit is one unit. A Latin word is one unit, or what the model's `seg_dict` says, or the
splits into the fewest units that the vocabulary allows: which one the model learned is not known then, so all count.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product

from paraserve.inference.text.units import CONTINUES, ENGLISH_BPE, STARTS_WORD, Vocabulary

MAX_SPLIT = 4
"""Most units of a Latin word that no dictionary splits. More of them hardly ever are its real spelling."""
MAX_OPEN_SPLITS = 256
"""Most beginnings of a word that are followed further. It bounds the work for words that are made to have many."""
MAX_SPELLINGS = 16
"""Most spellings of one word."""

_LATIN = "a-z\u00df-\u00f6\u00f8-\u024f"
_LATIN_WORD_OR_CHARACTER = re.compile(rf"[{_LATIN}']+|[^{_LATIN}'\s]")


class UnknownUnitError(ValueError):
    """The vocabulary has no units for a part of a word."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """Spells words with the units of a vocabulary. Several threads may use it.

    Args:
        vocabulary: of the model.
        segments: units of Latin words (`seg_dict`).
        lang: that of the model's config.yaml; "en-bpe" marks units that start a word, others units that go on.
    """

    vocabulary: Vocabulary
    segments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lang: str | None = None

    def spell(self, word: str) -> list[tuple[int, ...]]:
        """Return the spellings of a word as ids of units: none for a word without any characters.

        Raises:
            UnknownUnitError: no unit stands for a part of it. The rest of a word alone would be another word.
        """
        parts = _LATIN_WORD_OR_CHARACTER.findall(plain(word))
        if not parts:
            return []
        of_parts = [list(islice(self._spell_part(part), MAX_SPELLINGS)) for part in parts]
        for part, spellings in zip(parts, of_parts, strict=True):
            if not spellings:
                raise UnknownUnitError(f"unknown unit {part}")
        joined = (chain.from_iterable(spelling) for spelling in product(*of_parts))
        return [tuple(self.vocabulary.ids(units)) for units in islice(joined, MAX_SPELLINGS)]

    def _spell_part(self, part: str) -> Iterator[tuple[str, ...]]:
        is_bpe = self.lang == ENGLISH_BPE
        whole = STARTS_WORD + part if is_bpe else part
        if whole in self.vocabulary:
            yield (whole,)
            return
        segments = tuple(self.segments.get(part, ()))
        if segments and all(unit in self.vocabulary for unit in segments):
            yield segments
            return
        if len(part) > 1:
            yield from _fewest_units(whole, self.vocabulary, "" if is_bpe else CONTINUES)


def plain(word: str) -> str:
    """Return a word as hotwords are compared: small letters of normal width, one space where there are several."""
    return " ".join(unicodedata.normalize("NFKC", word).lower().split())


def _fewest_units(word: str, vocabulary: Vocabulary, mark: str) -> Iterator[tuple[str, ...]]:
    """Yield all splits of a word into the fewest units, 2 to 4, each but the last one with `mark` behind it."""
    splits: list[tuple[tuple[str, ...], int]] = [((), 0)]
    longest = vocabulary.longest_chars
    for _ in range(MAX_SPLIT if len(word) <= MAX_SPLIT * longest else 0):
        longer: list[tuple[tuple[str, ...], int]] = []
        complete: list[tuple[str, ...]] = []
        for units, start in splits:
            if word[start:] in vocabulary and units:
                complete.append((*units, word[start:]))
            furthest = min(len(word), start + longest + 1)
            ends = (end for end in range(start + 1, furthest) if word[start:end] + mark in vocabulary)
            longer += [((*units, word[start:end] + mark), end) for end in ends]
        if complete:
            yield from complete
            return
        splits = longer[:MAX_OPEN_SPLITS]
