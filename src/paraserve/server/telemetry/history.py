"""Figures of the last minutes, one point each 5 s: latencies of live results, batches, and work in progress."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

INTERVAL_S = 5
MAX_POINTS = 120
"""Ten minutes."""
MAX_SAMPLES = 20_000
"""Results and batches of an interval that are looked at. The last ones count."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of so many results. Milliseconds."""

    count: int
    p50_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class BatchSizes:
    """So many runs of a stage, with so many items in all, and in the largest."""

    runs: int
    items: int
    largest: int


@dataclass(frozen=True, slots=True)
class Load:
    """What is in progress at one moment."""

    live_sessions: int = 0
    uploads: int = 0
    queued: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """The interval that ended at `at_s`: latencies by kind, batches by stage.

    `at_s` is Unix time, and a multiple of `INTERVAL_S`.
    """

    at_s: int
    latencies: Mapping[str, Percentiles]
    batches: Mapping[str, BatchSizes]
    load: Load


@dataclass(slots=True)
class History:
    """The points. `result` and `batch` note what belongs to the next one; `batch` may be called on any thread."""

    points: deque[Point] = field(default_factory=lambda: deque(maxlen=MAX_POINTS))
    _results: dict[str, deque[float]] = field(default_factory=dict)
    _batches: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))

    def result(self, kind: str, took_s: float) -> None:
        """Note a live result of a kind, and the seconds from its audio on."""
        self._results.setdefault(kind, deque(maxlen=MAX_SAMPLES)).append(took_s)

    def batch(self, stage: str, n_items: int) -> None:
        """Note a batch."""
        self._batches.append((stage, n_items))

    def end_interval(self, at_s: int, load: Load) -> None:
        """Make a point of what came since the last one."""
        latencies = {kind: percentiles(took_s) for kind, took_s in self._results.items() if took_s}
        self._results = {}
        batches = [self._batches.popleft() for _ in range(len(self._batches))]
        self.points.append(Point(at_s, latencies, batch_sizes(batches), load))


def percentiles(took_s: Sequence[float] | deque[float]) -> Percentiles:
    """Return the percentiles of these results, of which there is at least one."""
    in_order = sorted(took_s)
    n = len(in_order)
    p50_s, p95_s = (in_order[min(n - 1, int(n * share))] for share in (0.5, 0.95))
    return Percentiles(n, round(p50_s * 1000), round(p95_s * 1000))


def batch_sizes(batches: Sequence[tuple[str, int]]) -> dict[str, BatchSizes]:
    """Return the sizes of batches by their stage."""
    by_stage: dict[str, list[int]] = {}
    for stage, n_items in batches:
        by_stage.setdefault(stage, []).append(n_items)
    return {stage: BatchSizes(len(items), sum(items), max(items)) for stage, items in by_stage.items()}


def joined_sizes(points: Sequence[Point]) -> dict[str, BatchSizes]:
    """Return the sizes of all batches of these points by their stage."""
    joined: dict[str, BatchSizes] = {}
    for point in points:
        for stage, sizes in point.batches.items():
            so_far = joined.get(stage, BatchSizes(0, 0, 0))
            joined[stage] = BatchSizes(
                so_far.runs + sizes.runs, so_far.items + sizes.items, max(so_far.largest, sizes.largest)
            )
    return joined
