"""Use, loading, unloading and replacement of several models."""

import asyncio
import time
from dataclasses import replace

import pytest

from paraserve.errors import ModelLoadError, ModelNotFoundError, ModelUnavailableError
from paraserve.runtime.routing.loaded_model import Model, ModelSpec
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.names import ModelNames
from support.fakes import FakeEngine


class Opener:
    """Opens fake engines, or fails for the names in `broken`; keeps all that it has opened."""

    def __init__(self):
        self.opened = []
        self.broken = set()

    def __call__(self, spec):
        time.sleep(0.01)
        if spec.name in self.broken:
            raise ModelLoadError(f"{spec.name} is broken")
        engine = FakeEngine()
        self.opened.append((spec.name, engine))
        return engine

    @property
    def names(self):
        return [name for name, _ in self.opened]

    def closed(self):
        return [name for name, engine in self.opened if engine.is_closed]


@pytest.fixture
def opener():
    return Opener()


def spec(name, **fields):
    return ModelSpec(ModelNames(name), name, **{"stamp": 1, "file_bytes": 10, **fields})


def on_demand(name, **fields):
    return spec(name, is_on_demand=True, **fields)


def model_set(opener, *specs, memory_bytes=0):
    models = [Model(one) for one in specs]
    for model in models:
        if not model.spec.is_on_demand:
            try:
                model.loaded_as(opener(model.spec))
            except ModelLoadError as problem:
                model.failed(problem)
    return ModelSet(models, opener, memory_bytes)


def states(models):
    return {status.name: status.state for status in models.statuses}


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def answered_by(models, name):
    async with models.use(name) as (answering, _):
        return answering


async def test_loaded_once_for_all_who_wait(opener):
    """Requests that come while a model is loaded share the one load, and one that gives up does not stop it."""
    models = model_set(opener, spec("a"), on_demand("b"))
    assert states(models) == {"a": "loaded", "b": "unloaded"}
    leaving = asyncio.create_task(answered_by(models, "b"))
    waiting = [asyncio.create_task(answered_by(models, "b")) for _ in range(5)]
    await asyncio.sleep(0)
    leaving.cancel()
    assert await asyncio.gather(*waiting) == ["b"] * 5
    assert opener.names == ["a", "b"]
    await models.close()
    assert opener.closed() == ["a", "b"]


async def test_unloaded_when_idle(opener):
    """A model that was loaded on demand goes after its idle time without users, and comes back when it is named."""
    models = model_set(opener, spec("a", idle_unload_s=0.05), on_demand("b", idle_unload_s=0.05))
    async with models.use("b"):
        await asyncio.sleep(0.15)
        assert states(models)["b"] == "loaded"
        assert [status.users for status in models.statuses] == [0, 1]
    async with asyncio.timeout(5):
        while opener.closed() != ["b"]:  # noqa: ASYNC110 - closing is no event
            await asyncio.sleep(0.01)
    assert states(models) == {"a": "loaded", "b": "unloaded"}
    assert await answered_by(models, "b") == "b"
    await models.close()


async def test_memory_bound(opener):
    """Whatever nobody uses goes, the longest unused first. What is used stays, and then there is no room."""
    models = model_set(opener, spec("a"), *map(on_demand, "bcd"), memory_bytes=30)
    await answered_by(models, "b")
    await answered_by(models, "c")
    await answered_by(models, "b")
    async with models.use("d"):
        assert states(models) == {"a": "loaded", "b": "loaded", "c": "unloaded", "d": "loaded"}
        async with models.use("b"):
            with pytest.raises(ModelUnavailableError, match="no memory"):
                await answered_by(models, "c")
    assert await answered_by(models, "c") == "c"
    assert sum(status.memory_bytes for status in models.statuses) == 30
    await models.close()


async def test_fallback(opener):
    """What cannot be loaded is answered by its fallback, with a warning, or by an error that says why."""
    opener.broken = {"b", "c", "d"}
    models = model_set(
        opener,
        spec("a"),
        spec("b", fallback="a"),
        on_demand("c", fallback="b"),
        on_demand("d"),
        spec("e", fallback="e"),
    )
    assert [await answered_by(models, name) for name in "abc"] == ["a", "a", "a"]
    (warning,) = models.choice("b").warnings
    assert (warning.code, warning.param) == ("model_fallback", "model")
    assert models.choice("a").warnings == ()
    with pytest.raises(ModelUnavailableError, match="d is broken"):
        await answered_by(models, "d")
    assert states(models) == {"a": "loaded", "b": "failed", "c": "failed", "d": "failed", "e": "loaded"}
    await models.close()


