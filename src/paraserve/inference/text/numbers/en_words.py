"""Words of an English text, and the numbers that several kinds of expressions share."""

from collections.abc import Sequence
from dataclasses import dataclass

from paraserve.inference.text.numbers.en_numerals import (
    DIGITS,
    SCALES,
    VALUES,
    Numeral,
    below_hundred,
    cardinal,
    digit_string,
    is_number_word,
    word_at,
)


@dataclass(frozen=True, slots=True)
class SpokenWords:
    """Words of a text, in lower case and as they were given. Those before `written_end` are written already."""

    lower: Sequence[str]
    source: Sequence[str]
    written_end: int = 0

    def at(self, at: int) -> str:
        """Return the word at a position in lower case, "" outside the text."""
        return word_at(self.lower, at)

    def said(self, start: int, end: int) -> str:
        """Return words as they were given."""
        return " ".join(self.source[start:end])


@dataclass(frozen=True, slots=True)
class Written:
    """The written form of the words up to `end`."""

    end: int
    text: str


def kept(words: SpokenWords, start: int, end: int) -> Written:
    """Return words as they were said."""
    return Written(end, words.said(start, end))


def is_inside_number(words: SpokenWords, at: int) -> bool:
    """Return whether the word before is part of a number."""
    return at > words.written_end and (is_number_word(words.at(at - 1)) or words.at(at - 1) in ("point", "dot", "oh"))


def goes_on(words: SpokenWords, end: int) -> bool:
    """Return whether more of a number follows."""
    word, following = words.at(end), words.at(end + 1)
    if word in ("point", "dot"):
        return following in VALUES or following in DIGITS
    return is_number_word(word) or word in ("oh", "hundreds", "thousands", "millions", "billions", "odd", "something")


def decimal(words: SpokenWords, at: int) -> Numeral | None:
    """Read a number with decimal places: "three point one four", "point five", "three point eleven"."""
    head = Numeral(at, 0, "0") if words.at(at) == "point" else _whole(words, at)
    if head is None or words.at(head.end) != "point":
        return None
    digits = digit_string(words.lower, head.end + 1)
    places = digits or below_hundred(words.lower, head.end + 1)
    return Numeral(places.end, head.value, f"{head.text}.{places.text}") if places else None


def _whole(words: SpokenWords, at: int) -> Numeral | None:
    digits = digit_string(words.lower, at)
    return digits if digits is not None and len(digits.text) > 1 else cardinal(words.lower, at) or digits


def amount(words: SpokenWords, at: int) -> Numeral | None:
    """Read a number of any kind, with its scale as a word where that is shorter: "2.5 million"."""
    number = decimal(words, at)
    if number is None:
        number = cardinal(words.lower, at)
        return number and _with_scale(words, at, number)
    scale = words.at(number.end)
    if scale in SCALES or scale == "hundred":
        return Numeral(number.end + 1, number.value, f"{number.text} {scale}")
    return number


def _with_scale(words: SpokenWords, at: int, number: Numeral) -> Numeral:
    last = words.at(number.end - 1)
    has_one_scale = sum(word in SCALES for word in words.lower[at : number.end]) == 1
    if last in SCALES and last != "thousand" and has_one_scale and words.at(at) != "a":
        return Numeral(number.end, number.value, f"{number.value // SCALES[last]} {last}")
    return number
