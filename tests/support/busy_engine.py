"""A whole `Engine` whose calls take time of a few workers, and an event loop whose time jumps: load without waiting.

What calls cost is measured: full-size int8 models on 2 CPUs.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from paraserve.inference.base import VadStep
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.scheduling.batches import BatchStats, Lane, Timed
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.scheduling.scheduler import FINAL_PATIENCE_S
from paraserve.types import SAMPLE_RATE, Hypothesis, Partial, Samples, SegmentAudio, Sentence
from support.fakes import FakeEngine, FakeStream

STEP_S, CHUNK_S = 0.014, 0.013
"""A step, however long it is, and each 600 ms of it."""
SECOND_PASS_S = 0.025
"""Second pass of a second."""
SHORT_S = 0.002
BATCH = 4


class _JumpingSelector(selectors.DefaultSelector):
    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "nothing will ever happen"
        self.now_s += max(0.0, timeout)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """Waits for no time: its clock jumps to the next moment at which something happens."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def in_jumping_time(main: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end, with the clock of `JumpingLoop`."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


@dataclass(eq=False)
class _Call:
    stage: str
    lane: Lane
    cost_s: float
    n_chunks: int
    queued_s: float
    done: "asyncio.Future[None]"


@dataclass
class BusyEngine(FakeEngine):
    """`FakeEngine` on workers that serve in the order of `Scheduler` and report to `load`; used in `running`."""

    n_workers: int = 2
    load: LiveLoad = field(default_factory=LiveLoad)
    waiting: list[_Call] = field(default_factory=list)
    longest_step: int = 0

    def open_stream(self, config: StreamConfig) -> "BusyStream":
        self.open_streams += 1
        return BusyStream(self, has_partials=self.has_partials)

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        await self.run("recognize", lane, len(audio.samples) / SAMPLE_RATE * SECOND_PASS_S)
        return await super().recognize(audio, options, lane)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        await self.run("punctuate", lane, SHORT_S)
        return await super().punctuate(hypotheses, options, lane)

    async def run(self, stage: str, lane: Lane, cost_s: float, n_chunks: int = 0) -> None:
        """Wait until a worker has run this."""
        loop = asyncio.get_running_loop()
        call = _Call(stage, lane, cost_s, n_chunks, loop.time(), loop.create_future())
        self.waiting.append(call)
        self.added.set()
        try:
            await call.done
        finally:
            if call in self.waiting:
                self.waiting.remove(call)

    async def running(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Return what `work` returns, with the workers beside it."""
        self.added = asyncio.Event()
        workers = [asyncio.create_task(self._serve()) for _ in range(self.n_workers)]
        try:
            return await work()
        finally:
            for worker in workers:
                worker.cancel()

    async def _serve(self) -> None:
        while True:
            while not (batch := self._take()):
                self.added.clear()
                await self.added.wait()
            started_s = asyncio.get_running_loop().time()
            queue_s = tuple(started_s - call.queued_s for call in batch)
            await asyncio.sleep(sum(call.cost_s for call in batch))
            run_s = asyncio.get_running_loop().time() - started_s
            self.load.batch(
                BatchStats(batch[0].stage, batch[0].lane, len(batch), 1, 1, queue_s, run_s, is_failed=False)
            )
            for call in batch:
                if not call.done.done():
                    call.done.set_result(None)

    def _take(self) -> list[_Call]:
        if not self.waiting:
            return []
        now_s = asyncio.get_running_loop().time()
        overdue = any(c.lane is Lane.FINAL and now_s - c.queued_s > FINAL_PATIENCE_S for c in self.waiting)
        order = {
            Lane.SHORT: 0,
            Lane.STEP: 2,
            Lane.FINAL: 1 if overdue else 3,
            Lane.AHEAD: 4,
            Lane.BULK: 5,
            Lane.JOBS: 6,
        }
        first = min(self.waiting, key=lambda call: order[call.lane])
        n = max(1, BATCH * 2 // (1 + first.n_chunks)) if first.stage == "step" else 1
        alike = [
            c for c in self.waiting if (c.stage, c.lane, c.n_chunks) == (first.stage, first.lane, first.n_chunks)
        ]
        for call in alike[:n]:
            self.waiting.remove(call)
        return alike[:n]


class BusyStream(FakeStream):
    """Its detector is cheap, its steps cost `STEP_S` and more for each chunk."""

    engine: BusyEngine

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        await self.engine.run("vad", Lane.SHORT, SHORT_S)
        return await super().detect(samples, is_last=is_last)

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        n_chunks = max(1, len(audio.samples) * 10 // (6 * SAMPLE_RATE))
        self.engine.longest_step = max(self.engine.longest_step, n_chunks)
        await self.engine.run("step", Lane.STEP, STEP_S + n_chunks * CHUNK_S, n_chunks)
        return await super().step(audio, is_last=is_last)