async def test_fallbacks_in_a_circle(opener):
    """Models that stand in for each other and cannot be loaded are an error, not an endless search."""
    opener.broken = {"b", "c"}
    models = model_set(opener, spec("a"), spec("b", fallback="c"), spec("c", fallback="b"))
    with pytest.raises(ModelUnavailableError):
        await answered_by(models, "b")
    await models.close()


async def test_reload_ends_no_user(opener):
    """Users of a replaced model keep it to their end, others get the new one, and the old one goes with the last."""
    models = model_set(opener, spec("a"))
    old = opener.opened[0][1]
    async with models.use("a") as (_, kept):
        await models.reload([spec("a", stamp=2)], opener, 0)
        await settled()
        assert kept is old
        assert not old.is_closed
        async with models.use("a") as (_, new):
            assert new is opener.opened[1][1]
    await settled()
    assert opener.closed() == ["a"]
    await models.close()


async def test_reload_of_what_has_not_changed(opener):
    """A model with the same files is not loaded again, and others come and go."""
    models = model_set(opener, spec("a"), spec("b"))
    async with models.use("b"):
        await models.reload([spec("c"), replace(spec("a"), fallback="c")], opener, 0)
        assert models.names == ("c", "a")
        assert opener.names == ["a", "b", "c"]
        with pytest.raises(ModelNotFoundError):
            await answered_by(models, "b")
        assert opener.closed() == []
    await settled()
    assert opener.closed() == ["b"]
    await models.close()


async def test_reload_that_fails(opener):
    """If one model cannot be loaded, all stay as they were, and what was loaded for nothing goes."""
    models = model_set(opener, spec("a"), spec("b"))
    opener.broken = {"b"}
    with pytest.raises(ModelLoadError, match="b is broken"):
        await models.reload([spec("a", stamp=2), spec("b", stamp=2)], opener, 0)
    await settled()
    assert [name for name, engine in opener.opened if not engine.is_closed] == ["a", "b"]
    assert states(models) == {"a": "loaded", "b": "loaded"}
    opener.broken = {"a"}
    with pytest.raises(ModelLoadError):
        await models.reload([spec("a", stamp=3)], opener, 0)
    await models.close()


async def test_reload_mends_a_model_that_had_failed(opener):
    """A model that could not be loaded at the start may fail again without harm, and is loaded once it can be."""
    opener.broken = {"b"}
    models = model_set(opener, spec("a"), spec("b"))
    await models.reload([spec("a", stamp=2), spec("b")], opener, 0)
    assert states(models) == {"a": "loaded", "b": "failed"}
    opener.broken = set()
    await models.reload([spec("a", stamp=2), spec("b")], opener, 0)
    assert states(models) == {"a": "loaded", "b": "loaded"}
    await models.close()


async def test_what_a_model_is_made_of(opener):
    """It changes with a reload, with the model that stands in, and when one of several is loaded."""
    models = model_set(opener, spec("a", digest="1"), on_demand("b", digest="2", fallback="a"))
    only_a, only_b, any_model = (models.made_of(name) for name in ("a", "b", None))
    assert len({only_a, only_b, any_model}) == 3
    async with models.use("b"):
        assert models.made_of("a") == only_a
        assert models.made_of("b") != only_b
        assert models.made_of(None) != any_model
    await models.reload([spec("a", digest="3", stamp=2), on_demand("b", digest="2", fallback="a")], opener, 0)
    assert models.made_of("a") != only_a
    await models.close()


async def test_what_a_fallback_is_made_of(opener):
    """Of the model that answers, not of the one that was asked for."""
    opener.broken.add("b")
    models = model_set(opener, spec("a", digest="1"), spec("b", digest="2", fallback="a"))
    assert models.made_of("b") == models.made_of("a")
    await models.close()
