"""Redaction in messages: the lists that clients send, and the counts in answers."""

from typing import Annotated, Literal, TypeAlias

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented

Replacement: TypeAlias = Annotated[str, Field(pattern="=>")]
Replacements: TypeAlias = str | list[Replacement] | dict[str, str]
Profanity: TypeAlias = str | list[str]
Masks: TypeAlias = str | bool | list[Literal["phone", "id_number", "card", "email", "all", "none"]]


class RedactionCounts(Documented):
    """Places of the text that were changed. Each key is there where that was asked for, by the client or here."""

    replacements: int | MISSING = Field(MISSING, ge=0)
    """Texts that were replaced."""
    profanity: int | MISSING = Field(MISSING, ge=0)
    """Texts that were written as `***`."""
    phone: int | MISSING = Field(MISSING, ge=0)
    """Phone numbers that were masked."""
    id_number: int | MISSING = Field(MISSING, ge=0)
    """Identity numbers that were masked."""
    card: int | MISSING = Field(MISSING, ge=0)
    """Card numbers that were masked."""
    email: int | MISSING = Field(MISSING, ge=0)
    """Mail addresses that were masked."""


class WithRedactions(Documented):
    """An answer whose text may have been changed on request."""

    redactions: RedactionCounts | MISSING = MISSING
    """Number of places of the text that were replaced, hidden or masked. Absent where nothing was to be."""
