"""Lines of the report of `paraserve doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `cure` says what to do if the state is not ok."""

    state: State
    subject: str
    detail: str
    cure: str = ""

    def __str__(self) -> str:
        cure = f" -> {self.cure}" if self.cure else ""
        return f"{self.state.value:<4}  {self.subject}: {self.detail}{cure}"


def ok(subject: str, detail: str) -> Finding:
    """Return a finding that needs nothing done."""
    return Finding(State.OK, subject, detail)


def fixed(subject: str, detail: str) -> Finding:
    """Return a finding that `--fix` has dealt with."""
    return Finding(State.FIXED, subject, detail)


def warn(subject: str, detail: str, cure: str) -> Finding:
    """Return a finding that keeps the server from working as well as it could."""
    return Finding(State.WARN, subject, detail, cure)


def fail(subject: str, detail: str, cure: str) -> Finding:
    """Return a finding that keeps the server from working."""
    return Finding(State.FAIL, subject, detail, cure)
