"""The watchdog of the engine: it ends waits for model runs that hang, and finds out when no model answers."""

import asyncio
import time
from dataclasses import dataclass, field

import structlog

from paraserve.errors import EngineStuckError
from paraserve.runtime.engine import Engine
from paraserve.server.readiness import STUCK_MESSAGE, Readiness

INTERVAL_S = 1.0
PROBE_INTERVAL_S = 10.0
"""An idle engine recognizes a second of audio this often, or four times in a shorter `timeout_s`."""
STUCK_INTERVAL_S = 5.0
"""Time between two attempts of a stuck engine, after which whoever has called it meanwhile is answered."""

log = structlog.get_logger()


@dataclass(slots=True)
class Watchdog:
    """Looks at the engine once a second.

    - The callers of a model run that takes longer than `timeout_s` are answered with an `InferenceTimeoutError`.
    - When nothing has been recognized for `timeout_s`, the engine is stuck. All who wait are answered with an
      `EngineStuckError`, and newcomers at the door. When it recognizes something after all, it is well again.

    A busy engine is not stuck: what it recognizes for clients counts as much as the watchdog's own attempts.
    """

    engine: Engine
    readiness: Readiness
    timeout_s: float
    _answered_s: float = float("-inf")
    _started_s: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Watch until cancelled. Without a timeout nothing is watched."""
        while self.timeout_s:
            self._look()
            await asyncio.sleep(INTERVAL_S)

    def _look(self) -> None:
        readiness, now_s = self.readiness, time.monotonic()
        n_hung = self.engine.end_overdue(self.timeout_s)
        if n_hung and not readiness.n_hung:
            log.error("a model run hangs", for_s=self.timeout_s)
        readiness.n_hung = n_hung
        quiet_s = min(readiness.age_s, now_s - self._started_s)
        is_stuck = quiet_s > self.timeout_s
        if is_stuck != readiness.is_stuck:
            log.error("the engine is stuck" if is_stuck else "the engine answers again", quiet_s=round(quiet_s, 1))
        readiness.is_stuck, was_stuck = is_stuck, readiness.is_stuck
        if is_stuck:
            self._retry(now_s, is_first=not was_stuck)
        elif quiet_s >= min(PROBE_INTERVAL_S, self.timeout_s / 4):
            readiness.probe(self.engine)

    def _retry(self, now_s: float, *, is_first: bool) -> None:
        """Answer whoever waits for a stuck engine, and let it try once more in the time until the next answers."""
        if is_first or now_s >= self._answered_s + STUCK_INTERVAL_S:
            self._answered_s = now_s
            self.engine.abandon(EngineStuckError, STUCK_MESSAGE)
        else:
            self.readiness.probe(self.engine)
