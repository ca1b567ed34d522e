"""What several server processes and hosts may share: where limits of API keys are counted, and results are kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from paraserve.job_folders import job_folder
from paraserve.runtime.jobs.recordings.cipher import read_cipher
from paraserve.runtime.redis_connection import RedisConnection, check_redis_url
from paraserve.runtime.result_cache.cached_recording import SharedResults
from paraserve.runtime.result_cache.opening import open_result_cache
from paraserve.server.access.key_limits import KeyLimiter, KeysInUse
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings


@dataclass(frozen=True, slots=True)
class SharedStores:
    """Stores that are open. `results` is None without a result cache."""

    keys: KeyLimiter
    results: SharedResults | None


def check_stores(settings: Settings) -> None:
    """Check the settings of stores, without opening any.

    Raises:
        ParaserveError: names the setting that cannot be used.
    """
    for name, words in (("limits_store", ("memory",)), ("result_cache", ("off", "memory", "sqlite"))):
        value: str = getattr(settings, name)
        if value not in words:
            check_redis_url(value, name, words)


@asynccontextmanager
async def open_stores(settings: Settings, metrics: Metrics) -> AsyncIterator[SharedStores]:
    """Open the stores that the settings name. Those that cannot be reached now are no error.

    Raises:
        ParaserveError: the value of a setting cannot be used.
    """
    async with _key_limiter(settings, metrics) as keys, _results(settings, metrics) as results:
        yield SharedStores(keys, results)


@asynccontextmanager
async def _key_limiter(settings: Settings, metrics: Metrics) -> AsyncIterator[KeyLimiter]:
    local = KeysInUse(settings.max_per_key, settings.max_requests_per_minute, settings.max_audio_s_per_minute)
    metrics.limits_store_up.set(1)
    if settings.limits_store == "memory":
        yield local
        return
    from paraserve.server.access.shared_key_limits import (  # noqa: PLC0415 - memory that few want to spend
        SharedKeyLimits,
    )

    redis = RedisConnection(settings.limits_store, "limits_store", metrics.limits_store_up.set)
    shared = SharedKeyLimits(redis, local, is_open=settings.limits_away == "open")
    shared.start()
    try:
        yield shared
    finally:
        await shared.close()


@asynccontextmanager
async def _results(settings: Settings, metrics: Metrics) -> AsyncIterator[SharedResults | None]:
    cache = open_result_cache(
        settings.result_cache,
        lambda: job_folder(settings),
        settings.result_cache_bytes,
        settings.result_cache_keep_s,
        seal=read_cipher(settings.jobs_key_file),
        on_outcome=lambda outcome: metrics.results.labels(outcome).inc(),
    )
    if cache is None:
        yield None
        return
    try:
        yield SharedResults(cache, settings.result_cache_across_keys)
    finally:
        await cache.close()
