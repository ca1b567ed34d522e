"""Reads the forms in which clients write hotwords, for every protocol. Text is never a file name or a URL.

Other weights than FunASR's 1 to 100 are read as they are: `inference/boosts.py` says what they mean.
"""

import json
import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword

MAX_TEXT_CHARS = 65_536
MAX_WORDS = 1_000
MAX_WORD_CHARS = 100
WEIGHTED = re.compile(r"(.*\S)\s*[:\uff1a]\s*([+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?)", re.DOTALL)
"""A word with a weight behind a colon of either width."""
FILE_LINE = re.compile(r"(.*\S)[ \t]+([0-9]{1,9}(?:\.[0-9]{1,9})?)")
"""A line of FunASR's hotword file."""


def parse_hotwords(value: object) -> tuple[Hotword, ...]:
    """Return the words in the order given. None, "null" and empty text are no words.

    They come from an object or its JSON text (word to weight, which may be text), from a list or its JSON text, from
    the lines of FunASR's hotword file (word and weight), from words with commas between them (which may contain
    spaces), or from words with spaces or line ends between them. A word of text or of a list may be `word:weight`.

    Raises:
        ProtocolError: none of these, or too much of it.
    """
    if value is None:
        words: tuple[Hotword, ...] = ()
    elif isinstance(value, str):
        words = _from_text(value)
    elif isinstance(value, dict):
        words = _from_object(value)
    elif isinstance(value, list):
        words = _from_list(value)
    else:
        raise _invalid(f"must be text, a list, or an object of words and weights, not {reprlib.repr(value)}")
    return check_hotwords(words)


def check_hotwords(words: tuple[Hotword, ...], key: str = "hotwords") -> tuple[Hotword, ...]:
    """Return the words of a message's `key`.

    Raises:
        ProtocolError: there are too many, or one is too long.
    """
    if len(words) > MAX_WORDS:
        raise _invalid(f"has {len(words)} words, at most {MAX_WORDS} are taken", key)
    longest = max((len(word.text) for word in words), default=0)
    if longest > MAX_WORD_CHARS:
        raise _invalid(f"has a word of {longest} characters, at most {MAX_WORD_CHARS} are taken", key)
    return words


def _from_text(text: str) -> tuple[Hotword, ...]:
    if len(text) > MAX_TEXT_CHARS:
        raise _invalid(f"has {len(text)} characters, at most {MAX_TEXT_CHARS} are taken")
    text = text.removeprefix("\ufeff").strip()
    if text.startswith("{"):
        try:
            parsed: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError):
            raise _invalid("starts like a JSON object and is none") from None
        return _from_object(parsed)
    if (items := _json_list(text)) is not None:
        return _from_list(items)
    if text == "null":
        return ()
    if (lines := _file_lines(text)) is not None:
        return lines
    is_listed = "," in text or "\uff0c" in text
    return _words(re.split("[,\uff0c\r\n]", text) if is_listed else text.split())


def _file_lines(text: str) -> tuple[Hotword, ...] | None:
    """Return the words of several lines if each of them ends with a weight."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [FILE_LINE.fullmatch(line) for line in lines]
    if len(lines) < 2 or "," in text or "\uff0c" in text:
        return None
    words = [Hotword(line[1], float(line[2])) for line in found if line is not None]
    return tuple(words) if len(words) == len(lines) else None


def _json_list(text: str) -> list[Any] | None:
    """Return a JSON list, None for text that only begins like one."""
    if not text.startswith("["):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) else None


def _from_list(words: Sequence[Any]) -> tuple[Hotword, ...]:
    for word in words:
        if not isinstance(word, str):
            raise _invalid(f"has {reprlib.repr(word)}, which is not a word")
    return _words(words)


def _words(parts: Sequence[str]) -> tuple[Hotword, ...]:
    """Return the words of texts, some of which may have a weight. Empty ones are left out."""
    words: list[Hotword] = []
    for part in filter(None, map(str.strip, parts)):
        weighted = WEIGHTED.fullmatch(part)
        words.append(Hotword(part) if weighted is None else Hotword(weighted[1], float(weighted[2])))
    return tuple(words)


def _from_object(weights: Mapping[str, Any]) -> tuple[Hotword, ...]:
    return tuple(Hotword(word, _weight(key, weight)) for key, weight in weights.items() if (word := key.strip()))


def _weight(word: str, weight: object) -> float:
    """Return the weight of a word of an object, which may be text."""
    value = math.nan
    if isinstance(weight, str | int | float) and not isinstance(weight, bool):
        try:
            value = float(weight)
        except (ValueError, OverflowError):
            value = math.nan
    if not math.isfinite(value):
        raise _invalid(f"gives {reprlib.repr(word)} the weight {reprlib.repr(weight)}, which is not a number")
    return value


def _invalid(problem: str, key: str = "hotwords") -> ProtocolError:
    return ProtocolError(f"{key} {problem}", code="invalid_value", param=key)
