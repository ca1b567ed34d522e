"""Digits of a text in runs, whether they were written as figures or said as words, in Chinese and English.

A run goes on over spaces, marks, hesitations and the ends of sentences, since punctuation models put marks between
the groups of a number. It ends at any other word, and around figures that are an amount, a decimal, a time, a date
with slashes or an address of the internet.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paraserve.inference.text.redaction.pieces import Piece

JOINED, GROUPED, PAUSED, ENDED, APART = range(5)
"""Strength of what stands between two digits: nothing, a space or hyphen, a mark, the end of a sentence, a word."""
CHINESE_DIGITS = {
    digit: str(value)
    for value, digits in enumerate(
        ("零〇洞", "一幺壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七拐柒", "八捌", "九勾玖")
    )
    for digit in digits
}
"""Also those of radio, and the long forms."""
UNITS = {"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5"} | {
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SPOKEN = UNITS | {word: str(10 + n) for n, word in enumerate(TEENS)}
REPEATS = {"double": 2, "triple": 3, "treble": 3}
ZEROS = {"hundred": "00", "thousand": "000"}
PLUS = frozenset(("plus", "加"))
CHECK_LETTER = frozenset(("x", "叉"))
"""X, the eleventh check digit of Chinese identity numbers."""
SKIPPED = frozenset(("dash", "hyphen", "minus", "杠", "横杠", "减", "嗯", "呃", "额", "啊", "uh", "um", "er", "erm"))
"""Words for hyphens, and hesitations."""
NO_RUN = re.compile(
    r"[$¥€£￥].*|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|.*\d[:/]\d.*", re.DOTALL
)
"""Figures that are an amount, a decimal, an address of the internet, a time or a date."""
SENTENCE_ENDS = frozenset("。.?!？！")
BETWEEN = frozenset(" -‐‑‒–—−()（）~　\u00a0")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of the word in place `piece`."""

    piece: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Digit:
    """A digit or "X", the characters that it was written with, and the strength of what stands before it."""

    value: str
    spans: tuple[Span, ...]
    strength: int
    has_plus: bool = False


def digit_runs(pieces: Sequence[Piece]) -> list[list[Digit]]:
    """Return all runs of digits in the order of the text."""
    reader = _Reader()
    for number, piece in enumerate(pieces):
        reader.read(number, piece)
    return reader.runs


