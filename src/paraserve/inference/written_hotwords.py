"""Hotwords in the words of a text, for models that take hotwords themselves and do not tell which they wrote."""

from collections.abc import Sequence

from paraserve.hotword_types import Hotword, HotwordHit
from paraserve.inference.spelling import plain
from paraserve.types import Token


def written_hotwords(tokens: Sequence[Token], words: Sequence[Hotword]) -> tuple[HotwordHit, ...]:
    """Return the hotwords in a text, in their order. At each place the longest one counts."""
    if not words:
        return ()
    texts = [_letters(token.text) for token in tokens]
    wanted = {letters: word.text for word in words if word.weight > 0 and (letters := _letters(word.text))}
    longest = max(map(len, wanted), default=0)
    hits: list[HotwordHit] = []
    first = 0
    while first < len(texts):
        end = _end_of_hotword(texts, first, wanted, longest)
        if end > first:
            text = wanted["".join(texts[first:end])]
            hits.append(HotwordHit(text, tokens[first].start_ms, tokens[end - 1].end_ms))
        first = max(end, first + 1)
    return tuple(hits)


def _end_of_hotword(texts: Sequence[str], first: int, wanted: dict[str, str], longest: int) -> int:
    """Return the place behind the longest hotword that begins at `first`, `first` without one."""
    end, joined = first, ""
    for at in range(first, len(texts)):
        joined += texts[at]
        if len(joined) > longest:
            break
        if joined in wanted:
            end = at + 1
    return end


def _letters(text: str) -> str:
    return "".join(char for char in plain(text) if char.isalnum())
