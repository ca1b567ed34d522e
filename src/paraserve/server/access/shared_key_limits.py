"""Limits of API keys that several processes and hosts share, counted in a Redis.

What is in progress is a set of leases for each name and kind. A process renews its leases every ten seconds, so that
those of a killed one run out. Requests a minute are counted by `limits`, whose minute slides: no more may begin within
any minute. Audio is a token bucket, as in `key_limits.py`.

Each process counts for itself beside it, and goes on with that while the Redis is away.
"""

import asyncio
import math
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count

from paraserve.errors import LimitsAwayError
from paraserve.runtime.redis_connection import RedisAwayError, RedisConnection
from paraserve.server.access.key_fields import ApiKey
from paraserve.server.access.key_limits import KINDS, MINUTE_S, Bounds, KeysInUse, Kind, seconds_to_gain
from paraserve.server.access.redis_scripts import BEGIN, RENEW

PREFIX = "paraserve:limits"
LEASE_S = 30
TICK_S = 1.0
TICKS_BETWEEN_RENEWALS = 10
AWAY_RETRY_S = 5
"""Value of `Retry-After` while nothing can be counted."""


class SharedKeyLimits:
    """Counts in a Redis; matches `KeyLimiter`. Use it from one event loop.

    Args:
        redis: where all processes count.
        local: what this process does, and the limits of the settings.
        is_open: while the Redis is away, `local` decides; False refuses everything.
    """

    def __init__(self, redis: RedisConnection, local: KeysInUse, *, is_open: bool) -> None:
        from limits.aio.storage import RedisStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter

        self._redis = redis
        self._local = local
        self._is_open = is_open
        self._process = secrets.token_hex(8)
        self._numbers = count(1)
        self._held: dict[str, str] = {}  # the key of the set in which each lease of this process is
        self._audio_ms: defaultdict[str, float] = defaultdict(float)  # not yet charged
        self._audio_bounds: dict[str, Bounds] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._begin = redis.client.register_script(BEGIN)
        self._renew = redis.client.register_script(RENEW)
        pool = redis.client.connection_pool
        self._storage = RedisStorage("redis://", implementation="redispy", key_prefix=PREFIX, connection_pool=pool)
        self._requests = SlidingWindowCounterRateLimiter(self._storage)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to renew leases, and to find out whether the Redis answers."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Give all leases back, if the Redis answers."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._ending:
            await asyncio.wait(self._ending)
        with suppress(RedisAwayError):
            await self._charge_all()
        for lease in list(self._held):
            await self._give_back(lease)
        await self._redis.close()

    @asynccontextmanager
    async def admitted(self, key: ApiKey | None, kind: Kind) -> AsyncIterator[None]:
        """See `KeyLimiter`."""
        if key is None:
            yield
            return
        lease = f"{self._process}:{next(self._numbers)}"
        is_counted = await self._begins(lease, key, kind)
        with self._local.counted(key, kind) if is_counted else self._local.admit(key, kind):
            self._held[lease] = _set_of(key.name, kind)
            try:
                yield
            finally:
                await self._ends(lease)

    def charge_audio(self, key: ApiKey, ms: float) -> None:
        """See `KeyLimiter`. It is charged within a second, or with the next request of the name if that is sooner."""
        self._local.charge_audio(key, ms)
        bounds = self._local.bounds(key)
        if bounds.audio_s_per_minute:
            self._audio_ms[key.name] += ms
            self._audio_bounds[key.name] = bounds

    async def _begins(self, lease: str, key: ApiKey, kind: Kind) -> bool:
        """Count a request where all processes do. False: the Redis is away, and this process decides.

        Raises:
            KeyLimitError, LimitsAwayError: see `KeyLimiter`.
        """
        bounds = self._local.bounds(key)
        try:
            async with self._redis.answering() as client:
                found = await self._count(lease, key.name, kind, bounds)
                wait_s = await self._wait_for_request(key.name, bounds.per_minute) if found.is_counted else 0
                if wait_s:
                    await client.zrem(_set_of(key.name, kind), lease)
        except RedisAwayError:
            if self._is_open:
                return False
            message = "the limits of API keys cannot be checked now: try again later"
            raise LimitsAwayError(message, retry_after_s=AWAY_RETRY_S) from None
        except asyncio.CancelledError:
            self._end_soon(lease, _set_of(key.name, kind))
            raise
        bounds.check_in_progress(kind, found.in_progress)
        bounds.check_audio(found.audio_wait_s)
        bounds.check_rate(wait_s)
        return True

    async def _count(self, lease: str, name: str, kind: Kind, bounds: Bounds) -> "_Found":
        """Count a request unless a limit is reached. An empty lease only charges audio, and counts nothing."""
        per_minute = bounds.audio_s_per_minute if kind != "jobs" else 0
        charge_ms = self._audio_ms.pop(name, 0.0) if per_minute else 0.0
        limits = ({"uploads": bounds.max_uploads, "live sessions": bounds.max_live}.get(kind, 0), bounds.max)
        try:
            uploads, live, jobs, debt_ms, is_counted = await self._begin(
                keys=[*(_set_of(name, one) for one in KINDS), f"{PREFIX}:{{{name}}}:audio"],
                args=[lease, KINDS.index(kind) + 1, *limits, LEASE_S * 1000, per_minute, charge_ms],
            )
        except BaseException:
            self._audio_ms[name] += charge_ms
            raise
        wait_s = seconds_to_gain(debt_ms / 1000, per_minute) if debt_ms >= 0 else 0
        return _Found((uploads, live, jobs), wait_s, is_counted=bool(is_counted))

    async def _wait_for_request(self, name: str, per_minute: int) -> int:
        """Take one request of the minute and return 0, or return the seconds until there is one."""
        from limits import RateLimitItemPerMinute

        if not per_minute:
            return 0
        item = RateLimitItemPerMinute(per_minute)
        if await self._requests.hit(item, name):
            return 0
        window = await self._storage.get_sliding_window(item.key_for(name), item.get_expiry())
        return seconds_until_one(item.amount, *window)

    async def _ends(self, lease: str) -> None:
        """Give a lease back. It is given back as well where the request is cancelled meanwhile."""
        in_set = self._held.pop(lease)
        if self._redis.is_up:
            await asyncio.shield(self._end_soon(lease, in_set))

    def _end_soon(self, lease: str, in_set: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._remove(lease, in_set))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _give_back(self, lease: str) -> None:
        await self._remove(lease, self._held.pop(lease))

    async def _remove(self, lease: str, in_set: str) -> None:
        with suppress(RedisAwayError):  # the lease will run out
            async with self._redis.answering() as client:
                await client.zrem(in_set, lease)

    async def _run(self) -> None:
        n_ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            n_ticks += 1
            was_up = self._redis.is_up
            with suppress(RedisAwayError):
                await self._charge_all()
                if n_ticks >= TICKS_BETWEEN_RENEWALS or not was_up:
                    await self._renew_all()
                    n_ticks = 0

    async def _renew_all(self) -> None:
        """Renew all leases. Those that the Redis does not know, since it was away or lost them, it gets again."""
        leases = defaultdict(list)
        for lease, in_set in self._held.items():
            leases[in_set].append(lease)
        async with self._redis.answering() as client:
            await client.ping()
            for in_set, members in leases.items():
                await self._renew(keys=[in_set], args=[LEASE_S * 1000, *members])
        for in_set, members in leases.items():  # those that were given back in the meantime
            for lease in members:
                if lease not in self._held:
                    await self._remove(lease, in_set)

    async def _charge_all(self) -> None:
        for name in list(self._audio_ms):
            async with self._redis.answering():
                await self._count("", name, "uploads", self._audio_bounds[name])


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of a name: requests in progress in the order of `KINDS`, and the wait for earlier audio."""

    in_progress: tuple[int, int, int]
    audio_wait_s: int
    is_counted: bool


def seconds_until_one(amount: int, previous: int, previous_s: float, current: int, current_s: float) -> int:
    """Return the whole seconds until a sliding window of a minute has room for one more.

    Args:
        amount: the requests that may begin in a minute.
        previous: those of the minute before, which counts in part,
        previous_s: for so many more seconds.
        current: those of this minute, which counts in part once it is over,
        current_s: for so many more seconds.
    """
    left_s = current_s - MINUTE_S  # of this minute
    if current < amount and previous:
        wait_s = previous_s - (amount - current) * MINUTE_S / previous
        if wait_s <= left_s:
            return max(1, math.ceil(wait_s))
    return max(1, math.ceil(left_s))


def _set_of(name: str, kind: Kind) -> str:
    return f"{PREFIX}:{{{name}}}:{kind.replace(' ', '-')}"  # all keys of a name in one slot of a cluster
