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
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeAlias, TypeVar

from paraserve.errors import InferenceError, OverloadedError

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


class Lane(IntEnum):
    """Order of service: a live partial, then a live sentence's second pass, then files."""

    STEP = 0
    FINAL = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class Job(Generic[Item, Result]):
    """A call that takes a batch. Entries with equal `key` may share one.

    `budget` bounds the padded cost of a batch, largest item's cost x number of items; 0 = one item at a time.
    """

    key: Hashable
    run: Callable[[Sequence[Item]], Sequence[Result]]
    budget: int = 0

    @property
    def stage(self) -> str:
        """The kind of work: the key, or its first part."""
        return str(self.key[0] if isinstance(self.key, tuple) else self.key)


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """A result with the time that its entry waited and the time that its batch ran, in milliseconds."""

    result: Result
    queue_ms: float
    run_ms: float


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that ran, for those who measure. `cost` is its items' own, `padded_cost` what the model had to do."""

    stage: str
    lane: Lane
    n_items: int
    cost: int
    padded_cost: int
    queue_s: tuple[float, ...]
    run_s: float
    is_failed: bool


@dataclass(slots=True)
class _Entry:
    job: Job[Any, Any]
    item: Any
    cost: int
    lane: Lane
    answer: "asyncio.Future[Done[Any]]"
    queued_at: float = field(default_factory=time.monotonic)


_Outcome: TypeAlias = tuple[_Entry, Done[Any] | Exception]


class Scheduler:
    """Runs jobs on `workers` threads. Every submitted entry is answered: with a result, an error or cancellation.

    `on_batch` is told of each batch that ran, on the thread that ran it; it must be quick and not raise.
    """

    def __init__(
        self,
        workers: int,
        final_patience_s: float = FINAL_PATIENCE_S,
        on_batch: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        self._final_patience_s = final_patience_s
        self._on_batch = on_batch
        self._last_lane = Lane.BULK
        self._lanes: tuple[deque[_Entry], ...] = tuple(deque() for _ in Lane)
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
        self, job: Job[Item, Result], item: Item, *, cost: int = 1, lane: Lane = Lane.BULK
    ) -> Done[Result]:
        """Queue one item and wait for its result. Cancelling the wait takes a queued item out of the queue.

        Raises:
            OverloadedError: the scheduler is closed.
            Exception: what the job raised for this item when it ran alone.
        """
        entry = _Entry(job, item, cost, lane, asyncio.get_running_loop().create_future())
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
        _tell([(entry, _shutting_down()) for entry in waiting])
        deadline = time.monotonic() + HANG_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                self._answer(batch)
            finally:
                self._release(batch)

    def _next_batch(self) -> list[_Entry]:
        """The next batch to run; waits for one. Empty when the scheduler is closed."""
        with self._changed:
            while not self._is_closed:
                if batch := self._take():
                    self._last_lane = batch[0].lane
                    self._running_bulk += batch[0].lane is Lane.BULK
                    return batch
                self._changed.wait()
        return []

    def _take(self) -> list[_Entry]:
        batch: list[_Entry] = []
        for lane in self._open_lanes():
            kept: deque[_Entry] = deque()
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

    def _release(self, batch: list[_Entry]) -> None:
        if batch[0].lane is Lane.BULK:
            with self._changed:
                self._running_bulk -= 1
                self._changed.notify()

    def _answer(self, batch: list[_Entry]) -> None:
        """Run a batch and answer all its entries; if it fails as a whole, each entry alone gets a second chance."""
        started = time.monotonic()
        try:
            results = _run(batch)
        except Exception as error:  # noqa: BLE001 - delivered to whoever waits, never swallowed
            self._on_batch(_report(batch, started, is_failed=True))
            if len(batch) == 1:
                _tell([(batch[0], error)])
                return
            for entry in batch:
                self._answer([entry])
            return
        report = _report(batch, started, is_failed=False)
        self._on_batch(report)
        waits_ms = (queue_s * 1000 for queue_s in report.queue_s)
        done = [Done(result, wait_ms, report.run_s * 1000) for result, wait_ms in zip(results, waits_ms, strict=True)]
        _tell(list(zip(batch, done, strict=True)))


def _tell(outcomes: Sequence[_Outcome]) -> None:
    """Answer those who wait, each event loop woken once: a wake is a system call that other threads wait for."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].answer.get_loop(), []).append(outcome)
    for loop, its_outcomes in by_loop.items():
        with suppress(RuntimeError):  # it is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, its_outcomes)


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for entry, outcome in outcomes:
        if entry.answer.cancelled():
            continue
        if isinstance(outcome, Exception):
            entry.answer.set_exception(outcome)
        else:
            entry.answer.set_result(outcome)


def _fits(entry: _Entry, batch: list[_Entry]) -> bool:
    if not batch:
        return True
    widest = max(entry.cost, *(e.cost for e in batch))
    return widest * (len(batch) + 1) <= entry.job.budget


def _is_alike(entry: _Entry, batch: list[_Entry]) -> bool:
    """Whether no item of the batch would be padded too much with this one in it."""
    costs = [entry.cost, *(e.cost for e in batch)]
    is_small = max(costs) * len(costs) <= SMALL_SHARE * entry.job.budget
    return is_small or min(costs) >= (1 - MAX_PADDING) * max(costs)


def _run(batch: list[_Entry]) -> Sequence[Any]:
    results = batch[0].job.run([entry.item for entry in batch])
    if len(results) != len(batch):
        raise InferenceError(f"{batch[0].job.key}: {len(results)} results for {len(batch)} items")
    return results


def _report(batch: list[_Entry], started: float, *, is_failed: bool) -> Batch:
    costs = [entry.cost for entry in batch]
    return Batch(
        stage=batch[0].job.stage,
        lane=batch[0].lane,
        n_items=len(batch),
        cost=sum(costs),
        padded_cost=max(costs) * len(costs),
        queue_s=tuple(started - entry.queued_at for entry in batch),
        run_s=time.monotonic() - started,
        is_failed=is_failed,
    )


def _shutting_down() -> OverloadedError:
    return OverloadedError("the server is shutting down", code="shutting_down")
