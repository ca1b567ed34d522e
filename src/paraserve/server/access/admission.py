"""Limits on work in progress, checked before any work begins."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import Gauge

from paraserve.errors import KeyLimitError, OverloadedError
from paraserve.server.telemetry.process_memory import memory_bytes


@dataclass(slots=True)
class ServerLimits:
    """Limits of uploads and live sessions together. 0 = no limit."""

    max_per_key: int
    max_memory_bytes: int
    _of_key: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def admit(self, key: str | None) -> Iterator[None]:
        """Admit one request of the API key of this name, until the context is left.

        Raises:
            KeyLimitError: the key has too many requests in progress.
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
    """Limit of requests of one kind. `what` names the kind in messages, such as "uploads"."""

    limit: int
    what: str
    gauge: Gauge
    server_limits: ServerLimits
    in_progress: int = 0

    @contextmanager
    def admit(self, key: str | None) -> Iterator[None]:
        """Admit one request of the API key of this name, until the context is left.

        Raises:
            KeyLimitError: the key has too many requests in progress.
            OverloadedError: too many requests of this kind are in progress, or the process holds too much memory.
        """
        if self.in_progress >= self.limit:
            raise OverloadedError(f"{self.limit} {self.what} are in progress already: try again later")
        with self.server_limits.admit(key):
            self._change(+1)
            try:
                yield
            finally:
                self._change(-1)

    def _change(self, by: int) -> None:
        self.in_progress += by
        self.gauge.set(self.in_progress)
