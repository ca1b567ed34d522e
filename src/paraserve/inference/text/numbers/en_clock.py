"""English times of day and dates.

"three thirty p m" -> "3:30 pm", "eleven o'clock" -> "11 o'clock", "half past three" -> "3:30", "march fifth twenty
twenty four" -> "march 5 2024", "the fifth of march" -> "the 5th of march".
"""

import re

from paraserve.inference.text.numbers.en_numerals import (
    DIGITS,
    SMALL,
    VALUES,
    Numeral,
    below_hundred,
    cardinal,
    is_number_word,
    ordinal,
    ordinal_ending,
    word_set,
    year,
)
from paraserve.inference.text.numbers.en_words import SpokenWords, Written, goes_on, is_inside_number, kept

HOURS = frozenset(SMALL[1:])
MONTHS = word_set("january february march april may june july august september october november december")
PRONOUNS = word_set("i you we they he she it that this which who what")
_BEFORE_TIME = re.compile(r"(?:.* )?(?:at|by|time is|it is|it's|until|till|since)")
_DAY_WORDS = re.compile(
    "in the (?:morning|afternoon|evening)|at night|at noon|tonight|this (?:morning|afternoon|evening)"
)
_NOT_A_TIME = word_set(
    "percent dollars dollar cents cent euros euro pounds pound year years people times minute minutes hour hours "
    "second seconds day days week weeks month months million thousand billion mile miles meters kilometers feet inch "
    "inches grams kilograms degrees page pages"
)
_PRICES = word_set("costs cost paid pay pays spent price worth charge charged")
_BEFORE_NAMES = word_set(
    "boeing airbus room flight route bus highway number gate page model area code apartment suite interstate channel "
    "train line section chapter bmw porsche extension unit building house version street psalm"
)
"""Behind them "seven forty seven" is the name of something."""
_ENDS_TIME = word_set("in on when so but sharp tonight today tomorrow this at that now") | {""}


def time_of_day(words: SpokenWords, at: int) -> Written | None:
    """Write a time of day, None where there is none."""
    return _past_or_to(words, at) or _hour_and_minute(words, at) or _full_hour(words, at)


def day_part(words: SpokenWords, at: int) -> Written | None:
    """Read "pm" or "p m", or "p.m.", as it is written behind a time."""
    if re.fullmatch("[ap]m|[ap]\\.m\\.?", words.at(at)):
        return Written(at + 1, f" {words.source[at]}")
    if words.at(at) in ("a", "p") and words.at(at + 1) == "m":
        return Written(at + 2, f" {words.source[at]}{words.source[at + 1]}")
    return None


def _says_time(words: SpokenWords, at: int, end: int) -> bool:
    """Return whether the words around a number say that it is a time."""
    before, after = " ".join(words.lower[max(0, at - 2) : at]), " ".join(words.lower[end : end + 3])
    return _BEFORE_TIME.fullmatch(before) is not None or _DAY_WORDS.match(after) is not None


def _past_or_to(words: SpokenWords, at: int) -> Written | None:
    begin = at + (words.at(at) == "a" and words.at(at + 1) in ("quarter", "half"))
    minutes, end = {"quarter": (15, begin + 1), "half": (30, begin + 1)}.get(words.at(begin), (0, begin))
    if not minutes and (number := below_hundred(words.lower, begin)) is not None and 0 < number.value < 60:
        minutes, end = number.value, number.end
        end += words.at(end) in ("minute", "minutes")
    hour = VALUES.get(words.at(end + 1), 0) if words.at(end + 1) in HOURS else 0
    if not minutes or not hour or goes_on(words, end + 2) or is_inside_number(words, at):
        return None
    if words.at(end) == "past":
        return _with_day_part(words, end + 2, f"{hour}:{minutes:02}")
    if words.at(end) != "to" or minutes == 30 or not _may_be_minutes_to(words, at, begin, end):
        return None
    return _with_day_part(words, end + 2, f"{(hour - 2) % 12 + 1}:{60 - minutes}")


def _may_be_minutes_to(words: SpokenWords, at: int, begin: int, end: int) -> bool:
    """Return whether "ten to nine" is a time and not a range."""
    if words.at(begin) == "quarter" or words.at(end - 1).startswith("minute"):
        return True
    is_usual = words.lower[begin:end] in (["five"], ["ten"], ["twenty"], ["twenty", "five"], ["twenty-five"])
    is_at_end = words.at(end + 2) in _ENDS_TIME or day_part(words, end + 2) is not None
    return is_usual and is_at_end and (_says_time(words, at, end + 2) or day_part(words, end + 2) is not None)


