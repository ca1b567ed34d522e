"""Punctuation of the partial texts of one utterance, by a realtime model. Text that was given is never taken back.

The mark after the last word waits until the next word shows what it is. In mode "2pass" each segment is marked alone,
since its final text brings a closing mark. In mode "online" the marks go on from segment to segment.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from paraserve.inference.base import State, StreamingPunctuator
from paraserve.inference.text.streaming_text import fitting_mark, with_marks
from paraserve.runtime.scheduling.batches import BatchCall, Lane
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler
from paraserve.types import Partial

FULL_STOP = "。"


class PartialPunctuation:
    """The marks of one utterance's partial texts."""

    def __init__(self, model: StreamingPunctuator[Any], scheduler: AnyScheduler) -> None:
        self._model = model
        self._scheduler = scheduler
        self.restart()

    def restart(self) -> None:
        """Begin another text, in place of the one so far."""
        self._state: Any = None
        self._last_word = ""

    async def mark(self, step: Partial, lane: Lane) -> Partial:
        """Return the next partial text with marks.

        Raises:
            InferenceError: the model failed; the text may go on.
        """
        words = step.tokens
        if not words:
            return step
        state = self._model.new_state() if self._state is None else self._state
        call = BatchCall(("mark", id(self._model)), partial(_mark_steps, self._model))
        timed = await self._scheduler.submit(call, (state, [word.text for word in words]), lane=lane)
        self._state, head, marks = timed.result
        text = with_marks(step.text, words, fitting_mark(self._last_word, head), marks)
        self._last_word = words[-1].text
        return replace(step, text=text)

    @property
    def closing(self) -> str:
        """The mark behind a text that no final one replaces, "" if it has no words."""
        return fitting_mark(self._last_word, FULL_STOP) if self._last_word else ""


def _mark_steps(
    model: StreamingPunctuator[State], batch: Sequence[tuple[State, Sequence[str]]]
) -> list[tuple[State, str, list[str]]]:
    return [model.step(state, words) for state, words in batch]
