"""Figures that are sampled every half second: memory, queue lengths, and the event loop's lag."""

import asyncio
import resource
import time
from pathlib import Path
from typing import Literal

from paraserve.runtime.engine import Engine
from paraserve.server.telemetry.metrics import Metrics

INTERVAL_S = 0.5


async def sample(engine: Engine, metrics: Metrics) -> None:
    """Sample until cancelled."""
    while True:
        before_s = time.monotonic()
        await asyncio.sleep(INTERVAL_S)
        metrics.loop_lag.observe(max(0.0, time.monotonic() - before_s - INTERVAL_S))
        metrics.memory.set(memory_bytes())
        for lane, n_waiting in engine.queued.items():
            metrics.queue_depth.labels(lane.name.lower()).set(n_waiting)


def memory_bytes(process: int | Literal["self"] = "self") -> int:
    """Return the resident memory of a process.

    Raises:
        OSError: no process has this number.
    """
    return int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1]) * resource.getpagesize()
