"""The result cache that the settings ask for."""

from collections.abc import Callable
from pathlib import Path

from paraserve.runtime.redis_connection import RedisConnection
from paraserve.runtime.result_cache.memory_store import MemoryStore
from paraserve.runtime.result_cache.result_cache import Outcome, ResultCache, Seal
from paraserve.runtime.result_cache.result_store import ResultStore

FILE = "result-cache.sqlite3"


def open_result_cache(
    where: str,
    folder: Callable[[], Path],
    max_bytes: int,
    keep_s: float,
    *,
    seal: Seal | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> ResultCache | None:
    """Open a cache; None for `off`. A store that cannot be reached now is no error.

    Args:
        where: `off`, `memory`, `sqlite`, or the URL of a Redis.
        folder: returns that of the SQLite file.
        max_bytes: of all results.
        keep_s: how long a result is kept.
        seal: encrypts what leaves the memory of this process, None for none.
        on_outcome: see `ResultCache`.

    Raises:
        ParaserveError: `where` is nothing of that, or the package `redis` is not installed.
    """
    store: ResultStore
    if where == "off":
        return None
    if where == "memory":
        return ResultCache(MemoryStore(max_bytes, keep_s), on_outcome)
    if where == "sqlite":
        from paraserve.runtime.result_cache.sqlite_store import SqliteStore  # noqa: PLC0415 - few want it

        store = SqliteStore(folder() / FILE, max_bytes, keep_s)
    else:
        from paraserve.runtime.result_cache.redis_store import RedisStore  # noqa: PLC0415 - few want it

        store = RedisStore(RedisConnection(where, "result_cache"), max_bytes, keep_s)
    return ResultCache(store, on_outcome, seal)
