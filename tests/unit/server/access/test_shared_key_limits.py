"""Limits of a key's name that several processes count in one Redis."""

import asyncio
import contextlib
import time
from dataclasses import replace

import pytest

from paraserve.errors import KeyLimitError, LimitsAwayError
from paraserve.runtime.redis_connection import RedisConnection
from paraserve.server.access import shared_key_limits
from paraserve.server.access.api_keys import hashed
from paraserve.server.access.key_fields import KeyLimits
from paraserve.server.access.key_limits import KeysInUse
from paraserve.server.access.shared_key_limits import SharedKeyLimits, seconds_until_one
from support.databases import own_redis

KINDS = ("uploads", "live sessions")
SHORT_S, PATIENT_S = 0.3, 20.0
"""How long a Redis may take that is away, and one that is not."""


@pytest.fixture
def name(request):
    """A name that no other test uses."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


def key(name, **limits):
    return replace(hashed(name, "secret"), limits=KeyLimits(**limits))


@contextlib.asynccontextmanager
async def process(redis_url, *, is_open=True, states=None, timeout_s=PATIENT_S, **settings):
    """The limits of one server process."""
    on_state = (lambda _: None) if states is None else states.append
    connection = RedisConnection(redis_url, "limits_store", on_state, timeout_s)
    local = KeysInUse(settings.pop("max_per_key", 0), **settings)
    limits = SharedKeyLimits(connection, local, is_open=is_open)
    limits.start()
    try:
        yield limits
    finally:
        await limits.close()


async def n_admitted(processes, one, kinds):
    """How many of these are let in at once, by one process after the other."""
    async with contextlib.AsyncExitStack() as stack:
        for number, kind in enumerate(kinds):
            try:
                await stack.enter_async_context(processes[number % len(processes)].admitted(one, kind))
            except KeyLimitError:
                return number
        return len(kinds)


async def eventually(is_so, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not await is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("setting", "limits", "kinds", "admitted"),
    [
        (0, {}, KINDS * 9, 18),
        (3, {}, KINDS * 9, 3),
        (3, {"max": 5}, KINDS * 9, 5),
        (3, {"max": 0}, KINDS * 9, 18),
        (0, {"max_live": 2}, KINDS * 9, 5),
        (0, {"max_uploads": 2}, KINDS * 9, 4),
        (0, {"max_uploads": 2, "max": 3}, KINDS * 9, 3),
        (0, {"max_live": 1}, ("uploads",) * 9, 9),
    ],
)
async def test_at_once(redis_url, name, setting, limits, kinds, admitted):
    """Two processes let in as many together as one does, again and again."""
    async with process(redis_url, max_per_key=setting) as one, process(redis_url, max_per_key=setting) as two:
        for _ in range(2):
            assert await n_admitted([one, two], key(name, **limits), kinds) == admitted


async def test_all_at_the_same_moment(redis_url, name):
    """However many ask at the same moment, no more are let in than there may be."""
    let_in = asyncio.Event()
    counts = {"in": 0, "out": 0}

    async def ask(limits):
        try:
            async with limits.admitted(key(name), "uploads"):
                counts["in"] += 1
                await let_in.wait()
        except KeyLimitError:
            counts["out"] += 1

    async with process(redis_url, max_per_key=7) as one, process(redis_url, max_per_key=7) as two:
        tasks = [asyncio.create_task(ask(limits)) for limits in (one, two) * 30]

        async def all_know():
            return sum(counts.values()) == len(tasks)

        await eventually(all_know)
        assert counts == {"in": 7, "out": 53}
        let_in.set()
        await asyncio.gather(*tasks)
        assert await n_admitted([one, two], key(name), ["uploads"] * 9) == 7


async def test_requests_a_minute(redis_url, name):
    """All processes together begin as many; the answer says when there is room again."""
    one_key = key(name, per_minute=6)
    async with process(redis_url) as one, process(redis_url) as two:
        assert await n_admitted([one, two], one_key, ["uploads", "jobs"] * 5) == 6
        with pytest.raises(KeyLimitError, match="6 requests a minute") as caught:
            await n_admitted_or_raise(two, one_key)
        assert 1 <= caught.value.retry_after_s <= 60
        # What was refused holds no place.
        assert await n_admitted([one, two], key(name, max=1), ["uploads"]) == 1


async def n_admitted_or_raise(limits, one_key):
    async with limits.admitted(one_key, "uploads"):
        pass


async def test_audio_a_minute(redis_url, name):
    """Audio that one process has decoded counts in the other within a second; jobs are not held up by it."""
    one_key = key(name, audio_per_minute=60)
    async with process(redis_url) as one, process(redis_url) as two:
        async with one.admitted(one_key, "uploads"):
            one.charge_audio(one_key, 150_000)

        async def is_refused():
            return await n_admitted([two], one_key, ["live sessions"]) == 0

        await eventually(is_refused, 5)
        with pytest.raises(KeyLimitError, match="60 s of audio a minute") as caught:
            await n_admitted_or_raise(two, one_key)
        assert 80 <= caught.value.retry_after_s <= 90
        assert await n_admitted([two], one_key, ["jobs"]) == 1
        assert await n_admitted([two], key(name, audio_per_minute=0), ["uploads"]) == 1


async def test_the_next_request_of_this_process(redis_url, name):
    """Audio that has just been decoded counts for the very next request."""
    one_key = key(name, audio_per_minute=60)
    async with process(redis_url) as one:
        one.charge_audio(one_key, 60_500)
        assert await n_admitted([one], one_key, ["uploads"]) == 0


async def test_a_killed_process(redis_url, name, monkeypatch):
    """Its places are free once its leases have run out, and not before; those of a living one stay."""
    monkeypatch.setattr(shared_key_limits, "LEASE_S", 1)
    monkeypatch.setattr(shared_key_limits, "TICK_S", 0.05)
    monkeypatch.setattr(shared_key_limits, "TICKS_BETWEEN_RENEWALS", 4)
    one_key = key(name, max=2)
    async with (
        process(redis_url) as killed,
        process(redis_url) as living,
        process(redis_url) as third,
        killed.admitted(one_key, "uploads"),
        living.admitted(one_key, "uploads"),
    ):
        killed._task.cancel()  # it renews nothing any more
        assert await n_admitted([third], one_key, ["uploads"]) == 0

        async def has_room():
            return await n_admitted([third], one_key, ["uploads"]) == 1

        await eventually(has_room)
        await asyncio.sleep(1.2)
        assert await n_admitted([third], one_key, ["uploads"] * 2) == 1


async def test_a_request_that_is_given_up(redis_url, name):
    """A client that leaves at any moment leaves no place taken."""
    one_key = key(name, max=1)
    async with process(redis_url) as one:
        for steps in range(12):
            task = asyncio.create_task(n_admitted_or_raise(one, one_key))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

            async def has_room():
                return await n_admitted([one], one_key, ["uploads"]) == 1

            await eventually(has_room, 5)


@pytest.mark.parametrize("way", ["hanging", "away"])
async def test_away_and_open(tmp_path, name, way, monkeypatch, caplog):
    """Each process counts for itself without waiting long, and they count together again once it answers."""
    monkeypatch.setattr(shared_key_limits, "TICK_S", 0.1)
    states = []
    one_key = key(name, max=2)
    with own_redis() as redis:
        async with (
            process(redis.url, states=states, timeout_s=SHORT_S) as one,
            process(redis.url, timeout_s=SHORT_S) as two,
            one.admitted(one_key, "uploads"),
        ):
            with getattr(redis, way)():
                started_s = time.monotonic()
                assert await n_admitted([one], one_key, ["uploads"] * 3) == 1
                assert await n_admitted([two], one_key, ["uploads"] * 3) == 2
                assert time.monotonic() - started_s < 2
                started_s = time.monotonic()
                for _ in range(20):  # while it is known to be away, hardly anybody waits
                    assert await n_admitted([one], one_key, ["uploads"]) == 1
                assert time.monotonic() - started_s < 2
                assert states[-1] is False

            async def count_together():
                return await n_admitted([two], one_key, ["uploads"] * 3) == 1

            await eventually(count_together)
            assert states[-1] is True
    warnings = [record for record in caplog.records if "does not answer" in record.message]
    assert len(warnings) == 2  # one of each process


async def test_away_and_closed(tmp_path, name, monkeypatch):
    """Nothing is let in, with the time to wait, until it answers; what needs no key is."""
    monkeypatch.setattr(shared_key_limits, "TICK_S", 0.1)
    with own_redis() as redis:
        async with process(redis.url, is_open=False, timeout_s=SHORT_S) as one:
            with redis.away():
                for _ in range(3):
                    with pytest.raises(LimitsAwayError) as caught:
                        await n_admitted_or_raise(one, key(name))
                    assert caught.value.retry_after_s == 5
                assert await n_admitted([one], None, ["uploads"]) == 1

            async def is_let_in():
                with contextlib.suppress(LimitsAwayError):
                    return await n_admitted([one], key(name), ["uploads"]) == 1

            await eventually(is_let_in)


@pytest.mark.parametrize(
    ("window", "wait_s"),
    [
        ((0, 0.0, 6, 119.5), 60),  # all of them began just now
        ((0, 0.0, 6, 70.2), 11),
        ((6, 50.0, 1, 110.0), 1),  # 5 of 60 s: one slot frees every 10 s
        ((6, 59.0, 1, 119.0), 9),
        ((6, 5.0, 6, 65.0), 5),
    ],
)
def test_time_to_wait(window, wait_s):
    """The wait ends when enough of the minute before no longer counts, or when this minute is over."""
    assert seconds_until_one(6, *window) == wait_s
