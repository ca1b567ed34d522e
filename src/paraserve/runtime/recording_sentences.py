"""The sentences of a recording, written while the rest of it is still being recognized.

Segments up to a place where no sentence can go on are punctuated together, and redacted as soon as no number can go
on. So the sentences are those of all segments at once, and whoever follows them gets each once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from paraserve.inference.text.final_text import are_parted
from paraserve.inference.text.redaction.growing_recording import GrowingRecording
from paraserve.inference.text.redaction.redactor import redactor_for
from paraserve.options import RecognitionOptions
from paraserve.redaction_types import Redactions
from paraserve.runtime.engine import Engine
from paraserve.runtime.scheduling.batches import Timed
from paraserve.types import Hypothesis, Sentence

OnSentences: TypeAlias = Callable[[Sequence[Sentence]], None]
"""Called on the event loop with the next sentences of a recording, which do not change any more."""


class RecordingSentences:
    """Punctuates and redacts the segments of one recording.

    Args:
        engine: punctuates.
        options: the client's choices.
        hypotheses: of all segments so far, which grow at their end.
        spent: is told the time of each run.
        on_sentences: see `OnSentences`.
    """

    def __init__(
        self,
        engine: Engine,
        options: RecognitionOptions,
        hypotheses: Sequence[Hypothesis],
        spent: Callable[[Timed[Any]], None],
        on_sentences: OnSentences | None = None,
    ) -> None:
        self.sentences: list[Sentence] = []
        self.redactions: Redactions | None = None
        self._engine = engine
        self._options = options
        self._hypotheses = hypotheses
        self._spent = spent
        self._on_sentences = on_sentences
        self._redaction = GrowingRecording(redactor_for(options.redaction)) if options.redaction else None
        self._n_begun = self._n_seen = 0  # hypotheses that are being punctuated, and those that were looked at
        self._last_spoken: Hypothesis | None = None
        self._last_task: asyncio.Task[None] | None = None

    def advance(self, n_settled: int, group: asyncio.TaskGroup) -> None:
        """Begin to punctuate what is complete. The first `n_settled` hypotheses do not change any more."""
        end = self._n_begun
        for place in range(self._n_seen, n_settled):
            following = self._hypotheses[place]
            if not following.tokens:
                continue
            if self._last_spoken is not None and are_parted(self._last_spoken, following):
                end = place
            self._last_spoken = following
        self._n_seen = max(self._n_seen, n_settled)
        if end > self._n_begun:
            self._begin(end, group, is_last=False)

    async def finish(self, group: asyncio.TaskGroup) -> None:
        """Punctuate all that is left, and wait for all sentences."""
        self._begin(len(self._hypotheses), group, is_last=True)
        assert self._last_task is not None
        await self._last_task

    def _begin(self, end: int, group: asyncio.TaskGroup, *, is_last: bool) -> None:
        part, self._n_begun = self._hypotheses[self._n_begun : end], end
        self._last_task = group.create_task(self._write(part, self._last_task, is_last=is_last))

    async def _write(self, part: Sequence[Hypothesis], before: asyncio.Task[None] | None, *, is_last: bool) -> None:
        found: tuple[Sentence, ...] = ()
        if any(hypothesis.tokens for hypothesis in part):
            timed = await self._engine.punctuate(part, self._options)
            self._spent(timed)
            found = timed.result
        if before is not None:
            await before
        sentences = await self._redacted(found, is_last=is_last)
        self.sentences += sentences
        if sentences and self._on_sentences is not None:
            self._on_sentences(sentences)

    async def _redacted(self, sentences: tuple[Sentence, ...], *, is_last: bool) -> tuple[Sentence, ...]:
        if self._redaction is None:
            return sentences
        # Many sentences at once take long enough to be felt by others on the event loop.
        redacted = await asyncio.to_thread(self._redaction.push, sentences, is_last=is_last)
        self.redactions = redacted.counts if self.redactions is None else self.redactions + redacted.counts
        return redacted.sentences
