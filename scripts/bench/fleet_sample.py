"""Replicas of a fleet that serve what came to their doors: how long texts take, and how busy the CPUs are."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from fleet_replica import File, Outcome, Replica, Visit
from fleet_service import AS_SERVED, Rules, Seconds, Speech, Times
from fleet_sessions import Doors

UPLOAD_S = 30.0
WARM_UP_S = 20.0
CURVE_S = 60.0
SOME_TALK = Speech()


@dataclass(frozen=True)
class Service:
    """How sessions are served, by so many processes of this machine.

    `seed` makes it the same each time, whatever the order of the replicas.
    """

    times: Times
    speech: Speech = SOME_TALK
    rules: Rules = AS_SERVED
    seed: int = 0
    processes: int = 1

    def serve(self, doors: Doors, replicas: Sequence[int], from_s: float, to_s: float) -> list[Outcome]:
        """Return what these replicas do with their sessions and uploads from a moment to another."""
        visits: dict[int, list[Visit]] = {replica: [] for replica in replicas}
        for number, stay in enumerate(doors.stays):
            if stay.replica in visits and stay.end_s > from_s and stay.begin_s < to_s:
                visits[stay.replica].append(self._visit(number, max(stay.begin_s, from_s), min(stay.end_s, to_s)))
        files: dict[int, list[File]] = {replica: [] for replica in replicas}
        for at_s, replica in doors.uploads:
            if replica in files and from_s <= at_s < to_s:
                files[replica].append(File(at_s, UPLOAD_S))
        work = [(self, replica, visits[replica], files[replica], to_s) for replica in replicas]
        if self.processes < 2:
            return [_run(*one) for one in work]
        with ProcessPoolExecutor(self.processes) as pool:
            return list(pool.map(_run, *zip(*work, strict=True), chunksize=8))

    def cpu_share(self, sessions: int, seconds: float = CURVE_S) -> float:
        """Return the share of the CPUs that a replica with so many sessions is busy for."""
        visits = [self._visit(-1 - number, 0.0, seconds) for number in range(sessions)]
        busy = self.replica(-1).run(visits, [], seconds).busy_share
        other = sessions * self.times.other_ms_per_s / 1000 / self.times.cpus
        return min(1.0, busy + other)

    def cpu_curve(self) -> tuple[Seconds, Seconds]:
        """Return numbers of sessions and the share of the CPUs that each takes."""
        most = 3 * self.times.rated
        sessions = np.unique(np.linspace(0, most, 13).round().astype(int))
        return sessions.astype(float), np.array([self.cpu_share(int(n)) for n in sessions])

    def _visit(self, number: int, begin_s: float, end_s: float) -> Visit:
        rng = np.random.default_rng([self.seed, number % 2**32])
        return Visit(begin_s, end_s, self.speech.segments(begin_s, rng, end_s))

    def replica(self, replica: int) -> Replica:
        """Return an empty replica."""
        rng = np.random.default_rng([self.seed, replica % 2**32, 1])
        return Replica(self.times, rng, self.rules)


def _run(service: Service, replica: int, visits: list[Visit], files: list[File], to_s: float) -> Outcome:
    return service.replica(replica).run(visits, files, to_s)


def sample(n_replicas: int, most: int, seed: int) -> list[int]:
    """Return some of the replicas, always the same."""
    return sorted(np.random.default_rng(seed).permutation(n_replicas)[:most].tolist())


def percentile_ms(outcomes: Sequence[Outcome], kind: str, q: float, from_s: float, to_s: float) -> float:
    """Return a percentile of the times of all texts of a kind that were due in this time."""
    took_s = np.concatenate([outcome.took_s(kind, from_s, to_s) for outcome in outcomes])
    return float(np.percentile(took_s, q)) * 1000 if len(took_s) else float("nan")
