"""A list of texts that are written otherwise, or hidden: whole words, the longest entry first.

An entry matches a row of whole words, Chinese character by character: 上海 is in 上海市, and "art" is not in "party".
Upper and lower case are equal. What was written is not looked at again, so entries cannot work on each other.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from paraserve.inference.text.redaction.pieces import Line, Piece, pieces_of, spread, words_in
from paraserve.inference.text.spaces import needs_space
from paraserve.types import Token


@dataclass(slots=True)
class _Node:
    """The words that may follow, and the new text of the entry that ends here."""

    following: "dict[str, _Node]" = field(default_factory=dict)
    written: str | None = None


@dataclass(slots=True)
class Rewritten:
    """Words after the list, the number of words that were taken, and how many entries were found in them."""

    pieces: list[Piece] = field(default_factory=list)
    n_taken: int = 0
    n_found: int = 0


class WordList:
    """Pairs of a text and what is written in its place. Of two entries for one text the last one counts.

    An entry to replace words is not found where marks stand between them. One that `hides` is: nothing may show them.
    """

    def __init__(self, entries: Iterable[tuple[str, str]], *, hides: bool = False) -> None:
        self._root = _Node()
        self._hides = hides
        for text, written in entries:
            self._node(text).written = written

    def _node(self, text: str) -> _Node:
        node = self._root
        for word in words_in(unicodedata.normalize("NFKC", text)):
            node = node.following.setdefault(_folded(word), _Node())
        return node

    def rewrite(self, pieces: Sequence[Piece], row: "Row | None" = None, *, is_last: bool = True) -> Rewritten:
        """Return the words after the list.

        Args:
            pieces: the words.
            row: remembers what was written before them.
            is_last: no more words follow. Otherwise those that may be the front of an entry are not taken.
        """
        if not self._root.following:
            return Rewritten(list(pieces), len(pieces))
        done, position = Rewritten(), 0
        row = row or Row()
        row.pieces = done.pieces
        while position < len(pieces):
            match, is_open = self._longest(pieces, position)
            if is_open and not is_last:
                break
            if match is None:
                row.keep(pieces[position])
                position += 1
                continue
            end, written = match
            row.write(pieces[position:end], written, hides=self._hides)
            done.n_found += 1
            position = end
        done.n_taken = position
        return done

    def _longest(self, pieces: Sequence[Piece], start: int) -> tuple[tuple[int, str] | None, bool]:
        """Return the end and the text of the longest entry from `start` on, and whether a longer one may follow.

        An entry stays in its line.
        """
        node, position, has_marks = self._root, start, False
        found: tuple[int, str] | None = None
        while position < len(pieces):
            piece = pieces[position]
            if position > start:
                if piece.line != pieces[start].line:
                    return found, False
                has_marks = has_marks or piece.has_marks
            following = node.following.get(_folded(piece.token.text))
            if following is None:
                return found, False
            node, position = following, position + 1
            if node.written is not None and (self._hides or not has_marks):
                found = position, node.written
        return found, bool(node.following)


@dataclass(slots=True)
class Row:
    """Words that are being written, with the spaces between old and new ones."""

    pieces: list[Piece] = field(default_factory=list)
    last_word: str = ""
    _line: int | None = None
    _gap: str | None = None  # of words that were taken away, None if the word before stands as it was
    _is_edited: bool = False

    def keep(self, piece: Piece) -> None:
        """Add a word as it is."""
        self._begin(piece)
        gap = self._spaced(piece) if self._is_edited else piece.gap
        self._add(piece if gap == piece.gap else replace(piece, gap=gap))
        self._is_edited, self._gap = False, None

    def write(self, old: Sequence[Piece], text: str, *, hides: bool) -> None:
        """Add a text in place of words, none for the empty text."""
        self._begin(old[0])
        words = words_in(text) or ([text.strip()] if text.strip() else [])
        self._is_edited = True
        if not words:
            self._gap = old[0].gap if self._gap is None else self._gap
            return
        tokens = spread([piece.token for piece in old], words)
        if hides:
            tokens = [replace(token, unit_ids=()) for token in tokens]
        self._write(old[0], text.strip(), tokens)

    def _write(self, first: Piece, text: str, tokens: Sequence[Token]) -> None:
        new, (tail,) = pieces_of([Line(text, tuple(tokens))])
        gap = self._spaced(replace(first, token=new[0].token))
        new[0] = replace(new[0], gap=gap + new[0].gap)
        for piece in new:
            self._add(replace(piece, line=first.line))
        self._gap = None
        if tail:
            last = self.pieces[-1]
            self.pieces[-1] = replace(last, token=replace(last.token, text=last.token.text + tail))

    def _begin(self, piece: Piece) -> None:
        """Note that words of another line follow: the one before it is no neighbour of them."""
        if self._line is not None and piece.line != self._line:
            self.last_word, self._gap, self._is_edited = "", None, False
        self._line = piece.line

    def _spaced(self, piece: Piece) -> str:
        """Return the text before a word that has a new neighbour. Marks stay, also those of words taken away."""
        taken_away = self._gap or ""
        if not self.last_word:
            return taken_away or ("" if self._gap is not None else piece.gap)
        for gap in (piece.gap, taken_away):
            if gap.strip():
                return gap
        return " " if needs_space(self.last_word, piece.token.text) else ""

    def _add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.last_word = piece.token.text


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()
