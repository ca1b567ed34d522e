"""The schedulers of all devices, which all models of a server share."""

import asyncio
from collections.abc import Sequence

from paraserve.errors import ParaserveError
from paraserve.runtime.scheduling.batches import Lane
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler


class DeviceSchedulers:
    """One scheduler for each device; whoever made them for several models closes them here, once."""

    def __init__(self, schedulers: Sequence[AnyScheduler]) -> None:
        self._schedulers = schedulers

    @property
    def queued(self) -> dict[Lane, int]:
        """Number of calls that wait in each lane of all devices together."""
        queues = [scheduler.queued for scheduler in self._schedulers]
        return {lane: sum(queue[lane] for queue in queues) for lane in Lane}

    @property
    def waited_s(self) -> dict[Lane, float]:
        """Seconds for which the first call in each lane of all devices has waited, 0 in an empty one."""
        waits = [scheduler.waited_s for scheduler in self._schedulers]
        return {lane: max(wait[lane] for wait in waits) for lane in Lane}

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of batches that run longer than this; return how many such batches run."""
        return sum(scheduler.end_overdue(timeout_s) for scheduler in self._schedulers)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer everything that waits or runs with this error. Later calls are taken as ever."""
        for scheduler in self._schedulers:
            scheduler.abandon(error, message)

    async def close(self) -> None:
        """Answer waiting calls with an error and stop the workers of all devices."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Do so, and block until it is done."""
        for scheduler in self._schedulers:
            scheduler.close()
