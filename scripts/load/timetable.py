"""When each request is due, from the stages of a load.

Waits count from these times, whether or not earlier requests have been answered by then. So if a server stands still
for a second, every request that was due in it has waited, not only those that were on their way. Gil Tene calls the
error of tools that wait for answers before they send on "coordinated omission".
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RAMP = "ramp"
"""Name of stages in which the load changes."""
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the load: from `first` to `last`, as shares of all requests a second.

    `rate` is how many requests a second it has, None while that changes.
    """

    seconds: float
    first: float
    last: float
    rate: float | None = None

    @property
    def name(self) -> str:
        """Label of its requests in all tables."""
        return RAMP if self.rate is None else f"{self.rate:g}/s"

    def work_s(self, elapsed_s: float) -> float:
        """Seconds of full load that this much of the stage comes to."""
        return elapsed_s * (self.first + (self.last - self.first) * elapsed_s / self.seconds / 2)

    def elapsed_s(self, work_s: float) -> float:
        """The inverse of `work_s`."""
        slope = (self.last - self.first) / self.seconds
        if slope == 0:
            return work_s / self.first
        return (math.sqrt(max(0.0, self.first**2 + 2 * slope * work_s)) - self.first) / slope


@dataclass(frozen=True, slots=True)
class Start:
    """A request is due `at_s` seconds after the load's begin, in a stage."""

    at_s: float
    stage: Stage


def linear(rate: float, ramp_s: float, hold_s: float) -> list[Stage]:
    """Return the stages of a load that grows evenly to `rate` requests a second and stays there for `hold_s`."""
    ramp = [Stage(ramp_s, 0.0, 1.0)] if ramp_s > 0 else []
    return [*ramp, Stage(hold_s, 1.0, 1.0, rate)]


def steps(rate: float, count: int, ramp_s: float, hold_s: float) -> list[Stage]:
    """Return the stages of a load that grows to `rate` in `count` equal steps, and stays on each for `hold_s`.

    All ramps together take `ramp_s`.
    """
    stages = []
    for number in range(count):
        low, high = number / count, (number + 1) / count
        stages += [Stage(ramp_s / count, low, high)] if ramp_s > 0 else []
        stages.append(Stage(hold_s, high, high, rate * high))
    return stages


def length_s(stages: Sequence[Stage]) -> float:
    """Return how long the whole load takes."""
    return sum(stage.seconds for stage in stages)


def phase(number: int, offset: float) -> float:
    """Return the share of an interval by which a user's requests are shifted.

    Multiples of the golden ratio spread evenly however many users there are. `offset` differs between processes.
    """
    return (number * GOLDEN + offset) % 1.0


def starts(stages: Sequence[Stage], interval_s: float, shift: float) -> Iterator[Start]:
    """Yield when one user's requests are due: each `interval_s` at full load, less often below it."""
    due_s, began_s, done_s = shift * interval_s, 0.0, 0.0
    for stage in stages:
        whole_s = stage.work_s(stage.seconds)
        while due_s < done_s + whole_s:
            yield Start(began_s + stage.elapsed_s(due_s - done_s), stage)
            due_s += interval_s
        began_s, done_s = began_s + stage.seconds, done_s + whole_s
