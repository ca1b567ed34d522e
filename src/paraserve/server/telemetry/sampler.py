"""Figures that are sampled every half second: memory, queue lengths, and the event loop's lag."""

import asyncio
import time

from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.process_memory import memory_bytes

INTERVAL_S = 0.5


async def sample(engine: RoutedEngine, metrics: Metrics, pool: DecodePool) -> None:
    """Sample until cancelled."""
    while True:
        metrics.models(engine.statuses)
        metrics.live_level()
        before_s = time.monotonic()
        await asyncio.sleep(INTERVAL_S)
        metrics.loop_lag.observe(max(0.0, time.monotonic() - before_s - INTERVAL_S))
        metrics.memory.set(memory_bytes())
        metrics.decode_memory.set(pool.memory_bytes)
        for lane, n_waiting in engine.queued.items():
            metrics.queue_depth.labels(lane.name.lower()).set(n_waiting)
