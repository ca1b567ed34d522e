"""A fleet that grows with its sessions, as Kubernetes' horizontal autoscaler makes it.

It looks every 15 s, at most doubles the replicas or adds four, and a replica takes sessions 30 s after its start.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from fleet_sample import WARM_UP_S, Service, percentile_ms, sample
from fleet_service import Seconds
from fleet_sessions import Demand, Doors

LOOK_S = 15.0
START_S = 30.0
TOLERANCE = 0.1
LOOKS_S = (3.0, 10.0)
FROM_S = 60.0
AFTER_S = 30.0


@dataclass(frozen=True)
class Target:
    """What is kept where: live sessions in the rating of a replica, or the share of its CPUs."""

    metric: Literal["sessions", "CPU"]
    value: float

    @property
    def words(self) -> str:
        """As in a table."""
        return f"sessions, {self.value:g} of the rating" if self.metric == "sessions" else f"CPU, {self.value:.0%}"


@dataclass(frozen=True)
class Grown:
    """What came of a ramp.

    Args:
        cost: replicas before the ramp, in those that the sessions would fill.
        refused: share of the newcomers of the ramp and of the time after it.
        partial_ms, final_ms: p95 of the ramp or of the time after it, whichever is worse.
        full_share: of the time in which a replica would have refused newcomers for the sake of the others.
        replicas: at the end.
    """

    cost: float
    refused: float
    partial_ms: float
    final_ms: float
    full_share: float
    replicas: int


@dataclass(frozen=True)
class Ramp:
    """A load that doubles. Texts are timed on `sampled` replicas."""

    service: Service
    curve: tuple[Seconds, Seconds]
    sessions: float
    ramp_s: float
    limit_share: float
    sampled: int = 0

    def sessions_at(self, target: Target) -> float:
        """Return the sessions that a replica has where it meets the target, whatever its limit."""
        if target.metric == "sessions":
            return target.value * self.service.times.rated
        numbers, shares = self.curve
        return float(np.interp(target.value, np.maximum.accumulate(shares), numbers))

    def refused(self, target: Target) -> float:
        """Return the share of newcomers that are refused, the mean over moments at which the autoscaler looks."""
        return float(np.mean([self._refused(self._doors(target, look_s)) for look_s in LOOKS_S]))

    def grow(self, target: Target) -> Grown:
        """Let the load double, the fleet follow, and a sample of its replicas serve."""
        doors = self._doors(target, LOOK_S / 2)
        n = self._replicas(target)
        cost = n * self.service.times.rated / self.sessions
        return Grown(cost, self._refused(doors), *self._texts(doors), doors.n_started)

    def _replicas(self, target: Target) -> int:
        return math.ceil(self.sessions / self.sessions_at(target))

    @property
    def _until_s(self) -> float:
        return FROM_S + self.ramp_s + AFTER_S

    def _doors(self, target: Target, look_s: float) -> Doors:
        """Return the doors after the ramp, with an autoscaler that looks at this moment and every 15 s."""
        rng = np.random.default_rng([self.service.seed, 2])
        doors = Doors([self.service.times.rated] * self._replicas(target), "least filled", rng, self.limit_share)
        for at_s in np.arange(look_s, self._until_s, LOOK_S):
            doors.at(float(at_s), partial(self._look, doors, self._wanted(target)))
        return doors.open(Demand(self.sessions, 2.0, FROM_S, self.ramp_s), self._until_s)

    def _refused(self, doors: Doors) -> float:
        came = sum(stay.begin_s >= FROM_S for stay in doors.stays)
        refused = sum(at_s >= FROM_S for at_s in doors.refused_s)
        return refused / (came + refused)

    def _wanted(self, target: Target) -> Callable[[Doors], float]:
        """Return what tells how many replicas the metric asks for."""
        numbers, shares = self.curve
        if target.metric == "sessions":
            return lambda doors: doors.sessions.sum() / (target.value * self.service.times.rated)
        return lambda doors: np.interp(doors.sessions, numbers, shares).sum() / target.value

    def _look(self, doors: Doors, wanted: Callable[[Doors], float], _: object) -> None:
        now, asked = doors.n_started, wanted(doors)
        if asked > doors.n_ready * (1 + TOLERANCE):
            for _ in range(min(math.ceil(asked), max(2 * now, now + 4)) - now):
                doors.add(self.service.times.rated, doors.now + START_S)

    def _texts(self, doors: Doors) -> tuple[float, float, float]:
        from_s, ramped_s, until_s = FROM_S - WARM_UP_S, FROM_S + self.ramp_s, self._until_s
        replicas = sample(doors.n_started, self.sampled, self.service.seed)
        outcomes = self.service.serve(doors, replicas, from_s, until_s)
        spans = ((FROM_S, ramped_s), (ramped_s, until_s))
        partial_ms, final_ms = (
            max(percentile_ms(outcomes, kind, 95, *span) for span in spans) for kind in ("partials", "finals")
        )
        return partial_ms, final_ms, float(np.mean([outcome.full_share for outcome in outcomes]))
