"""A GPU's scheduler and the CPU's beside it: each call where it belongs."""

import asyncio
import threading

import pytest
import soundfile

from paraserve.errors import OverloadedError
from paraserve.inference.models.load import load_bundle
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.engine import LocalEngine
from paraserve.runtime.offline import transcribe
from paraserve.runtime.scheduling.batches import BatchCall, Lane
from paraserve.runtime.scheduling.cpu_gpu_scheduler import SplitScheduler
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.types import SegmentAudio


@pytest.fixture
def split():
    split = SplitScheduler(Scheduler(1), Scheduler(1))
    yield split
    split.close()


def held(stage: str, gate: threading.Event, began: threading.Event) -> BatchCall[int, str]:
    """A call that returns the name of its thread, once the gate is open."""

    def run(batch):
        began.set()
        gate.wait(10)
        return [threading.current_thread().name] * len(batch)

    return BatchCall((stage, 1), run)


async def test_the_detector_does_not_wait_for_the_gpu(split):
    """While the GPU's only worker is busy, detection and punctuation go on; a recognizer's call waits."""
    gate, began, free, ignored = threading.Event(), threading.Event(), threading.Event(), threading.Event()
    free.set()
    busy = asyncio.create_task(split.submit(held("recognize", gate, began), 0))
    await asyncio.to_thread(began.wait, 10)
    waiting = asyncio.create_task(split.submit(held("step", free, ignored), 0, lane=Lane.STEP))
    for stage in ("vad", "punctuate", "punctuate online"):
        await asyncio.wait_for(split.submit(held(stage, free, ignored), 0), 10)
    assert not waiting.done()
    assert split.queued == dict.fromkeys(Lane, 0) | {Lane.STEP: 1}
    gate.set()
    await asyncio.gather(busy, waiting)


async def test_workers_and_live_sessions(split):
    """`workers` counts the recognizers' threads; live sessions may be opened and closed."""
    assert split.workers == 1
    with split.live_session():
        pass


async def test_closed_is_closed(split):
    """Neither half takes work afterwards."""
    split.close()
    for stage in ("vad", "recognize"):
        with pytest.raises(OverloadedError):
            await split.submit(BatchCall((stage, 1), list), 0)


async def test_an_engine_over_both(demo_dir, data_dir):
    """Recordings and live streams come out as over one scheduler."""
    bundle = load_bundle(demo_dir)
    samples, _ = soundfile.read(data_dir / "zh_date.wav", dtype="float32")
    heard = []
    for scheduler in (Scheduler(1), SplitScheduler(Scheduler(1), Scheduler(1))):
        engine = LocalEngine(bundle, scheduler, bundle.vad)
        try:
            transcript = await transcribe(engine, blocks_of(samples), RecognitionOptions())
            stream = engine.open_stream(StreamConfig())
            step = await stream.step(SegmentAudio(samples[:9600]), is_last=False)
            await stream.close()
        finally:
            await engine.close()
        heard.append((transcript.text, step.result))
    assert heard[0] == heard[1]
    assert heard[0][0]


async def blocks_of(samples):
    yield samples
