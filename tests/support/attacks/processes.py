"""Roles in processes of their own: each runs until it is stopped, and comes back with what it saw."""

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Generic, Protocol, TypeVar

POLL_S = 0.05
STOP_TIMEOUT_S = 60


class Role(Protocol):
    """A picklable object that does something without end, and keeps what it sees in itself."""

    async def run(self) -> None:
        """Go on until cancelled."""


R = TypeVar("R", bound=Role)


class Running(Generic[R]):
    """A role in its process."""

    def __init__(self, role: R, niceness: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop: Event = context.Event()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(role, niceness, self._stop, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def stop(self) -> R:
        """Stop it; returns the role with what it saw."""
        self._stop.set()
        try:
            if not self._pipe.poll(STOP_TIMEOUT_S):
                raise TimeoutError("a role did not stop")
            return self._pipe.recv()
        finally:
            self._end()

    def _end(self) -> None:
        self._process.join(10)
        self._process.kill()
        self._pipe.close()


@contextlib.contextmanager
def running(role: R, niceness: int = 0) -> Iterator[Running[R]]:
    """Begin with a role; at the end of the block its process is gone."""
    begun = Running(role, niceness)
    try:
        yield begun
    finally:
        begun._stop.set()
        begun._end()


def _run(role: Role, niceness: int, stop: Event, pipe: Connection) -> None:
    os.nice(niceness)
    pipe.send("ready")
    asyncio.run(_until(stop, role))
    pipe.send(role)


async def _until(stop: Event, role: Role) -> None:
    working = asyncio.create_task(role.run())
    # An event of other processes cannot be awaited.
    while not stop.is_set() and not working.done():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
