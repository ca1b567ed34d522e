"""Limits on work in progress, checked before any work begins."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from prometheus_client import Gauge

from paraserve.errors import OverloadedError
from paraserve.server.access.key_fields import ApiKey
from paraserve.server.access.key_limits import KeyLimiter, Kind
from paraserve.server.access.memory_guard import MemoryGuard
from paraserve.server.access.usage import UsageCounter

RETRY_AFTER_S = 1


@dataclass(slots=True)
class Admitted:
    """A request that has been let in, with this key (None where no key is wanted)."""

    key: ApiKey | None
    keys: KeyLimiter
    usage: UsageCounter
    _counted_ms: float = 0.0

    def audio(self, ms: float) -> None:
        """Count audio that it brought, as soon as that is known: against the limits of its key, and as its usage."""
        self._counted_ms += ms
        if self.key is not None:
            self.keys.charge_audio(self.key, ms)
        self.usage.add(self.key, audio_ms=ms)

    def audio_until(self, at_ms: float) -> None:
        """Count audio up to this time of its recording, as far as that is not yet counted."""
        if at_ms > self._counted_ms:
            self.audio(at_ms - self._counted_ms)


@dataclass(slots=True)
class ServerLimits:
    """Limits of uploads, live sessions and submitted jobs together."""

    keys: KeyLimiter
    memory: MemoryGuard = field(default_factory=MemoryGuard)
    usage: UsageCounter = field(default_factory=UsageCounter)

    @asynccontextmanager
    async def admit(self, key: ApiKey | None, kind: Kind) -> AsyncIterator[Admitted]:
        """Admit one request with this API key, until the context is left.

        Raises:
            KeyLimitError: the key has too much in progress, or began too much within a minute.
            LimitsAwayError: the limits of keys cannot be checked now.
            OverloadedError: this process and its decode children hold too much memory.
        """
        self.memory.check()
        async with self.keys.admitted(key, kind):
            if kind != "jobs":  # a job counts when it is done
                self.usage.add(key, requests=1)
            yield Admitted(key, self.keys, self.usage)


@dataclass(slots=True)
class ConcurrencyLimit:
    """Limit of requests of one kind."""

    limit: int
    kind: Kind
    gauge: Gauge
    server_limits: ServerLimits
    in_progress: int = 0

    @asynccontextmanager
    async def admit(self, key: ApiKey | None) -> AsyncIterator[Admitted]:
        """Admit one request with this API key, until the context is left.

        Raises:
            KeyLimitError: the key has too much in progress, or began too much within a minute.
            LimitsAwayError: the limits of keys cannot be checked now.
            OverloadedError: too many requests of this kind are in progress, or the process holds too much memory.
        """
        if self.in_progress >= self.limit:
            message = f"{self.limit} {self.kind} are in progress already: try again later"
            raise OverloadedError(message, retry_after_s=RETRY_AFTER_S)
        self._change(+1)  # its place is taken while its key is checked, which may have to wait for others
        try:
            async with self.server_limits.admit(key, self.kind) as admitted:
                yield admitted
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
