"""Warnings and notices of all answers: over HTTP, and in results of live connections."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented


class AnswerWarning(Documented):
    """A field that is not honoured as it was meant, or a fact about the recording to know of."""

    code: str
    """Name of the case, for programs: `not_honoured` for a known field without effect here, `unknown_field`, and
    others. It does not change."""
    param: str | None
    """Name of the field, null where it is about none."""
    message: str
    """Description for people. It may change."""


class WithWarnings(Documented):
    """An answer that may carry warnings."""

    warnings: list[AnswerWarning] | MISSING = MISSING
    """Fields of the request that are not honoured, and facts about the recording. Absent without any."""


class AnswerNotice(Documented):
    """A fact about the whole answer that people should know."""

    code: Literal["outside_vocabulary", "degraded"]
    """`outside_vocabulary`: at least a second of the speech, and at least a third of it, were not understood.
    `degraded`: the server is busy, so partial texts of this segment come later or are left out. Live only."""
    message: str
    """The fact in words, and what to do. It may change."""


class WithNotice(Documented):
    """An answer that may carry a notice."""

    notice: AnswerNotice | MISSING = MISSING
    """Absent where enough was understood."""


class Understanding(Documented):
    """Figures of the speech that was heard."""

    speech_ms: int = Field(ge=0)
    """Speech that the voice detector found, in ms. 0: nobody spoke."""
    recognized_ms: int = Field(ge=0)
    """Speech that became text, in ms."""
    unknown_tokens: int = Field(ge=0)
    """Units of speech that were not understood: the model marks them as unknown, or is unsure of them."""


class Shortfall(WithNotice):
    """Figures of the utterance so far, where not all of its speech became text."""

    speech_ms: int | MISSING = Field(MISSING, ge=0)
    """Speech that the voice detector found, in ms. Absent where all of it became text."""
    recognized_ms: int | MISSING = Field(MISSING, ge=0)
    """Speech that became text, in ms. Absent where that is all of it."""
    unknown_tokens: int | MISSING = Field(MISSING, ge=0)
    """Units of speech that were not understood. Absent where all speech became text."""
