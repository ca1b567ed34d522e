"""Second pass of a live utterance's segments, with words that come after those of the segment before."""

import asyncio
from dataclasses import replace
from typing import Any

from paraserve.options import RecognitionOptions
from paraserve.runtime.engine import Engine
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.runtime.segments.cut_speech import LastWords, last_words, own_words, recognize_part, shifted
from paraserve.runtime.segments.live_segmenter import SpeechEnd
from paraserve.types import Hypothesis


class SegmentRecognizer:
    """Recognizes the segments of one utterance, which may run side by side."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last_words: dict[int, LastWords | None] = {}  # of the parts of cut speech

    async def recognize(
        self, end: SpeechEnd, options: RecognitionOptions, before: "asyncio.Task[Any] | None", lane: Lane
    ) -> Timed[Hypothesis]:
        """Recognize an ended segment, with times of the utterance. `before` is the work on the segment before.

        Raises:
            InferenceError: the model failed on this segment.
            OverloadedError: the engine is closed.
        """
        around, segment = end.around, end.segment
        part = None if around is None else await recognize_part(self._engine, segment, around, options, lane)
        if around is None or part is None:
            timed = await self._engine.recognize(end.audio, options, lane)
            whole = shifted(timed.result, segment.start_ms, segment.end_ms)
            if end.is_committed:
                self._last_words[end.index] = last_words(whole, are_whole=False)
            return replace(timed, result=whole)
        if around.has_before and before is not None:
            await asyncio.wait({before})
        last = self._last_words.pop(end.index - 1, None)
        own = own_words(part.result, segment, around, last)
        if around.has_after or end.is_committed:
            self._last_words[end.index] = last_words(own, are_whole=around.has_after) or last
        return replace(part, result=own)
