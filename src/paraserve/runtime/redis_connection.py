"""A Redis that may be away: short time limits, no waiting while it is known to be away, one warning a minute."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from paraserve.errors import ParaserveError

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCHEMES = ("redis://", "rediss://", "unix://")
TIMEOUT_S = 0.5
"""Longest time that a request waits for an answer."""
RETRY_S = 1.0
"""Time after a failure in which nobody waits for an answer."""
WARNING_INTERVAL_S = 60.0
MAX_CONNECTIONS = 16

log = logging.getLogger(__name__)


class RedisAwayError(Exception):
    """The Redis does not answer, or not as a Redis that can be used."""


class RedisConnection:
    """Connections to one Redis. Use it from one event loop.

    Args:
        url: as redis-py takes it, with user and password.
        setting: name of the setting that names it, for messages.
        on_state: called with True when it answers and with False when it does not.

    Raises:
        ParaserveError: the URL cannot be used, or the package `redis` is not installed.
    """

    def __init__(self, url: str, setting: str, on_state: Callable[[bool], None] = lambda _: None) -> None:
        self.client = _client(url, setting)
        self._setting = setting
        self._on_state = on_state
        self._is_up = True
        self._retry_at_s = self._warned_s = float("-inf")

    @property
    def is_up(self) -> bool:
        """True unless the last attempt failed."""
        return self._is_up

    @asynccontextmanager
    async def answering(self, timeout_s: float = TIMEOUT_S) -> "AsyncIterator[Redis]":
        """Yield the client, for commands that together take no longer than `timeout_s`.

        Raises:
            RedisAwayError: it does not answer, or did not a moment ago.
        """
        from redis.exceptions import RedisError

        now_s = time.monotonic()
        if not self._is_up:
            if now_s < self._retry_at_s:
                raise RedisAwayError(f"the Redis of {self._setting} does not answer")
            self._retry_at_s = now_s + timeout_s + RETRY_S  # this one finds out, others need not wait
        try:
            async with asyncio.timeout(timeout_s):
                yield self.client
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            self._failed(error)
            raise RedisAwayError(f"the Redis of {self._setting} does not answer: {error!r}") from error
        if not self._is_up:
            log.info("the Redis of %s answers again", self._setting)
        self._is_up = True
        self._on_state(True)

    async def close(self) -> None:
        """Close all connections."""
        await self.client.aclose()

    def _failed(self, error: Exception) -> None:
        now_s = time.monotonic()
        self._is_up, self._retry_at_s = False, now_s + RETRY_S
        self._on_state(False)
        if now_s - self._warned_s >= WARNING_INTERVAL_S:
            self._warned_s = now_s
            log.warning("the Redis of %s does not answer: %r", self._setting, error)


def _client(url: str, setting: str) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        message = f"{setting} needs the package redis: pip install 'paraserve[redis]'"
        raise ParaserveError(message, code="invalid_settings") from None
    try:
        # One more try: a connection that was idle may have been closed by a Redis that runs again.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise ParaserveError(f"{setting} is no URL of a Redis: {error}", code="invalid_settings") from None
    return Redis.from_pool(pool)
