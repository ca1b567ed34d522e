"""Results in a Redis, which processes and hosts share."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from paraserve.runtime.redis_connection import RedisAwayError, RedisConnection
from paraserve.runtime.result_cache.result_store import ENTRY_OVERHEAD_BYTES, TURN_S, CacheAwayError

T = TypeVar("T")
PREFIX = "paraserve:{results}"  # in one slot of a cluster
USED, SIZES, TOTAL = f"{PREFIX}:used", f"{PREFIX}:sizes", f"{PREFIX}:bytes"

GET = """
-- Returns a result and notes its use. KEYS: the result, times of use. ARGV: key.
local value = redis.call('GET', KEYS[1])
if value then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], 'XX', time[1] .. '.' .. string.format('%06d', time[2]), ARGV[1])
end
return value
"""
PUT = """
-- Keeps a result, and removes the longest unused ones where there are too many bytes.
-- KEYS: the result, times of use, sizes, bytes of all. ARGV: key, value, size, most bytes, ms to keep it, the prefix.
local function remove(key)
  local size = redis.call('HGET', KEYS[3], key)
  redis.call('DEL', ARGV[6] .. key)
  redis.call('ZREM', KEYS[2], key)
  redis.call('HDEL', KEYS[3], key)
  return redis.call('DECRBY', KEYS[4], size or 0)
end
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
if redis.call('ZCARD', KEYS[2]) ~= redis.call('HLEN', KEYS[3]) then
  -- The Redis has dropped a part of the accounts. Results that are not in them run out by themselves.
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
end
remove(ARGV[1])
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[5] / 1000, 'LIMIT', 0, 100)) do
  remove(key)
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[5])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
local total = redis.call('INCRBY', KEYS[4], ARGV[3])
while total > tonumber(ARGV[4]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then
    redis.call('SET', KEYS[4], 0)
    break
  end
  total = remove(oldest)
end
return 0
"""
TAKE_TURN = """
-- Takes or keeps a turn. KEYS: the turn. ARGV: owner, its length in ms.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
END_TURN = """
-- Gives a turn back. KEYS: the turn. ARGV: owner.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisStore:
    """Matches `ResultStore`.

    Args:
        redis: closed with the store.
        max_bytes: of all results.
        keep_s: how long a result is kept.
    """

    def __init__(self, redis: RedisConnection, max_bytes: int, keep_s: float) -> None:
        self._redis = redis
        self._max_bytes = max_bytes
        self._keep_ms = max(1, round(keep_s * 1000))
        register = redis.client.register_script
        self._get, self._put = register(GET), register(PUT)
        self._take_turn, self._end_turn = register(TAKE_TURN), register(END_TURN)

    async def get(self, key: str) -> bytes | None:
        """See `ResultStore`."""
        value: bytes | None = await self._run(self._get(keys=[_result(key), USED], args=[key]))
        return value

    async def put(self, key: str, value: bytes) -> None:
        """See `ResultStore`."""
        keys = [_result(key), USED, SIZES, TOTAL]
        size = len(value) + ENTRY_OVERHEAD_BYTES
        await self._run(self._put(keys=keys, args=[key, value, size, self._max_bytes, self._keep_ms, _result("")]))

    async def take_turn(self, key: str, owner: str) -> bool:
        """See `ResultStore`."""
        return bool(await self._run(self._take_turn(keys=[_turn(key)], args=[owner, round(TURN_S * 1000)])))

    async def end_turn(self, key: str, owner: str) -> None:
        """See `ResultStore`."""
        await self._run(self._end_turn(keys=[_turn(key)], args=[owner]))

    async def close(self) -> None:
        """See `ResultStore`."""
        await self._redis.close()

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await self._redis.run(work)
        except RedisAwayError as error:
            raise CacheAwayError(str(error)) from error


def _result(key: str) -> str:
    return f"{PREFIX}:result:{key}"


def _turn(key: str) -> str:
    return f"{PREFIX}:turn:{key}"
