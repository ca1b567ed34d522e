"""The first pass of a live utterance: steps of the streaming recognizer, which give way while the machine is busy."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from paraserve.options import StreamConfig
from paraserve.runtime.engine import EngineStream
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.segments.live_segmenter import Chunk
from paraserve.types import Notice, Partial, SegmentAudio

PATIENCE_S = 0.6
"""A step that takes longer than the shortest usual chunk lasts holds nothing up: its stream is behind."""
MAX_STEP_MS = 3_000
"""Most audio of a step of joined chunks, so that it does not hold a worker for long."""
MAX_WAITING_MS = 20_000
"""Audio that may wait for its step; beyond it `add` waits."""
MAX_OWED_MS = 10_000
"""Most speech with partial texts that a stream may be owed, or have had too much of."""
FIRST_OWED_MS = (0, 1000, -1000)
"""What streams are owed at first, by their place. They differ, so that streams take turns."""
DEGRADED = "degraded"
NOTICE = Notice(
    DEGRADED,
    "the server is busy: partial texts come later or are left out, final texts come as ever. It needs more CPUs for "
    "as many who speak",
)


class FirstPass:
    """Steps of one stream, one at a time. Chunks that are due while it is behind are joined into one longer step.

    Without a second pass, and where the text must not depend on the load, no chunk is left out or joined
    respectively.

    Args:
        stream: runs the steps. `detect` and `step` may run side by side.
        config: what the client asks for.
        load: that of all live streams.
        put: gets the text of each step, with the chunk that it is about.
    """

    def __init__(
        self, stream: EngineStream, config: StreamConfig, load: LiveLoad, put: Callable[[Partial, Chunk], None]
    ) -> None:
        self._stream = stream
        self._step_ms = config.chunk.step_ms  # of the last chunk: drafts have shorter ones
        self._may_join = not config.options.deterministic
        self._may_pause = config.mode == "2pass"
        self._load = load
        self._put = put
        self._waiting: list[Chunk] = []
        self._running: asyncio.Task[None] | None = None
        self._index = -1
        self._is_paused = self._was_told = False
        self._owed_ms = 0.0  # speech with partial texts that the stream should have had, less what it had
        self._given_until_ms = 0  # of the open segment
        self._degraded: set[int] = set()  # segments whose notice is still to be given

    def open(self) -> None:
        """Begin to count among the streams of the load, until `close`."""
        self._owed_ms = FIRST_OWED_MS[self._load.enter() % len(FIRST_OWED_MS)]

    @property
    def has_all(self) -> bool:
        """True if the streaming recognizer has been given all chunks of the open segment."""
        is_idle = self._running is None or self._running.done()
        return is_idle and not self._waiting and not self._is_paused

    async def add(self, chunk: Chunk, *, is_ahead: bool) -> None:
        """Take the next chunk of open speech. Returns once it is stepped, or soon where the stream is behind.

        Raises:
            InferenceError: the model failed.
            OverloadedError: the engine is closed.
        """
        if chunk.index != self._index:
            self._begin(chunk)
        self._step_ms = chunk.end_ms - chunk.start_ms
        if self._load.rung.share < 1.0:
            self._owed_ms += self._load.rung.share * self._step_ms
        if self._is_paused:
            return
        self._waiting.append(chunk)
        self._advance(is_due=is_ahead or len(self._waiting) >= self._n_due())
        if self._running is not None:
            await self._wait(self._running, is_ahead=is_ahead)

    def drop(self) -> None:
        """End the segment without its rest, which a second pass recognizes.

        Raises:
            InferenceError: the model failed.
        """
        self._waiting.clear()
        if self._running is not None:
            if self._running.done():
                self._running.result()
            self._running.cancel()
        self._running = None
        self._stream.restart()

    async def flush(self) -> None:
        """Run all steps that are due or wait for more. Raises what `add` raises."""
        while self._waiting or self._running is not None:
            self._advance(is_due=True)
            if self._running is not None:
                await self._running
                self._running = None

    async def close(self) -> None:
        """Cancel what runs."""
        self._load.leave()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    def take_notice(self, index: int) -> Notice | None:
        """Return what is to be said of the partial texts of this segment, once."""
        if index not in self._degraded:
            return None
        self._degraded.discard(index)
        return NOTICE

    def _begin(self, chunk: Chunk) -> None:
        self._index, self._was_told, self._given_until_ms = chunk.index, False, chunk.opened_ms
        self._owed_ms = max(-MAX_OWED_MS, min(self._owed_ms, MAX_OWED_MS))
        self._is_paused = self._may_pause and self._load.rung.share < 1.0 and self._owed_ms <= 0
        if self._is_paused:
            self._degraded.add(chunk.index)

    def _give(self, until: Chunk) -> None:
        """Count the open segment's speech so far as speech with partial texts."""
        if self._load.rung.share < 1.0:
            self._owed_ms -= until.end_ms - self._given_until_ms
        self._given_until_ms = until.end_ms

    def _n_due(self) -> int:
        """Return how many chunks make a step now."""
        return max(1, self._load.rung.step_ms // self._step_ms) if self._may_join else 1

    def _advance(self, *, is_due: bool) -> None:
        if self._running is not None and self._running.done():
            self._running.result()
            self._running = None
        if self._running is None and self._waiting and is_due:
            self._running = asyncio.create_task(self._run())

    async def _wait(self, running: "asyncio.Task[None]", *, is_ahead: bool) -> None:
        """Wait for the step, unless its stream is behind. Where nobody speaks just now, none is."""
        is_patient = is_ahead or not self._may_join or len(self._waiting) * self._step_ms > MAX_WAITING_MS
        timeout_s = None if is_patient else 0.0 if self._load.level else PATIENCE_S
        done, _ = await asyncio.wait({running}, timeout=timeout_s)
        if done:
            running.result()
            self._running = None

    async def _run(self) -> None:
        """Step what is due, and again as long as more became due meanwhile."""
        while True:
            n_chunks = max(1, MAX_STEP_MS // self._step_ms) if self._may_join else 1
            chunks, self._waiting = self._waiting[:n_chunks], self._waiting[n_chunks:]
            if len(chunks) > 1 and not self._was_told:
                self._was_told = True
                self._degraded.add(chunks[0].index)
            timed = await self._stream.step(_joined(chunks), is_last=False)
            if timed.result.text:
                self._give(chunks[-1])
            self._put(timed.result, replace(chunks[-1], start_ms=chunks[0].start_ms))
            if len(self._waiting) < self._n_due():
                return


def _joined(chunks: Sequence[Chunk]) -> SegmentAudio:
    """Return the audio of consecutive chunks, with the hotwords of the last one."""
    last = chunks[-1].audio
    if len(chunks) == 1:
        return last
    features = [chunk.audio.features for chunk in chunks]
    known = [part for part in features if part is not None]
    return replace(
        last,
        samples=np.concatenate([chunk.audio.samples for chunk in chunks]),
        features=np.concatenate(known) if len(known) == len(features) else None,
    )
