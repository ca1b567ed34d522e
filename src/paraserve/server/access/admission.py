"""Who is let in, and how many at once: counted at the door, before any work."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import Gauge

from paraserve.errors import KeyLimitError, OverloadedError
from paraserve.server.telemetry.sampler import memory_bytes


@dataclass(slots=True)
class ServerLimits:
    """What counts for uploads and live sessions together; 0 = no limit."""

    max_per_key: int
    max_memory_bytes: int
    _of_key: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def admit(self, key: str | None) -> Iterator[None]:
        """Let one in, whose API key has this name.

        Raises:
            KeyLimitError: the key has too much in progress.
            OverloadedError: this process holds too much memory.
        """
        if self.max_memory_bytes and memory_bytes() > self.max_memory_bytes:
            raise OverloadedError("the server is short of memory: try again later")
        if key is None or not self.max_per_key:
            yield
            return
        if self._of_key[key] >= self.max_per_key:
            raise KeyLimitError(f"{self.max_per_key} requests of this API key are in progress: try again later")
        self._of_key[key] += 1
        try:
            yield
        finally:
            self._of_key[key] -= 1


@dataclass(slots=True)
class ConcurrencyLimit:
    """`what` (such as "uploads") are in progress, and how many may be."""

    limit: int
    what: str
    gauge: Gauge
    door: ServerLimits
    in_progress: int = 0

    @contextmanager
    def admit(self, key: str | None) -> Iterator[None]:
        """Let one in, whose API key has this name.

        Raises:
            OverloadedError: too many are in progress, or what `ServerLimits` raises.
        """
        if self.in_progress >= self.limit:
            raise OverloadedError(f"{self.limit} {self.what} are in progress already: try again later")
        with self.door.admit(key):
            self._change(+1)
            try:
                yield
            finally:
                self._change(-1)

    def _change(self, by: int) -> None:
        self.in_progress += by
        self.gauge.set(self.in_progress)
