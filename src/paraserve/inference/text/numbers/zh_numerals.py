"""Chinese numerals: their values, and the digits that Chinese readers expect.

Only well-formed numerals have a value. Two digits side by side ("七八万", "二十七八") say "about", and a unit without
a digit before it ("百八十", "千万") is no number.
"""

import re

DIGITS = "零一二三四五六七八九"
D = "零〇一二三四五六七八九"
"""Digits that are said one by one, for a character class of `re`. 两 is none of them."""
N = f"{D}两幺十百千万亿"
"""Characters of numerals, for a character class of `re`."""
MAX_DIGITS = 30
TO_ASCII = str.maketrans("零〇幺一二三四五六七八九", "001123456789")
_VALUES = {char: value for value, char in enumerate(DIGITS)} | {"两": 2, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_SECTION = re.compile("(?:[一二两三四五六七八九]千)?(?:零?[一二两三四五六七八九]百)?(?:零?[一二三四五六七八九]?十)?")
_ENDS_WITH_SHORT = re.compile("([百千万亿])([一二三四五六七八九])")
TEN_THOUSAND, HUNDRED_MILLION = 10**4, 10**8


def value_of(numeral: str) -> int | None:
    """Return the value of a well-formed numeral, or of up to 30 digits said one by one; None for anything else."""
    if re.fullmatch(f"[{D}幺]+", numeral):
        return int(numeral.translate(TO_ASCII)) if len(numeral) <= MAX_DIGITS and numeral != "幺" else None
    return _large(numeral)


def written(numeral: str) -> str | None:
    """Return a numeral in digits, None if it is not well-formed.

    Digits keep their number ("零零七" is 007). 万 and 亿 stay where they shorten the number: 一百万 is 100万, and
    一万零五百 is 10500.
    """
    if re.fullmatch(f"[{D}幺]+", numeral):
        return numeral.translate(TO_ASCII)
    value = _large(numeral)
    return None if value is None else _with_units(value)


def _with_units(value: int) -> str:
    high, rest = divmod(value, HUNDRED_MILLION)
    middle, low = divmod(rest, TEN_THOUSAND)
    # "1亿5" would read as 1.5亿.
    if low and (low < 100 or middle < 100):
        return str(value)
    larger = f"{high // TEN_THOUSAND}万亿" if high and not high % TEN_THOUSAND else f"{high}亿" if high else ""
    return larger + (f"{middle}万" if middle else "") + (str(low) if low else "") or "0"


def _large(numeral: str) -> int | None:
    """Return the value of a numeral with 亿, 万 and what stands below them."""
    if len(numeral) > 1 and numeral[0] in "零〇":
        return None
    short = _short_end(numeral)
    head, has_high, rest = numeral.rpartition("亿")
    high = _below_hundred_million(head) if has_high else 0
    if high is None or (has_high and not high):
        return None
    if has_high and short is not None and short[0] == "亿":
        return high * HUNDRED_MILLION + short[1] * 10**7
    low = _below_hundred_million(_without_zero(rest, has_unit=bool(has_high))) if rest else 0
    return None if low is None else high * HUNDRED_MILLION + low


def _below_hundred_million(numeral: str) -> int | None:
    head, has_middle, rest = numeral.partition("万")
    if not has_middle:
        return _section(numeral)
    middle = _section(head, allows_short=False)
    if not middle:
        return None
    if re.fullmatch("[一二三四五六七八九]", rest):
        return middle * TEN_THOUSAND + _VALUES[rest] * 1000
    low = _section(_without_zero(rest, has_unit=True)) if rest else 0
    return None if low is None else middle * TEN_THOUSAND + low


def _without_zero(rest: str, *, has_unit: bool) -> str:
    return rest[1:] if has_unit and len(rest) > 1 and rest[0] in "零〇" else rest


def _section(numeral: str, *, allows_short: bool = True) -> int | None:
    """Return the value of a numeral below ten thousand. 一百五 is 150, if that is allowed."""
    numeral = numeral.replace("〇", "零")
    if len(numeral) == 1 and numeral in _VALUES:
        return _VALUES[numeral]
    match = _SECTION.match(numeral)
    body, rest = (match[0], numeral[match.end() :]) if match else ("", numeral)
    value = _sum_of_units(body)
    if not body or not rest:
        return value if body and not rest else None
    if rest[0] == "零" and rest[1:] in _VALUES and rest[1:] not in "零两" and body[-1] != "十":
        return value + _VALUES[rest[1:]]
    if rest not in _VALUES or rest in "零两":
        return None
    if body[-1] == "十":
        return value + _VALUES[rest]
    return value + _VALUES[rest] * _UNITS[body[-1]] // 10 if allows_short else None


def _sum_of_units(body: str) -> int:
    total, digit = 0, None
    for char in body:
        if char in _UNITS:
            total += (1 if digit is None else digit) * _UNITS[char]
            digit = None
        elif char != "零":
            digit = _VALUES[char]
    return total


def _short_end(numeral: str) -> tuple[str, int] | None:
    """Return the unit and the digit of a short end such as that of 一亿五."""
    match = _ENDS_WITH_SHORT.fullmatch(numeral[-2:])
    return (match[1], _VALUES[match[2]]) if match else None
