"""What several server processes and hosts may share: where limits of API keys are counted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from paraserve.runtime.redis_connection import RedisConnection
from paraserve.server.access.key_limits import KeyLimiter, KeysInUse
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings


@dataclass(frozen=True, slots=True)
class SharedStores:
    """Stores that are open."""

    keys: KeyLimiter


@asynccontextmanager
async def open_stores(settings: Settings, metrics: Metrics) -> AsyncIterator[SharedStores]:
    """Open the stores that the settings name. Those that cannot be reached now are no error.

    Raises:
        ParaserveError: the value of a setting cannot be used.
    """
    async with _key_limiter(settings, metrics) as keys:
        yield SharedStores(keys)


@asynccontextmanager
async def _key_limiter(settings: Settings, metrics: Metrics) -> AsyncIterator[KeyLimiter]:
    local = KeysInUse(settings.max_per_key, settings.max_requests_per_minute, settings.max_audio_s_per_minute)
    metrics.limits_store_up.set(1)
    if settings.limits_store == "memory":
        yield local
        return
    from paraserve.server.access.shared_key_limits import SharedKeyLimits  # noqa: PLC0415 - memory that few want to spend

    redis = RedisConnection(settings.limits_store, "limits_store", metrics.limits_store_up.set)
    shared = SharedKeyLimits(redis, local, is_open=settings.limits_away == "open")
    shared.start()
    try:
        yield shared
    finally:
        await shared.close()
