"""What a result cache keeps its results in: this process's memory, a SQLite file, or a Redis."""

from typing import Protocol

ENTRY_OVERHEAD_BYTES = 256
"""What a result takes beside its own bytes, roughly, in any store."""
TURN_S = 10.0
"""Time without a sign of life after which another process may make a result that one has begun to make."""


class CacheAwayError(Exception):
    """The store does not answer, or cannot be used."""


class ResultStore(Protocol):
    """Results by key. Every method may raise `CacheAwayError`. The longest unused results go first.

    A turn is the right to make a result: only one process has it, for `TURN_S` unless it takes it again.
    """

    async def get(self, key: str) -> bytes | None:
        """Return a result, None where there is none."""
        ...

    async def put(self, key: str, value: bytes) -> None:
        """Keep a result."""
        ...

    async def take_turn(self, key: str, owner: str) -> bool:
        """Take or keep the turn. False: another owner has it."""
        ...

    async def end_turn(self, key: str, owner: str) -> None:
        """Give the turn back."""
        ...

    async def close(self) -> None:
        """Close it. Raises nothing."""
        ...
