"""Reads the lists of a redaction: replacements, words to hide, kinds of masks, from clients and from settings.

Messages of errors tell places and lengths, never words: they may be logged.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from paraserve.errors import ProtocolError
from paraserve.options import Redaction
from paraserve.redaction_types import Mask

MASKS: tuple[Mask, ...] = get_args(Mask)
ALL, NONE = ("all", "true", "yes", "on"), ("none", "false", "no", "off")
ARROW = "=>"
ENTRY_ENDS = re.compile(r"[\r\n;；]")
COMMAS = re.compile(r"[,，]")


@dataclass(frozen=True, slots=True)
class ListLimits:
    """Most entries of a list, characters of one side of an entry, and characters of the whole text."""

    entries: int = 1_000
    entry_chars: int = 100
    text_chars: int = 65_536


OF_CLIENTS = ListLimits()
OF_OPERATOR = ListLimits(entries=10_000, text_chars=2 * 1024**2)


def read_replacements(
    value: object, key: str = "replacements", limits: ListLimits = OF_CLIENTS
) -> tuple[tuple[str, str], ...]:
    """Return pairs of wrong and right texts. The right one may be empty: the words are left out.

    They come from an object or its JSON text, from a list of `wrong=>right` or its JSON text, or from text with line
    ends, semicolons or commas between them. A list with commas in its texts needs one of the others.

    Raises:
        ProtocolError: it is none of these, or too much.
    """
    parsed = _parsed(value, key, limits)
    if isinstance(parsed, Mapping):
        pairs = [(_text(wrong, key, n), _text(right, key, n)) for n, (wrong, right) in enumerate(parsed.items(), 1)]
    elif isinstance(parsed, str):
        pairs = [_pair(entry, key, n) for n, entry in enumerate(_entries(parsed), 1)]
    else:
        pairs = [_pair(_text(entry, key, n), key, n) for n, entry in enumerate(parsed, 1)]
    for n, (wrong, right) in enumerate(pairs, 1):
        _check(wrong, key, n, limits)
        if right:
            _check(right, key, n, limits, has_words=False)
    return tuple(_counted(dict(pairs).items(), key, limits))


def read_profanity(value: object, key: str = "profanity", limits: ListLimits = OF_CLIENTS) -> tuple[str, ...]:
    """Return the texts to hide: from a list or its JSON text, or from text with line ends, semicolons or commas.

    Raises:
        ProtocolError: it is none of these, or too much.
    """
    parsed = _parsed(value, key, limits)
    if isinstance(parsed, Mapping):
        raise _invalid(key, "must be a list of texts, or texts with commas between them")
    if isinstance(parsed, str):
        parsed = [part for entry in ENTRY_ENDS.split(parsed) for part in COMMAS.split(entry) if part.strip()]
    words = [_text(entry, key, n) for n, entry in enumerate(parsed, 1)]
    for n, word in enumerate(words, 1):
        _check(word, key, n, limits)
    return tuple(_counted(dict.fromkeys(words), key, limits))


def read_masks(value: object, key: str = "mask") -> frozenset[Mask]:
    """Return the kinds of numbers to mask: names with commas or spaces between them, a list of them, all or none.

    Raises:
        ProtocolError: a name is not known.
    """
    if isinstance(value, bool):
        return frozenset(MASKS) if value else frozenset()
    parsed = _parsed(value, key, OF_CLIENTS)
    if isinstance(parsed, Mapping):
        raise _invalid(key, "must be names with commas between them, or a list of names")
    names = re.split(r"[\s,，;；]+", parsed) if isinstance(parsed, str) else list(parsed)
    found: set[Mask] = set()
    for name in names:
        given = name.strip().lower() if isinstance(name, str) else None
        if given in ALL:
            found.update(MASKS)
        elif given in MASKS:
            found.update(mask for mask in MASKS if mask == given)
        elif given not in ("", *NONE):
            raise _invalid(key, f"must be all, none, or some of {', '.join(MASKS)}")
    return frozenset(found)


def with_list(redaction: Redaction, key: str, value: object) -> Redaction:
    """Return a redaction with the value of a client's key: `replacements`, `profanity` or `mask`.

    Raises:
        ProtocolError: the value cannot be used.
    """
    if key == "mask":
        return replace(redaction, masks=read_masks(value))
    if key == "profanity":
        return replace(redaction, profanity=read_profanity(value))
    return replace(redaction, replacements=read_replacements(value))


def lines_of_file(text: str) -> list[str]:
    """Return the entries of a file: its lines without empty ones and comments, which begin with #."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _parsed(value: object, key: str, limits: ListLimits) -> str | Mapping[str, Any] | Sequence[Any]:
    """Return a JSON text as what it stands for, everything else as it is.

    Raises:
        ProtocolError: the value is neither text, list nor object, or it is too long.
    """
    if isinstance(value, dict | list | tuple):
        _counted(value, key, limits)
        return value
    if not isinstance(value, str):
        raise _invalid(key, "must be text, a list or an object")
    if len(value) > limits.text_chars:
        raise _invalid(key, f"has {len(value)} characters, at most {limits.text_chars} are taken")
    if not value.lstrip().startswith(("{", "[")):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        raise _invalid(key, "begins like JSON and is none") from None
    if not isinstance(parsed, dict | list):
        return value
    _counted(parsed, key, limits)
    return parsed


def _entries(text: str) -> Iterable[str]:
    for entry in ENTRY_ENDS.split(text):
        parts = COMMAS.split(entry) if entry.count(ARROW) > 1 else [entry]
        yield from (part for part in parts if part.strip())


def _pair(entry: str, key: str, n: int) -> tuple[str, str]:
    wrong, arrow, right = entry.partition(ARROW)
    if not arrow or ARROW in right:
        raise _invalid(key, f"needs one {ARROW} between wrong and right text: entry {n} has {entry.count(ARROW)}")
    return _text(wrong, key, n), _text(right, key, n)


def _text(value: object, key: str, n: int) -> str:
    """Return a text with single spaces."""
    if not isinstance(value, str):
        raise _invalid(key, f"must hold texts: entry {n} is none")
    return " ".join(value.split())


def _check(text: str, key: str, n: int, limits: ListLimits, *, has_words: bool = True) -> None:
    if len(text) > limits.entry_chars:
        raise _invalid(
            key, f"has a text of {len(text)} characters, at most {limits.entry_chars} are taken: entry {n}"
        )
    if has_words and not any(char.isalnum() for char in text):
        raise _invalid(key, f"has a text without letters and digits: entry {n}")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise _invalid(key, f"has control characters or half characters: entry {n}")


def _counted(entries: Iterable[Any], key: str, limits: ListLimits) -> list[Any]:
    found = list(entries)
    if len(found) > limits.entries:
        raise _invalid(key, f"has {len(found)} entries, at most {limits.entries} are taken")
    return found


def _invalid(key: str, problem: str) -> ProtocolError:
    return ProtocolError(f"{key} {problem}", code="invalid_value", param=key)
