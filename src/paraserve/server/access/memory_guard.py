"""The limit of memory beyond which nothing new is let in."""

from collections.abc import Callable
from dataclasses import dataclass

from paraserve.errors import OverloadedError
from paraserve.memory_limit import guarded_bytes
from paraserve.server.telemetry.process_memory import memory_bytes
from paraserve.settings import Settings


@dataclass(frozen=True, slots=True)
class MemoryGuard:
    """Refuses while this process and its decode children hold more than `limit_bytes`. 0 = no limit."""

    limit_bytes: int = 0
    decoding_bytes: Callable[[], int] = lambda: 0

    @classmethod
    def of(cls, settings: Settings, decoding_bytes: Callable[[], int]) -> "MemoryGuard":
        """Make the guard of a server process, one of `workers` that share the machine or container."""
        chosen = settings.max_memory_bytes
        return cls(guarded_bytes(settings.workers) if chosen == "auto" else chosen, decoding_bytes)

    def check(self) -> None:
        """Look at the memory now.

        Raises:
            OverloadedError: it is over the limit.
        """
        if self.limit_bytes and memory_bytes() + self.decoding_bytes() > self.limit_bytes:
            raise OverloadedError("the server is short of memory: try again later")
