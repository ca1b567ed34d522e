"""Sentences as one row of words, each with the text before it, and back. Words are changed in the row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from paraserve.inference.text.model_punctuated import AROUND_WORDS
from paraserve.inference.text.scripts import has_unspaced
from paraserve.inference.text.sentences import WRITTEN_WORD
from paraserve.types import Token


@dataclass(frozen=True, slots=True)
class Line:
    """A text and its words in order: a sentence, or a partial text."""

    text: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, the text between it and the word before it, and the number of its line."""

    token: Token
    gap: str = ""
    line: int = 0

    @property
    def has_marks(self) -> bool:
        """Return whether more than a space stands before the word."""
        return bool(self.gap.strip())


def pieces_of(lines: Sequence[Line]) -> tuple[list[Piece], list[str]]:
    """Return the words of all lines in one row, and the text behind the last word of each line.

    A line whose text is not made of its words and marks is cut into words anew: no text may be left out.
    """
    pieces: list[Piece] = []
    tails: list[str] = []
    for number, line in enumerate(lines):
        found = _located(line.text, line.tokens, number)
        if found is None:
            found = _located(line.text, _cut_anew(line), number)
        assert found is not None, "words cut from a text are in it"
        pieces += found[0]
        tails.append(found[1])
    return pieces, tails


def lines_of(pieces: Sequence[Piece], tails: Sequence[str]) -> list[Line]:
    """Return the lines of a row of words. A line without words keeps its text only if it had none before."""
    words: list[list[Piece]] = [[] for _ in tails]
    for piece in pieces:
        words[piece.line].append(piece)
    return [
        Line("".join(one.gap + one.token.text for one in row) + tail, tuple(one.token for one in row))
        for row, tail in zip(words, tails, strict=True)
    ]


def words_in(text: str) -> list[str]:
    """Return the words of a text without the marks around them, as recognizers' texts are cut."""
    found = (match[0] for match in WRITTEN_WORD.finditer(text))
    bare = (word if has_unspaced(word) else word.strip(AROUND_WORDS) for word in found)
    return [word for word in bare if any(char.isalnum() for char in word)]


def spread(tokens: Sequence[Token], words: Sequence[str]) -> list[Token]:
    """Return a token for each word, from the tokens that they replace together.

    Equal numbers keep their times one by one. Fewer words take several tokens each, more words share the whole time.
    The first one begins and the last one ends where the tokens did.
    """
    n_old, n_new = len(tokens), len(words)
    if n_new <= n_old:
        bounds = [n_old * n // n_new for n in range(n_new + 1)]
        groups = [tokens[bounds[n] : bounds[n + 1]] for n in range(n_new)]
        return [_merged(group, word) for word, group in zip(words, groups, strict=True)]
    whole = _merged(tokens, "")
    times = _shared_times(whole.start_ms, whole.end_ms, n_new)
    return [
        Token(word, *span, whole.score, whole.unit_ids if n == 0 else ())
        for n, (word, span) in enumerate(zip(words, times, strict=True))
    ]


def _merged(tokens: Sequence[Token], text: str) -> Token:
    score = sum(token.score for token in tokens) / len(tokens)
    unit_ids = tuple(i for token in tokens for i in token.unit_ids)
    return Token(text, tokens[0].start_ms, tokens[-1].end_ms, score, unit_ids)


def _shared_times(start_ms: int | None, end_ms: int | None, n: int) -> list[tuple[int | None, int | None]]:
    if start_ms is None or end_ms is None:
        return [(start_ms, end_ms)] * n
    edges = [start_ms + (end_ms - start_ms) * i // n for i in range(n + 1)]
    return list(pairwise(edges))


def _located(text: str, tokens: Sequence[Token], number: int) -> tuple[list[Piece], str] | None:
    """Return the words with the text before each, and the text behind them; None if other text stands between."""
    pieces: list[Piece] = []
    position = 0
    for token in tokens:
        found = text.find(token.text, position)
        if found < 0 or any(char.isalnum() for char in text[position:found]):
            return None
        pieces.append(Piece(token, text[position:found], number))
        position = found + len(token.text)
    tail = text[position:]
    return None if any(char.isalnum() for char in tail) else (pieces, tail)


def _cut_anew(line: Line) -> list[Token]:
    words = WRITTEN_WORD.findall(line.text)
    if not words:
        return []
    whole = [replace(line.tokens[0], end_ms=line.tokens[-1].end_ms)] if line.tokens else [Token("")]
    return spread(whole, words)
