"""Children that send nothing: those that compute without end, and those that only wait."""

import asyncio
import itertools
import time

import pytest

from paraserve.errors import DecoderError, DecoderUnavailableError
from paraserve.runtime.decoding.decoded_recording import DecodedRecording

STALL_TIMEOUT_S = 0.3


class SilentChild:
    """Sends no frame. `share` of the time it computes."""

    is_stopped = False

    def __init__(self, share: float) -> None:
        self._share = share

    @property
    def cpu_s(self) -> float:
        return time.monotonic() * self._share

    async def receive(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("share", "error_type", "code", "n_children"),
    [(1.0, DecoderError, "decoder_timeout", 1), (0.0, DecoderUnavailableError, "decoder_unavailable", 2)],
)
async def test_a_child_that_sends_nothing(share, error_type, code, n_children):
    """A recording that keeps a child busy for nothing is at fault. A child that only waits is replaced once."""
    children = itertools.count()

    async def hire():
        next(children)
        return SilentChild(share)

    dismissed = []
    recording = DecodedRecording(hire, dismissed.append, STALL_TIMEOUT_S)
    with pytest.raises(error_type) as caught:
        await asyncio.wait_for(recording.begin(), 10)
    assert caught.value.code == code
    assert next(children) == n_children
    assert len(dismissed) == n_children - 1
