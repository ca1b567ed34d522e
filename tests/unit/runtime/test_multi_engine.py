"""Several engines as one: who gets what, and what becomes of it when one fails."""

import asyncio
import logging

import numpy as np
import pytest

from paraserve.errors import InferenceError, OverloadedError
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.multi_engine import FAILURES_ALLOWED, Replicas
from paraserve.runtime.scheduling.batches import Lane
from paraserve.types import Hypothesis, SegmentAudio, Token
from support.fakes import FakeEngine

SECOND = SegmentAudio(np.zeros(16_000, np.float32))


def replicas_of(*engines: FakeEngine) -> Replicas:
    return Replicas([(f"cuda:{n}", engine) for n, engine in enumerate(engines)])


async def spread(replicas: Replicas, segments: list[SegmentAudio]) -> "list[asyncio.Task]":
    """Hand over segments one after the other; none is answered before all were."""
    tasks = []
    for segment in segments:
        tasks.append(asyncio.create_task(replicas.recognize(segment, RecognitionOptions())))
        await asyncio.sleep(0)
    return tasks


async def test_segments_go_where_least_audio_waits():
    """A long segment weighs as much as several short ones."""
    engines = [FakeEngine(is_held=True), FakeEngine(is_held=True)]
    long = SegmentAudio(np.zeros(80_000, np.float32))
    tasks = await spread(replicas_of(*engines), [long, SECOND, SECOND, SECOND])
    assert [engine.started for engine in engines] == [1, 3]
    for engine in engines:
        engine.is_held = False
    texts = [(await task).result.text for task in tasks]
    assert texts == ["80000x0", "16000x0", "16000x0", "16000x0"]


async def test_a_cancelled_segment_weighs_nothing():
    """A segment whose client has left counts no more."""
    engines = [FakeEngine(is_held=True), FakeEngine(is_held=True)]
    replicas = replicas_of(*engines)
    (task,) = await spread(replicas, [SECOND])
    task.cancel()
    await asyncio.wait([task])
    again = await spread(replicas, [SECOND])
    assert [engine.started for engine in engines] == [2, 0]
    again[0].cancel()
    await asyncio.wait(again)


async def test_streams_are_spread_and_stay():
    """Each new stream goes to the engine with the fewest, and its steps go where it is; a closed one counts once."""
    engines = [FakeEngine(), FakeEngine()]
    replicas = replicas_of(*engines)
    streams = [replicas.open_stream(StreamConfig()) for _ in range(4)]
    assert [engine.open_streams for engine in engines] == [2, 2]
    await streams[0].step(SECOND, is_last=False)
    for _ in range(2):
        await streams[0].close()
        await streams[2].close()
    assert [engine.open_streams for engine in engines] == [0, 2]
    more = [replicas.open_stream(StreamConfig()) for _ in range(2)]
    assert [engine.open_streams for engine in engines] == [2, 2]
    for stream in (*streams, *more):
        await stream.close()
    assert [engine.open_streams for engine in engines] == [0, 0]


async def test_a_stream_is_the_engines_own():
    """Detection, steps, restarts, marks and figures pass through."""
    engine = FakeEngine(has_partials=False)
    stream = replicas_of(engine).open_stream(StreamConfig())
    plain = engine.open_stream(StreamConfig())
    assert (stream.lookback_ms, stream.has_partials) == (plain.lookback_ms, False)
    loud = np.full(16_000, 0.5, np.float32)
    found, wanted = [(await s.detect(loud, is_last=True)).result.events for s in (stream, plain)]
    assert found == wanted
    await stream.step(SECOND, is_last=False)
    stream.restart()
    assert (await stream.step(SECOND, is_last=True)).result.tokens[0].start_ms == 0
    said = Hypothesis((Token("a", 0, 10, 1.0),), (0,), "a")
    assert (await stream.punctuate(said, RecognitionOptions(), is_last=True)).result[0].text == "a"


