"""Equal requests at the same time are one piece of work, and a store that fails fails no request."""

import asyncio
from dataclasses import replace

import pytest

from paraserve.errors import InferenceError
from paraserve.options import RecognitionOptions, Redaction, VadOverrides
from paraserve.quality_types import AudioQuality
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.result_cache import result_cache as result_cache_module
from paraserve.runtime.result_cache import sqlite_store as sqlite_store_module
from paraserve.runtime.result_cache.cached_recording import result_key
from paraserve.runtime.result_cache.memory_store import MemoryStore
from paraserve.runtime.result_cache.result_cache import ResultCache
from paraserve.runtime.result_cache.result_store import CacheAwayError
from paraserve.runtime.result_cache.sqlite_store import SqliteStore
from paraserve.runtime.result_cache.transcript_bytes import transcript_bytes, transcript_from_bytes
from paraserve.types import FieldWarning, Sentence, Token, Transcript

TEXT = Transcript("text", (Sentence("text", 0, 10, (Token("text", 0, 10, 0.123456789, (7,)),)),), 10)


class Maker:
    """Makes `TEXT` while it is allowed to, and counts."""

    def __init__(self):
        self.begun = self.ended = 0
        self.may_end = asyncio.Event()
        self.error = None

    async def __call__(self):
        self.begun += 1
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        self.ended += 1
        return TEXT


@pytest.fixture
def make():
    return Maker()


@pytest.fixture
def outcomes():
    return []


@pytest.fixture
def cache(outcomes):
    return ResultCache(MemoryStore(10**6, 1000), outcomes.append)


async def until(is_so):
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - what it looks at has no event
            await asyncio.sleep(0.005)


async def ask(cache, make, n, key="a", **options):
    """Equal requests at the same time, all of which have begun."""
    tasks = [asyncio.create_task(cache.transcript(key, make, **options)) for _ in range(n)]
    await until(lambda: make.begun)
    await asyncio.sleep(0.02)
    return tasks


async def test_a_stampede(cache, make, outcomes):
    """A hundred equal requests are made once; so is the next one, from the store."""
    tasks = await ask(cache, make, 100)
    make.may_end.set()
    kept = await asyncio.gather(*tasks)
    assert [one.transcript for one in kept] == [TEXT] * 100
    assert (make.begun, sorted(one.is_hit for one in kept)) == (1, [False] + [True] * 99)
    assert (await cache.transcript("a", make)).is_hit
    assert not (await cache.transcript("b", make)).is_hit
    assert (make.begun, outcomes.count("hit"), outcomes.count("miss")) == (2, 100, 2)


async def test_the_first_one_leaves(cache, make):
    """Another one makes it then."""
    tasks = await ask(cache, make, 5)
    tasks[0].cancel()
    await until(lambda: make.begun == 2)
    make.may_end.set()
    kept = await asyncio.gather(*tasks[1:])
    assert (make.ended, [one.transcript for one in kept]) == (1, [TEXT] * 4)
    assert tasks[0].cancelled()


async def test_one_that_waits_leaves(cache, make):
    """The others are not touched."""
    tasks = await ask(cache, make, 3)
    tasks[1].cancel()
    await asyncio.sleep(0.01)
    make.may_end.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert [done[0].transcript, done[2].transcript, make.begun] == [TEXT, TEXT, 1]


async def test_the_first_one_fails(cache, make):
    """Its error is its own: each of the others tries for itself, and nothing is kept."""
    tasks = await ask(cache, make, 4)
    make.error = InferenceError("no")
    make.may_end.set()
    await until(tasks[0].done)
    make.error = None
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[0], InferenceError)
    others = [one for one in done[1:] if isinstance(one, InferenceError) or one.transcript == TEXT]
    assert (len(others), make.begun) == (3, 4)
    assert not (await cache.transcript("a", make)).is_hit


async def test_groups(cache, make):
    """Requests of different groups do not wait for each other."""
    (first,) = await ask(cache, make, 1, group="jobs")
    second = asyncio.create_task(cache.transcript("a", make, group="uploads"))
    await until(lambda: make.begun == 2)
    make.may_end.set()
    assert [one.is_hit for one in await asyncio.gather(first, second)] == [False, False]


async def test_what_may_not_be_kept(cache, make):
    """It is given to whoever waits for it, and to nobody after."""
    make.may_end.set()
    await cache.transcript("a", make, may_keep=lambda: False)
    await cache.transcript("a", make)
    assert make.begun == 2