def _with_day_part(words: SpokenWords, end: int, clock: str) -> Written:
    part = day_part(words, end)
    return Written(end, clock) if part is None else Written(part.end, clock + part.text)


def _hour_and_minute(words: SpokenWords, at: int) -> Written | None:
    if words.at(at) not in HOURS or is_inside_number(words, at) or words.at(at - 1) in _BEFORE_NAMES:
        return None
    hour = VALUES[words.at(at)]
    if words.at(at + 1) in ("oh", "o"):
        return _oh_minutes(words, at, hour)
    minute = below_hundred(words.lower, at + 1)
    if minute is None or not 10 <= minute.value < 60 or goes_on(words, minute.end):
        return None
    if _says_time(words, at, minute.end) or day_part(words, minute.end) is not None:
        return _with_day_part(words, minute.end, f"{hour}:{minute.value}")
    if _counts(words, at, hour, minute):
        return kept(words, at, minute.end) if hour < 10 else None
    return Written(minute.end, f"{hour}:{minute.value}")


def _counts(words: SpokenWords, at: int, hour: int, minute: Numeral) -> bool:
    """Return whether two numbers side by side may be something else than a time: "two twenty minute breaks"."""
    after = words.at(minute.end)
    is_list = after in ("and", "or") and is_number_word(words.at(minute.end + 1))
    is_price = bool(_PRICES & {*words.lower[max(0, at - 3) : at]})
    return is_price or minute.value < 13 or minute.value == hour + 1 or after in _NOT_A_TIME or is_list


def _oh_minutes(words: SpokenWords, at: int, hour: int) -> Written | None:
    digit, end = DIGITS.get(words.at(at + 2)), at + 3
    if digit is None or goes_on(words, end) or words.at(end) in DIGITS:
        return None
    if hour >= 10 or _says_time(words, at, end) or day_part(words, end) is not None:
        return _with_day_part(words, end, f"{hour}:0{digit}")
    return None


def _full_hour(words: SpokenWords, at: int) -> Written | None:
    hour = VALUES.get(words.at(at), 0) if words.at(at) in HOURS else 0
    if not hour or is_inside_number(words, at):
        return None
    if words.at(at + 1) == "o'clock":
        return _with_day_part(words, at + 2, f"{hour} {words.source[at + 1]}")
    part = day_part(words, at + 1)
    if part is not None:
        return Written(part.end, f"{hour}{part.text}")
    end = VALUES.get(words.at(at + 2), 0) if words.at(at + 1) == "to" and words.at(at + 2) in HOURS else 0
    part = day_part(words, at + 3)
    return Written(part.end, f"{hour} to {end}{part.text}") if end and part is not None else None


def date(words: SpokenWords, at: int) -> Written | None:
    """Write a date that begins here, None where there is none."""
    if words.at(at) in MONTHS:
        return _month_first(words, at)
    begin = at + (words.at(at) == "the")
    day = ordinal(words.lower, begin)
    if day is None or not 1 <= day.value <= 31 or words.at(day.end) != "of" or words.at(day.end + 1) not in MONTHS:
        return None
    the = f"{words.source[at]} " if begin > at else ""
    text = f"{the}{day.value}{ordinal_ending(day.value)} {words.said(day.end, day.end + 2)}"
    return _with_year(words, day.end + 2, text)


def _month_first(words: SpokenWords, at: int) -> Written | None:
    if words.at(at) in ("may", "march") and words.at(at - 1) in PRONOUNS:
        return kept(words, at, at + 2)
    month = words.source[at]
    whole_year = year(words.lower, at + 1) or _counted_year(words, at + 1)
    if whole_year is not None and not goes_on(words, whole_year.end):
        return Written(whole_year.end, f"{month} {whole_year.text}")
    by_order = ordinal(words.lower, at + 1 + (words.at(at + 1) == "the"))
    day = by_order or below_hundred(words.lower, at + 1)
    if day is None or not 1 <= day.value <= 31:
        return None
    is_clear = by_order or year(words.lower, day.end) or _counted_year(words, day.end)
    if not is_clear and (goes_on(words, day.end) or words.at(day.end) in _NOT_A_TIME):
        return None
    the = "the " if words.at(at + 1) == "the" else ""
    ending = ordinal_ending(day.value) if the else ""
    return _with_year(words, day.end, f"{month} {the}{day.value}{ending}")


def _with_year(words: SpokenWords, at: int, text: str) -> Written:
    found = year(words.lower, at) or _counted_year(words, at)
    if found is None or goes_on(words, found.end):
        return Written(at, text)
    return Written(found.end, f"{text} {found.text}")


def _counted_year(words: SpokenWords, at: int) -> Numeral | None:
    number = cardinal(words.lower, at)
    return number if number is not None and 1000 <= number.value < 3000 else None
