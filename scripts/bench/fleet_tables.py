"""What the fleet model is asked: routing, growth, a machine that dies, small and large replicas, and all at once.

Each function returns rows of a table, whose header is beside it.
"""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fleet_growth import Grown, Ramp, Target
from fleet_sample import WARM_UP_S, Service, percentile_ms, sample
from fleet_service import Speech, Times
from fleet_sessions import POLICIES, Demand, Doors, Policy

Rows = list[list[object]]

FULL = 0.8
"""Share of the rating that sessions take where policies are compared."""
TARGET = 0.65
SETTLE_S, WATCHED_S = 600.0, 300.0
UPLOADS_PER_S = 20.0
MUCH_TALK = 0.95
DIES_S = 60.0
LIMITS = (1.0, 1.8, 2.5)
RAMPS_S = (60.0, 180.0)
TARGETS = (
    *(Target("sessions", value) for value in (0.5, 0.6, 0.65, 0.7, 0.8, 0.9)),
    *(Target("CPU", value) for value in (0.4, 0.5, 0.6, 0.7)),
)

ROUTING = ("policy", "sessions a replica, p50, p99, most", "refused", "unlike replicas: refused", "and 8 balancers")
GROWTH = ("followed metric and target", "cost", "limit = rating: refused, doubled in 60 s, 180 s",
          "limit = 1.8 ratings", "limit = 2.5 ratings", "partial p95, ms", "final p95, ms",
          f"partial p95 where people talk {MUCH_TALK:.0%}, ms")  # fmt: skip
DEATHS = ("replicas", "sessions cut", "refused, limit = rating", "limit = 2.5 ratings", "partial p95 after, ms",
          "final p95 after, ms", "partial texts left out")  # fmt: skip
SIZES = ("CPUs of a replica", "replicas", "rating", "refused, limit = rating", "partial p95, ms", "final p95, ms")
WHOLE = ("sessions", "replicas", "texts", "partial p50, ms", "p95", "p99", "final p50, ms", "p95", "p99")


@dataclass(frozen=True)
class Fleet:
    """What is asked of all of them: sessions, how they are served, and on how many replicas texts are timed."""

    service: Service
    sessions: int
    sampled: int

    @property
    def times(self) -> Times:
        """Of one replica."""
        return self.service.times


