"""English amounts: money, percents, measures, ranges, numbers below zero, ordinal numbers.

"two hundred and fifty dollars" -> "$250", "twenty percent" -> "20%", "five kilometers" -> "5 kilometers", "ten to
twenty people" -> "10 to 20 people", "minus five" -> "-5", "twenty first" -> "21st".
"""

from paraserve.inference.text.numbers.en_numerals import (
    ORDINAL_SCALES,
    ORDINALS,
    SCALES,
    TENS,
    VALUES,
    Numeral,
    below_hundred,
    ordinal,
    ordinal_ending,
    word_set,
)
from paraserve.inference.text.numbers.en_words import SpokenWords, Written, amount, goes_on, is_inside_number, kept

MEASURES = word_set(
    "second seconds minute minutes hour hours millisecond milliseconds kilometer kilometers kilometre kilometres "
    "meter meters metre metres centimeter centimeters centimetre centimetres millimeter millimeters kilogram "
    "kilograms kilo kilos gram grams milligram milligrams foot feet inch inches mile miles yard yards degree "
    "degrees liter liters litre litres milliliter milliliters ounce ounces gallon gallons ton tons watt watts "
    "kilowatt kilowatts volt volts amp amps hertz kilohertz megahertz gigahertz megabyte megabytes gigabyte "
    "gigabytes terabyte terabytes kilobyte kilobytes megabits gigabits knots acres hectares calories celsius "
    "fahrenheit"
)
CURRENCIES = {"dollars": "$", "dollar": "$", "euros": "€", "euro": "€"}
_AFTER_CENTS = word_set("and for each a an per please in on at or to but so because if") | {""}
_SHORT_TIMES = word_set(
    "delay video clip ad ads timer break pause rule window silence interval spot limit countdown warning hold"
)
TENS_PLURAL = {f"{ten[:-1]}ies": VALUES[ten] for ten in TENS} | {"tens": 10}


def measured(words: SpokenWords, at: int) -> Written | None:
    """Write a number with its percent sign, currency or measure, or below zero, None without any."""
    if is_inside_number(words, at):
        return None
    begin = at + (words.at(at) in ("minus", "negative"))
    number = amount(words, begin)
    if number is None or goes_on(words, number.end):
        return None
    minus = "-" * (begin > at)
    text = minus + number.text
    percent = _percent_end(words, number.end)
    if percent:
        return Written(percent, f"{text}%")
    unit = words.at(number.end)
    if unit in CURRENCIES and (unit.endswith("s") or number.text == "1"):
        return _money(words, number, minus)
    inches = below_hundred(words.lower, number.end + 1) if unit in ("foot", "feet") else None
    if inches is not None and inches.value < 12 and words.at(inches.end) not in MEASURES:
        return Written(inches.end, f"{text} {words.source[number.end]} {inches.text}")
    is_measure = unit in MEASURES and (unit != "second" or _is_span(words, at, number.end + 1))
    is_measure = is_measure or (unit in ("cents", "cent") and number.value < 100)
    return Written(number.end, text) if minus or (is_measure and number.text != "1") else None


def _percent_end(words: SpokenWords, at: int) -> int:
    if words.at(at) == "percent":
        return at + 1
    return at + 2 if words.at(at) == "per" and words.at(at + 1) == "cent" else 0


def _money(words: SpokenWords, number: Numeral, minus: str) -> Written:
    """Write dollars or euros, with the cents behind them."""
    sign, end = CURRENCIES[words.at(number.end)], number.end + 1
    begin = end + (words.at(end) == "and")
    cents = below_hundred(words.lower, begin)
    has_word = cents is not None and words.at(cents.end) in ("cents", "cent")
    is_short = cents is not None and begin == end and cents.value >= 10 and words.at(cents.end) in _AFTER_CENTS
    if cents is not None and number.text.isdigit() and (has_word or is_short):
        return Written(cents.end + has_word, f"{minus}{sign}{number.text}.{cents.value:02}")
    return Written(end, f"{minus}{sign}{number.text}")


