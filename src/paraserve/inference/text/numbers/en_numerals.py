"""English numerals: their values, digits said one by one, and the ends of both in a list of words.

Words are lower case. A position in the list is an index, and an end is the index behind the last word.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SMALL = [*DIGIT_NAMES, "ten", "eleven", "twelve"]
TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
VALUES = {name: value for value, name in enumerate(SMALL + TEENS)} | {t: 20 + 10 * i for i, t in enumerate(TENS)}
VALUES |= {f"{ten}-{digit}": VALUES[ten] + VALUES[digit] for ten in TENS for digit in DIGIT_NAMES[1:]}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
DIGITS = {name: str(value) for value, name in enumerate(DIGIT_NAMES)} | {"oh": "0", "o": "0"}
REPEATS = {"double": 2, "triple": 3}
NUMBER_WORDS = frozenset(VALUES) | frozenset(SCALES) | {"hundred"}
ORDINALS = {
    name: value
    for value, name in enumerate(
        [
            *("zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
            *("tenth", "eleventh", "twelfth"),
        ]
    )
}
ORDINALS |= {f"{name}th": VALUES[name] for name in TEENS} | {f"{name[:-1]}ieth": VALUES[name] for name in TENS}
ORDINALS |= {f"{ten}-{name}": VALUES[ten] + ORDINALS[name] for ten in TENS for name in list(ORDINALS)[1:10]}
ORDINAL_SCALES = {"hundredth": 100, "thousandth": 1000, "millionth": 10**6}

MAX_VALUE_DIGITS = 30
"""Digits of a string that its value counts: nobody asks for the value of a longer one."""

Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Numeral:
    """A numeral that ends before the word `end`. `text` is its digits."""

    end: int
    value: int
    text: str


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def word_at(words: Words, at: int) -> str:
    """Return the word at a position, "" outside the text."""
    return words[at] if 0 <= at < len(words) else ""


def below_hundred(words: Words, at: int) -> Numeral | None:
    """Read a number from 0 to 99 ("forty", "forty two", "nineteen")."""
    value = VALUES.get(word_at(words, at))
    if value is None:
        return None
    end = at + 1
    if value in range(20, 100, 10) and 0 < VALUES.get(word_at(words, end), 0) < 10:
        value, end = value + VALUES[words[end]], end + 1
    return Numeral(end, value, str(value))


def cardinal(words: Words, at: int) -> Numeral | None:
    """Read a number as it is counted: "two hundred and five thousand", "twelve hundred", "a hundred and fifty".

    "a hundred" and "a thousand" alone are words.
    """
    begin = at + 1 if word_at(words, at) == "a" and word_at(words, at + 1) in ("hundred", *SCALES) else at
    total, end, last_scale = 0, begin, 10**15
    while (group := _group(words, end, is_article=begin > at and end == begin)) is not None:
        scale = SCALES.get(word_at(words, group.end), 1)
        if scale >= last_scale or (total and group.value >= last_scale):
            break
        total, last_scale = total + group.value * scale, scale
        end = group.end + (scale > 1)
        if scale == 1:
            break
        end = _behind_and(words, end)
    if end > begin and words[end - 1] == "and":
        end -= 1
    if end == begin or (begin > at and end == begin + 1):
        return None
    return Numeral(end, total, str(total))


def _group(words: Words, at: int, *, is_article: bool) -> Numeral | None:
    """Read a number below a thousand, or hundreds up to "ninety nine hundred"; after "a" none stands for one."""
    first = Numeral(at, 1, "1") if is_article else below_hundred(words, at)
    if first is None or word_at(words, first.end) != "hundred":
        return first
    value, end = first.value * 100, first.end + 1
    rest = below_hundred(words, _behind_and(words, end))
    # "one hundred and two hundred" are two numbers.
    if rest is not None and rest.value and word_at(words, rest.end) != "hundred":
        value, end = value + rest.value, rest.end
    return Numeral(end, value, str(value))


def _behind_and(words: Words, at: int) -> int:
    return at + 1 if word_at(words, at) == "and" and word_at(words, at + 1) in VALUES else at


def digit_string(words: Words, at: int) -> Numeral | None:
    """Read digits said one by one, with "oh", "double" and "triple"."""
    text, end = "", at
    while end < len(words):
        times = REPEATS.get(words[end], 0)
        digit = DIGITS.get(word_at(words, end + bool(times)))
        if digit is None:
            break
        text += digit * max(1, times)
        end += 1 + bool(times)
    return Numeral(end, int(text[:MAX_VALUE_DIGITS]), text) if text else None


def year(words: Words, at: int) -> Numeral | None:
    """Read a year in two halves from 1300 to 2099 ("nineteen ninety eight", "twenty oh four")."""
    century = VALUES.get(word_at(words, at), 0)
    if not 13 <= century <= 20:
        return None
    if word_at(words, at + 1) in ("oh", "o"):
        digit = DIGITS.get(word_at(words, at + 2), "")
        return Numeral(at + 3, int(f"{century}0{digit}"), f"{century}0{digit}") if digit else None
    rest = below_hundred(words, at + 1)
    if rest is None or rest.value < 10:
        return None
    return Numeral(rest.end, century * 100 + rest.value, f"{century}{rest.value}")


def ordinal(words: Words, at: int) -> Numeral | None:
    """Read an ordinal number: "tenth", "twenty first", "one hundred and fifth"."""
    value, end = 0, at
    number = cardinal(words, at)
    if number is not None:
        value, end = number.value, number.end
        if word_at(words, end) in ORDINAL_SCALES:
            value *= ORDINAL_SCALES[words[end]]
            return Numeral(end + 1, value, str(value))
        end += word_at(words, end) == "and"
    last = ORDINALS.get(word_at(words, end))
    if last is None or (number is not None and not _goes_on(value, last)):
        return None
    return Numeral(end + 1, value + last, str(value + last))


def _goes_on(value: int, last: int) -> bool:
    """Return whether an ordinal ending fits behind a number: "twenty first", "one hundred twelfth"."""
    return value % 100 == 0 if last >= 10 else value % 10 == 0 and value % 100 != 10 and value > 0


def ordinal_ending(number: int) -> str:
    """Return the letters behind an ordinal number in digits."""
    return "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def is_number_word(word: str) -> bool:
    """Return whether a word is part of numerals only ("a", "and" and "second" are not)."""
    return word in NUMBER_WORDS or word in REPEATS


NUMBER = re.compile(
    rf"\b(?:{'|'.join([*VALUES, *SCALES])}|hundred|\w+ties|\w*(?:first|second|third)|\w+th|"
    r"oh|half|quarter|dot|percent)\b"
)


def has_number_en(text: str) -> bool:
    """Return whether a text may hold a number."""
    return NUMBER.search(text.lower()) is not None