class _Reader:
    """Reads word after word."""

    def __init__(self) -> None:
        self.runs: list[list[Digit]] = []
        self._strength = APART
        self._line = 0
        self._is_spoken = False  # the digit before was said as a word
        self._has_plus = False
        self._repeat: tuple[int, Span] | None = None
        self._tens: Digit | None = None  # the zero of "twenty", which a unit takes the place of

    def read(self, number: int, piece: Piece) -> None:
        """Take the next word."""
        text = piece.token.text
        word = _folded(text)
        if piece.line != self._line:
            self._line = piece.line
            self._part(ENDED)
        self._part(_strength_of(piece.gap))
        whole = Span(number, 0, len(text))
        if word in SKIPPED:
            self._part(GROUPED)
        elif word in PLUS:
            self._begin_plus()
        elif any(char.isdecimal() for char in text):
            self._figures(number, text)
        elif not self._spoken(word, whole):
            self._chinese(number, text)

    def _spoken(self, word: str, whole: Span) -> bool:
        """Take an English word of a number. Return False for other words."""
        if word in REPEATS:
            self._repeat = REPEATS[word], whole
            return True
        is_after_digit = self._strength < APART and bool(self.runs)
        if word in CHECK_LETTER and is_after_digit:
            self._add("X", whole, is_spoken=True)
        elif word in TENS:
            self._add(str(2 + TENS.index(word)), whole, is_spoken=True)
            self._add("0", whole, is_spoken=True)
            self._tens = self.runs[-1][-1]
        elif word in ZEROS and is_after_digit and self._is_spoken:
            for zero in ZEROS[word]:
                self._add(zero, whole, is_spoken=True)
        elif word in SPOKEN:
            self._take_spoken(SPOKEN[word], whole)
        else:
            return False
        return True

    def _take_spoken(self, values: str, whole: Span) -> None:
        tens, (repeat, spans) = self._tens, self._take_repeat()
        if tens is not None and len(values) == 1 and values != "0" and self._strength <= GROUPED:
            self.runs[-1][-1] = replace(tens, value=values, spans=(whole,))
            self._tens, self._strength = None, JOINED
            return
        for _ in range(repeat):
            for value in values:
                self._add(value, *spans, whole, is_spoken=True)

    def _take_repeat(self) -> tuple[int, tuple[Span, ...]]:
        repeat, self._repeat = self._repeat, None
        return (1, ()) if repeat is None else (repeat[0], (repeat[1],))

    def _chinese(self, number: int, text: str) -> None:
        """Take a word of Chinese digits, else the end of the run."""
        if not text or any(char not in CHINESE_DIGITS for char in text):
            self._end()
            return
        for at, char in enumerate(text):
            self._add(CHINESE_DIGITS[char], Span(number, at, at + 1), is_spoken=True)

    def _figures(self, number: int, text: str) -> None:
        """Take a word with figures. Letters in it end the run."""
        if NO_RUN.fullmatch(text):
            self._end()
            return
        for at, char in enumerate(text):
            span = Span(number, at, at + 1)
            if char.isdecimal():
                self._add(str(unicodedata.decimal(char)), span)
            elif char in "xX" and at == len(text) - 1 and at:
                self._add("X", span)
            elif char in "+＋":
                self._begin_plus()
            elif char in BETWEEN or char == ".":
                self._part(GROUPED)
            elif char in ",，、":
                self._part(PAUSED)
            else:
                self._end()

    def _begin_plus(self) -> None:
        self._end()
        self._has_plus = True

    def _part(self, strength: int) -> None:
        self._strength = max(self._strength, strength)

    def _end(self) -> None:
        self._strength, self._has_plus, self._repeat, self._tens = APART, False, None, None

    def _add(self, value: str, *spans: Span, is_spoken: bool = False) -> None:
        if not self.runs or self._strength == APART:
            self.runs.append([])
        is_joined = is_spoken and self._is_spoken and self._strength == GROUPED
        strength = JOINED if is_joined else self._strength
        self.runs[-1].append(Digit(value, spans, strength, self._has_plus))
        self._strength, self._is_spoken, self._has_plus, self._tens = JOINED, is_spoken, False, None


def _strength_of(gap: str) -> int:
    if not gap:
        return JOINED
    if any(char in SENTENCE_ENDS for char in gap):
        return ENDED
    return GROUPED if all(char in BETWEEN for char in gap) else PAUSED


def open_run(pieces: Sequence[Piece]) -> int:
    """Return the place of the first word at the end of a row that a number may begin with; its length if none may."""
    start = len(pieces)
    while start and _may_continue(pieces[start - 1].token.text):
        start -= 1
    while start < len(pieces) and _folded(pieces[start].token.text) in SKIPPED:
        start += 1
    return start


def _may_continue(text: str) -> bool:
    word = _folded(text)
    is_number_word = word in SPOKEN or word in TENS or word in REPEATS or word in ZEROS or word in PLUS
    is_between = word in SKIPPED or word in CHECK_LETTER
    is_digits = any(char.isdecimal() for char in text) or all(char in CHINESE_DIGITS for char in text)
    return is_number_word or is_between or is_digits


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def values_of(run: Sequence[Digit]) -> str:
    """Return the digits of a run as text."""
    return "".join(digit.value for digit in run)


def spans_of(digits: Sequence[Digit]) -> Iterator[Span]:
    """Yield the characters that digits were written with."""
    for digit in digits:
        yield from digit.spans