def number_range(words: SpokenWords, at: int) -> Written | None:
    """Write both ends of a range alike, or leave both as they were said.

    "two or three hundred" and "twenty to thirty thousand" stay: their first number lacks its scale.
    """
    first = amount(words, at)
    if first is None or is_inside_number(words, at) or not _joins(words, at, first.end):
        return None
    last = amount(words, first.end + 1)
    if last is None or goes_on(words, last.end):
        return kept(words, at, last.end) if last is not None else None
    scales = {"hundred", *SCALES}
    of_first, of_last = (scales & {*words.lower[a:b]} for a, b in ((at, first.end), (first.end + 1, last.end)))
    if of_last - of_first and first.value < 1000:
        return kept(words, at, last.end + (words.at(last.end) in ("dollars", "percent")))
    return _both_ends(words, at, first, last)


def _joins(words: SpokenWords, at: int, end: int) -> bool:
    return words.at(end) in ("to", "or") or (words.at(end) == "and" and words.at(at - 1) == "between")


def _both_ends(words: SpokenWords, at: int, first: Numeral, last: Numeral) -> Written | None:
    joint, unit = words.source[first.end], words.at(last.end)
    percent = _percent_end(words, last.end)
    if percent:
        return Written(percent, f"{first.text} {joint} {last.text}%")
    if unit in CURRENCIES and unit.endswith("s"):
        sign = CURRENCIES[unit]
        return Written(last.end + 1, f"{sign}{first.text} {joint} {sign}{last.text}")
    may_be_time = joint == "to" and first.value <= 25 and last.value <= 12
    is_plain = max(first.value, last.value) > 12 or "." in first.text + last.text
    if unit in MEASURES or (is_plain and not may_be_time):
        return Written(last.end, f"{first.text} {joint} {last.text}")
    return kept(words, at, last.end)


def ordinal_number(words: SpokenWords, at: int) -> Written | None:
    """Write an ordinal number from ten on, and a decade ("the nineteen eighties")."""
    if is_inside_number(words, at):
        return None
    century = VALUES.get(words.at(at), 0)
    if 13 <= century <= 20 and words.at(at + 1) in TENS_PLURAL:
        return Written(at + 2, f"{century}{TENS_PLURAL[words.at(at + 1)]}s")
    number = ordinal(words.lower, at)
    if number is None or goes_on(words, number.end):
        return None
    is_one_word = number.end == at + 1
    if number.value < 10 or (is_one_word and words.at(at - 1) in ("a", "an", "one", "half")):
        return kept(words, at, number.end)
    is_unclear = words.at(number.end - 1) == "second" or words.at(number.end - 1) in ORDINAL_SCALES
    if is_unclear and not _is_place(words, at, number.end):
        return kept(words, at, number.end)
    return Written(number.end, f"{number.value}{ordinal_ending(number.value)}")


def _is_place(words: SpokenWords, at: int, end: int) -> bool:
    """Return whether "twenty second" or "one hundredth" counts: else it may be a span of time, or a part."""
    return words.at(at - 1) in ("the", "his", "her", "their", "our", "my") and words.at(end) not in _SHORT_TIMES


def _is_span(words: SpokenWords, at: int, end: int) -> bool:
    return words.at(at - 1) in ("a", "an", "every", "each") or words.at(end) in _SHORT_TIMES


def fraction(words: SpokenWords, at: int) -> Written | None:
    """Leave fractions such as "one twentieth" and "two thirds" as they were said."""
    number = amount(words, at)
    if number is None or is_inside_number(words, at) or ordinal(words.lower, at) is not None:
        return None
    below = words.at(number.end)
    is_fraction = below in ORDINALS or below.removesuffix("s") in ORDINALS or below in ("half", "halves", "quarters")
    if below == "second" and number.value > 1:
        is_fraction = number.value < 10
    return kept(words, at, number.end + 1) if is_fraction and below != "seconds" else None
