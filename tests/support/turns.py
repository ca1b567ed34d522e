"""Turns of tests that run in several processes: one that measures time or memory runs while no other does."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait for a turn, beside others or alone; `folder` is the same for all processes.

    Whoever waits holds the gate, so that nobody overtakes a test that wants to be alone.
    """
    with ExitStack() as room:
        with file_lock(folder / "gate"):
            room.enter_context(file_lock(folder / "room", shared=not alone))
        yield


@contextmanager
def file_lock(path: Path, *, shared: bool = False) -> Iterator[None]:
    """An advisory lock on a file, which is made; it ends with its process at the latest."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
