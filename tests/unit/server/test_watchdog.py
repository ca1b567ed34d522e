"""The watchdog: what it takes for stuck, whom it answers, and that a busy engine is left alone."""

import asyncio
import time

import numpy as np
import pytest

from paraserve.errors import EngineStuckError
from paraserve.options import RecognitionOptions
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.watchdog import Watchdog
from paraserve.types import SegmentAudio
from support.fakes import FakeEngine

TIMEOUT_S = 0.3


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
async def readiness(engine, monkeypatch):
    """Of a server that is watched every few milliseconds."""
    monkeypatch.setattr("paraserve.server.watchdog.INTERVAL_S", 0.01)
    monkeypatch.setattr("paraserve.server.watchdog.STUCK_INTERVAL_S", 0.1)
    readiness = Readiness(Metrics(), engine)
    watching = asyncio.create_task(Watchdog(engine, readiness, TIMEOUT_S).run())
    yield readiness
    watching.cancel()
    await asyncio.wait({watching})
    await readiness.close()


async def until(is_so):
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_idle_is_well(readiness, engine):
    """An engine that nobody asks is asked now and then, and is never stuck."""
    await until(lambda: engine.finished > 3)
    assert not readiness.is_stuck
    assert engine.abandonments == 0


async def test_stuck_and_well_again(readiness, engine):
    """Whoever waits is answered; once something is recognized, the engine is well again."""
    engine.is_held = True
    with pytest.raises(EngineStuckError):
        await engine.recognize(SegmentAudio(np.zeros(16000, np.float32)), RecognitionOptions())
    assert readiness.is_stuck
    assert await readiness.problem() == "no model answers any more"
    engine.is_held = False
    await until(lambda: not readiness.is_stuck)
    assert await readiness.problem() is None


async def test_busy_is_well(readiness, engine):
    """While something is recognized for clients, attempts of the watchdog that wait are no sign of a stuck engine."""
    engine.is_held = True
    deadline = time.monotonic() + 4 * TIMEOUT_S

    def recognized():
        readiness.metrics.last_run_s = time.monotonic()
        return time.monotonic() > deadline

    await until(recognized)
    assert not readiness.is_stuck
    assert engine.abandonments == 0
