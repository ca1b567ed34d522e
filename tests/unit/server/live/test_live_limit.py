"""How many live connections a server lets in."""

import pytest

from paraserve.errors import InferenceError
from paraserve.server.live.live_limit import live_limit, live_rating, talker_count
from paraserve.settings import Settings
from paraserve.wiring import cpu_share
from support.fakes import FakeEngine


@pytest.mark.parametrize(
    ("settings", "rating", "limit"),
    [
        ({"max_live": 7}, 0, 7),
        ({"max_live": 7, "live_rating": 3}, 3, 7),
        ({"max_live": "auto", "live_rating": 3}, 3, 8),
    ],
)
async def test_as_the_operator_says(settings, rating, limit):
    """Numbers are taken as they are, without any work for the models. `auto` lets in 2.5 times the rating."""
    engine, chosen = FakeEngine(), Settings(**settings)
    assert await live_rating(chosen, engine) == rating
    assert live_limit(chosen, rating) == limit
    assert engine.started == 0


def test_by_default():
    """8 for each CPU that this process has."""
    assert live_limit(Settings(), rating=0) == 8 * cpu_share(Settings())


@pytest.mark.parametrize("settings", [{"max_live": "auto"}, {"live_rating": "auto"}])
async def test_models_that_fail(settings):
    """A server whose models fail while its rating is measured does not start."""
    with pytest.raises(InferenceError, match="broken"):
        await live_rating(Settings(**settings), FakeEngine(error=InferenceError("broken")))


@pytest.mark.parametrize(
    ("settings", "n"),
    [
        ({"inference_threads": 3}, 12),
        ({"device": "cuda:0"}, 64),
        ({"device": "cuda:0,cuda:1"}, 128),
    ],
)
def test_talker_count(settings, n):
    """A measurement has enough talkers to fill the batches of every thread, and of every GPU."""
    assert talker_count(Settings(**settings)) == n
