"""Second passes of a recording: neighbouring segments that the first model is unsure of are recognized as one.

A model for open speech understands more of longer speech, and most of them cost nearly as much for a short segment as
for a long one: one by one, Whisper took 26 s for the 17 segments of a minute of Mandarin that take 11 s joined, and
21.7 % of the characters differed from the plain library's instead of 16.7 % (2 busy CPUs).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paraserve.options import RecognitionOptions
from paraserve.runtime.routing.automatic_engine import AutomaticEngine, FirstPass, Unsure
from paraserve.runtime.scheduling.batches import Timed
from paraserve.runtime.segments.segment_joiner import MAX_PAUSE_MS
from paraserve.types import Hypothesis, SegmentAudio, ms_to_samples, samples_to_ms

MAX_JOINED_MS = 28_000
"""Longest joined segment, where the other models take as much in one piece. Of 70 s of Mandarin 4.6 % of the
characters differ from the plain library's, and 6.8 % with 22 s, which has a window more."""
IN_FLIGHT_MS = 120_000
"""Audio that may wait for its second pass."""


@dataclass(slots=True)
class _Joined:
    """Neighbouring segments from the place `first` of the list of hypotheses on."""

    first: int
    start_ms: int
    end_ms: int
    unsure: Unsure
    parts: list[tuple[int, SegmentAudio]] = field(default_factory=list)

    def add(self, start_ms: int, part: SegmentAudio) -> None:
        self.parts.append((start_ms, part))
        self.end_ms = start_ms + samples_to_ms(len(part.samples))

    @property
    def audio(self) -> SegmentAudio:
        """The segments with the pauses between them."""
        last_ms, last = self.parts[-1]
        samples = np.zeros(ms_to_samples(last_ms - self.start_ms) + len(last.samples), np.float32)
        for start_ms, part in self.parts:
            end = ms_to_samples(start_ms - self.start_ms) + len(part.samples)
            heard = np.concatenate((part.before, part.samples))
            samples[max(0, end - len(heard)) : end] = heard[-end:]
        return SegmentAudio(samples)


class JoinedSecondPasses:
    """Replaces hypotheses of a recording by those of a second model.

    Args:
        engine: chooses the second model.
        options: the client's choices.
        hypotheses: of all segments so far, with times of the recording. A joined text takes the place of its first
            segment, and the places of the others become empty.
        spent: is told the time of each run.
        shifted: moves a segment's times to the recording's, given its start and end.
        joined: is told the place of the first segment of a joined text, and the number of its segments.
    """

    def __init__(
        self,
        engine: AutomaticEngine,
        options: RecognitionOptions,
        hypotheses: list[Hypothesis],
        spent: Callable[[Timed[Any]], None],
        shifted: Callable[[Hypothesis, int, int], Hypothesis],
        joined: Callable[[int, int], None] = lambda _first, _n_segments: None,
    ) -> None:
        self._engine = engine
        self._options = options
        self._hypotheses = hypotheses
        self._spent = spent
        self._shifted = shifted
        self._max_ms = min(MAX_JOINED_MS, engine.second_max_segment_ms)
        self._joined = joined
        self._open: _Joined | None = None
        self._running: deque[tuple[_Joined, asyncio.Task[None]]] = deque()

    async def feed(self, start_ms: int, audio: SegmentAudio, first: FirstPass, group: asyncio.TaskGroup) -> None:
        """Take the segment whose hypothesis was added last. Waits while second passes are far behind."""
        end_ms = start_ms + samples_to_ms(len(audio.samples))
        if self._open is not None and not self._continues(self._open, start_ms, end_ms, first):
            self._start(group)
        if first.unsure is not None:
            if self._open is None:
                self._open = _Joined(len(self._hypotheses) - 1, start_ms, end_ms, first.unsure)
            self._open.add(start_ms, audio)
        while sum(joined.end_ms - joined.start_ms for joined, _ in self._running) > IN_FLIGHT_MS:
            await self._running.popleft()[1]

    @property
    def n_settled(self) -> int:
        """Number of hypotheses, from the first on, that no second pass replaces any more."""
        places = [joined.first for joined, task in self._running if not task.done()]
        if self._open is not None:
            places.append(self._open.first)
        return min(places, default=len(self._hypotheses))

    async def finish(self, group: asyncio.TaskGroup) -> None:
        """Wait for all second passes."""
        self._start(group)
        while self._running:
            await self._running.popleft()[1]

    def _continues(self, joined: _Joined, start_ms: int, end_ms: int, first: FirstPass) -> bool:
        is_near = start_ms - joined.end_ms <= MAX_PAUSE_MS and end_ms - joined.start_ms <= self._max_ms
        return is_near and first.unsure == joined.unsure

    def _start(self, group: asyncio.TaskGroup) -> None:
        joined, self._open = self._open, None
        if joined is not None:
            task = group.create_task(self._recognize(joined))
            self._running.append((joined, task))

    async def _recognize(self, joined: _Joined) -> None:
        second = await self._engine.second_pass(joined.audio, self._options, joined.unsure)
        if second is None:
            return
        _, timed = second
        self._spent(timed)
        self._hypotheses[joined.first] = self._shifted(timed.result, joined.start_ms, joined.end_ms)
        for place in range(joined.first + 1, joined.first + len(joined.parts)):
            self._hypotheses[place] = Hypothesis()
        self._joined(joined.first, len(joined.parts))
