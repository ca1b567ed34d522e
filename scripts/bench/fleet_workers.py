"""The scheduler of one replica on a clock of its own: lanes, workers and batches, in the true order.

The rules are those of `runtime/scheduling/scheduler.py`. `LiveLoad` is the server's own, on the clock of the model.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from fleet_service import Rules, Times, noise
from paraserve.runtime.scheduling.batches import BatchStats, Lane
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.scheduling.scheduler import FINAL_LATE_S, FINAL_PATIENCE_S, STEP_PATIENCE_S

NOISE_BLOCK = 4096
STEPS_FIRST = (Lane.SHORT, Lane.STEP, Lane.FINAL)
FINALS_FIRST = (Lane.SHORT, Lane.FINAL, Lane.STEP)
FILES = (Lane.AHEAD, Lane.BULK, Lane.JOBS)


@dataclass(slots=True, eq=False)
class Job:
    """A run that waits for its turn.

    Args:
        stage: vad, step, recognize or punctuate.
        lane: order of service.
        due_s: when the text that it serves was due.
        size: chunks of a step, seconds of audio of a recognizer's run, runs of the detector.
        then: called with the job when it has run.
        who: whose it is.
    """

    stage: str
    lane: Lane
    due_s: float
    size: float
    then: "Callable[[Job], None]"
    who: Any = None
    queued_s: float = 0.0
    is_dropped: bool = False


class Workers:
    """Runs jobs in the order of the scheduler, and all else at its time.

    Args:
        times: of the machine.
        rules: how it serves.
        rng: of the spread of run times.
        others_cpu: CPUs that other programs of the machine keep busy.
    """

    def __init__(self, times: Times, rules: Rules, rng: np.random.Generator, others_cpu: float = 0.0) -> None:
        self.now = 0.0
        self.live_sessions = 0
        self.busy_s = 0.0
        self.load = LiveLoad(times.cpus, lambda: self.now)
        self._times, self._rules, self._rng, self._others_cpu = times, rules, rng, others_cpu
        self._lanes: dict[Lane, deque[Job]] = {lane: deque() for lane in Lane}
        self._events: list[tuple[float, int, Callable[[Any], None], object]] = []
        self._numbers = count()
        self._noise: list[float] = []
        self._busy = self._running_files = self._n_waiting = 0

    def at(self, at_s: float, happen: Callable[[Any], None], what: object = None) -> None:
        """Let something happen at a moment."""
        heapq.heappush(self._events, (at_s, next(self._numbers), happen, what))

    def submit(self, job: Job) -> None:
        """Queue a job. One that takes no time is done at once."""
        job.queued_s = self.now
        if self._takes_s([job]):
            self._lanes[job.lane].append(job)
            self._n_waiting += 1
        else:
            job.then(job)

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self._events:
            self.now, _, happen, what = heapq.heappop(self._events)
            happen(what)
            while self._n_waiting and self._busy < self._times.cpus and (batch := self._take()):
                self._start(batch)

    def _take(self) -> list[Job]:
        for lane in self._open_lanes():
            queue = self._lanes[lane]
            while queue and queue[0].is_dropped:
                queue.popleft()
                self._n_waiting -= 1
            if queue:
                batch = [queue.popleft()]
                self._fill(batch, queue)
                self._n_waiting -= len(batch)
                return batch
        return []

    def _fill(self, batch: list[Job], queue: deque[Job]) -> None:
        """Add waiting jobs that are like the first, up to the stage's budget."""
        first = batch[0]
        most = self._most(first)
        kept = []
        while queue and len(batch) < most:
            job = queue.popleft()
            if job.stage == first.stage and (job.stage == "vad" or job.size == first.size):
                if job.is_dropped:
                    self._n_waiting -= 1
                else:
                    batch.append(job)
            else:
                kept.append(job)
        queue.extendleft(reversed(kept))

    def _most(self, job: Job) -> int:
        if job.stage == "step":
            return self._rules.streams(int(job.size))
        return self._rules.vad_batch if job.stage == "vad" and job.lane is Lane.SHORT and self._rules.batches else 1

    def _open_lanes(self) -> Sequence[Lane]:
        live = FINALS_FIRST if self._is_final_overdue() else STEPS_FIRST
        is_reserved = self.live_sessions > 0 and self._running_files >= max(1, self._times.cpus - 1)
        return live if is_reserved else (*live, *FILES)

    def _is_final_overdue(self) -> bool:
        finals, steps = self._lanes[Lane.FINAL], self._lanes[Lane.STEP]
        if not finals:
            return False
        step_s = self.now - steps[0].queued_s if steps else 0.0
        return self.now - finals[0].queued_s > (FINAL_PATIENCE_S if step_s < STEP_PATIENCE_S else FINAL_LATE_S)

    def _start(self, batch: list[Job]) -> None:
        self._busy += 1
        self._running_files += not batch[0].lane.is_live
        run_s = self._takes_s(batch) * self._slowness() * self._next_noise()
        self.busy_s += run_s
        self.at(self.now + run_s, self._done, (batch, self.now))

    def _done(self, run: tuple[list[Job], float]) -> None:
        batch, started_s = run
        self._busy -= 1
        self._running_files -= not batch[0].lane.is_live
        if self._rules.gives_way and batch[0].lane.is_live:
            self.load.batch(self._stats(batch, started_s))
        for job in batch:
            job.then(job)

    def _stats(self, batch: list[Job], started_s: float) -> BatchStats:
        waits = tuple(started_s - job.queued_s for job in batch)
        n = len(batch)
        return BatchStats(batch[0].stage, batch[0].lane, n, n, n, waits, self.now - started_s, is_failed=False)

    def _takes_s(self, batch: list[Job]) -> float:
        """Return what a batch takes where no other program wants the CPUs."""
        stage, times = batch[0].stage, self._times
        if stage == "step":
            return times.step_s(len(batch), int(batch[0].size))
        if stage == "recognize":
            return times.final_s(batch[0].size)
        if stage == "vad":
            return times.vad_ms * sum(job.size for job in batch) / 1000
        return times.punctuate_ms / 1000

    def _slowness(self) -> float:
        """Runs share the CPUs with the server's other work, and with other programs."""
        wanted = self._busy + self._others_cpu + self.live_sessions * self._times.other_ms_per_s / 1000
        return max(1.0, wanted / self._times.cpus)

    def _next_noise(self) -> float:
        if not self._noise:
            self._noise = noise(self._times.spread, self._rng, NOISE_BLOCK)
        return self._noise.pop()
