"""What a server says beside its texts. Times are milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """Speech that the server found, and what became of it.

    Of `speech_ms`, `recognized_ms` became text. `unknown_tokens` are units that the model did not know.
    """

    speech_ms: int = 0
    recognized_ms: int = 0
    unknown_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact about the whole answer that people should know. `code` is for programs, `message` says what to do."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FieldWarning:
    """A field of the request that was not honoured as it is. `param` is its name, None where no field is meant."""

    code: str
    param: str | None
    message: str


def warning_of(body: Mapping[str, Any]) -> FieldWarning:
    """Read a warning from the server's JSON."""
    return FieldWarning(str(body.get("code", "")), body.get("param"), str(body.get("message", "")))
