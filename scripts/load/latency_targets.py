"""Targets of a load, and the verdict on what was measured."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

RATE_SHARE = 0.99
"""Of the requests that are due, those that must be answered within the limit of p99."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Upper limits in ms, each to be stayed below, and the share of requests that may be lost."""

    mean_ms: float = 500.0
    p95_ms: float = 1000.0
    p99_ms: float = 2000.0
    lost_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Waits of one kind in one stage: `times_ms` counts them by whole milliseconds. Lost requests have none."""

    name: str
    times_ms: Mapping[int, int] = field(default_factory=dict)
    total_ms: float = 0.0

    @property
    def answered(self) -> int:
        """Requests that were answered rightly."""
        return sum(self.times_ms.values())

    @property
    def mean_ms(self) -> float | None:
        """None of nothing."""
        return self.total_ms / self.answered if self.answered else None

    def within(self, limit_ms: float) -> int:
        """Return how many waits are below a limit."""
        return sum(count for time_ms, count in self.times_ms.items() if time_ms < limit_ms)

    def percentile_ms(self, share: float) -> float | None:
        """Return the smallest wait that this share of all waits does not exceed, None of nothing."""
        wanted, counted = math.ceil(self.answered * share), 0
        for time_ms in sorted(self.times_ms):
            counted += self.times_ms[time_ms]
            if counted >= wanted:
                return float(time_ms)
        return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target beside what was measured, both in words."""

    name: str
    target: str
    measured: str
    is_met: bool


def judge_waits(measured: Measured, targets: Targets) -> list[Verdict]:
    """Compare mean, p95 and p99 of a kind with their limits. A kind without any answer misses them."""
    found = {
        "mean": (measured.mean_ms, targets.mean_ms),
        "p95": (measured.percentile_ms(0.95), targets.p95_ms),
        "p99": (measured.percentile_ms(0.99), targets.p99_ms),
    }
    return [
        Verdict(
            f"{measured.name}, {name}",
            f"< {limit_ms:g} ms",
            "no answer" if value_ms is None else f"{value_ms:.0f} ms",
            is_met=value_ms is not None and value_ms < limit_ms,
        )
        for name, (value_ms, limit_ms) in found.items()
    ]


def judge_rate(requests: Iterable[Measured], seconds: float, rate: float, targets: Targets) -> Verdict:
    """Compare right answers a second with the rate at which requests were due.

    Answers that come later than the limit of p99 do not count, so a server that falls behind does not have the rate.
    """
    in_time = sum(measured.within(targets.p99_ms) for measured in requests)
    return Verdict(
        f"right answers within {targets.p99_ms:g} ms",
        f">= 99 % of {rate:g} a second",
        f"{in_time / seconds:.1f} a second",
        is_met=in_time / seconds >= rate * RATE_SHARE,
    )


def judge_losses(lost: int, answered: int, targets: Targets) -> Verdict:
    """Compare the share of requests without a right answer with what may be lost."""
    share = lost / (lost + answered) if lost + answered else 1.0
    measured = f"{lost} of {lost + answered}"
    return Verdict("lost", f"<= {targets.lost_share:.2%}", measured, is_met=share <= targets.lost_share)


def table(title: str, verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as lines below a title, in columns."""
    rows = [("", "target", "measured", "verdict")]
    rows += [(one.name, one.target, one.measured, "met" if one.is_met else "MISSED") for one in verdicts]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, *lines])
