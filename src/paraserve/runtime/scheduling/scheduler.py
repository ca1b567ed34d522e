"""The batching scheduler of a device: it decides which entry runs next, and with which others in one batch.

There is one queue for a few worker threads (one per core of a CPU, two per GPU). A free worker takes the first entry
in lane order and adds entries of an equal key and of similar length while the padded cost stays within the call's
budget. Batches therefore grow while the device is busy, and an idle server answers a single request at once. There is
no timer and no polling. The queue has no bound of its own: the server admits requests before they submit work.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from paraserve.errors import InferenceTimeoutError, ParaserveError, ShuttingDownError
from paraserve.runtime.scheduling.batches import (
    BatchBounds,
    BatchCall,
    BatchStats,
    Entry,
    Lane,
    Timed,
    batch_stats,
    deliver_results,
    run_batch,
)
from paraserve.runtime.timeline import TIMELINE

Item = TypeVar("Item")
Result = TypeVar("Result")


NO_BOUNDS = BatchBounds()
FINAL_PATIENCE_S, STEP_PATIENCE_S, FINAL_LATE_S = 0.25, 0.6, 0.8
"""A second pass that has waited for the first of these goes before partial texts, unless one of them has waited for
the second. From the third on it goes first in any case. Under any load final texts keep their time, and partial texts
get what is left."""
CLOSE_TIMEOUT_S = 2.0
"""`close` waits this long for running batches, whose results nobody wants any more."""
MAX_PADDING = 0.25
"""Largest share of an item's padded cost that may be padding. A smaller value makes smaller batches, a larger one
more padding. Tune it on the device by files per second, with recordings whose segments differ in length; the metrics
`batch_padding_seconds` and `batch_audio_seconds` show the effect."""
SMALL_SHARE = 0.125
"""Share of the budget up to which a batch does not fill the device and takes about as long as a single item, so
padding costs nothing. To tune it, measure batches of growing cost: it ends where time begins to grow with cost."""


class Scheduler:
    """Runs batches on worker threads. Every entry gets a result or an error, unless its waiter was cancelled.

    Args:
        workers: number of threads.
        final_patience_s: see `FINAL_PATIENCE_S`.
        on_batch: called after each batch on the thread that ran it; must be quick and not raise.
        bounds: the operator's, of every batch. Whoever submits calls that take audio gets their budgets from it.
    """

    def __init__(
        self,
        workers: int,
        final_patience_s: float = FINAL_PATIENCE_S,
        on_batch: Callable[[BatchStats], None] = lambda _: None,
        bounds: BatchBounds = NO_BOUNDS,
    ) -> None:
        self.bounds = bounds
        self._final_patience_s = final_patience_s
        self._on_batch = on_batch
        self._lanes: tuple[deque[Entry], ...] = tuple(deque() for _ in Lane)
        self._changed = threading.Condition()
        self._is_closed = False
        self._live_sessions = 0
        self._running_bulk = 0
        self._runs: dict[int, _Run] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"paraserve-worker-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    async def submit(
        self, call: BatchCall[Item, Result], item: Item, *, cost: int = 1, lane: Lane = Lane.BULK
    ) -> Timed[Result]:
        """Queue one item and wait for its result. Cancelling the wait takes a queued item out of the queue.

        Args:
            call: what to run, alone or with items of other callers.
            item: this caller's item.
            cost: of the item, in the unit of `call.budget`.
            lane: order of service.

        Raises:
            OverloadedError: the scheduler is closed.
            Exception: what the call raised for this item when it ran alone.
        """
        entry = Entry(call, item, cost, lane, asyncio.get_running_loop().create_future())
        with self._changed:
            if self._is_closed:
                raise _shutting_down()
            self._lanes[lane].append(entry)
            self._changed.notify()
        timed = await entry.answer
        if (timeline := TIMELINE.get()) is not None:
            timeline.ran(call.stage, entry.queued_at, timed.queue_ms, timed.run_ms, timed.items)
        return timed

    @contextmanager
    def live_session(self) -> Iterator[None]:
        """Keep one worker for live lanes while the context is open, if there is more than one worker."""
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
        """Number of threads."""
        return len(self._threads)

    @property
    def queued(self) -> dict[Lane, int]:
        """Number of entries that wait in each lane, cancelled ones included."""
        return {lane: len(self._lanes[lane]) for lane in Lane}

    @property
    def waited_s(self) -> dict[Lane, float]:
        """Seconds for which the first entry of each lane has waited, 0 in an empty one."""
        with self._changed:
            return {lane: self._waited_s(lane) for lane in Lane}

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of batches that run longer than this; return how many such batches run.

        A run cannot be ended: its thread stays busy, and its results are dropped. The callers get an
        `InferenceTimeoutError`.
        """
        begun_before_s = time.monotonic() - timeout_s
        overdue = [run for run in self._runs.copy().values() if run.started_s < begun_before_s]
        deliver_results(
            [
                (entry, InferenceTimeoutError(f"a model run took longer than {timeout_s:g} s"))
                for run in overdue
                for entry in run.entries
            ]
        )
        return len(overdue)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer everything that waits or runs with this error. Later calls are taken as ever."""
        with self._changed:
            entries = [entry for lane in self._lanes for entry in lane]
            for lane in self._lanes:
                lane.clear()
            entries += [entry for run in self._runs.copy().values() for entry in run.entries]
        deliver_results([(entry, error(message)) for entry in entries])

    def close(self) -> None:
        """Refuse queued entries, let running batches end, and join the threads.

        Blocks for at most `CLOSE_TIMEOUT_S`; the thread of a batch that hangs is left behind.
        """
        with self._changed:
            self._is_closed = True
            waiting = [entry for lane in self._lanes for entry in lane]
            for lane in self._lanes:
                lane.clear()
            self._changed.notify_all()
        deliver_results([(entry, _shutting_down()) for entry in waiting])
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                self._answer(batch)
            finally:
                self._release(batch)

    def _next_batch(self) -> list[Entry]:
        """Wait for a batch to run and return it; empty when the scheduler is closed."""
        with self._changed:
            while not self._is_closed:
                if batch := self._take():
                    self._running_bulk += not batch[0].lane.is_live
                    return batch
                self._changed.wait()
        return []

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        for lane in self._open_lanes():
            kept: deque[Entry] = deque()
            while self._lanes[lane]:
                entry = self._lanes[lane].popleft()
                if batch and (entry.call.key != batch[0].call.key or not _is_alike(entry, batch)):
                    kept.append(entry)
                elif not _fits(entry, batch, self.bounds.items):
                    kept.append(entry)
                    break
                elif not entry.answer.done():
                    batch.append(entry)
                    if entry.call.budget == 0:
                        break
            self._lanes[lane].extendleft(reversed(kept))
            if batch and batch[0].call.budget == 0:
                break
        return batch

    def _open_lanes(self) -> Sequence[Lane]:
        is_reserved = self._live_sessions > 0 and self._running_bulk >= max(1, len(self._threads) - 1)
        passes = (Lane.FINAL, Lane.STEP) if self._is_final_overdue() else (Lane.STEP, Lane.FINAL)
        live = (Lane.SHORT, *passes)
        return live if is_reserved else (*live, Lane.AHEAD, Lane.BULK, Lane.JOBS)

    def _is_final_overdue(self) -> bool:
        final_s, step_s = self._waited_s(Lane.FINAL), self._waited_s(Lane.STEP)
        return final_s > (self._final_patience_s if step_s < STEP_PATIENCE_S else FINAL_LATE_S)

    def _waited_s(self, lane: Lane) -> float:
        entries = self._lanes[lane]
        return time.monotonic() - entries[0].queued_at if entries else 0.0

    def _release(self, batch: list[Entry]) -> None:
        if not batch[0].lane.is_live:
            with self._changed:
                self._running_bulk -= 1
                self._changed.notify()

    def _answer(self, batch: list[Entry], rest: Sequence[Entry] = ()) -> None:
        """Run a batch and deliver to all its entries; if it fails, run each entry once more alone.

        `rest` is what this thread runs next of a batch that failed: it waits for this run and ends with it.
        """
        started = time.monotonic()
        try:
            with self._running(_Run(started, [*batch, *rest])):
                results = run_batch(batch)
        except Exception as error:  # noqa: BLE001 - delivered to the waiting task
            self._on_batch(batch_stats(batch, started, is_failed=True))
            if len(batch) == 1:
                deliver_results([(batch[0], error)])
                return
            for n, entry in enumerate(batch):
                if not entry.answer.done():
                    self._answer([entry], batch[n + 1 :])
            return
        stats = batch_stats(batch, started, is_failed=False)
        self._on_batch(stats)
        queues_ms = (queue_s * 1000 for queue_s in stats.queue_s)
        timed = [
            Timed(result, queue_ms, stats.run_s * 1000, len(batch))
            for result, queue_ms in zip(results, queues_ms, strict=True)
        ]
        deliver_results(list(zip(batch, timed, strict=True)))

    @contextmanager
    def _running(self, run: "_Run") -> Iterator[None]:
        """Keep the run of this thread known until it ends, which is before its results are delivered."""
        self._runs[threading.get_ident()] = run
        try:
            yield
        finally:
            del self._runs[threading.get_ident()]


@dataclass(frozen=True, slots=True)
class _Run:
    """What a thread runs, and what waits for just this run; `started_s` is `time.monotonic()`."""

    started_s: float
    entries: list[Entry]


def _fits(entry: Entry, batch: list[Entry], most_items: int) -> bool:
    if not batch:
        return True
    if most_items and len(batch) >= most_items:
        return False
    widest = max(entry.cost, *(e.cost for e in batch))
    return widest * (len(batch) + 1) <= entry.call.budget


def _is_alike(entry: Entry, batch: list[Entry]) -> bool:
    """Tell whether the batch stays within the allowed padding with this entry in it."""
    costs = [entry.cost, *(e.cost for e in batch)]
    is_small = max(costs) * len(costs) <= SMALL_SHARE * entry.call.budget
    return is_small or min(costs) >= (1 - MAX_PADDING) * max(costs)


def _shutting_down() -> ShuttingDownError:
    return ShuttingDownError("the server is shutting down")
