"""A GPU's work and the CPU's beside it: two schedulers that look like one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.scheduler import Scheduler

Item = TypeVar("Item")
Result = TypeVar("Result")

CPU_STAGES = frozenset(("vad", "punctuate", "punctuate online"))
"""Jobs whose models run on the CPU whatever the device: each of them would keep the GPU waiting."""


class SplitScheduler:
    """Sends jobs of `CPU_STAGES` to one scheduler, the recognisers' to the other; has what `Scheduler` has."""

    def __init__(self, gpu: Scheduler, cpu: Scheduler) -> None:
        self._gpu = gpu
        self._cpu = cpu

    async def submit(
        self, job: BatchCall[Item, Result], item: Item, *, cost: int = 1, lane: Lane = Lane.BULK
    ) -> Timed[Result]:
        """Queue one item and wait for its result; errors as of `Scheduler.submit`."""
        scheduler = self._cpu if job.stage in CPU_STAGES else self._gpu
        return await scheduler.submit(job, item, cost=cost, lane=lane)

    @contextmanager
    def live_session(self) -> Iterator[None]:
        """While any of these is open, one worker of each takes no files."""
        with self._gpu.live_session(), self._cpu.live_session():
            yield

    @property
    def workers(self) -> int:
        """Threads that run recognisers."""
        return self._gpu.workers

    @property
    def queued(self) -> dict[Lane, int]:
        """Entries that wait in each lane."""
        gpu, cpu = self._gpu.queued, self._cpu.queued
        return {lane: gpu[lane] + cpu[lane] for lane in Lane}

    def close(self) -> None:
        """Close both, see `Scheduler.close`."""
        try:
            self._gpu.close()
        finally:
            self._cpu.close()


AnyScheduler = Scheduler | SplitScheduler