def routing(fleet: Fleet) -> Rows:
    """Compare the policies at 0.8 of the rating in sessions, with as many alike replicas and with two kinds."""
    rated = fleet.times.rated
    n = math.ceil(fleet.sessions / (FULL * rated) / 2) * 2
    unlike = [rated * 2 / 3] * (n // 2) + [rated * 4 / 3] * (n // 2)
    rows: Rows = []
    cases = (([rated] * n, 1), (unlike, 1), (unlike, 8))
    with ProcessPoolExecutor(fleet.service.processes) as pool:
        settled = {
            policy: [pool.submit(_routed, fleet, policy, *case) for case in cases]
            for policy in POLICIES
        }  # fmt: skip
    for policy in POLICIES:
        alike, two_kinds, eight = (future.result() for future in settled[policy])
        spread = "/".join(f"{value:.0f}" for value in np.percentile(np.concatenate(alike.watched), (50, 99, 100)))
        rows.append([policy, spread, *(percent(_refused(doors)) for doors in (alike, two_kinds, eight))])
    return rows


def _routed(fleet: Fleet, policy: Policy, ratings: Sequence[float], balancers: int) -> Doors:
    doors = _settled(fleet, Doors(ratings, policy, _rng(fleet, 3), balancers=balancers), SETTLE_S)
    doors.forget()
    return doors


def growth(fleet: Fleet) -> tuple[Rows, list[Grown], list[Grown]]:
    """Let half of the sessions double, for each target; return also what came of 60 s, at 60 % and at 95 % talk."""
    talking = replace(fleet.service, speech=Speech(MUCH_TALK))
    curves = fleet.service.cpu_curve(), talking.cpu_curve()
    rows: Rows = []
    found, much = [], []
    at = partial(Ramp, fleet.service, curves[0], fleet.sessions / 2)
    with ProcessPoolExecutor(fleet.service.processes) as pool:
        refusals = {
            (target, ramp_s, limit): pool.submit(at(ramp_s, limit).refused, target)
            for target in TARGETS
            for limit in LIMITS
            for ramp_s in RAMPS_S
        }
    for target in TARGETS:
        cells = [
            ", ".join(percent(refusals[target, ramp_s, limit].result()) for ramp_s in RAMPS_S) for limit in LIMITS
        ]
        found.append(at(RAMPS_S[0], LIMITS[1], fleet.sampled).grow(target))
        much.append(Ramp(talking, curves[1], fleet.sessions / 2, RAMPS_S[0], LIMITS[1], fleet.sampled).grow(target))
        row = [target.words, _cost(found[-1], much[-1]), *cells]
        rows.append([*row, ms(found[-1].partial_ms), ms(found[-1].final_ms), ms(much[-1].partial_ms)])
    return rows, found, much


def _cost(one: Grown, other: Grown) -> str:
    is_same = abs(one.cost - other.cost) < 0.02
    return f"{one.cost:.2f}" if is_same else f"{one.cost:.2f} to {other.cost:.2f}"


def deaths(fleet: Fleet) -> Rows:
    """Let one replica of small and large fleets die at the target, with nothing in its place for a minute."""
    rows: Rows = []
    for n in (2, 3, 5, 10, 100):
        sessions = n * TARGET * fleet.times.rated
        shares, cut, texts = [], 0, None
        for limit in (LIMITS[0], LIMITS[2]):
            doors = Doors([fleet.times.rated] * n, "least filled", _rng(fleet, 4), limit)
            doors.at(DIES_S, lambda _, doors=doors: doors.kill(0))
            doors.open(Demand(sessions), 2 * DIES_S)
            cut = sum(stay.fate == "cut" for stay in doors.stays)
            refused = sum(at_s >= DIES_S for at_s in doors.refused_s)
            shares.append(refused / (refused + sum(stay.begin_s >= DIES_S for stay in doors.stays)))
            texts = doors
        assert texts is not None
        others = [one + 1 for one in sample(n - 1, fleet.sampled, fleet.service.seed)]
        outcomes = fleet.service.serve(texts, others, DIES_S - WARM_UP_S, 2 * DIES_S)
        at = partial(percentile_ms, outcomes, q=95, from_s=DIES_S, to_s=2 * DIES_S)
        steps = sum(outcome.chunks for outcome in outcomes)
        left_out = 1 - sum(len(outcome.partials) for outcome in outcomes) / max(1, steps)
        rows.append([n, f"{cut} of {round(sessions)}", *map(percent, shares), ms(at(kind="partials")),
                     ms(at(kind="finals")), percent(left_out)])  # fmt: skip
    return rows


def sizes(fleet: Fleet) -> Rows:
    """Serve the same sessions with the same CPUs in small and in large replicas, at 0.8 of the rating."""
    rows: Rows = []
    for cpus in (1, 2, 4, 8, 16, 32):
        rating = max(1, int(fleet.times.rated * cpus / fleet.times.cpus))
        service = replace(fleet.service, times=replace(fleet.times, cpus=cpus, rating=rating))
        n = math.ceil(fleet.sessions / (FULL * fleet.times.rated / fleet.times.cpus * cpus))
        doors = _settled(fleet, Doors([rating] * n, "least filled", _rng(fleet, 5)), SETTLE_S)
        few = max(4, fleet.sampled * fleet.times.cpus // cpus)
        outcomes = service.serve(doors, sample(n, few, 0), SETTLE_S - WARM_UP_S, SETTLE_S + 60.0)
        at = partial(percentile_ms, outcomes, q=95, from_s=SETTLE_S, to_s=SETTLE_S + 60.0)
        rows.append([cpus, n, rating, percent(_refused(doors)), ms(at(kind="partials")), ms(at(kind="finals"))])
    return rows


def whole(fleet: Fleet, seconds: float = WATCHED_S) -> tuple[Rows, float]:
    """Serve all sessions on all replicas at the target for so long; return also how long that took to work out."""
    begun_s = time.monotonic()
    n = math.ceil(fleet.sessions / (TARGET * fleet.times.rated))
    doors = Doors([fleet.times.rated] * n, "least filled", _rng(fleet, 6), LIMITS[2])
    doors.open(Demand(fleet.sessions, uploads_per_s=UPLOADS_PER_S), seconds + WARM_UP_S)
    outcomes = fleet.service.serve(doors, range(n), 0.0, seconds + WARM_UP_S)
    at = partial(percentile_ms, outcomes, from_s=WARM_UP_S, to_s=seconds + WARM_UP_S)
    texts = sum(len(outcome.partials) + len(outcome.finals) for outcome in outcomes)
    row = [fleet.sessions, n, texts, *(ms(at(kind, q=q)) for kind in ("partials", "finals") for q in (50, 95, 99))]
    return [row], time.monotonic() - begun_s


def _settled(fleet: Fleet, doors: Doors, settle_s: float) -> Doors:
    """Let sessions come and go until they are where the policy leads them, then for five minutes more."""
    uploads_per_s = UPLOADS_PER_S * fleet.sessions / 10_000
    doors.open(Demand(fleet.sessions, uploads_per_s=uploads_per_s), settle_s + WATCHED_S)
    del doors.watched[: len(doors.watched) * 2 // 3]
    doors.refused_s[:] = [at_s for at_s in doors.refused_s if at_s >= settle_s]
    return doors


def _refused(doors: Doors) -> float:
    """Return the share of those who came while the doors were watched."""
    came = sum(stay.begin_s >= SETTLE_S for stay in doors.stays)
    return len(doors.refused_s) / max(1, came + len(doors.refused_s))


def _rng(fleet: Fleet, purpose: int) -> np.random.Generator:
    return np.random.default_rng([fleet.service.seed, purpose])


def percent(share: float) -> str:
    """As in a table."""
    return "0" if share < 0.0005 else f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def ms(value: float) -> object:
    """As in a table."""
    return "-" if math.isnan(value) else f"{value:,.0f}"
