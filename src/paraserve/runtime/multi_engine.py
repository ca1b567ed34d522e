"""Several engines, one for each device, behind the `Engine` Protocol; work goes to the least loaded one."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from paraserve.errors import EngineStuckError, InferenceError, OverloadedError, ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.inference.base import VadStep
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.engine import Engine, EngineStream, VadStream
from paraserve.runtime.local_stream import cost_frames
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import Hypothesis, Partial, Samples, SegmentAudio, Sentence

log = logging.getLogger(__name__)

FAILURES_ALLOWED = 3
"""Failures in a row, on segments that another replica could recognize, after which a replica gets no more work. A
broken device fails fast, so it would always be the least loaded one."""


@dataclass(eq=False, slots=True)
class _Replica:
    """An engine and its load: open streams, and fbank frames of segments that wait or run."""

    engine: Engine
    name: str
    streams: int = 0
    frames: int = 0
    failures: int = 0

    @property
    def is_broken(self) -> bool:
        return self.failures >= FAILURES_ALLOWED

    @property
    def load(self) -> tuple[bool, int, int]:
        """Sort key for segments; of replicas with equal keys the first is taken."""
        return self.is_broken, self.frames, self.streams

    @property
    def stream_load(self) -> tuple[bool, int, int]:
        """Sort key for streams."""
        return self.is_broken, self.streams, self.frames

    @contextmanager
    def working(self, frames: int) -> Iterator[None]:
        self.frames += frames
        try:
            yield
        finally:
            self.frames -= frames


class Replicas:
    """Several engines as one; matches `Engine`. Use it from one event loop.

    A segment goes to the least loaded engine, and to another one if that fails. A stream stays on its engine.
    `engines` are at least one, each with the name of its device.
    """

    def __init__(self, engines: Sequence[tuple[str, Engine]]) -> None:
        self._replicas = [_Replica(engine, name) for name, engine in engines]

    @property
    def abilities(self) -> Abilities:
        """Those of the first replica: all of them have the same models."""
        return self._replicas[0].engine.abilities

    @property
    def max_segment_ms(self) -> int:
        """Longest segment that every replica takes."""
        return min(replica.engine.max_segment_ms for replica in self._replicas)

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> VadStream:
        """Open voice activity detection on the least loaded replica."""
        return self._least_loaded().engine.open_vad(lane, overrides)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance on the replica that has the fewest.

        Raises:
            ProtocolError: a VAD override is out of its range.
        """
        replica = min(self._replicas, key=lambda replica: replica.stream_load)
        return _Stream(replica, replica.engine.open_stream(config))

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """Recognize one segment. If a replica fails or is closed, another one tries once.

        Raises:
            InferenceError: both replicas failed.
            OverloadedError: the engines are closed.
        """
        replica = self._least_loaded()
        try:
            return await self._recognize(replica, audio, options, lane)
        except EngineStuckError:  # which the others are, too
            raise
        except (InferenceError, OverloadedError) as error:
            others = [other for other in self._replicas if other is not replica and not other.is_broken]
            if not others:
                raise
            timed = await self._recognize(min(others, key=lambda other: other.load), audio, options, lane)
            self._count_failure(replica, error)
            return timed

    async def _recognize(
        self, replica: _Replica, audio: SegmentAudio, options: RecognitionOptions, lane: Lane
    ) -> Timed[Hypothesis]:
        with replica.working(cost_frames(audio.samples)):
            timed = await replica.engine.recognize(audio, options, lane)
        if not replica.is_broken:
            replica.failures = 0
        return timed

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments, from the least loaded replica."""
        return await self._least_loaded().engine.punctuate(hypotheses, options, lane)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane of all replicas together."""
        queues = [replica.engine.queued for replica in self._replicas]
        return {lane: sum(queue.get(lane, 0) for queue in queues) for lane in Lane}

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane of all replicas has waited, 0 in an empty one."""
        waits = [replica.engine.waited_s for replica in self._replicas]
        return {lane: max(wait.get(lane, 0.0) for wait in waits) for lane in Lane}

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress."""
        return sum(replica.engine.end_overdue(timeout_s) for replica in self._replicas)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call of every replica that waits or runs with this error."""
        for replica in self._replicas:
            replica.engine.abandon(error, message)

    async def close(self) -> None:
        """Close all replicas, even if closing one fails, then raise the first failure."""
        results = await asyncio.gather(
            *(replica.engine.close() for replica in self._replicas), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _least_loaded(self) -> _Replica:
        return min(self._replicas, key=lambda replica: replica.load)

    def _count_failure(self, replica: _Replica, error: Exception) -> None:
        replica.failures += 1
        if replica.failures == FAILURES_ALLOWED:
            log.error("%s failed %d times in a row and gets no more work: %s", replica.name, FAILURES_ALLOWED, error)


class _Stream:
    """A stream of one replica, which counts it as load until it is closed; matches `EngineStream`."""

    def __init__(self, replica: _Replica, stream: EngineStream) -> None:
        self._replica = replica
        self._stream = stream
        self._is_open = True
        replica.streams += 1

    @property
    def lookback_ms(self) -> int:
        return self._stream.lookback_ms

    @property
    def has_partials(self) -> bool:
        return self._stream.has_partials

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        return await self._stream.detect(samples, is_last=is_last)

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        return await self._stream.step(audio, is_last=is_last)

    def restart(self) -> None:
        self._stream.restart()

    @property
    def closing(self) -> str:
        return self._stream.closing

    async def sentence_end(self, rest: SegmentAudio) -> Timed[float | None]:
        return await self._stream.sentence_end(rest)

    def set_end_silence(self, end_silence_ms: int | None) -> None:
        self._stream.set_end_silence(end_silence_ms)

    def set_ahead(self, *, is_ahead: bool) -> None:
        self._stream.set_ahead(is_ahead=is_ahead)

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        return await self._stream.punctuate(hypothesis, options, is_last=is_last)

    async def close(self) -> None:
        self._replica.streams -= self._is_open
        self._is_open = False
        await self._stream.close()
