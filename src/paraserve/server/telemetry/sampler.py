"""Figures that are sampled: memory, queue lengths, the event loop's lag, disks, and the database of jobs."""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import structlog

from paraserve.errors import StorageError
from paraserve.runtime.jobs.job import JobState
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.telemetry.history import INTERVAL_S as HISTORY_INTERVAL_S
from paraserve.server.telemetry.history import History, Load
from paraserve.server.telemetry.job_metrics import JobMetrics
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.process_memory import memory_bytes

INTERVAL_S = 0.5
JOBS_INTERVAL_S = 10.0
DISKS_INTERVAL_S = 10.0

log = structlog.get_logger()


class JobCounts(Protocol):
    """What the database of jobs counts. Each may raise `StorageError`."""

    async def counts(self) -> Mapping[JobState, int]:
        """Return how many jobs are in each state."""

    async def oldest_waiting_s(self) -> float | None:
        """Return how long the oldest queued job has been there; None: there is none."""


async def sample(engine: RoutedEngine, metrics: Metrics, decode_memory_bytes: Callable[[], int]) -> None:
    """Sample until cancelled. `decode_memory_bytes` gives the memory of all decode children."""
    while True:
        metrics.models(engine.statuses)
        metrics.live_level()
        before_s = time.monotonic()
        await asyncio.sleep(INTERVAL_S)
        metrics.loop_lag.observe(max(0.0, time.monotonic() - before_s - INTERVAL_S))
        metrics.tasks.set(len(asyncio.all_tasks()))
        metrics.memory.set(memory_bytes())
        metrics.decode_memory.set(decode_memory_bytes())
        for lane, n_waiting in engine.queued.items():
            metrics.queue_depth.labels(lane.name.lower()).set(n_waiting)


async def sample_history(history: History, load: Callable[[], Load]) -> None:
    """Make a point of the history every 5 s, at the same times in all processes, until cancelled."""
    at_s = 0
    while True:
        passed = int(time.time() // HISTORY_INTERVAL_S) * HISTORY_INTERVAL_S
        at_s = max(at_s, passed) + HISTORY_INTERVAL_S  # a sleep may end a moment before its time
        await asyncio.sleep(at_s - time.time())
        history.end_interval(at_s, load())


async def sample_jobs(
    store: Callable[[], JobCounts | None], in_progress: Callable[[], int], metrics: JobMetrics
) -> None:
    """Sample until cancelled. `store` gives None while there are no jobs, `in_progress` the attempts in progress."""
    while True:
        metrics.in_progress.set(in_progress())
        counts = store()
        if counts is not None:
            try:
                metrics.database(await counts.counts(), await counts.oldest_waiting_s())
            except StorageError as error:
                log.warning("jobs cannot be counted now", error=error.message)
        await asyncio.sleep(JOBS_INTERVAL_S)


async def sample_disks(folders: Mapping[str, Path], metrics: Metrics) -> None:
    """Sample until cancelled. `folders` has the folders by their names in the figures. One may not be there yet."""
    while True:
        for name, folder in folders.items():
            with suppress(OSError):
                usage = await asyncio.to_thread(shutil.disk_usage, folder)  # a disk of the network may be slow
                metrics.disk_free.labels(name).set(usage.free)
                metrics.disk_size.labels(name).set(usage.total)
        await asyncio.sleep(DISKS_INTERVAL_S)
