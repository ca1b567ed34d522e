"""Stores of results: what they keep, for how long and how much, and who may make a result."""

import asyncio
import contextlib
import sqlite3
import stat

import pytest

from paraserve.runtime.redis_connection import RedisConnection
from paraserve.runtime.result_cache import redis_store as redis_store_module
from paraserve.runtime.result_cache import sqlite_store as sqlite_store_module
from paraserve.runtime.result_cache.memory_store import MemoryStore
from paraserve.runtime.result_cache.redis_store import RedisStore
from paraserve.runtime.result_cache.result_store import ENTRY_OVERHEAD_BYTES, CacheAwayError
from paraserve.runtime.result_cache.sqlite_store import SqliteStore
from support.databases import own_redis

KEEP_S = 1000.0
ROOM = 10 * (100 + ENTRY_OVERHEAD_BYTES)
"""Bytes for ten results of a hundred."""


@pytest.fixture(scope="module")
def redis():
    """A Redis that the tests may empty."""
    with own_redis() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def open_store(request, tmp_path):
    """Opens a store of each kind; several calls open it as several processes do."""
    async with contextlib.AsyncExitStack() as stack:

        def start(max_bytes=ROOM, keep_s=KEEP_S):
            if request.param == "memory":
                return MemoryStore(max_bytes, keep_s)
            if request.param == "sqlite":
                store = SqliteStore(tmp_path / "folder" / "results", max_bytes, keep_s)
            else:
                redis = request.getfixturevalue("redis")
                store = RedisStore(RedisConnection(redis.url, "result_cache", timeout_s=20), max_bytes, keep_s)
            stack.push_async_callback(store.close)
            return store

        start.is_shared = request.param != "memory"
        if request.param == "redis":
            client = RedisConnection(request.getfixturevalue("redis").url, "test")
            await client.client.flushall()
            await client.close()
        yield start


async def test_what_is_kept(open_store):
    """A result is returned as it was put, the last one of a key, and nothing for other keys."""
    store = open_store()
    assert await store.get("a") is None
    await store.put("a", b"\0\xff" * 50)
    await store.put("b", b"b")
    assert [await store.get("a"), await store.get("b"), await store.get("c")] == [b"\0\xff" * 50, b"b", None]
    await store.put("a", b"new")
    assert await store.get("a") == b"new"


async def test_bounded(open_store, monkeypatch):
    """The longest unused results go first, and never more than there must."""
    monkeypatch.setattr(sqlite_store_module, "USE_INTERVAL_S", 0.0)
    store = open_store()
    for n in range(10):
        await store.put(f"{n}", bytes(100))
        await asyncio.sleep(0.002)
    assert await store.get("0") is not None
    for n in range(10, 14):
        await store.put(f"{n}", bytes(100))
    there = [n for n in range(14) if await store.get(f"{n}") is not None]
    assert there[0] == 0
    assert there[-4:] == [10, 11, 12, 13]
    assert 3 <= len(there) <= 10
    for n in range(60):
        await store.put("same", bytes(n))
    assert await store.get("13") is not None, "what is replaced frees its room"
    await store.put("too large", bytes(2 * ROOM))
    assert await store.get("too large") is None


async def test_age(open_store):
    """A result is gone when its time is over."""
    store = open_store(keep_s=0.3)
    await store.put("a", b"a")
    assert await store.get("a") == b"a"
    await asyncio.sleep(0.4)
    assert await store.get("a") is None


async def test_turns(open_store, monkeypatch):
    """One process has the turn of a key until it gives it back, or gives no sign of life."""
    monkeypatch.setattr(sqlite_store_module, "TURN_S", 0.5)
    monkeypatch.setattr(redis_store_module, "TURN_S", 0.5)
    one, two = open_store(), open_store()
    assert await one.take_turn("a", "one")
    if not open_store.is_shared:
        return
    assert not await two.take_turn("a", "two")
    assert await two.take_turn("b", "two")
    assert await one.take_turn("a", "one"), "its owner may keep it"
    await two.end_turn("a", "two")
    assert not await two.take_turn("a", "two"), "only its owner gives it back"
    await one.end_turn("a", "one")
    assert await two.take_turn("a", "two")
    await asyncio.sleep(0.6)
    assert await one.take_turn("a", "one")


async def test_processes_share(open_store):
    """What one process has kept another one gets, if there is a store beside them."""
    one, two = open_store(), open_store()
    await one.put("a", b"a")
    assert await two.get("a") == (b"a" if open_store.is_shared else None)


async def test_file(tmp_path):
    """The file is for its owner alone, and one that is no database is replaced."""
    path = tmp_path / "results"
    path.write_bytes(b"no database" * 1000)
    store = SqliteStore(path, ROOM, KEEP_S)
    await store.put("a", b"a")
    assert await store.get("a") == b"a"
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await store.close()


async def test_file_that_is_damaged_later(tmp_path):
    """It is replaced as well; the request that sees it goes without."""
    path = tmp_path / "results"
    store = SqliteStore(path, 10**9, KEEP_S)
    for n in range(200):
        await store.put(f"{n}", bytes(2000))
    await store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"x" * (len(data) - 4096)
    path.write_bytes(data)
    store = SqliteStore(path, 10**9, KEEP_S)
    with pytest.raises(CacheAwayError):
        await asyncio.gather(*(store.get(f"{n}") for n in range(200)))
    await store.put("a", b"a")
    assert await store.get("a") == b"a"
    await store.close()


async def test_file_of_another_version(tmp_path):
    """It is replaced."""
    path = tmp_path / "results"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE results (key)")
        other.execute("PRAGMA user_version = 99")
    store = SqliteStore(path, ROOM, KEEP_S)
    await store.put("a", b"a")
    assert await store.get("a") == b"a"
    await store.close()


async def test_folder_that_cannot_be_made(tmp_path):
    """It is an error of the store each time, and the store is tried again after a while."""
    (tmp_path / "file").touch()
    store = SqliteStore(tmp_path / "file" / "results", ROOM, KEEP_S)
    for _ in range(2):
        with pytest.raises(CacheAwayError):
            await store.get("a")
    await store.close()


async def test_redis_that_forgets(redis):
    """After the Redis was emptied, or has dropped a part by itself, results are kept as before."""
    store = RedisStore(RedisConnection(redis.url, "result_cache", timeout_s=20), ROOM, KEEP_S)
    for n in range(8):
        await store.put(f"{n}", bytes(100))
    for lost in ([redis_store_module.USED], [redis_store_module.SIZES, redis_store_module.TOTAL]):
        await store._redis.client.delete(*lost)
        for n in range(8, 30):
            await store.put(f"{n}", bytes(100))
        there = [n for n in range(8, 30) if await store.get(f"{n}") is not None]
        assert there == list(range(20, 30))
    await store.close()
