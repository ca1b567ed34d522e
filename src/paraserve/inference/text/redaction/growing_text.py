"""The redaction of a text that grows step by step, of which nothing is ever taken back.

Words that may be the front of an entry, of a number or of an address wait until what follows shows what they are.
They are neither in the text nor in its unstable tail meanwhile.
"""

from collections.abc import Sequence
from dataclasses import replace

from paraserve.inference.text.redaction.digits import open_run
from paraserve.inference.text.redaction.mail import open_address
from paraserve.inference.text.redaction.pieces import Line, Piece, pieces_of
from paraserve.inference.text.redaction.redactor import Redactor, following_context
from paraserve.inference.text.redaction.word_lists import Rewritten, Row, WordList
from paraserve.redaction_types import Redactions
from paraserve.types import Partial

MAX_WAITING = 96
"""Words that wait at most: more digits than any number has. Beyond it the first ones are given."""
MIN_WAITING = 32


class _GrowingList:
    """A list at work on a text that grows."""

    def __init__(self, words: WordList) -> None:
        self.waiting: list[Piece] = []
        self._words = words
        self._row = Row()

    def push(self, pieces: Sequence[Piece], *, is_last: bool) -> Rewritten:
        self.waiting += pieces
        rewritten = self._words.rewrite(self.waiting, self._row, is_last=is_last)
        del self.waiting[: rewritten.n_taken]
        return rewritten


class GrowingText:
    """The partial texts of one segment. `context` are words before it."""

    def __init__(self, redactor: Redactor, context: tuple[Piece, ...] = ()) -> None:
        self._context = context
        self._redactor = redactor
        self._lists = (_GrowingList(redactor.replacements), _GrowingList(redactor.profanity))
        self._waiting: list[Piece] = []
        self._marks = ""  # behind the last word

    @property
    def context(self) -> tuple[Piece, ...]:
        """Return the words before what follows, also those that wait: a final text may take their place."""
        replacing, hiding = self._lists
        return following_context(self._context, [*self._waiting, *hiding.waiting, *replacing.waiting])

    def push(
        self, partial: Partial, *, ends_segment: bool = False, is_last: bool = False
    ) -> tuple[Partial, Redactions]:
        """Return the text that may be shown now, and what was changed in it.

        Args:
            partial: the next text.
            ends_segment: no more text of the segment follows.
            is_last: no more text follows at all.
        """
        pieces = self._pieces_of(partial)
        n_found = []
        for one in self._lists:
            rewritten = one.push(pieces, is_last=ends_segment)
            pieces = rewritten.pieces
            n_found.append(rewritten.n_found)
        self._waiting += pieces
        n_ready = len(self._waiting) if ends_segment else self._ready(self._waiting)
        ready, self._waiting = self._waiting[:n_ready], self._waiting[n_ready:]
        masked = self._redactor.mask(ready, self._context, is_last=is_last or not ends_segment)
        self._context = following_context(self._context, ready)
        text = "".join(piece.gap + piece.token.text for piece in masked.pieces)
        if ends_segment:
            text, self._marks = text + self._marks, ""
        tokens = tuple(piece.token for piece in masked.pieces)
        counts = self._redactor.counts(masked.counts, *n_found)
        return replace(partial, text=text, tail="", tokens=tokens), counts

    def _pieces_of(self, partial: Partial) -> list[Piece]:
        pieces, (marks,) = pieces_of([Line(partial.text, partial.tokens)])
        if pieces:
            pieces[0] = replace(pieces[0], gap=self._marks + pieces[0].gap)
            self._marks = ""
        self._marks += marks
        return pieces

    def _ready(self, pieces: Sequence[Piece]) -> int:
        """Return the number of words that no following word can make a part of a number or an address."""
        masks = self._redactor.redaction.masks
        n_ready = len(pieces)
        if masks - {"email"}:
            n_ready = open_run(pieces)
        if "email" in masks:
            n_ready = min(n_ready, open_address(pieces))
        return max(n_ready, len(pieces) - MIN_WAITING) if len(pieces) > MAX_WAITING else n_ready
