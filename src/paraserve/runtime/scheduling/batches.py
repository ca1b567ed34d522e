"""What a scheduler's worker runs: entries that wait, the batch they make, and the answer to each of them."""

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeAlias, TypeVar

from paraserve.errors import InferenceError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Lane(IntEnum):
    """Order of service: a live partial, then a live sentence's second pass, then files."""

    STEP = 0
    FINAL = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class BatchCall(Generic[Item, Result]):
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
class Timed(Generic[Result]):
    """A result with the time that its entry waited and the time that its batch ran, in milliseconds."""

    result: Result
    queue_ms: float
    run_ms: float


@dataclass(frozen=True, slots=True)
class BatchStats:
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
class Entry:
    """One item that waits for its turn."""

    job: BatchCall[Any, Any]
    item: Any
    cost: int
    lane: Lane
    answer: "asyncio.Future[Timed[Any]]"
    queued_at: float = field(default_factory=time.monotonic)


Outcome: TypeAlias = tuple[Entry, Timed[Any] | Exception]


def run_batch(batch: list[Entry]) -> Sequence[Any]:
    """One result an entry; whatever the job raises."""
    results = batch[0].job.run([entry.item for entry in batch])
    if len(results) != len(batch):
        raise InferenceError(f"{batch[0].job.key}: {len(results)} results for {len(batch)} items")
    return results


def batch_stats(batch: list[Entry], started: float, *, is_failed: bool) -> BatchStats:
    """What a batch that began at `started` (monotonic) and has just ended came to."""
    costs = [entry.cost for entry in batch]
    return BatchStats(
        stage=batch[0].job.stage,
        lane=batch[0].lane,
        n_items=len(batch),
        cost=sum(costs),
        padded_cost=max(costs) * len(costs),
        queue_s=tuple(started - entry.queued_at for entry in batch),
        run_s=time.monotonic() - started,
        is_failed=is_failed,
    )


def deliver_results(outcomes: Sequence[Outcome]) -> None:
    """Answer those who wait, each event loop woken once: a wake is a system call that other threads wait for."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].answer.get_loop(), []).append(outcome)
    for loop, its_outcomes in by_loop.items():
        with suppress(RuntimeError):  # it is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, its_outcomes)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for entry, outcome in outcomes:
        if entry.answer.cancelled():
            continue
        if isinstance(outcome, Exception):
            entry.answer.set_exception(outcome)
        else:
            entry.answer.set_result(outcome)
