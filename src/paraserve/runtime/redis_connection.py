"""A Redis that may be away: short time limits, no waiting while it is known to be away, one warning a minute."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from paraserve.errors import ParaserveError

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
SCHEMES = ("redis://", "rediss://", "unix://")
TIMEOUT_S = 1.0
"""Longest time that a request waits for an answer."""
RETRY_S = 1.0
"""Time after a failure in which nobody waits for an answer."""
WARNING_INTERVAL_S = 60.0
MAX_CONNECTIONS = 16

log = logging.getLogger(__name__)


class RedisAwayError(Exception):
    """The Redis does not answer, or not as a Redis that can be used.

    `was_asked` is true where commands were sent, which may be done later: a Redis that hung reads what it was sent.
    """

    def __init__(self, message: str, *, was_asked: bool) -> None:
        super().__init__(message)
        self.was_asked = was_asked


class RedisConnection:
    """Connections to one Redis. Use it from one event loop.

    Args:
        url: as redis-py takes it, with user and password.
        setting: name of the setting that names it, for messages.
        on_state: called with True when it answers and with False when it does not.
        timeout_s: longest wait for an answer.

    Raises:
        ParaserveError: the URL cannot be used, or the package `redis` is not installed.
    """

    def __init__(
        self,
        url: str,
        setting: str,
        on_state: Callable[[bool], None] = lambda _: None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.client, self._failure = _client(url, setting, timeout_s)
        self._setting = setting
        self._on_state = on_state
        self._timeout_s = timeout_s
        self._is_up = True
        self._retry_at_s = self._warned_s = float("-inf")
        self._running: set[asyncio.Future[Any]] = set()

    @property
    def is_up(self) -> bool:
        """True unless the last attempt failed."""
        return self._is_up

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run commands that together take no longer than the timeout, and return what they return.

        They go on where the caller is cancelled: a connection in the middle of an answer is of no use.

        Raises:
            RedisAwayError: it does not answer, or did not a moment ago.
        """
        now_s = time.monotonic()
        if not self._is_up:
            if now_s < self._retry_at_s:
                work.close()
                raise RedisAwayError(f"the Redis of {self._setting} does not answer", was_asked=False)
            self._retry_at_s = now_s + self._timeout_s + RETRY_S  # this one finds out, others need not wait
        running = asyncio.create_task(work)
        self._running.add(running)
        running.add_done_callback(self._over)
        done, _ = await asyncio.wait([running], timeout=self._timeout_s)
        try:
            if not done:
                raise TimeoutError
            result = running.result()
        except (self._failure, OSError) as error:  # a TimeoutError is an OSError
            self._failed(error)
            message = f"the Redis of {self._setting} does not answer: {error!r}"
            raise RedisAwayError(message, was_asked=True) from error
        if not self._is_up:
            log.info("the Redis of %s answers again", self._setting)
        self._set_state(is_up=True)
        return result

    async def close(self) -> None:
        """Close all connections, once nothing uses them."""
        if self._running:
            await asyncio.wait(self._running)
        await self.client.aclose()

    def _over(self, running: "asyncio.Future[Any]") -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # nobody else may be there to take it

    def _failed(self, error: Exception) -> None:
        now_s = time.monotonic()
        self._retry_at_s = now_s + RETRY_S
        self._set_state(is_up=False)
        if now_s - self._warned_s >= WARNING_INTERVAL_S:
            self._warned_s = now_s
            log.warning("the Redis of %s does not answer: %r", self._setting, error)

    def _set_state(self, *, is_up: bool) -> None:
        self._is_up = is_up
        self._on_state(is_up)


def check_redis_url(url: str, setting: str, others: Sequence[str]) -> None:
    """Check the value of a setting that is the URL of a Redis, or one of `others`.

    Raises:
        ParaserveError: it is nothing of that, or the package `redis` is not installed.
    """
    if not url.startswith(SCHEMES):
        # The value may hold a password.
        message = f"setting {setting}: expected {', '.join(others)} or a URL that begins with {' or '.join(SCHEMES)}"
        raise ParaserveError(message, code="invalid_settings")
    if find_spec("redis") is None:
        raise _missing_package(setting)


def _missing_package(setting: str) -> ParaserveError:
    message = f"setting {setting}: a Redis needs the package redis: pip install 'paraserve[redis]'"
    return ParaserveError(message, code="invalid_settings")


def _client(url: str, setting: str, timeout_s: float) -> "tuple[Redis, type[Exception]]":
    """Return a client, and the class of its errors."""
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - as above
        from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
        from redis.exceptions import RedisError  # noqa: PLC0415 - as above
    except ImportError:
        raise _missing_package(setting) from None
    try:
        # One more try: a connection that was idle may have been closed by a Redis that runs again.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise ParaserveError(f"setting {setting} is no URL of a Redis: {error}", code="invalid_settings") from None
    return Redis.from_pool(pool), RedisError
