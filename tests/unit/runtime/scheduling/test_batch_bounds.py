"""The operator's bounds of batches, wherever batches form."""

import asyncio
import threading

import numpy as np
import pytest

from paraserve.inference.base import ModelBundle
from paraserve.inference.models.recognizers.paraformer import load_paraformer
from paraserve.inference.models.recognizers.paraformer_online import load_paraformer_online
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.options import ChunkSize, RecognitionOptions, StreamConfig
from paraserve.runtime.engine import LocalEngine
from paraserve.runtime.scheduling.batches import BatchBounds, BatchCall, Lane
from paraserve.runtime.scheduling.cpu_gpu_scheduler import SplitScheduler
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.settings import Settings
from paraserve.types import SegmentAudio

CASES = [
    (BatchBounds(), 8, 1, 8),
    (BatchBounds(), 0, 1, 0),
    (BatchBounds(frames=300), 500, 1, 300),
    (BatchBounds(frames=900), 500, 1, 900),
    (BatchBounds(frames=900), 0, 1, 0),
    (BatchBounds(frames=120), 16, 60, 2),
    (BatchBounds(frames=10), 16, 60, 1),
    (BatchBounds(items=3), 16, 60, 16),
]


@pytest.mark.parametrize(("bounds", "models_own", "cost_frames", "expected"), CASES)
def test_budgets(bounds, models_own, cost_frames, expected):
    """Audio bounds a model's budget in the unit of its cost; a model that takes one item at a time stays so."""
    assert bounds.budget(models_own, cost_frames) == expected


@pytest.mark.parametrize("make", [Scheduler, lambda *a, **k: SplitScheduler(Scheduler(*a, **k), Scheduler(*a, **k))])
async def test_items(make):
    """No batch has more items than the operator allows, whatever its call's budget."""
    batches, gate, started = [], threading.Event(), threading.Event()

    def run(batch):
        started.set()
        gate.wait(10)
        batches.append(len(batch))
        return list(batch)

    scheduler = make(1, bounds=BatchBounds(items=3))
    assert scheduler.bounds == BatchBounds(items=3)
    try:
        call = BatchCall("a", run, budget=1000)
        waiting = [asyncio.create_task(scheduler.submit(call, 0))]
        await asyncio.to_thread(started.wait, 10)
        waiting += [asyncio.create_task(scheduler.submit(call, n)) for n in range(7)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*waiting)
    finally:
        scheduler.close()
    assert sorted(batches) == [1, 1, 3, 3]


@pytest.fixture(scope="module")
def plain_bundle(tiny_models_dir):
    """Tiny models with float weights, whose batches pay on a CPU."""
    recognizer = load_paraformer(tiny_models_dir / "paraformer", quantize=False)
    streaming = load_paraformer_online(tiny_models_dir / "paraformer-online", quantize=False)
    return ModelBundle("tiny", None, recognizer, streaming)


class NotedCalls:
    """A scheduler that keeps the budgets of the calls, and runs them."""

    def __init__(self, bounds):
        self._scheduler = Scheduler(1, bounds=bounds)
        self.budgets = {}

    def __getattr__(self, name):
        return getattr(self._scheduler, name)

    async def submit(self, call, item, **about):
        self.budgets.setdefault(call.stage, set()).add(call.budget)
        return await self._scheduler.submit(call, item, **about)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"batch_seconds": 2.4}, {"recognize": {240}, "step": {4}}),
        ({"batch_seconds": 1}, {"recognize": {100}, "step": {1}}),
        ({"batch_items": 2}, {"recognize": {500}, "step": {4}}),
    ],
)
async def test_recognizers_and_streams(plain_bundle, settings, expected):
    """Segments of files and steps of live streams have the bound, in seconds of audio."""
    chosen = Settings(**settings)
    scheduler = NotedCalls(BatchBounds(chosen.batch_items, chosen.batch_frames))
    engine = LocalEngine(plain_bundle, scheduler, WholeRecordingVad())
    samples = np.random.default_rng(0).normal(0, 0.1, 9600).astype(np.float32)
    stream = engine.open_stream(StreamConfig(chunk=ChunkSize(5, 10, 5)))
    try:
        await engine.recognize(SegmentAudio(samples), RecognitionOptions(), Lane.BULK)
        await stream.step(SegmentAudio(samples), is_last=False)
    finally:
        await stream.close()
        await engine.close()
    assert expected.items() <= scheduler.budgets.items()
