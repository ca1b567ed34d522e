"""Punctuated text -> words with the class of the mark behind each, as the runtime splits words."""

import re
from random import Random

from demo_recipe.text import spoken_numbers
from demo_recipe.text.subjects.slots import en_integer

CLASSES = ["<unk>", "_", "，", "。", "？", "、"]
NONE, COMMA, STOP, QUESTION, LISTING = 1, 2, 3, 4, 5
IGNORE = -100
"""The class of a word whose mark is not known."""
Marked = list[tuple[str, int]]

_MARKS = {
    "，": COMMA, ",": COMMA, "；": COMMA, ";": COMMA, "：": COMMA, ":": COMMA,
    "。": STOP, ".": STOP, "！": STOP, "!": STOP, "？": QUESTION, "?": QUESTION, "、": LISTING,
}  # fmt: skip
_UNIT = re.compile(r"[\u4e00-\u9fff]|[A-Za-z']+|\d+|[，,；;：:。.！!？?、%]")
# Dots that end no sentence.
_SHORT_FORMS = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "etc", "vs.": "versus", "Mr.": "mr", "Mrs.": "mrs", "Dr.": "dr",
    "U.S.": "u s", "...": "", "…": "",
}  # fmt: skip


def parse(text: str, lang: str, rng: Random) -> Marked:
    """Units in lower case, numbers spelled out; what is no unit is dropped."""
    for short, spoken in _SHORT_FORMS.items():
        text = text.replace(short, spoken)
    text = text.replace("’", "'").replace("‘", "'")
    result: Marked = []
    for match in _UNIT.finditer(text):
        unit = match.group()
        if unit in _MARKS:
            if result and not _is_inside_name(text, match):
                result[-1] = (result[-1][0], max(result[-1][1], _MARKS[unit]))
        else:
            result += [(word, NONE) for word in _spoken(unit, text[match.end() :], lang, rng)]
    return result


def _is_inside_name(text: str, match: re.Match[str]) -> bool:
    """A dot or colon without a space behind it, as in file.txt, belongs to a name."""
    following = text[match.end() : match.end() + 1]
    return match.group() in ".:!?," and following.isascii() and following.isalnum()


def _spoken(unit: str, rest: str, lang: str, rng: Random) -> list[str]:
    if unit == "%":
        return ["percent"] if lang == "en" else []
    if not unit.isdigit():
        unit = unit.strip("'").lower()
        return [unit] if unit else []
    number = int(unit[:8])
    words = en_integer(number, rng) if lang == "en" else list(spoken_numbers.zh_integer(number, rng))
    is_decimal = re.match(r"\.\d", rest)
    return [*words, "point" if lang == "en" else "点"] if is_decimal else words


def sentences(marked: Marked) -> list[Marked]:
    """Cut behind every stop and question mark; what follows the last one is left out."""
    result: list[Marked] = []
    begin = 0
    for index, (_, mark) in enumerate(marked):
        if mark in (STOP, QUESTION):
            result.append(marked[begin : index + 1])
            begin = index + 1
    return result


def is_of(lang: str, sentence: Marked) -> bool:
    """Tell whether a sentence is of the language and of a length that people speak."""
    hanzi = sum(not word.isascii() for word, _ in sentence)
    return 2 <= len(sentence) <= 70 and (hanzi > 0.6 * len(sentence) if lang == "zh" else hanzi == 0)
