"""Readiness check: a second of audio is recognized, unless that succeeded a moment ago."""

import asyncio
import time
from dataclasses import dataclass

import numpy as np
import structlog

from paraserve.errors import EngineStuckError, OverloadedError, ParaserveError
from paraserve.options import RecognitionOptions
from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.scheduling.batches import Lane
from paraserve.server.telemetry.metrics import Metrics
from paraserve.types import SAMPLE_RATE, SegmentAudio

FRESH_S = 5.0
"""Seconds for which a successful recognition counts. Then the next check starts another."""
PROBE_TIMEOUT_S = 5.0
"""Seconds after which a recognition counts as hanging. So a server whose engine hangs is not ready within 10 s."""
DRAINED_MESSAGE = "the server takes no new work, its operator has it drained: try another one, or again later"
STUCK_MESSAGE = "no model answers any more, the server is being replaced: try again in a few seconds"

log = structlog.get_logger()


@dataclass(slots=True)
class Readiness:
    """State of the readiness check of one server.

    Checks at the same time share one recognition. While it hangs, no other is started, so that they do not pile up in
    the engine. When it returns after all, the server is ready again. What a model recognizes for clients counts as
    well: a busy server is not one that hangs. The watchdog sets `is_stuck`, and `n_hung`, the number of model runs
    that are overdue. An operator who drains the server takes away `takes_work`.
    """

    metrics: Metrics
    engine: RoutedEngine | None = None
    is_draining: bool = False
    takes_work: bool = True
    is_stuck: bool = False
    n_hung: int = 0
    last_success_s: float = float("-inf")
    _probe: "asyncio.Task[None] | None" = None
    _started_s: float = float("-inf")

    async def problem(self) -> str | None:
        """Return the reason why the server is not ready, None if it is. Takes at most `PROBE_TIMEOUT_S`."""
        if not self.takes_work and not self.is_draining:
            return "drained by its operator"
        return await self.fault()

    async def fault(self) -> str | None:
        """Return the reason why the server could not take work, whether its operator wants it to or not."""
        if self.is_draining:
            return "shutting down"
        if self.engine is None:
            return "starting or shutting down"
        if self.is_stuck:
            return "no model answers any more"
        if self.age_s > FRESH_S:
            await self._wait(self.probe(self.engine))
        return None if self.age_s <= FRESH_S else "no decode has succeeded lately"

    def check(self) -> None:
        """Check whether new work is taken.

        Raises:
            EngineStuckError: no model answers any more.
            OverloadedError: the operator has the server drained.
        """
        if self.is_stuck:
            raise EngineStuckError(STUCK_MESSAGE)
        if not self.takes_work:
            raise OverloadedError(DRAINED_MESSAGE, code="not_ready")

    @property
    def age_s(self) -> float:
        """Seconds since the last success."""
        return time.monotonic() - max(self.last_success_s, self.metrics.last_run_s)

    async def close(self) -> None:
        """Stop a recognition in progress. The server is not ready any more."""
        self.engine = None
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})

    def probe(self, engine: Engine) -> "asyncio.Task[None]":
        """Return the recognition in progress, or start one."""
        if self._probe is None or self._probe.done():
            self._started_s = time.monotonic()
            self._probe = asyncio.create_task(self._recognize_noise(engine))
        return self._probe

    async def _wait(self, probe: "asyncio.Task[None]") -> None:
        await asyncio.wait({probe}, timeout=max(0.0, self._started_s + PROBE_TIMEOUT_S - time.monotonic()))
        if not probe.done():
            log.warning("readiness check hangs", for_s=round(time.monotonic() - self._started_s, 1))
        elif not probe.cancelled():
            probe.result()  # raises if the engine has a bug: the check fails with it

    async def _recognize_noise(self, engine: Engine) -> None:
        noise = np.random.default_rng(0).normal(0, 1e-3, SAMPLE_RATE).astype(np.float32)
        try:
            await engine.recognize(SegmentAudio(noise), RecognitionOptions(), Lane.STEP)
        except ParaserveError as error:
            log.warning("readiness check failed", error=repr(error))
            return
        self.last_success_s = time.monotonic()
        self.metrics.last_decode.set(time.time())
