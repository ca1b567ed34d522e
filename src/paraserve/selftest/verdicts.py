"""Verdicts: what a check has found, as a line for people and as plain values for a report."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import httpx2
from websockets.exceptions import WebSocketException

from paraserve.errors import ParaserveError


class State(StrEnum):
    """Result of a check."""

    OK = "ok"
    FAILED = "FAILED"
    NOT_RUN = "not run"


class CheckFailedError(Exception):
    """The server did something else than it should."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected {expected}, seen {seen}")


class NotRunError(Exception):
    """A check cannot be run on this machine, which says nothing about the server."""


UNEXPECTED = (
    CheckFailedError,
    ParaserveError,
    OSError,
    httpx2.HTTPError,
    WebSocketException,
    LookupError,
    ValueError,
)
"""What a check meets when the server is at fault: a broken connection, or an answer in another shape."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the report. `took_s` is the time of the check in seconds."""

    name: str
    state: State
    detail: str
    took_s: float

    def __str__(self) -> str:
        return f"{self.state.value:<7}  {self.name}: {self.detail} ({self.took_s:.1f} s)"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "state": self.state.value}


def expect(is_so: bool, expected: str, seen: object) -> None:
    """Go on if it is so.

    Raises:
        CheckFailedError: it is not.
    """
    if not is_so:
        raise CheckFailedError(expected, seen)


def judged(name: str, check: Callable[[], str]) -> Verdict:
    """Run a check, which returns what it has seen, and return the verdict."""
    started_s = time.monotonic()
    try:
        state, detail = State.OK, check()
    except NotRunError as reason:
        state, detail = State.NOT_RUN, str(reason)
    except UNEXPECTED as error:
        state, detail = State.FAILED, _in_words(error)
    return Verdict(name, state, detail, round(time.monotonic() - started_s, 1))


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, CheckFailedError) else f"{type(error).__name__}: {error}"


def wait_until(is_so: Callable[[], bool], within_s: float, expected: str, seen: Callable[[], object]) -> float:
    """Wait until it is so, and return how long that took in seconds.

    Args:
        is_so: is asked again and again.
        within_s: for this long at most.
        expected: what is waited for, in words.
        seen: what there is in its place, for the error.

    Raises:
        CheckFailedError: it did not come.
    """
    started_s = time.monotonic()
    while not is_so():
        if time.monotonic() - started_s > within_s:
            raise CheckFailedError(f"{expected} within {within_s:g} s", seen())
        time.sleep(0.1)
    return time.monotonic() - started_s
