"""The doors of a fleet: which replica a session comes to, and who is refused.

Sessions come at random and last at random. A session that is refused tries one more replica and then gives up. One
whose replica dies comes again at once. Admission counts sessions; refusals by late texts, which the server makes as
well, begin beyond the loads of the tables (`full_share` of the replica's model says where).
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Policy = Literal["random", "round robin", "power of two", "least connections", "least filled"]
POLICIES: tuple[Policy, ...] = ("random", "round robin", "power of two", "least connections", "least filled")
MEAN_SESSION_S = 300.0
TRIES = 2
WATCH_S = 5.0
BACK_WITHIN_S = 1.0
"""Clients whose connection breaks come again within this time."""


@dataclass(frozen=True)
class Demand:
    """Live sessions that there would be if nobody were refused: `sessions` at first, then `growth` times as many.

    They grow from `from_s` on, for `ramp_s`. Uploads come beside them and hold a connection for a while.
    """

    sessions: float
    growth: float = 1.0
    from_s: float = 0.0
    ramp_s: float = 60.0
    uploads_per_s: float = 0.0
    upload_s: float = 1.5

    def arrivals_per_s(self, at_s: float) -> float:
        """Sessions that begin in a second of this moment."""
        done = min(1.0, max(0.0, (at_s - self.from_s) / self.ramp_s))
        is_growing = self.from_s <= at_s < self.from_s + self.ramp_s
        more_per_s = self.sessions * (self.growth - 1) / self.ramp_s if is_growing else 0.0
        return self.sessions * (1 + (self.growth - 1) * done) / MEAN_SESSION_S + more_per_s


@dataclass
class Stay:
    """One session on one replica. `fate` tells how it ended; one that was still there at the end is `open`."""

    replica: int
    begin_s: float
    end_s: float
    fate: Literal["open", "ended", "cut"] = "open"


@dataclass
class Doors:
    """Replicas and whom they let in.

    Args:
        ratings: of each replica.
        policy: by which balancers choose.
        rng: of all that is random.
        limit_share: sessions that a replica lets in, in its rating.
        balancers: number of them; each sees its own connections only.
    """

    ratings: Sequence[float]
    policy: Policy
    rng: np.random.Generator
    limit_share: float = 1.0
    balancers: int = 1
    now: float = 0.0
    stays: list[Stay] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    uploads: list[tuple[float, int]] = field(default_factory=list)
    watched: list[npt.NDArray[np.int64]] = field(default_factory=list)
    arrived: int = 0

    def __post_init__(self) -> None:
        self._rating = np.array(self.ratings, float)
        self._limit = np.floor(self._rating * self.limit_share + 1e-9)
        self._sessions = np.zeros(len(self._rating), int)
        self._seen = np.zeros((self.balancers, len(self._rating)))
        self._ready = np.ones(len(self._rating), bool)
        self._ready_ones = np.arange(len(self._rating))
        self._turns = self.rng.integers(0, len(self._rating), self.balancers)
        self._here: dict[int, dict[int, Stay]] = {}
        self._events: list[tuple[float, int, Callable[[Any], None], object]] = []
        self._numbers = count()

    @property
    def n_ready(self) -> int:
        """Replicas that take sessions."""
        return int(self._ready.sum())

    @property
    def n_started(self) -> int:
        """Replicas that take sessions or soon will."""
        return len(self._rating)

    @property
    def sessions(self) -> npt.NDArray[np.int64]:
        """Of each replica that takes sessions."""
        return self._sessions[self._ready]

    def at(self, at_s: float, happen: Callable[[Any], None], what: object = None) -> None:
        """Let something happen at a moment."""
        heapq.heappush(self._events, (at_s, next(self._numbers), happen, what))

    def open(self, demand: Demand, until_s: float) -> "Doors":
        """Begin with all sessions of the demand, and let them come and go until a moment."""
        for _ in range(round(demand.sessions)):
            self._arrive(self.rng.exponential(MEAN_SESSION_S))
        self.refused_s.clear()
        self.arrived = len(self.stays)
        self.at(0.0, self._next_arrival, demand)
        if demand.uploads_per_s:
            self.at(0.0, self._next_upload, demand)
        for at_s in np.arange(0.0, until_s, WATCH_S):
            self.at(float(at_s), lambda _: self.watched.append(self.sessions.copy()))
        while self._events and self._events[0][0] < until_s:
            self.now, _, happen, what = heapq.heappop(self._events)
            happen(what)
        return self

    def add(self, rating: float, ready_s: float) -> None:
        """Start another replica, which takes sessions from a moment on."""
        self._rating = np.append(self._rating, rating)
        self._limit = np.append(self._limit, np.floor(rating * self.limit_share + 1e-9))
        self._sessions = np.append(self._sessions, 0)
        self._seen = np.hstack([self._seen, np.zeros((self.balancers, 1))])
        self._ready = np.append(self._ready, False)
        self.at(ready_s, self._begin, len(self._ready) - 1)

    def kill(self, replica: int) -> None:
        """End a replica with all its sessions, which come again."""
        self._ready[replica] = False
        self._ready_ones = np.flatnonzero(self._ready)
        for stay in self._here.pop(replica, {}).values():
            rest_s = stay.end_s - self.now
            stay.fate, stay.end_s = "cut", self.now
            self._sessions[replica] -= 1
            self.at(self.now + self.rng.uniform(0, BACK_WITHIN_S), self._return, rest_s)

    def forget(self) -> None:
        """Drop what is still to happen, so that this can be handed to another process."""
        self._events.clear()

    def _begin(self, replica: int) -> None:
        self._ready[replica] = True
        self._ready_ones = np.flatnonzero(self._ready)

    def _return(self, rest_s: float) -> None:
        self._arrive(rest_s)

    def _next_arrival(self, demand: Demand) -> None:
        most = demand.arrivals_per_s(self.now) * 1.05 + 1e-9
        # Thinning, with a bound that is looked at again each second.
        wait_s = self.rng.exponential(1 / most)
        if wait_s > 1.0:
            wait_s = 1.0
        elif self.rng.uniform() * most <= demand.arrivals_per_s(self.now):
            self._arrive(self.rng.exponential(MEAN_SESSION_S))
        self.at(self.now + wait_s, self._next_arrival, demand)

    def _next_upload(self, demand: Demand) -> None:
        balancer = int(self.rng.integers(self.balancers))
        replica = self._choose(balancer, None)
        self.uploads.append((self.now, replica))
        self._seen[balancer, replica] += 1
        self.at(self.now + demand.upload_s, self._forget, (balancer, replica))
        self.at(self.now + self.rng.exponential(1 / demand.uploads_per_s), self._next_upload, demand)

    def _forget(self, connection: tuple[int, int]) -> None:
        self._seen[connection] -= 1

    def _arrive(self, for_s: float) -> None:
        self.arrived += 1
        balancer, before = int(self.rng.integers(self.balancers)), None
        for _ in range(TRIES):
            replica = self._choose(balancer, before)
            if self._sessions[replica] < self._limit[replica]:
                self._let_in(balancer, replica, for_s)
                return
            before = replica
        self.refused_s.append(self.now)

    def _let_in(self, balancer: int, replica: int, for_s: float) -> None:
        stay = Stay(replica, self.now, self.now + for_s)
        self._here.setdefault(replica, {})[number := len(self.stays)] = stay
        self.stays.append(stay)
        self._sessions[replica] += 1
        self._seen[balancer, replica] += 1
        self.at(stay.end_s, self._leave, (balancer, replica, number))

    def _leave(self, who: tuple[int, int, int]) -> None:
        balancer, replica, number = who
        self._seen[balancer, replica] -= 1
        stay = self._here.get(replica, {}).pop(number, None)
        if stay is not None:
            stay.fate = "ended"
            self._sessions[replica] -= 1

    def _choose(self, balancer: int, before: int | None) -> int:
        """Return a replica that takes sessions, another one than before if there is one."""
        ready = self._ready_ones if before is None else self._ready_ones[self._ready_ones != before]
        if not len(ready):
            ready = self._ready_ones
        seen = self._seen[balancer, ready]
        if self.policy == "round robin":
            self._turns[balancer] += 1
            return int(ready[self._turns[balancer] % len(ready)])
        if self.policy == "power of two":
            one, other = self.rng.integers(0, len(ready), 2)
            return int(ready[one if seen[one] <= seen[other] else other])
        if self.policy == "least connections":
            ready = ready[seen == seen.min()]
        elif self.policy == "least filled":
            filled = (seen + 1) / self._rating[ready]
            ready = ready[filled == filled.min()]
        return int(ready[self.rng.integers(len(ready))])
