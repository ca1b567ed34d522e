"""Which work runs next on a device, and together with what.

One queue, a few worker threads (one per core on a CPU, one per GPU). A free worker takes the first entry in lane
order and adds entries of the same job and of much the same length while the padded cost stays within the job's
budget, so batches grow by themselves while the device is busy and an idle server answers a single request at once.
There is no timer and no polling. Bounds are at the door: whoever submits has already been admitted.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from paraserve.errors import ShuttingDownError
from paraserve.runtime.scheduling.batches import (
    BatchCall,
    BatchStats,
    Entry,
    Lane,
    Timed,
    batch_stats,
    deliver_results,
    run_batch,
)

Item = TypeVar("Item")
Result = TypeVar("Result")


FINAL_PATIENCE_S = 0.5
"""A second pass that has waited for so long takes turns with the partials: where there are too many of those,
finished sentences would never come, nor what is held back behind them."""
HANG_S = 10.0
"""A batch that still runs so long after the end hangs."""
MAX_PADDING = 0.25
"""Share of an item's padded cost that may be padding. A smaller one makes smaller batches, a larger one makes them do
more for nothing: files a second decide, of recordings whose segments differ in length, on the device in question. The
metrics `batch_padding_seconds` and `batch_audio_seconds` tell what it comes to."""
SMALL_SHARE = 0.125
"""A batch up to this share of its budget does not fill the device and takes about as long as a single item: padding
costs nothing there. To be read off the time of batches of growing cost, where it begins to grow with the cost."""


class Scheduler:
    """Runs jobs on `workers` threads. Every submitted entry is answered: with a result, an error or cancellation.

    `on_batch` is told of each batch that ran, on the thread that ran it; it must be quick and not raise.
    """

    def __init__(
        self,
        workers: int,
        final_patience_s: float = FINAL_PATIENCE_S,
        on_batch: Callable[[BatchStats], None] = lambda _: None,
    ) -> None:
        self._final_patience_s = final_patience_s
        self._on_batch = on_batch
        self._last_lane = Lane.BULK
        self._lanes: tuple[deque[Entry], ...] = tuple(deque() for _ in Lane)
        self._changed = threading.Condition()
        self._is_closed = False
        self._live_sessions = 0
        self._running_bulk = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"paraserve-worker-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    async def submit(
        self, job: BatchCall[Item, Result], item: Item, *, cost: int = 1, lane: Lane = Lane.BULK
    ) -> Timed[Result]:
        """Queue one item and wait for its result. Cancelling the wait takes a queued item out of the queue.

        Raises:
            OverloadedError: the scheduler is closed.
            Exception: what the job raised for this item when it ran alone.
        """
        entry = Entry(job, item, cost, lane, asyncio.get_running_loop().create_future())
        with self._changed:
            if self._is_closed:
                raise _shutting_down()
            self._lanes[lane].append(entry)
            self._changed.notify()
        return await entry.answer

    @contextmanager
    def live_session(self) -> Iterator[None]:
        """While any of these is open, one worker takes no files (where there is more than one worker)."""
        with self._changed:
            self._live_sessions += 1
        try:
            yield
        finally:
            with self._changed:
                self._live_sessions -= 1
                self._changed.notify_all()

    @property
    def workers(self) -> int:
        """Threads that run jobs."""
        return len(self._threads)

    @property
    def queued(self) -> dict[Lane, int]:
        """Entries that wait in each lane, cancelled ones included."""
        return {lane: len(self._lanes[lane]) for lane in Lane}

    def close(self) -> None:
        """Refuse what is queued, let running batches end, and join the workers.

        Blocks for as long as one batch, but not for one that hangs: its thread is left behind.
        """
        with self._changed:
            self._is_closed = True
            waiting = [entry for lane in self._lanes for entry in lane]
            for lane in self._lanes:
                lane.clear()
            self._changed.notify_all()
        deliver_results([(entry, _shutting_down()) for entry in waiting])
        deadline = time.monotonic() + HANG_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                self._answer(batch)
            finally:
                self._release(batch)

    def _next_batch(self) -> list[Entry]:
        """The next batch to run; waits for one. Empty when the scheduler is closed."""
        with self._changed:
            while not self._is_closed:
                if batch := self._take():
                    self._last_lane = batch[0].lane
                    self._running_bulk += batch[0].lane is Lane.BULK
                    return batch
                self._changed.wait()
        return []

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        for lane in self._open_lanes():
            kept: deque[Entry] = deque()
            while self._lanes[lane]:
                entry = self._lanes[lane].popleft()
                if batch and (entry.job.key != batch[0].job.key or not _is_alike(entry, batch)):
                    kept.append(entry)
                elif not _fits(entry, batch):
                    kept.append(entry)
                    break
                elif not entry.answer.cancelled():
                    batch.append(entry)
                    if entry.job.budget == 0:
                        break
            self._lanes[lane].extendleft(reversed(kept))
            if batch and batch[0].job.budget == 0:
                break
        return batch

    def _open_lanes(self) -> Sequence[Lane]:
        is_reserved = self._live_sessions > 0 and self._running_bulk >= max(1, len(self._threads) - 1)
        live = (Lane.FINAL, Lane.STEP) if self._is_final_overdue() else (Lane.STEP, Lane.FINAL)
        return live if is_reserved else (*live, Lane.BULK)

    def _is_final_overdue(self) -> bool:
        finals = self._lanes[Lane.FINAL]
        if not finals or self._last_lane is Lane.FINAL:
            return False
        return time.monotonic() - finals[0].queued_at > self._final_patience_s

    def _release(self, batch: list[Entry]) -> None:
        if batch[0].lane is Lane.BULK:
            with self._changed:
                self._running_bulk -= 1
                self._changed.notify()

    def _answer(self, batch: list[Entry]) -> None:
        """Run a batch and answer all its entries; if it fails as a whole, each entry alone gets a second chance."""
        started = time.monotonic()
        try:
            results = run_batch(batch)
        except Exception as error:  # noqa: BLE001 - delivered to whoever waits, never swallowed
            self._on_batch(batch_stats(batch, started, is_failed=True))
            if len(batch) == 1:
                deliver_results([(batch[0], error)])
                return
            for entry in batch:
                self._answer([entry])
            return
        ran = batch_stats(batch, started, is_failed=False)
        self._on_batch(ran)
        waits_ms = (queue_s * 1000 for queue_s in ran.queue_s)
        done = [Timed(result, wait_ms, ran.run_s * 1000) for result, wait_ms in zip(results, waits_ms, strict=True)]
        deliver_results(list(zip(batch, done, strict=True)))


def _fits(entry: Entry, batch: list[Entry]) -> bool:
    if not batch:
        return True
    widest = max(entry.cost, *(e.cost for e in batch))
    return widest * (len(batch) + 1) <= entry.job.budget


def _is_alike(entry: Entry, batch: list[Entry]) -> bool:
    """Whether no item of the batch would be padded too much with this one in it."""
    costs = [entry.cost, *(e.cost for e in batch)]
    is_small = max(costs) * len(costs) <= SMALL_SHARE * entry.job.budget
    return is_small or min(costs) >= (1 - MAX_PADDING) * max(costs)


def _shutting_down() -> ShuttingDownError:
    return ShuttingDownError("the server is shutting down")
