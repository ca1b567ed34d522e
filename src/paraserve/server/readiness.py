"""Whether the models answer: a real second of audio, decoded lately."""

import asyncio
import time
from dataclasses import dataclass

import numpy as np
import structlog

from paraserve.errors import ParaserveError
from paraserve.runtime.engine import Engine
from paraserve.runtime.scheduling.batches import Lane
from paraserve.server.telemetry.metrics import Metrics
from paraserve.types import SAMPLE_RATE, RecognitionOptions, SegmentAudio

FRESH_S = 5.0
"""A successful decode counts for so long; then the next check makes another."""
PATIENCE_S = 5.0
"""A decode that takes longer is one that hangs. So a server that no longer decodes is not ready within 10 s."""

log = structlog.get_logger()


@dataclass(slots=True)
class Readiness:
    """Ready means: a real one-second decode has succeeded lately, and the server is not about to stop.

    Checks that come together share one decode. While it hangs no other is begun, so a wedged engine is not piled with
    them; when it returns after all, the server is ready again.
    """

    metrics: Metrics
    engine: Engine | None = None
    is_draining: bool = False
    last_success_s: float = float("-inf")
    _probe: "asyncio.Task[None] | None" = None
    _started_s: float = float("-inf")

    async def problem(self) -> str | None:
        """Why the server is not ready; None = it is. Takes at most `PATIENCE_S`."""
        if self.is_draining:
            return "shutting down"
        if self.engine is None:
            return "starting or shutting down"
        if self.age_s > FRESH_S:
            await self._wait(self._decoding(self.engine))
        return None if self.age_s <= FRESH_S else "no decode has succeeded lately"

    @property
    def age_s(self) -> float:
        """Since the last successful decode."""
        return time.monotonic() - self.last_success_s

    async def close(self) -> None:
        """Give up a decode that hangs; not ready from now on."""
        self.engine = None
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})

    def _decoding(self, engine: Engine) -> "asyncio.Task[None]":
        """The decode that runs, or a new one."""
        if self._probe is None or self._probe.done():
            self._started_s = time.monotonic()
            self._probe = asyncio.create_task(self._decode(engine))
        return self._probe

    async def _wait(self, probe: "asyncio.Task[None]") -> None:
        await asyncio.wait({probe}, timeout=max(0.0, self._started_s + PATIENCE_S - time.monotonic()))
        if not probe.done():
            log.warning("readiness decode hangs", for_s=round(time.monotonic() - self._started_s, 1))
        elif not probe.cancelled():
            probe.result()  # a bug in the engine is an error of this check, too

    async def _decode(self, engine: Engine) -> None:
        noise = np.random.default_rng(0).normal(0, 1e-3, SAMPLE_RATE).astype(np.float32)
        try:
            await engine.recognize(SegmentAudio(noise), RecognitionOptions(), Lane.STEP)
        except ParaserveError as error:
            log.warning("readiness decode failed", error=repr(error))
            return
        self.last_success_s = time.monotonic()
        self.metrics.last_decode.set(time.time())
