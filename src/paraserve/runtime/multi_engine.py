"""Several engines, one a device, behind the `Engine` Protocol: work goes to the one with the least of it."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from paraserve.errors import InferenceError, OverloadedError
from paraserve.inference.base import VadStep
from paraserve.runtime.engine import Engine, EngineStream, VadStream
from paraserve.runtime.local_stream import cost_frames
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import (
    Hypothesis,
    Partial,
    RecognitionOptions,
    Samples,
    SegmentAudio,
    Sentence,
    StreamConfig,
)

log = logging.getLogger(__name__)

FAILURES_ALLOWED = 3
"""After so many failures in a row on segments that another replica could do, a replica gets nothing more: a device
that is broken fails fast, and would have the least work for ever."""


@dataclass(eq=False, slots=True)
class _Replica:
    """An engine and what it has to do: open streams, and fbank frames in segments that wait or run."""

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
        """For a segment; of replicas with equal loads the first counts."""
        return self.is_broken, self.frames, self.streams

    @property
    def stream_load(self) -> tuple[bool, int, int]:
        return self.is_broken, self.streams, self.frames

    @contextmanager
    def working(self, frames: int) -> Iterator[None]:
        self.frames += frames
        try:
            yield
        finally:
            self.frames -= frames


class Replicas:
    """Matches `Engine`. A segment goes to any engine, and to another one if that fails; a stream stays where it is.

    For one event loop. `engines` are at least one, each under the name of its device.
    """

    def __init__(self, engines: Sequence[tuple[str, Engine]]) -> None:
        self._replicas = [_Replica(engine, name) for name, engine in engines]

    @property
    def max_segment_ms(self) -> int:
        """What every replica takes."""
        return min(replica.engine.max_segment_ms for replica in self._replicas)

    @property
    def lookback_ms(self) -> int:
        """The longest of all."""
        return max(replica.engine.lookback_ms for replica in self._replicas)

    def open_vad(self, lane: Lane = Lane.BULK) -> VadStream:
        """A detector, where there is least to do."""
        return self._least_loaded().engine.open_vad(lane)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """A live utterance, where the fewest are open.

        Raises:
            ProtocolError: a VAD knob is out of its range.
        """
        replica = min(self._replicas, key=lambda replica: replica.stream_load)
        return _Stream(replica, replica.engine.open_stream(config))

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """One segment to text; what one replica fails at, or is closed to, another one tries once.

        Raises:
            InferenceError: both failed.
            OverloadedError: the engines are closed.
        """
        replica = self._least_loaded()
        try:
            return await self._recognize(replica, audio, options, lane)
        except (InferenceError, OverloadedError) as error:
            others = [other for other in self._replicas if other is not replica and not other.is_broken]
            if not others:
                raise
            done = await self._recognize(min(others, key=lambda other: other.load), audio, options, lane)
            self._blame(replica, error)
            return done

    async def _recognize(
        self, replica: _Replica, audio: SegmentAudio, options: RecognitionOptions, lane: Lane
    ) -> Timed[Hypothesis]:
        with replica.working(cost_frames(audio.samples)):
            done = await replica.engine.recognize(audio, options, lane)
        if not replica.is_broken:
            replica.failures = 0
        return done

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Sentences of consecutive segments, where there is least to do."""
        return await self._least_loaded().engine.punctuate(hypotheses, options, lane)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """How much work waits in each lane, of all replicas together."""
        queues = [replica.engine.queued for replica in self._replicas]
        return {lane: sum(queue.get(lane, 0) for queue in queues) for lane in Lane}

    async def close(self) -> None:
        """Close all, also if one fails to."""
        results = await asyncio.gather(
            *(replica.engine.close() for replica in self._replicas), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _least_loaded(self) -> _Replica:
        return min(self._replicas, key=lambda replica: replica.load)

    def _blame(self, replica: _Replica, error: Exception) -> None:
        replica.failures += 1
        if replica.failures == FAILURES_ALLOWED:
            log.error("%s failed %d times in a row and gets no more work: %s", replica.name, FAILURES_ALLOWED, error)


class _Stream:
    """Matches `EngineStream`: the stream of a replica, which counts it until it is closed."""

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

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        return await self._stream.punctuate(hypothesis, options, is_last=is_last)

    async def close(self) -> None:
        self._replica.streams -= self._is_open
        self._is_open = False
        await self._stream.close()
