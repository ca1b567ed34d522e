"""Places that a session takes: one with the settings that clients have, more where steps are short or look far."""

from itertools import pairwise

import pytest

from paraserve.options import ChunkSize, StreamConfig
from paraserve.server.live.session_cost import session_cost
from paraserve.server.protocols.requests import LiveSettings


def cost_of(*chunk: int) -> int:
    return session_cost(LiveSettings(StreamConfig(chunk=ChunkSize(*chunk))))


@pytest.mark.parametrize("chunk", [(5, 10, 5), (0, 10, 5), (0, 8, 4), (8, 8, 4), (10, 10, 5), (100, 100, 100)])
def test_documented_chunks_take_one_place(chunk: tuple[int, int, int]) -> None:
    """FunASR's own settings cost no more than the default."""
    assert cost_of(*chunk) == 1


def test_short_steps_and_long_pasts_take_more() -> None:
    """The costs grow with both; the worst of those allowed takes several places, not all."""
    costs = [cost_of(8, current, current) for current in (8, 4, 3, 2)]
    assert all(before <= after for before, after in pairwise(costs))
    assert cost_of(8, 2, 2) > cost_of(0, 2, 0) > 1
    assert cost_of(8, 2, 2) <= 4


def test_a_recording_takes_one_place() -> None:
    """Nothing is stepped, whatever the chunks."""
    assert session_cost(LiveSettings(StreamConfig(chunk=ChunkSize(8, 2, 2)), is_recording=True)) == 1
