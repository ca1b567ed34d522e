"""Entries that wait for a model, the batch that runs them, and the delivery of their results."""

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
    """Order of service: short live work, live partial texts, second passes, then all that nobody speaks just now.

    Short work is what a final text waits for: the detector's steps, and punctuation. Nobody speaks just now in live
    audio which comes faster than it was spoken, in uploads, whose clients wait for the answer, and in jobs.
    """

    SHORT = 0
    STEP = 1
    FINAL = 2
    AHEAD = 3
    BULK = 4
    JOBS = 5

    @property
    def is_live(self) -> bool:
        """True for the work of people who speak."""
        return self < Lane.AHEAD

    @property
    def is_file(self) -> bool:
        """True for whole recordings, of uploads and of jobs."""
        return self >= Lane.BULK


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """The operator's bounds of a batch: items, and frames of 10 ms of audio with its padding. 0 = the model's own."""

    items: int = 0
    frames: int = 0

    def budget(self, models_own: int, cost_frames: int = 1) -> int:
        """Return the budget of a call.

        Args:
            models_own: the budget up to which batches pay for the model. 0 stays 0: it takes one item at a time.
            cost_frames: frames of audio for each unit of cost.
        """
        return max(1, self.frames // cost_frames) if self.frames and models_own else models_own


@dataclass(frozen=True, slots=True)
class BatchCall(Generic[Item, Result]):
    """A model call that takes a batch of items.

    Args:
        key: entries whose calls have equal keys may share a batch.
        run: returns one result for each item, in order.
        budget: upper bound of a batch's padded cost (largest item's cost x number of items); 0 = one item at a time.
    """

    key: Hashable
    run: Callable[[Sequence[Item]], Sequence[Result]]
    budget: int = 0

    @property
    def stage(self) -> str:
        """The kind of work, for metrics: the key, or its first part if it is a tuple."""
        return str(self.key[0] if isinstance(self.key, tuple) else self.key)


@dataclass(frozen=True, slots=True)
class Timed(Generic[Result]):
    """A result, with the milliseconds that its entry waited and that its batch of `items` ran."""

    result: Result
    queue_ms: float
    run_ms: float
    items: int = 1


@dataclass(frozen=True, slots=True)
class BatchStats:
    """Statistics of a batch that ran.

    `cost` sums up the items' own costs; `padded_cost` is that of the padded batch, which the model computes.
    """

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
    """One item that waits for its turn; `queued_at` is `time.monotonic()`."""

    call: BatchCall[Any, Any]
    item: Any
    cost: int
    lane: Lane
    answer: "asyncio.Future[Timed[Any]]"
    queued_at: float = field(default_factory=time.monotonic)


Outcome: TypeAlias = tuple[Entry, Timed[Any] | Exception]


def run_batch(batch: list[Entry]) -> Sequence[Any]:
    """Run a batch and return one result for each entry.

    Raises:
        InferenceError: the call returned another number of results.
        Exception: what the call raised.
    """
    call = batch[0].call
    results = call.run([entry.item for entry in batch])
    if len(results) != len(batch):
        raise InferenceError(f"{call.key}: {len(results)} results for {len(batch)} items")
    return results


def batch_stats(batch: list[Entry], started: float, *, is_failed: bool) -> BatchStats:
    """Return the statistics of a batch that has just ended; `started` is `time.monotonic()` at its start."""
    costs = [entry.cost for entry in batch]
    return BatchStats(
        stage=batch[0].call.stage,
        lane=batch[0].lane,
        n_items=len(batch),
        cost=sum(costs),
        padded_cost=max(costs) * len(costs),
        queue_s=tuple(started - entry.queued_at for entry in batch),
        run_s=time.monotonic() - started,
        is_failed=is_failed,
    )


def deliver_results(outcomes: Sequence[Outcome]) -> None:
    """Deliver results and errors to the waiting tasks, waking each event loop once.

    A wake-up is a system call that other threads wait for.
    """
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].answer.get_loop(), []).append(outcome)
    for loop, outcomes_of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, so no task waits any more
            loop.call_soon_threadsafe(_settle, outcomes_of_loop)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for entry, outcome in outcomes:
        if entry.answer.done():  # cancelled, or told that the run took too long
            continue
        if isinstance(outcome, Exception):
            entry.answer.set_exception(outcome)
        else:
            entry.answer.set_result(outcome)
