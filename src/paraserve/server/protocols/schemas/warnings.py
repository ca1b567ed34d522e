"""Warnings of all answers: over HTTP, and in results of live connections."""

from pydantic import MISSING

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
