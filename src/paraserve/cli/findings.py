"""What `paraserve doctor` says of one thing."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `cure` says what to do where the state is not ok."""

    state: State
    subject: str
    detail: str
    cure: str = ""

    def __str__(self) -> str:
        cure = f" -> {self.cure}" if self.cure else ""
        return f"{self.state.value:<4}  {self.subject}: {self.detail}{cure}"


def ok(subject: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(State.OK, subject, detail)


def warn(subject: str, detail: str, cure: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(State.WARN, subject, detail, cure)


def fail(subject: str, detail: str, cure: str) -> Finding:
    """The server will not work."""
    return Finding(State.FAIL, subject, detail, cure)
