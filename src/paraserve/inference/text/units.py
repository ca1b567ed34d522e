"""Vocabulary of a model, and the words and text that its units make.

A unit is one entry of the vocabulary: a Chinese character, a word, or a part of one ("hel@@", "\u2581hel"). Units are
carried in `Token` objects like the words that they make, so texts, times and scores stay together.

Source: FunASR's `sentence_postprocess`. That loses some units, which are kept here: a "@@" unit with nothing to join
becomes a word, an unknown symbol stays, and an abbreviation is one word with one time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from paraserve.inference.text.scripts import is_chinese_or_digits
from paraserve.inference.text.spaces import space_between_words
from paraserve.types import Token

BLANK_ID, SOS_ID, EOS_ID = 0, 1, 2
"""`<blank>`, `<s>` and `</s>` stand at the front of every vocabulary."""
SPECIAL_IDS = frozenset((BLANK_ID, SOS_ID, EOS_ID))
UNKNOWN = "<unk>"
UNKNOWN_UNITS = "unknown_units"
"""Reason in `Hypothesis.unsure`: all units of the utterance are unknown. The embedded recognizer marks them all where
it is sure of too few."""
CONTINUES = "@@"
"""Mark at the end of a unit that the next one continues."""
STARTS_WORD = "\u2581"
"""Mark at the front of a unit that starts a word, in models with `lang: en-bpe`."""
ENGLISH_BPE = "en-bpe"

CAPITALIZED = {"i": "I", "i'm": "I'm", "i've": "I've", "i'll": "I'll"}


class Vocabulary:
    """Units by id (their position in tokens.json) and ids by unit."""

    def __init__(self, units: Sequence[str]) -> None:
        self.units = tuple(units)
        self._ids = {unit: i for i, unit in enumerate(self.units)}
        self.longest_chars = max(map(len, self.units), default=0)

    def __len__(self) -> int:
        return len(self.units)

    def __contains__(self, unit: str) -> bool:
        return unit in self._ids

    @property
    def unknown_id(self) -> int:
        """Id of `<unk>`; by convention the last one."""
        return self._ids.get(UNKNOWN, len(self.units) - 1)

    def ids(self, units: Iterable[str]) -> list[int]:
        """Return the ids of units, that of `<unk>` for those not in the vocabulary."""
        return [self._ids.get(unit, self.unknown_id) for unit in units]

    def texts(self, ids: Iterable[int]) -> list[str]:
        """Return the units of ids."""
        return [self.units[i] for i in ids]


def is_letter(text: str) -> bool:
    """Return whether a word is one ASCII letter, and may be part of an abbreviation."""
    return len(text) == 1 and text.isascii() and text.isalpha()


def merge_units(units: Sequence[Token], lang: str | None = None) -> list[Token]:
    """Return the words that units make. `lang` is that of the model's config.yaml.

    A merged word lasts from the start of its first unit to the end of its last one, and has their lowest score.
    """
    if lang == ENGLISH_BPE:
        return _merge_up_to_starts(units)
    return _merge_abbreviations(_merge_continued(units))


def join_words(words: Sequence[str], lang: str | None = None) -> str:
    """Return the text of words, with spaces by `space_between_words`. `lang` "en-bpe" puts one between all."""
    if lang == ENGLISH_BPE:
        return " ".join(words)
    parts: list[str] = []
    for word in filter(None, words):
        if parts:
            parts.append(space_between_words(parts[-1], word))
        parts.append(word)
    return "".join(parts)


def _merge_continued(units: Sequence[Token]) -> list[Token]:
    """Join each "@@" unit with the next one, unless that is Chinese or there is none."""
    words: list[Token] = []
    pending: list[Token] = []
    for unit in units:
        if pending and is_chinese_or_digits(unit.text):
            words.append(_merged(pending))
            pending = []
        pending.append(_with_text(unit, unit.text.removesuffix(CONTINUES)))
        if not unit.text.endswith(CONTINUES):
            words.append(_merged(pending))
            pending = []
    if pending:
        words.append(_merged(pending))
    return [word for word in words if word.text]


def _merge_abbreviations(words: Sequence[Token]) -> list[Token]:
    """Join two or more single letters in a row to an abbreviation: "a", "i" to "AI"."""
    merged: list[Token] = []
    letters: list[Token] = []
    for word in [*words, None]:
        if word is not None and is_letter(word.text):
            letters.append(word)
            continue
        if len(letters) > 1:
            abbreviation = _merged(letters)
            letters = [_with_text(abbreviation, abbreviation.text.upper())]
        merged += letters
        letters = []
        if word is not None:
            merged.append(word)
    return merged


def _merge_up_to_starts(units: Sequence[Token]) -> list[Token]:
    """Join units up to the next one that starts a word."""
    groups: list[list[Token]] = []
    for unit in units:
        if not groups or unit.text.startswith(STARTS_WORD):
            groups.append([])
        groups[-1].append(_with_text(unit, unit.text.removeprefix(STARTS_WORD)))
    words = [_merged(group) for group in groups]
    return [_with_text(word, CAPITALIZED.get(word.text, word.text)) for word in words if word.text]


def _merged(units: Sequence[Token]) -> Token:
    text = "".join(unit.text for unit in units)
    score, unit_ids = min(unit.score for unit in units), tuple(i for unit in units for i in unit.unit_ids)
    return Token(text, units[0].start_ms, units[-1].end_ms, score, unit_ids)


def _with_text(token: Token, text: str) -> Token:
    return token if token.text == text else replace(token, text=text)
