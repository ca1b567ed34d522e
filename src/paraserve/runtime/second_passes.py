"""Second passes of one live utterance: each ended segment recognized once more, as a whole, and punctuated.

They run side by side. What one of them hears may depend on the one before.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from paraserve.inference.hotword_lists import HotwordReports, still_shown
from paraserve.inference.text.sentences import join_sentences, join_spoken
from paraserve.options import RecognitionOptions
from paraserve.runtime.engine import Engine, EngineStream
from paraserve.runtime.redacted_texts import LiveRedaction
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.runtime.segments.live_segmenter import SpeechEnd
from paraserve.runtime.segments.segment_recognizer import SegmentRecognizer
from paraserve.runtime.spoken_language import SpokenLanguage
from paraserve.runtime.understanding import heard_in
from paraserve.types import Hypothesis, Notice, Segment, Sentence, Timing, Update

IN_FLIGHT_MS = 60_000
"""Audio that may wait for its second pass; beyond it `feed` waits."""


class SecondPasses:
    """The second passes that run, in the order of their segments.

    Args:
        engine: recognizes.
        realtime: the stream that keeps the state of realtime punctuation, None where the engine punctuates.
        group: runs them.
        redaction: that of the utterance.
        reports: of the client's hotwords.
        take_notice: gives what is to be said of a segment's partial texts, once.
    """

    def __init__(
        self,
        engine: Engine,
        realtime: EngineStream | None,
        group: asyncio.TaskGroup,
        redaction: LiveRedaction,
        reports: HotwordReports,
        take_notice: Callable[[int], Notice | None],
    ) -> None:
        self._engine = engine
        self._realtime = realtime
        self._group = group
        self._redaction = redaction
        self._reports = reports
        self._take_notice = take_notice
        self._recognizer = SegmentRecognizer(engine)
        self._language = SpokenLanguage()
        self._running: deque[tuple[Segment, asyncio.Task[Update]]] = deque()

    async def start(
        self, end: SpeechEnd, options: RecognitionOptions, lane_of: Callable[[Lane], Lane], *, is_last: bool
    ) -> asyncio.Task[Update]:
        """Start the pass of an ended segment. Waits first while too much audio is in flight.

        `lane_of` tells the lane of work that usually goes in the given one.
        """
        while sum(segment.end_ms - segment.start_ms for segment, _ in self._running) > IN_FLIGHT_MS:
            await self._wait_for_oldest()
        before = self._running[-1][1] if self._running else None
        task = self._group.create_task(self._pass(end, options, before, lane_of, is_last=is_last))
        self._running.append((end.segment, task))
        return task

    async def finish(self) -> None:
        """Wait for all of them."""
        while self._running:
            await self._wait_for_oldest()

    def cancel(self) -> None:
        """Cancel all of them."""
        for _, task in self._running:
            task.cancel()

    async def _wait_for_oldest(self) -> None:
        """Wait for the oldest one, then drop all that are done."""
        await asyncio.wait({self._running[0][1]})
        while self._running and self._running[0][1].done():
            self._running.popleft()

    async def _pass(
        self,
        end: SpeechEnd,
        options: RecognitionOptions,
        before: asyncio.Task[Update] | None,
        lane_of: Callable[[Lane], Lane],
        *,
        is_last: bool,
    ) -> Update:
        n_samples = len(end.audio.samples)
        options = self._language.told(options, n_samples)
        recognized = await self._recognizer.recognize(end, options, before, lane_of(Lane.FINAL))
        hypothesis = recognized.result
        self._language.hear(hypothesis, options, n_samples)
        punctuated = await self._punctuate(hypothesis, options, before, lane_of, is_last=is_last)
        final = self._redaction.final(punctuated.result, options.redaction, before, is_last=is_last)
        sentences, redactions = await final
        text, spoken = join_sentences(sentences), join_spoken(sentences)
        hotwords = self._reports.of_segment(options.hotwords, hypothesis)
        return Update(
            "offline",
            text,
            sentences=sentences,
            segment_index=end.index,
            start_ms=end.segment.start_ms,
            end_ms=end.segment.end_ms,
            due_ms=end.due_ms,
            last=is_last,
            timing=Timing(
                queue_ms=round(recognized.queue_ms + punctuated.queue_ms),
                inference_ms=round(recognized.run_ms + punctuated.run_ms),
            ),
            heard=heard_in(hypothesis, end.segment.end_ms - end.segment.start_ms),
            spoken=spoken,
            redactions=redactions,
            notice=self._take_notice(end.index),
            hotwords=hotwords if redactions is None else still_shown(hotwords, text, spoken),
            is_committed=end.is_committed,
        )

    async def _punctuate(
        self,
        hypothesis: Hypothesis,
        options: RecognitionOptions,
        before: asyncio.Task[Update] | None,
        lane_of: Callable[[Lane], Lane],
        *,
        is_last: bool,
    ) -> Timed[tuple[Sentence, ...]]:
        if self._realtime is None:
            return await self._engine.punctuate([hypothesis], options, lane_of(Lane.SHORT))
        if before is not None:
            # The punctuation model's state goes from segment to segment.
            await asyncio.wait({before})
        return await self._realtime.punctuate(hypothesis, options, is_last=is_last)
