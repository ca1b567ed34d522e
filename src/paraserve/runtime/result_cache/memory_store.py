"""Results in the memory of one process."""

import time
from collections import OrderedDict

from paraserve.runtime.result_cache.result_store import ENTRY_OVERHEAD_BYTES


class MemoryStore:
    """Matches `ResultStore`.

    Args:
        max_bytes: of all results.
        keep_s: how long a result is kept.
    """

    def __init__(self, max_bytes: int, keep_s: float) -> None:
        self.n_bytes = 0
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._results: OrderedDict[str, tuple[bytes, float]] = OrderedDict()  # with their ends; last used last

    async def get(self, key: str) -> bytes | None:
        """See `ResultStore`."""
        value, until_s = self._results.get(key, (None, 0.0))
        if value is not None and until_s <= time.monotonic():
            self._drop(key)
            return None
        if value is not None:
            self._results.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes) -> None:
        """See `ResultStore`."""
        if key in self._results:
            self._drop(key)
        self._results[key] = (value, time.monotonic() + self._keep_s)
        self.n_bytes += len(value) + ENTRY_OVERHEAD_BYTES
        while self.n_bytes > self._max_bytes:
            self._drop(next(iter(self._results)))

    async def take_turn(self, key: str, owner: str) -> bool:  # noqa: ARG002 - no other process shares it
        """See `ResultStore`."""
        return True

    async def end_turn(self, key: str, owner: str) -> None:
        """See `ResultStore`."""

    async def close(self) -> None:
        """See `ResultStore`."""

    def _drop(self, key: str) -> None:
        value, _ = self._results.pop(key)
        self.n_bytes -= len(value) + ENTRY_OVERHEAD_BYTES
