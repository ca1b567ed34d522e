"""How an attempt at a job ended, for those who follow it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from paraserve.runtime.jobs.job import Job


@dataclass(slots=True)
class AttemptEnd:
    """How an attempt ended. `outcome` is "broken" until it has, `audio_ms` the duration of the recording if known."""

    outcome: str = "broken"
    error_code: str | None = None
    audio_ms: int | None = None


Following: TypeAlias = Callable[[Job], AbstractContextManager[AttemptEnd]]
"""Opens the context in which an attempt is made. The attempt writes its end into what it yields."""


@contextmanager
def not_followed(_job: Job) -> Iterator[AttemptEnd]:
    """Follow nothing."""
    yield AttemptEnd()
