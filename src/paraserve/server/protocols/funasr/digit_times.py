"""Times of the digits of a written number, from the words that were said in its place."""

from collections.abc import Sequence

from paraserve.types import Token

_NAMES = ("零〇o", "一幺", "二两", "三", "四", "五", "六", "七", "八", "九")
_WORDS = ("zero oh", "one", "two twenty", "three thirty", "four forty", "five fifty", "six", "seven", "eight", "nine")
_DIGITS = {char: str(digit) for digit, names in enumerate(_NAMES) for char in names}
_DIGITS |= {word: str(digit) for digit, words in enumerate(_WORDS) for word in words.split()}
_DIGITS |= {f"{word}ty": _DIGITS[word] for word in ("six", "seven", "nine")} | {"eighty": "8"}


def part_edges(parts: Sequence[str], start_ms: int, end_ms: int, spoken: Sequence[Token]) -> list[int]:
    """Return the start of each part of a written number and the end of the last one, in ms.

    A digit starts with the word that says it ("五" in 三百五十). Digits that no word says alone share the time from
    there to the next one evenly. Without spoken words all share the number's time.
    """
    starts: list[int | None] = [start_ms, *[None] * (len(parts) - 1), end_ms]
    position = 0
    for n, part in enumerate(parts):
        found = next((i for i in range(position, len(spoken)) if _digit_of(spoken[i].text) == part), None)
        if found is not None:
            at_ms = spoken[found].start_ms
            starts[n] = at_ms if n and at_ms is not None else starts[n]
            position = found + 1
    return _filled(starts)


def _digit_of(word: str) -> str:
    """Return the digit that a word says, the word itself if it says none: a star in place of a digit is one."""
    return _DIGITS.get(word.lower(), word)


def _filled(starts: Sequence[int | None]) -> list[int]:
    """Return the times with evenly spaced ones in place of None. The first and the last are given."""
    edges: list[int] = []
    for n, at_ms in enumerate(starts):
        if at_ms is not None:
            edges.append(at_ms)
            continue
        last = next(i for i in range(n, -1, -1) if starts[i] is not None)
        following = next(i for i in range(n, len(starts)) if starts[i] is not None)
        first_ms, next_ms = starts[last] or 0, starts[following] or 0
        edges.append(first_ms + (next_ms - first_ms) * (n - last) // (following - last))
    return edges
