"""The redaction of a recording's sentences while more of them follow, the same as that of all of them at once.

Sentences wait until no number and no address can go on into what follows. Whatever is given is never changed again.
"""

from bisect import bisect_left
from collections.abc import Sequence

from paraserve.inference.text.redaction.pieces import Line, Piece
from paraserve.inference.text.redaction.redactor import CONTEXT_WORDS, Redacted, Redactor
from paraserve.types import Sentence

KEPT_WORDS = 4 * CONTEXT_WORDS
"""Words of given sentences that are kept at least. Lists may take some of them away."""


class GrowingRecording:
    """The sentences of one recording, which come in order."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._before: list[Sentence] = []
        self._waiting: list[Sentence] = []

    def push(self, sentences: Sequence[Sentence], *, is_last: bool) -> Redacted:
        """Take the next sentences. Return those that may be shown now, and what was changed in them.

        Args:
            sentences: the next ones of the recording, also none.
            is_last: no more sentences follow.
        """
        self._waiting += sentences
        n_ready = len(self._waiting) if is_last else self._n_ready()
        ready, self._waiting = self._waiting[:n_ready], self._waiting[n_ready:]
        written, spoken = self._contexts()
        redacted = self._redactor.redact(ready, written, spoken)
        self._before = _last_of([*self._before, *ready])
        return redacted

    def _contexts(self) -> tuple[list[Piece], list[Piece]]:
        words = self._redactor.words
        return words(_as_written(self._before))[-CONTEXT_WORDS:], words(_as_spoken(self._before))[-CONTEXT_WORDS:]

    def _n_ready(self) -> int:
        """Return the number of waiting sentences, from the first on, that nothing can change any more."""
        written, spoken = self._contexts()
        # A number may be said in another form than it is written, so that only one of them goes on.
        settled = self._settled(_as_written(self._waiting), written)
        if any(one.spoken for one in (*self._before, *self._waiting)):
            settled &= self._settled(_as_spoken(self._waiting), spoken)
        return max(settled)

    def _settled(self, lines: Sequence[Line], context: Sequence[Piece]) -> set[int]:
        """Return each n for which the first n lines are the same whatever follows. 0 is always one."""
        words = self._redactor.words(lines)
        n_settled, rows = self._redactor.settled([*context, *words])
        line_of_word = [word.line for word in words]
        ends = {0}
        for n in range(1, len(lines) + 1):
            end = len(context) + bisect_left(line_of_word, n)
            if end <= n_settled and not any(first < end <= last for first, last in rows):
                ends.add(n)
        return ends


def _as_written(sentences: Sequence[Sentence]) -> list[Line]:
    return [Line(one.text, one.tokens) for one in sentences]


def _as_spoken(sentences: Sequence[Sentence]) -> list[Line]:
    return [Line(one.as_spoken, one.spoken_tokens or one.tokens) for one in sentences]


def _last_of(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Return the last sentences, with `KEPT_WORDS` words or all that there are."""
    n_words, first = 0, len(sentences)
    while first and n_words < KEPT_WORDS:
        first -= 1
        one = sentences[first]
        n_words += min(len(one.tokens), len(one.spoken_tokens or one.tokens))
    return list(sentences[first:])
