"""The limit of memory beyond which nothing new is let in."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from paraserve.errors import OverloadedError
from paraserve.memory_limit import guarded_bytes
from paraserve.server.telemetry.process_memory import memory_bytes
from paraserve.settings import Settings

LOOK_S = 0.05
"""The memory is read at most this often: a reading takes longer than everything else that lets a request in."""


@dataclass(slots=True)
class MemoryGuard:
    """Refuses while this process and its decode children hold more than `limit_bytes`. 0 = no limit."""

    limit_bytes: int = 0
    decoding_bytes: Callable[[], int] = lambda: 0
    _held_bytes: int = field(default=0, init=False)
    _looked_s: float = field(default=float("-inf"), init=False)

    @classmethod
    def of(cls, settings: Settings, decoding_bytes: Callable[[], int]) -> "MemoryGuard":
        """Make the guard of a server process, one of `workers` that share the machine or container."""
        chosen = settings.max_memory_bytes
        return cls(guarded_bytes(settings.workers) if chosen == "auto" else chosen, decoding_bytes)

    def check(self) -> None:
        """Look at the memory.

        Raises:
            OverloadedError: it is over the limit.
        """
        if not self.limit_bytes:
            return
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._held_bytes, self._looked_s = memory_bytes() + self.decoding_bytes(), now_s
        if self._held_bytes > self.limit_bytes:
            raise OverloadedError("the server is short of memory: try again later")