async def test_two_processes(tmp_path, make):
    """The second one waits for the first, and takes its result; once that is gone, it makes its own."""
    one, two = (ResultCache(SqliteStore(tmp_path / "results", 10**6, 1000)) for _ in range(2))
    (first,) = await ask(one, make, 1)
    second = asyncio.create_task(two.transcript("a", make))
    await asyncio.sleep(0.3)
    assert make.begun == 1
    make.may_end.set()
    assert [(await first).is_hit, (await second).is_hit, make.begun] == [False, True, 1]
    await one.close()
    await two.close()


async def test_a_process_is_killed(tmp_path, make, monkeypatch):
    """Its turn runs out, and another one makes the result; the turn of a living one does not."""
    for module in (sqlite_store_module, result_cache_module):
        monkeypatch.setattr(module, "TURN_S", 0.4)
    one, two = (ResultCache(SqliteStore(tmp_path / "results", 10**6, 1000)) for _ in range(2))
    (first,) = await ask(one, make, 1)
    second = asyncio.create_task(two.transcript("a", make))
    await asyncio.sleep(0.8)
    assert make.begun == 1
    await one._store.close()  # nothing of the first is heard any more
    await until(lambda: make.begun == 2)
    make.may_end.set()
    assert not (await second).is_hit
    first.cancel()
    await asyncio.wait([first])
    await two.close()


class BrokenStore(MemoryStore):
    """Fails in every way."""

    async def get(self, key):
        raise CacheAwayError("away")

    async def put(self, key, value):
        raise CacheAwayError("away")

    async def take_turn(self, key, owner):
        raise CacheAwayError("away")

    end_turn = take_turn


async def test_a_broken_store(make, outcomes, caplog):
    """Every request is answered, equal ones are still one piece of work, and it is said once a minute."""
    cache = ResultCache(BrokenStore(10**6, 1000), outcomes.append)
    tasks = await ask(cache, make, 5)
    make.may_end.set()
    assert [one.transcript for one in await asyncio.gather(*tasks)] == [TEXT] * 5
    await cache.transcript("a", make)
    assert make.begun == 2
    assert outcomes.count("error") >= 2
    assert len([record for record in caplog.records if "cannot be used" in record.message]) == 1


@pytest.mark.parametrize("data", [b"", b"nonsense", transcript_bytes(TEXT)[:-3]])
async def test_a_result_that_cannot_be_read(cache, make, outcomes, data):
    """It is made again, and replaced."""
    make.may_end.set()
    await cache._store.put("a", data)
    assert [(await cache.transcript("a", make)).is_hit for _ in range(2)] == [False, True]
    assert outcomes == ["error", "miss", "hit"]


async def test_sealed(make):
    """With a key the store holds no text, and with another key nothing is read."""
    store = MemoryStore(10**6, 1000)
    make.may_end.set()
    for key, n_made in ((b"k" * 32, 1), (b"k" * 32, 1), (b"l" * 32, 2)):
        assert (await ResultCache(store, seal=Cipher(key)).transcript("a", make)).transcript == TEXT
        assert make.begun == n_made
    plain = ResultCache(store)
    with pytest.raises(CacheAwayError):
        plain._read(await store.get("a"))


def test_every_field():
    """A transcript is read as it was written, to the last field."""
    whole = replace(
        TEXT,
        warnings=(FieldWarning("code", None, "message"),),
        quality=AudioQuality(-20.25, None, 0.1, 4000, ("noisy",)),
        channels=(TEXT, TEXT),
        is_cached=True,
    )
    again = transcript_from_bytes(transcript_bytes(whole))
    assert again == whole
    assert again.sentences[0].tokens[0].unit_ids == (7,)


def test_keys():
    """Whatever may change the text changes the key, and equal choices have equal keys."""
    options = RecognitionOptions(redaction=Redaction(masks=frozenset(("phone", "card", "email"))))
    same = RecognitionOptions(redaction=Redaction(masks=frozenset(("email", "card", "phone"))))
    facts = ("recording", "model", "owner", None)
    assert result_key(options, *facts) == result_key(same, *facts)
    others = [
        replace(options, itn=False),
        replace(options, redaction=Redaction(profanity=("damn",))),
        replace(options, vad=VadOverrides(max_end_silence_ms=300)),
        replace(options, auto_gain=True),
        replace(options, merge_vad=True),
        replace(options, word_times=False),
    ]
    keys = {result_key(one, *facts) for one in (options, *others)}
    keys |= {result_key(options, *facts[:n], "other", *facts[n + 1 :]) for n in range(4)}
    assert len(keys) == len(others) + 5
