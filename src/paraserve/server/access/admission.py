"""Limits on work in progress, checked before any work begins."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import Gauge

from paraserve.errors import KeyLimitError, OverloadedError
from paraserve.server.telemetry.sampler import memory_bytes


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

    @contextmanager
    def places(self) -> Iterator["Places"]:
        """Count one admitted request for as many places as it takes, until the context is left."""
        places = Places(self)
        try:
            yield places
        finally:
            places.take(1)

    def _change(self, by: int) -> None:
        self.in_progress += by
        self.gauge.inc(by)


@dataclass(slots=True)
class Places:
    """Places that one admitted request takes of its limit, in which others take one."""

    limit: ConcurrencyLimit
    taken: int = 1

    def take(self, n: int) -> None:
        """Take `n` places in all. A request that is alone may take all there are, whatever it needs.

        Raises:
            OverloadedError: that many are not free; the number stays as it was.
        """
        n = min(n, self.limit.limit)
        others = self.limit.in_progress - self.taken
        if n > self.taken and others + n > self.limit.limit:
            raise OverloadedError(
                f"these settings cost as much as {n} {self.limit.what} with the defaults, "
                f"and there is room for {self.limit.limit - others}: try again later, or with the defaults"
            )
        self.limit.in_progress = others + n
        self.taken = n
