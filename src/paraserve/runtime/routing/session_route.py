"""The models that one live utterance needs, by what its segments have told so far."""

from dataclasses import dataclass

from paraserve.runtime.routing.candidates import Candidate

SEGMENTS_TO_SWITCH = 2
"""Segments in a row that another model writes before it takes more than that. One may be a slip."""


@dataclass(slots=True)
class SessionRoute:
    """Two decisions about the segments to come.

    Partial texts come from the model that wrote the last segments, and from the first model again once it is sure of
    one. A model is asked alone once it has heard a language, segment after segment, that the first model does not
    know. It is asked alone until it hears one that the first model may know.
    """

    first: Candidate
    _writer: Candidate | None = None
    _in_a_row: int = 0
    _foreign_in_a_row: int = 0

    def note(self, writer: Candidate, language: str | None) -> None:
        """Take into account that a model wrote a segment, and the language that it heard."""
        if writer is self.first:
            self._writer, self._in_a_row, self._foreign_in_a_row = None, 0, 0
            return
        is_same = writer is self._writer
        is_foreign = language is not None and not self.first.knows(language)
        self._in_a_row = self._in_a_row + 1 if is_same else 1
        self._foreign_in_a_row = (self._foreign_in_a_row if is_same else 0) + 1 if is_foreign else 0
        self._writer = writer

    @property
    def partials(self) -> Candidate:
        """Return the model whose partial texts the next segment gets."""
        return self._writer if self._writer and self._in_a_row >= SEGMENTS_TO_SWITCH else self.first

    @property
    def alone(self) -> Candidate | None:
        """Return the model that is asked without the first one, None while the first one is asked."""
        return self._writer if self._foreign_in_a_row >= SEGMENTS_TO_SWITCH else None
