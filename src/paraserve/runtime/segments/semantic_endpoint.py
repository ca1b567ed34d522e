"""The end of a segment by what was said: short silence after a complete sentence, longer silence after half of one.

When a pause begins, the streaming recognizer is asked for all words so far, and the punctuation model for the
probability that a sentence ends behind them, whatever word follows.
"""

from collections.abc import Callable

from paraserve.inference.base import VadStep
from paraserve.options import SemanticEndpoint
from paraserve.runtime.engine import EngineStream
from paraserve.types import SegmentAudio

STEP_MS = 60
"""The detector is stepped this often while speech is open. The step after a judgement ends the segment."""
LEAST_PROBABILITY = 0.02
"""Of a complete sentence. Embedded bundle, texts of the held-out speech: 90 % of the sentences reach it, and 20 % of
their first halves. It is low because an unknown word follows, which seldom begins a sentence."""


class PauseJudge:
    """Judges each pause of one utterance once, and tells the detector how much silence ends the segment."""

    def __init__(self, stream: EngineStream, limits: SemanticEndpoint) -> None:
        self._stream = stream
        self._limits = limits
        self._is_judged = False

    async def watch(self, step: VadStep, unstepped: Callable[[], SegmentAudio | None]) -> None:
        """Take a step of the detector. `unstepped` returns the open segment's audio that no chunk has taken.

        Raises:
            InferenceError: a model failed.
        """
        if not step.silence_ms:
            if self._is_judged:
                self._stream.set_end_silence(None)
            self._is_judged = False
            return
        rest = unstepped()
        if self._is_judged or rest is None or step.silence_ms < self._limits.complete_ms - STEP_MS:
            return
        self._is_judged = True
        probability = (await self._stream.sentence_end(rest)).result
        if probability is not None:
            is_complete = probability >= LEAST_PROBABILITY
            self._stream.set_end_silence(self._limits.complete_ms if is_complete else self._limits.incomplete_ms)
