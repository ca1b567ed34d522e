"""Redaction of a live utterance, segment by segment."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from paraserve.inference.text.redaction.growing_text import GrowingText
from paraserve.inference.text.redaction.pieces import Piece
from paraserve.inference.text.redaction.redactor import redactor_for
from paraserve.options import Redaction
from paraserve.redaction_types import Redactions
from paraserve.runtime.segments.live_segmenter import Chunk, SpeechEnd
from paraserve.types import Partial, Sentence

Before: TypeAlias = asyncio.Task[Any] | None
"""The work on the segment before, None for the first one."""


class LiveRedaction:
    """The redaction of one utterance, whose segments come in order. Each has the words of the one before in view.

    Partial texts count what was changed in mode "online" only: in mode "2pass" final texts replace them.
    """

    def __init__(self, mode: Literal["2pass", "online"]) -> None:
        self._counts_partials = mode == "online"
        self._untold = Redactions()
        self._final_context: tuple[Piece, ...] = ()
        self._growing: tuple[int, GrowingText] | None = None  # of the segment with this index

    def partial(
        self, partial: Partial, redaction: Redaction, of: Chunk | SpeechEnd, *, is_last: bool
    ) -> tuple[Partial, Redactions | None]:
        """Return the next partial text as it may be shown, and what was changed; None: nothing was to be.

        Args:
            partial: the next text of a segment.
            redaction: counts where it comes with the first text of the segment.
            of: the chunk of the segment that brought it, or the segment's end: no partial text of it follows then.
            is_last: no text of the utterance follows.
        """
        if self._growing is None or self._growing[0] != of.index:
            if not redaction:
                return partial, None
            context = () if self._growing is None else self._growing[1].context
            self._growing = of.index, GrowingText(redactor_for(redaction), context)
        growing = self._growing[1]
        shown, counts = growing.push(partial, ends_segment=isinstance(of, SpeechEnd), is_last=is_last)
        if not self._counts_partials:
            return shown, None
        counts = self._untold + counts
        is_told = bool(shown.text) or is_last  # a text without words is not sent
        self._untold = Redactions() if is_told else counts
        return shown, counts if is_told else None

    async def final(
        self,
        sentences: Sequence[Sentence],
        redaction: Redaction,
        before: Before,
        *,
        is_last: bool,
    ) -> tuple[tuple[Sentence, ...], Redactions | None]:
        """Return the sentences of a segment as they may be shown, and what was changed; None: nothing was to be.

        Masks wait for the segment before (`before`): a number may have begun there.
        """
        if not redaction:
            return tuple(sentences), None
        if redaction.masks and before is not None:
            await asyncio.wait({before})
        redacted = redactor_for(redaction).redact(sentences, self._final_context, is_last=is_last)
        self._final_context = redacted.context
        return redacted.sentences, redacted.counts
