"""Reader of written numbers: the value that a reader sees in them. Written apart from the rules that write them."""

import re
from decimal import Decimal

from support.spoken_numbers import MONTHS

ZH_UNITS = {"万": 10**4, "亿": 10**8, "万亿": 10**12, "": 1}
EN_UNITS = {"million": 10**6, "billion": 10**9, "thousand": 10**3, "": 1}
NAMES = "zero one two three four five six seven eight nine ten eleven twelve"
SMALL = {name: value for value, name in enumerate(NAMES.split())}
SMALL |= {name: value for value, name in enumerate("零一二三四五六七八九")} | {"两": 2}


def number(text: str) -> Decimal:
    """Read one number, in digits with perhaps 万, 亿, "million" or "billion", or a small one in words."""
    if text in SMALL:
        return Decimal(SMALL[text])
    minus, text = text.startswith("-"), text.removeprefix("-")
    if english := re.fullmatch(r"(\d+(?:\.\d+)?)(?: (million|billion|thousand))?", text):
        value = Decimal(english[1]) * EN_UNITS[english[2] or ""]
        return -value if minus else value
    value, position, smallest = Decimal(0), 0, 10**16
    for part in re.finditer(r"(\d+(?:\.\d+)?)(万亿|亿|万|)", text):
        unit = ZH_UNITS[part[2]]
        assert part.start() == position, text
        assert unit < smallest, text
        value, position, smallest = value + Decimal(part[1]) * unit, part.end(), unit
    assert position == len(text) > 0, text
    return -value if minus else value


def percent(text: str) -> Decimal:
    """Read a percentage."""
    assert text.endswith("%"), text
    return number(text[:-1])


def money_en(text: str) -> Decimal:
    """Read dollars and cents."""
    minus, text = text.startswith("-"), text.removeprefix("-")
    assert text.startswith("$"), text
    return -number(text[1:]) if minus else number(text[1:])


def money_zh(text: str) -> int:
    """Read 块, 毛 and 分, or 元, 角 and 分, in 分. A number behind 块 counts 毛, one behind 毛 counts 分."""
    units = {"块": 100, "元": 100, "毛": 10, "角": 10, "分": 1}
    total, last = 0, 0
    for part in re.finditer(r"(零?)([\d万亿]+|[一二两三四五六七八九])([块元毛角分]|$)", text):
        last = units[part[3]] if part[3] else last // 10
        total += int(number(part[2])) * last
    assert "".join(m[0] for m in re.finditer(r"零?(?:[\d万亿]+|[一二两三四五六七八九])[块元毛角分]?", text)) == text
    return total


def clock(text: str) -> tuple[int, int]:
    """Read a time of day: 3点05分, 3点50, 3点半, 3:05, "3:05 pm", "3 o'clock"."""
    if chinese := re.fullmatch(r"(\d+|[一二两三四五六七八九])点(?:(\d+)分?|半|整)?", text):
        minute = 30 if text.endswith("半") else int(chinese[2] or 0)
        return int(number(chinese[1])), minute
    english = re.fullmatch(r"(\d+)(?::(\d\d))?(?: o'clock)?(?: ([ap])m)?", text)
    assert english is not None, text
    hour, minute = int(english[1]), int(english[2] or 0)
    return (hour % 12 + (12 if english[3] == "p" else 0) if english[3] else hour), minute


def date(text: str) -> tuple[int, int, int]:
    """Read year, month and day: 2024年3月5号, "march 5 2024", "the 5th of march 2024"."""
    if chinese := re.fullmatch(r"(\d+)年(\d+)月(\d+)[日号]", text):
        return int(chinese[1]), int(chinese[2]), int(chinese[3])
    english = re.fullmatch(r"(?:the (\d+)(?:st|nd|rd|th) of )?([a-z]+) (?:(\d+) )?(\d{4})", text)
    assert english is not None, text
    return int(english[4]), MONTHS.index(english[2]) + 1, int(english[1] or english[3])
