"""English inverse normalization: numbers become digits, units of measurement and other words stay as they were said.

Some numbers stay words, as English writes them: counts up to twelve (two apples), ordinals below ten (the second
one), fractions. So does everything that could be read in two ways ("twenty to nine", "two or three hundred").
"""

from collections.abc import Callable
from dataclasses import replace

from paraserve.inference.text.numbers.en_amounts import fraction, measured, number_range, ordinal_number
from paraserve.inference.text.numbers.en_clock import NOT_A_TIME, date, day_part, time_of_day
from paraserve.inference.text.numbers.en_numerals import (
    DIGITS,
    Numeral,
    below_hundred,
    has_number_en,
    is_number_word,
    year,
)
from paraserve.inference.text.numbers.en_serial import address, area_code, dotted, serial
from paraserve.inference.text.numbers.en_words import (
    SpokenWords,
    Written,
    amount,
    goes_on,
    is_inside_number,
    kept,
)

_PHRASES = {
    ("twenty", "four", "seven"): "24/7",
    ("covid", "nineteen"): "COVID-19",
    ("five", "g"): "5G",
    ("four", "g"): "4G",
    ("three", "d"): "3D",
    ("two", "d"): "2D",
    ("nine", "to", "five"): None,
    ("seven", "eleven"): None,
    ("nine", "eleven"): None,
    ("hundred", "percent"): None,
    ("whole", "nine", "yards"): None,
}
"""Phrases with their written form, None where they stay as they were said."""


def normalize_en(text: str) -> str:
    """Return the written form of words separated by single spaces."""
    if not has_number_en(text):
        return text
    source = text.split(" ")
    words = SpokenWords([word.lower().replace("’", "'") for word in source], source)
    written, at = [], 0
    while at < len(source):
        found = next((form for rule in _RULES if (form := rule(words, at)) is not None), None)
        if found is not None:
            words = replace(words, written_end=found.end)
        found = found or kept(words, at, at + 1)
        written.append(found.text)
        at = found.end
    return " ".join(written)


def _phrase(words: SpokenWords, at: int) -> Written | None:
    for phrase, text in _PHRASES.items():
        end = at + len(phrase)
        if day_part(words, end) is not None:
            continue  # "seven eleven a m" is a time
        if tuple(words.lower[at:end]) == phrase and not goes_on(words, end) and not is_inside_number(words, at):
            return kept(words, at, end) if text is None else Written(end, text)
    return None


def _year(words: SpokenWords, at: int) -> Written | None:
    number = None if is_inside_number(words, at) else year(words.lower, at)
    if number is None or goes_on(words, number.end) or words.at(number.end) in NOT_A_TIME:
        return None
    if words.at(at - 1) == "at" and number.value % 100 < 60:
        return kept(words, at, number.end)  # "at sixteen thirty"
    return Written(number.end, number.text)


def _number(words: SpokenWords, at: int) -> Written | None:
    """Write a number above twelve. Two of them side by side are written if both are above nine."""
    if is_inside_number(words, at):
        return None
    number = amount(words, at)
    if number is None:
        return None
    if goes_on(words, number.end) or (number.value < 10 and number.text.isdigit() and goes_on(words, at + 1)):
        return _side_by_side(words, at)
    is_small = number.value <= 12 and number.text == str(number.value)
    if words.at(at - 1) == "dollar":
        return kept(words, at, number.end)  # "a dollar fifty"
    after_letter = number.value >= 10 and len(words.at(at - 1)) == 1 and words.at(at - 1) not in ("a", "i", "o", "")
    return Written(number.end, number.text) if not is_small or after_letter else None


def _side_by_side(words: SpokenWords, at: int) -> Written:
    """Write numbers that stand side by side, or leave them all as they were said."""
    numbers: list[Numeral] = []
    end = at
    while (number := amount(words, end)) is not None:
        numbers.append(number)
        end = number.end
    while is_number_word(words.at(end)) or words.at(end) in (*DIGITS, "point", "dot"):
        numbers.append(Numeral(end + 1, 0, ""))
        end += 1
    is_pair = len(numbers) == 2 and numbers[0].value < 13
    is_plain = not is_pair and all(10 <= number.value < 100 for number in numbers) and not goes_on(words, end)
    if not is_plain or below_hundred(words.lower, at) is None:
        return kept(words, at, max(end, at + 1))
    return Written(end, " ".join(number.text for number in numbers))


_RULES: tuple[Callable[[SpokenWords, int], Written | None], ...] = (
    _phrase,
    address,
    dotted,
    date,
    time_of_day,
    area_code,
    fraction,
    number_range,
    _year,
    measured,
    ordinal_number,
    serial,
    _number,
)
"""The kinds of expressions in the order in which they are tried at each word."""