@pytest.mark.parametrize("error", [InferenceError("the device is lost"), OverloadedError("closed")])
async def test_another_replica_does_what_one_cannot(error):
    """The client notices nothing when one of two engines fails, or has been closed."""
    replicas = replicas_of(FakeEngine(error=error), FakeEngine())
    done = await replicas.recognize(SECOND, RecognitionOptions())
    assert done.result.text == "16000x0"


async def test_a_segment_at_fault_fails():
    """If both fail, the caller gets the error, and it counts against no engine."""
    engines = [FakeEngine(error=InferenceError("bad segment")), FakeEngine(error=InferenceError("bad segment"))]
    replicas = replicas_of(*engines)
    for _ in range(FAILURES_ALLOWED + 1):
        with pytest.raises(InferenceError, match="bad segment"):
            await replicas.recognize(SECOND, RecognitionOptions())
    engines[0].error = None
    before = engines[0].started
    await replicas.recognize(SECOND, RecognitionOptions())
    assert engines[0].started == before + 1


async def test_an_engine_that_only_fails_gets_no_more_work(caplog):
    """A broken engine gets no more segments or streams, and the log reports it once."""
    broken, sound = FakeEngine(error=InferenceError("the device is lost")), FakeEngine()
    replicas = replicas_of(broken, sound)
    with caplog.at_level(logging.ERROR):
        for _ in range(FAILURES_ALLOWED + 5):
            await replicas.recognize(SECOND, RecognitionOptions())
    assert broken.started == FAILURES_ALLOWED
    assert sound.finished == FAILURES_ALLOWED + 5
    assert [record.message for record in caplog.records] == [
        "cuda:0 failed 3 times in a row and gets no more work: the device is lost"
    ]
    for _ in range(3):
        replicas.open_stream(StreamConfig())
    assert (broken.open_streams, sound.open_streams) == (0, 3)


async def test_failures_with_successes_between_them_are_forgiven():
    """Only failures in a row speak of a broken device."""
    engines = [FakeEngine(), FakeEngine()]
    replicas = replicas_of(*engines)
    for _ in range(FAILURES_ALLOWED + 1):
        engines[0].error = InferenceError("now and then")
        await replicas.recognize(SECOND, RecognitionOptions())
        engines[0].error = None
        await replicas.recognize(SECOND, RecognitionOptions())
    assert engines[0].started == 2 * (FAILURES_ALLOWED + 1)


async def test_figures_of_all():
    """The strictest limit, and the sum of the queues."""
    one = FakeEngine(max_segment_ms=30_000, started=3)
    other = FakeEngine(max_segment_ms=20_000, started=4)
    replicas = replicas_of(one, other)
    assert replicas.max_segment_ms == 20_000
    assert replicas.queued == dict.fromkeys(Lane, 0) | {Lane.BULK: 7}


async def test_closing_closes_all_even_if_one_fails():
    """An engine that cannot be closed does not keep the others open; its error is told."""

    class Stuck(FakeEngine):
        async def close(self) -> None:
            raise RuntimeError("stuck")

    engines = [FakeEngine(), Stuck(), FakeEngine()]
    with pytest.raises(RuntimeError, match="stuck"):
        await replicas_of(*engines).close()
    assert engines[0].is_closed
    assert engines[2].is_closed


async def test_files_and_marks_go_to_any():
    """Detectors of files and punctuation are the least loaded engine's."""
    engines = [FakeEngine(is_held=True), FakeEngine()]
    replicas = replicas_of(*engines)
    (task,) = await spread(replicas, [SECOND])
    vad = replicas.open_vad()
    assert len((await vad.step(SECOND.samples, is_last=True)).result.events) == 2
    said = Hypothesis((Token("a", 0, 10, 1.0),), (0,), "a")
    assert (await replicas.punctuate([said], RecognitionOptions())).result[0].text == "a"
    task.cancel()
    await asyncio.wait([task])
