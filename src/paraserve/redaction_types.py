"""Kinds of redaction, and counts of what was changed. Like `types.py`, it imports nothing of ours."""

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

Mask: TypeAlias = Literal["phone", "id_number", "card", "email"]
"""A kind of personal number or address that is masked in the written text."""


@dataclass(frozen=True, slots=True)
class Redactions:
    """Number of places of a text that each kind of redaction has changed; None where it was not asked for."""

    replacements: int | None = None
    profanity: int | None = None
    phone: int | None = None
    id_number: int | None = None
    card: int | None = None
    email: int | None = None

    def __add__(self, other: "Redactions") -> "Redactions":
        return Redactions(*(_sum(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)))


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)
