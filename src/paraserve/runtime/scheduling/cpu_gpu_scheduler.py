"""Two schedulers that look like one: a GPU's, and the CPU's beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from paraserve.errors import ParaserveError
from paraserve.runtime.scheduling.batches import BatchBounds, BatchCall, Lane, Timed
from paraserve.runtime.scheduling.scheduler import Scheduler

Item = TypeVar("Item")
Result = TypeVar("Result")

CPU_STAGES = frozenset(("vad", "punctuate", "punctuate online"))
"""Stages whose models run on the CPU whatever the device; on the GPU's threads they would keep the GPU waiting."""


class SplitScheduler:
    """Sends calls of `CPU_STAGES` to the CPU's scheduler, others to the GPU's; has `Scheduler`'s interface."""

    def __init__(self, gpu: Scheduler, cpu: Scheduler) -> None:
        self._gpu = gpu
        self._cpu = cpu

    async def submit(
        self, call: BatchCall[Item, Result], item: Item, *, cost: int = 1, lane: Lane = Lane.BULK
    ) -> Timed[Result]:
        """Queue one item and wait for its result. Raises what `Scheduler.submit` raises."""
        scheduler = self._cpu if call.stage in CPU_STAGES else self._gpu
        return await scheduler.submit(call, item, cost=cost, lane=lane)

    @contextmanager
    def live_session(self) -> Iterator[None]:
        """Keep one worker of each scheduler for live lanes while the context is open."""
        with self._gpu.live_session(), self._cpu.live_session():
            yield

    @property
    def bounds(self) -> BatchBounds:
        """The operator's bounds of batches."""
        return self._gpu.bounds

    @property
    def workers(self) -> int:
        """Number of threads that run recognizers."""
        return self._gpu.workers

    @property
    def queued(self) -> dict[Lane, int]:
        """Number of entries that wait in each lane."""
        gpu, cpu = self._gpu.queued, self._cpu.queued
        return {lane: gpu[lane] + cpu[lane] for lane in Lane}

    @property
    def waited_s(self) -> dict[Lane, float]:
        """Seconds for which the first entry of each lane has waited, 0 in an empty one."""
        gpu, cpu = self._gpu.waited_s, self._cpu.waited_s
        return {lane: max(gpu[lane], cpu[lane]) for lane in Lane}

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of batches that run longer than this; return how many such batches run."""
        return self._gpu.end_overdue(timeout_s) + self._cpu.end_overdue(timeout_s)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer everything that waits or runs with this error. Later calls are taken as ever."""
        self._gpu.abandon(error, message)
        self._cpu.abandon(error, message)

    def close(self) -> None:
        """Close both schedulers as `Scheduler.close` does."""
        try:
            self._gpu.close()
        finally:
            self._cpu.close()


AnyScheduler = Scheduler | SplitScheduler
