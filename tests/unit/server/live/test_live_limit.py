"""How many live connections a server lets in."""

import pytest

from paraserve.errors import InferenceError
from paraserve.server.live.live_limit import live_limit, talker_count
from paraserve.settings import Settings
from paraserve.wiring import cpu_share
from support.fakes import FakeEngine


async def test_as_the_operator_says():
    """A number is taken as it is, without any work for the models."""
    engine = FakeEngine()
    assert await live_limit(Settings(max_live=7), engine) == 7
    assert engine.started == 0


async def test_by_default():
    """8 for each CPU that this process has."""
    assert await live_limit(Settings(), FakeEngine()) == 8 * cpu_share(Settings())


async def test_models_that_fail():
    """A server whose models fail while its capacity is measured does not start."""
    with pytest.raises(InferenceError, match="broken"):
        await live_limit(Settings(max_live="auto"), FakeEngine(error=InferenceError("broken")))


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
