"""The memory guard: on without being asked for, and decode children count."""

import pytest

from paraserve.errors import OverloadedError
from paraserve.memory_limit import guarded_bytes
from paraserve.server.access.memory_guard import MemoryGuard
from paraserve.server.telemetry.process_memory import memory_bytes
from paraserve.settings import Settings


def test_decode_children_count():
    """What this process may hold alone is too much together with its children."""
    limit = memory_bytes() + 100_000_000
    MemoryGuard(limit, lambda: 0).check()
    with pytest.raises(OverloadedError, match="short of memory"):
        MemoryGuard(limit, lambda: 100_000_001).check()


def test_it_is_on_by_itself():
    """Without a setting the limit comes from the machine or the container, divided among the processes."""
    assert MemoryGuard.of(Settings(), lambda: 0).limit_bytes == guarded_bytes(1)
    assert MemoryGuard.of(Settings(workers=3), lambda: 0).limit_bytes == guarded_bytes(3)


@pytest.mark.parametrize("chosen", [0, 10**12])
def test_a_limit_of_the_operators(chosen):
    """A number counts as it is for each process, and 0 switches the guard off."""
    guard = MemoryGuard.of(Settings(max_memory_bytes=chosen, workers=2), lambda: 10**11)
    assert guard.limit_bytes == chosen
    guard.check()
