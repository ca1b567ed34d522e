"""Limits on work in progress, checked before any work begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import Gauge

from paraserve.errors import OverloadedError
from paraserve.server.access.key_fields import ApiKey
from paraserve.server.access.key_limits import KeysInUse, Kind
from paraserve.server.access.memory_guard import MemoryGuard

RETRY_AFTER_S = 1


@dataclass(slots=True)
class ServerLimits:
    """Limits of uploads and live sessions together."""

    keys: KeysInUse
    memory: MemoryGuard = field(default_factory=MemoryGuard)

    @contextmanager
    def admit(self, key: ApiKey | None, kind: Kind) -> Iterator[None]:
        """Admit one request with this API key, until the context is left.

        Raises:
            KeyLimitError: the key has too much in progress, or began too much within a minute.
            OverloadedError: this process and its decode children hold too much memory.
        """
        self.memory.check()
        with self.keys.admit(key, kind):
            yield


@dataclass(slots=True)
class ConcurrencyLimit:
    """Limit of requests of one kind."""

    limit: int
    kind: Kind
    gauge: Gauge
    server_limits: ServerLimits
    in_progress: int = 0

    @contextmanager
    def admit(self, key: ApiKey | None) -> Iterator[None]:
        """Admit one request with this API key, until the context is left.

        Raises:
            KeyLimitError: the key has too much in progress, or began too much within a minute.
            OverloadedError: too many requests of this kind are in progress, or the process holds too much memory.
        """
        if self.in_progress >= self.limit:
            message = f"{self.limit} {self.kind} are in progress already: try again later"
            raise OverloadedError(message, retry_after_s=RETRY_AFTER_S)
        with self.server_limits.admit(key, self.kind):
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
                f"these settings cost as much as {n} {self.limit.kind} with the defaults, "
                f"and there is room for {self.limit.limit - others}: try again later, or with the defaults"
            )
        self.limit.in_progress = others + n
        self.taken = n
