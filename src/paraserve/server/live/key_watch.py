"""Ends the live sessions of API keys that are taken away, expire or lose their scope while the session is open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from paraserve.errors import AccessError
from paraserve.server.access.authentication import Access
from paraserve.server.access.key_fields import ApiKey, KeyScope
from paraserve.server.live.connection import Connection

CHECK_INTERVAL_S = 1.0
GRACE_S = 2.0
"""Time for the last result of an utterance before its session is cut off."""


class KeyWatch:
    """Looks after the keys of open sessions once a second, and at nothing while there are none."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._keys: dict[Connection, ApiKey] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending: dict[Connection, asyncio.Task[None]] = {}

    @contextmanager
    def watching(self, connection: Connection, key: ApiKey | None) -> Iterator[None]:
        """Watch the key of a session until the context is left. None: no key was wanted."""
        if key is None:
            yield
            return
        self._keys[connection] = key
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            del self._keys[connection]
            self._ending.pop(connection, None)
            if not self._keys:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        """End sessions whose key was found bad twice: a file that is written in place is empty for a moment."""
        bad: dict[ApiKey, AccessError] = {}
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            bad_before, bad = bad, self._bad_keys()
            for connection, key in self._keys.items():
                if key in bad and key in bad_before and connection not in self._ending:
                    self._ending[connection] = asyncio.create_task(connection.refuse(bad[key], GRACE_S))

    def _bad_keys(self) -> dict[ApiKey, AccessError]:
        found = {}
        for key in set(self._keys.values()):
            try:
                self._access.check_again(key, KeyScope.LIVE)
            except AccessError as error:
                found[key] = error
        return found
