"""Reads the forms in which FunASR's clients write hotwords. Text is never taken for a file name or a URL."""

import json
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from paraserve.errors import ProtocolError

MAX_TEXT_CHARS = 65_536
MAX_WORDS = 1_000
MAX_WORD_CHARS = 100


def parse_hotwords(value: object) -> tuple[str, ...]:
    """Return the words in the order given.

    They come from an object or its JSON text (word to weight, which may be text), from a list or its JSON text, from
    words with commas between them (which may contain spaces), or from words with spaces between them. Weights are
    checked and left out: no model here takes them.

    Raises:
        ProtocolError: none of these, or too much of it.
    """
    if isinstance(value, str):
        words = _from_text(value)
    elif isinstance(value, dict):
        words = _from_object(value)
    elif isinstance(value, list):
        words = _from_list(value)
    else:
        raise _invalid(f"must be text, a list, or an object of words and weights, not {reprlib.repr(value)}")
    return check_hotwords(words)


def check_hotwords(words: tuple[str, ...], key: str = "hotwords") -> tuple[str, ...]:
    """Return the words of a message's `key`.

    Raises:
        ProtocolError: there are too many, or one is too long.
    """
    if len(words) > MAX_WORDS:
        raise _invalid(f"has {len(words)} words, at most {MAX_WORDS} are taken", key)
    longest = max(words, key=len, default="")
    if len(longest) > MAX_WORD_CHARS:
        raise _invalid(f"has a word of {len(longest)} characters, at most {MAX_WORD_CHARS} are taken", key)
    return words


def _from_text(text: str) -> tuple[str, ...]:
    if len(text) > MAX_TEXT_CHARS:
        raise _invalid(f"has {len(text)} characters, at most {MAX_TEXT_CHARS} are taken")
    if text.lstrip().startswith("{"):
        try:
            parsed: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError):
            raise _invalid("starts like a JSON object and is none") from None
        return _from_object(parsed)
    if (items := _json_list(text)) is not None:
        return _from_list(items)
    parts = text.replace("，", ",").split(",") if "," in text or "，" in text else text.split()
    return tuple(word for part in parts if (word := part.strip()))


def _json_list(text: str) -> list[Any] | None:
    """Return a JSON list, None for text that only begins like one."""
    if not text.lstrip().startswith("["):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) else None


def _from_list(words: Sequence[Any]) -> tuple[str, ...]:
    for word in words:
        if not isinstance(word, str):
            raise _invalid(f"has {reprlib.repr(word)}, which is not a word")
    return tuple(word for item in words if (word := item.strip()))


def _from_object(weights: Mapping[str, Any]) -> tuple[str, ...]:
    for word, weight in weights.items():
        if not _is_weight(weight):
            raise _invalid(f"gives {reprlib.repr(word)} the weight {reprlib.repr(weight)}, which is not a number")
    return tuple(word for key in weights if (word := key.strip()))


def _is_weight(weight: object) -> bool:
    if isinstance(weight, bool):
        return False
    if isinstance(weight, str):
        try:
            float(weight)
        except ValueError:
            return False
        return True
    return isinstance(weight, int | float)


def _invalid(problem: str, key: str = "hotwords") -> ProtocolError:
    return ProtocolError(f"{key} {problem}", code="invalid_value", param=key)
