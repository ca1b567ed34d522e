"""Figures of one minute, and what comes of many of them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

WARM_UP_SHARE = 0.2
"""Of a run, its beginning, in which caches and pools fill."""


@dataclass
class Tally:
    """What became of one kind of request, and how long those of this minute took."""

    done: int = 0
    """Since the beginning, with the text that was expected."""
    lost: int = 0
    """Since the beginning."""
    waits_ms: list[float] = field(default_factory=list)

    def take(self) -> dict[str, float | int | None]:
        """The figures up to now; the times of the next minute begin."""
        waits_ms, self.waits_ms = self.waits_ms, []
        p50, p99 = percentile(waits_ms, 50), percentile(waits_ms, 99)
        return {"done": self.done, "lost": self.lost, "p50_ms": p50, "p99_ms": p99}


def percentile(values: Sequence[float], q: int) -> float | None:
    """The smallest value that `q` percent of them do not exceed, rounded to 0.1; None of nothing."""
    if not values:
        return None
    return round(sorted(values)[max(0, -(-len(values) * q // 100) - 1)], 1)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """How much `ys` grow for 1 of `xs`, by least squares; None where that cannot be told."""
    if len(set(xs)) < 2:
        return None
    return statistics.linear_regression(xs, ys).slope


def warm(xs: Sequence[float]) -> int:
    """How many of these rising values belong to the warm-up."""
    return sum(x < WARM_UP_SHARE * xs[-1] for x in xs) if xs else 0
