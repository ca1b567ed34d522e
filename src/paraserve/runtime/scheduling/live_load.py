"""The load of all live streams, and what partial texts give up so that final texts keep their time.

The rungs of a ladder are climbed while calls wait too long for a worker. First the chunks of a stream are joined into
longer steps, which cost less for each second of speech. Then each stream goes without partial texts in some of its
segments. Steps that are still late are dropped where their segment ends first: the scheduler serves final
texts before them. A rung is left when the workers have enough idle time for the one below. Nothing here has a timer:
the rung is looked at again when somebody asks for it.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from paraserve.runtime.scheduling.batches import BatchStats, Lane


@dataclass(frozen=True, slots=True)
class Rung:
    """A state of all live streams.

    Args:
        step_ms: chunks are joined until they last so long; 0 = each is a step.
        share: of its speech, for which a stream has partial texts, segment by segment.
        hold_s: time that this rung needs to show its effect, before a higher one is taken.
        calm_share: share of the workers' time below which the rung below is taken.
    """

    step_ms: int
    share: float
    hold_s: float
    calm_share: float


LADDER = (
    Rung(step_ms=0, share=1.0, hold_s=0.0, calm_share=0.0),
    Rung(step_ms=1200, share=1.0, hold_s=1.0, calm_share=0.72),
    Rung(step_ms=1200, share=0.5, hold_s=4.0, calm_share=0.65),
    Rung(step_ms=1200, share=0.4, hold_s=0.0, calm_share=0.7),
)
"""From all partial texts to those of four tenths of all speech. Rungs are left below `calm_share`, since the workers
then have idle time for the one below. On the last one newcomers are refused where there is no room: whoever is inside
keeps some partial texts. Longer steps would save little more, and come too far apart."""
STEP_LATE_S = 0.5
FINAL_LATE_S = 0.7
"""Waits for a worker that are too long, of partial texts and of second passes."""
WINDOW_S = 3.0
"""Age up to which batches count."""
LOOK_S = 0.25
"""Time between two looks at the rung."""
FALL_S, QUICK_FALL_S = 4.0, 0.5
"""Least time on a rung before a lower one is taken: longer than `WINDOW_S`, so that the workers' time is that of this
rung. The second one counts where they are busy for less than half of `calm_share`."""
FULL_SHARE = 0.85
"""Share of the workers' time from which another stream would make the others late."""
FULL_S = 2.0
"""Newcomers are refused for this long after the last moment without room."""
TOO_MANY_SHARE = 0.9
"""Share of the streams of that moment from which newcomers are refused: where many have gone there is room."""
RETRY_AFTER_S = 5
"""Time after which it is worth to ask again."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A batch that has run while so many streams were open."""

    at_s: float
    batch: BatchStats
    n_streams: int


class LiveLoad:
    """The load of one process; `batch` may be called on any thread, all else on the event loop.

    Args:
        workers: threads that run models.
        clock: seconds.
    """

    def __init__(self, workers: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.workers = workers
        self._clock = clock
        self._runs: deque[_Run] = deque()
        self._places = count()
        self._level = self._n_streams = self._n_too_many = 0
        self._changed_s = self._looked_s = self._full_until_s = -math.inf
        self.step_wait_s = self.final_wait_s = self.busy_share = 0.0

    def batch(self, batch: BatchStats) -> None:
        """Note a batch that has run."""
        if batch.lane.is_live:
            self._runs.append(_Run(self._clock(), batch, self._n_streams))

    def begin(self, workers: int) -> None:
        """Forget all batches so far. From now on there are so many workers."""
        self.workers = workers
        self._runs.clear()

    def enter(self) -> int:
        """Count a new stream; return its place, by which streams take turns."""
        self._n_streams += 1
        return next(self._places)

    def leave(self) -> None:
        """Count one stream less."""
        self._n_streams -= 1

    @property
    def level(self) -> int:
        """Number of the present rung, 0 = nothing is given up."""
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._look(now_s)
        return self._level

    @property
    def rung(self) -> Rung:
        """The present rung."""
        return LADDER[self.level]

    @property
    def is_full(self) -> bool:
        """True if another stream would make the others late."""
        is_late = self.level == len(LADDER) - 1 and self._clock() < self._full_until_s
        return is_late and self._n_streams >= TOO_MANY_SHARE * self._n_too_many

    def _look(self, now_s: float) -> None:
        while self._runs and self._runs[0].at_s < now_s - WINDOW_S:
            self._runs.popleft()
        runs = tuple(self._runs)  # worker threads add to it meanwhile
        batches = [run.batch for run in runs]
        self.step_wait_s = _high(batch.queue_s for batch in batches if batch.lane is Lane.STEP)
        # Drafts have a budget of their own, and wait until other work leaves them room.
        finals = (batch for batch in batches if batch.lane is Lane.FINAL and batch.stage != "draft")
        self.final_wait_s = _high(batch.queue_s for batch in finals)
        self.busy_share = sum(batch.run_s for batch in batches) / (WINDOW_S * self.workers)
        self._looked_s = now_s
        if not batches:  # nobody has spoken for a while, so nobody is late: newcomers find all as at the start
            self._level, self._full_until_s = 0, -math.inf
            return
        is_late = self.step_wait_s > STEP_LATE_S or self.final_wait_s > FINAL_LATE_S
        held_s = now_s - self._changed_s
        if is_late and self._level + 1 < len(LADDER) and held_s >= LADDER[self._level].hold_s:
            self._go(self._level + 1, now_s)
        elif not is_late and self._level and held_s >= self._fall_s():
            self._go(self._level - 1, now_s)
        if is_late or self.busy_share > FULL_SHARE:
            self._full_until_s = now_s + FULL_S
            self._n_too_many = max(run.n_streams for run in runs)

    def _fall_s(self) -> float:
        """Return the least time on this rung before the one below is taken, by the time that the workers are idle."""
        calm_share = LADDER[self._level].calm_share
        if self.busy_share < calm_share / 2:
            return QUICK_FALL_S
        return FALL_S if self.busy_share < calm_share else math.inf

    def _go(self, level: int, now_s: float) -> None:
        self._level, self._changed_s = level, now_s


def _high(waits: Iterable[tuple[float, ...]]) -> float:
    """Return a wait that a quarter of all waits exceed, 0 without any."""
    in_order = sorted(wait for of_batch in waits for wait in of_batch)
    return in_order[len(in_order) * 3 // 4] if in_order else 0.0
