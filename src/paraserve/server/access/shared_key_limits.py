"""Limits of API keys that several processes and hosts share, counted in a Redis.

What is in progress is a set of leases for each name and kind. A process renews its leases every ten seconds, so that
those of a killed one run out. Requests a minute are counted by the package `limits`, whose minute slides: no more may
begin within any minute. Audio is a token bucket, as in `key_limits.py`.

Each process counts for itself beside it, and goes on with that while the Redis is away.
"""

import asyncio
import math
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from paraserve.errors import LimitsAwayError
from paraserve.runtime.redis_connection import RedisAwayError, RedisConnection
from paraserve.server.access.key_fields import ApiKey
from paraserve.server.access.key_limits import KINDS, MINUTE_S, Bounds, KeysInUse, Kind, seconds_to_gain
from paraserve.server.access.redis_scripts import BEGIN, RENEW

PREFIX = "paraserve:limits"
LEASE_S = 30
TICK_S = 1.0
TICKS_BETWEEN_RENEWALS = 10
MAX_TO_REMOVE = 10_000
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
        self._redis = redis
        self._local = local
        self._is_open = is_open
        self._process = secrets.token_hex(8)
        self._numbers = count(1)
        self._held: dict[str, str] = {}  # the key of the set in which each lease of this process is
        self._to_remove: dict[str, str] = {}  # the same of leases that may be there, and are to be removed
        self._audio_ms: defaultdict[str, float] = defaultdict(float)  # not yet charged
        self._audio_bounds: dict[str, Bounds] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._begin = redis.client.register_script(BEGIN)
        self._renew = redis.client.register_script(RENEW)
        pool: Any = redis.client.connection_pool
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
        for lease, in_set in self._held.items():
            await self._remove(lease, in_set)
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
                # Given back as well where the request is cancelled meanwhile.
                await asyncio.shield(self._end_soon(lease, self._held.pop(lease)))

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
        bounds, in_set = self._local.bounds(key), _set_of(key.name, kind)
        asking = asyncio.ensure_future(self._redis.run(self._ask(lease, key.name, kind, bounds)))
        try:
            found, wait_s = await asyncio.shield(asking)
        except RedisAwayError as away:
            if away.was_asked:
                self._remove_later(lease, in_set)
            if self._is_open:
                return False
            message = "the limits of API keys cannot be checked now: try again later"
            raise LimitsAwayError(message, retry_after_s=AWAY_RETRY_S) from None
        except asyncio.CancelledError:
            asking.add_done_callback(partial(self._given_up, lease, in_set))
            raise
        bounds.check_in_progress(kind, found.in_progress)
        bounds.check_audio(found.audio_wait_s)
        bounds.check_rate(wait_s)
        return True

    def _given_up(self, lease: str, in_set: str, asking: "asyncio.Future[Any]") -> None:
        """Give back what was asked for by a request that has gone meanwhile."""
        asking.exception()
        self._end_soon(lease, in_set)

    async def _ask(self, lease: str, name: str, kind: Kind, bounds: Bounds) -> "tuple[_Found, int]":
        """Count a request; return what was found and the seconds until it may begin."""
        found = await self._count(lease, name, kind, bounds)
        wait_s = await self._wait_for_request(name, bounds.per_minute) if found.is_counted else 0
        if wait_s:
            await self._redis.client.zrem(_set_of(name, kind), lease)
        return found, wait_s

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
            if charge_ms:
                self._audio_ms[name] += charge_ms
            raise
        wait_s = seconds_to_gain(debt_ms / 1000, per_minute) if debt_ms >= 0 else 0
        return _Found((uploads, live, jobs), wait_s, is_counted=bool(is_counted))

    async def _wait_for_request(self, name: str, per_minute: int) -> int:
        """Take one request of the minute and return 0, or return the seconds until there is one."""
        if not per_minute:
            return 0
        item = RateLimitItemPerMinute(per_minute)
        if await self._requests.hit(item, name):
            return 0
        window = await self._storage.get_sliding_window(item.key_for(name), item.get_expiry())
        return seconds_until_one(item.amount, *window)

    def _end_soon(self, lease: str, in_set: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._remove(lease, in_set))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _remove(self, lease: str, in_set: str) -> None:
        try:
            await self._redis.run(self._removed(lease, in_set))
        except RedisAwayError:
            self._remove_later(lease, in_set)

    async def _removed(self, lease: str, in_set: str) -> None:
        await self._redis.client.zrem(in_set, lease)

    def _remove_later(self, lease: str, in_set: str) -> None:
        self._to_remove[lease] = in_set
        if len(self._to_remove) > MAX_TO_REMOVE:
            del self._to_remove[next(iter(self._to_remove))]  # it will have run out

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
        await self._redis.run(self._renewed(leases))
        given_back = {one: in_set for in_set, members in leases.items() for one in members if one not in self._held}
        to_remove, self._to_remove = self._to_remove, {}
        for lease, in_set in (to_remove | given_back).items():
            if lease not in self._held:
                await self._remove(lease, in_set)

    async def _renewed(self, leases: Mapping[str, Sequence[str]]) -> None:
        await self._redis.client.ping()
        for in_set, members in leases.items():
            await self._renew(keys=[in_set], args=[LEASE_S * 1000, *members])

    async def _charge_all(self) -> None:
        for name in list(self._audio_ms):
            await self._redis.run(self._count("", name, "uploads", self._audio_bounds[name]))


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
