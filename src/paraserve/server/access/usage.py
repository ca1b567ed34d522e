"""Usage of API keys: requests and audio of each name, counted here and written in batches where jobs are stored."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from paraserve.errors import StorageError
from paraserve.server.access.key_fields import ApiKey

WRITE_INTERVAL_S = 10.0

log = structlog.get_logger()


class UsageStore(Protocol):
    """Keeps usage by name and day."""

    async def add_usage(self, key_name: str, requests: int, audio_ms: int) -> None:
        """Add to the usage of a name today (UTC).

        Raises:
            StorageError: it cannot be written now.
        """
        ...


@dataclass(slots=True)
class _Use:
    requests: int = 0
    audio_ms: float = 0.0


@dataclass(slots=True)
class UsageCounter:
    """What each name has used and is not yet written. Where no key is wanted, the name is empty."""

    _used: defaultdict[str, _Use] = field(default_factory=lambda: defaultdict(_Use))

    def add(self, key: ApiKey | None, *, requests: int = 0, audio_ms: float = 0.0) -> None:
        """Count requests and audio of a key."""
        self._add("" if key is None else key.name, requests, audio_ms)

    @property
    def is_empty(self) -> bool:
        """True while there is nothing to write."""
        return not any(use.requests or use.audio_ms >= 1 for use in self._used.values())

    async def write(self, store: UsageStore) -> None:
        """Write what was counted. What cannot be written stays for the next time.

        Raises:
            StorageError: the store cannot be written now.
        """
        for name in list(self._used):
            use = self._used.pop(name)
            audio_ms = int(use.audio_ms)
            try:
                if use.requests or audio_ms:
                    await store.add_usage(name, use.requests, audio_ms)
            except BaseException:
                self._add(name, use.requests, use.audio_ms)
                raise
            self._add(name, 0, use.audio_ms - audio_ms)

    def _add(self, name: str, requests: int, audio_ms: float) -> None:
        if requests or audio_ms:
            use = self._used[name]
            use.requests += requests
            use.audio_ms += audio_ms


class UsageWriter:
    """Writes usage every ten seconds and at the end.

    Args:
        counter: what is to be written.
        store: returns where, None while the server has no store: it is then counted in memory alone.
    """

    def __init__(self, counter: UsageCounter, store: Callable[[], Awaitable[UsageStore | None]]) -> None:
        self._counter = counter
        self._store = store
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Write the rest."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._write()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(WRITE_INTERVAL_S)
            await self._write()

    async def _write(self) -> None:
        if self._counter.is_empty:
            return
        try:
            store = await self._store()
            if store is not None:
                await self._counter.write(store)
        except StorageError as error:
            log.warning("usage of API keys cannot be written now", error=error.message)
