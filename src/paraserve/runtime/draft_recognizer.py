"""Partial texts of a recognizer that cannot stream: it recognizes open speech repeatedly, at a bounded cost.

Each such run is a draft. Words on which two consecutive drafts agree are locked and never change; the words after
them are the unstable tail (LocalAgreement-2, Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription
System", 2023). Where a final text replaces them, the first words of a segment may come from one draft without its
last words (hold-n, Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
Partial Hypothesis Selection", 2020).
"""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import partial
from typing import Protocol

import numpy as np

from paraserve.inference.text.spaces import space_between_sentences
from paraserve.runtime.scheduling.batches import Timed
from paraserve.types import (
    Hypothesis,
    Partial,
    Samples,
    SegmentAudio,
    Token,
    ms_to_samples,
    samples_to_ms,
)

FIRST_SAMPLES = ms_to_samples(1200)
"""Audio of a segment's first draft. Of less, Whisper base writes half of the first Chinese characters wrong."""
MIN_NEW_SAMPLES = ms_to_samples(480)
"""Least new audio for another draft."""
HELD_BACK = 2
"""Words at the end of a first draft that are not told yet: the last one is often half a word."""
DRAFT_STEP_MS = 120
"""Chunks of open speech for drafts. A draft that is due begins so much later at most, and one that ended is told."""
MAX_SHARE = 0.5
"""Share of half the workers' time that the drafts of all sessions together take while other work waits."""


class Recognize(Protocol):
    """Recognition of a segment of any length up to the recognizer's window."""

    def __call__(self, audio: SegmentAudio, *, is_draft: bool) -> Awaitable[Timed[Hypothesis]]:
        """Recognize one segment. A draft may trade quality for speed and needs no word times."""
        ...


class DraftBudget:
    """The time that all sessions of an engine may spend on drafts.

    There is one place for every two workers, at least one. While other work waits, a place rests after a draft of t
    seconds for t * (1 / MAX_SHARE - 1) seconds. Sessions that get no place are served in the order in which they
    asked.

    Args:
        workers: threads of the engine.
        is_waited_for: says whether other work waits.
        clock: seconds.
    """

    def __init__(
        self, workers: int, is_waited_for: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_waited_for = is_waited_for
        self._clock = clock
        self._free_at_s = [0.0] * max(1, workers // 2)
        self._waiting: dict[Hashable, None] = {}

    def take(self, session: Hashable) -> int | None:
        """Take a place, which must be released; None if none is free, and then the session waits in the queue."""
        self._waiting.setdefault(session)
        now_s = self._clock() if self._is_waited_for() else sys.float_info.max
        free = [place for place, free_at_s in enumerate(self._free_at_s) if free_at_s <= now_s]
        if session not in list(self._waiting)[: len(free)]:
            return None
        self.stop_waiting(session)
        self._free_at_s[free[0]] = math.inf
        return free[0]

    def stop_waiting(self, session: Hashable) -> None:
        """Take the session out of the queue."""
        self._waiting.pop(session, None)

    def release(self, place: int, spent_ms: float) -> None:
        """Give a place back after a draft that took `spent_ms`."""
        self._free_at_s[place] = self._clock() + spent_ms / 1000 * (1 / MAX_SHARE - 1)


@dataclass(slots=True)
class Agreement:
    """The words of one segment: the locked ones, and those that the last draft put after them.

    `begins_early`: where nothing is locked yet, a single draft locks all but its last words, at least one of two.
    """

    begins_early: bool = False
    locked: list[Token] = field(default_factory=list)
    tail: list[Token] = field(default_factory=list)

    def update(self, words: Sequence[Token]) -> list[Token]:
        """Take the words of a new draft and return those that are locked by it."""
        following = list(words[self._n_locked_in(words) :])
        agreed = 0
        for old, new in zip(self.tail, following, strict=False):
            if _case_folded(old) != _case_folded(new):
                break
            agreed += 1
        if self.begins_early and not self.locked and not agreed:
            agreed = max(len(following) - HELD_BACK, min(len(following) - 1, 1), 0)
        self.locked += following[:agreed]
        self.tail = following[agreed:]
        return following[:agreed]

    def close(self, words: Sequence[Token]) -> list[Token]:
        """Take the words of the segment's final recognition and return all that follow the locked ones."""
        return list(words[self._n_locked_in(words) :])

    def _n_locked_in(self, words: Sequence[Token]) -> int:
        """Number of words that stand for the locked ones, even if the words now begin differently."""
        old, new = [_case_folded(word) for word in self.locked], [_case_folded(word) for word in words]
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()[:-1]
        if not blocks:
            return min(len(old), len(new))
        last = blocks[-1]
        return min(last.b + last.size + len(old) - (last.a + last.size), len(new))


class DraftRecognizer:
    """The open segment of one stream, and the drafts of its text.

    Args:
        recognize: recognizes a segment, as a draft or finally.
        budget: shared by all streams of the engine.
        max_segment_ms: longest segment that `recognize` takes.
        is_only_pass: no second pass follows, so longer speech is recognized in parts here. Otherwise it gets no more
            drafts, and the second pass cuts it.
    """

    def __init__(self, recognize: Recognize, budget: DraftBudget, max_segment_ms: int, *, is_only_pass: bool) -> None:
        self._recognize = recognize
        self._budget = budget
        self._max_samples = ms_to_samples(max_segment_ms)
        self._is_only_pass = is_only_pass
        self._last_run_ms = 0.0
        self._draft: asyncio.Future[Timed[Hypothesis]] | None = None
        self.restart()

    def restart(self) -> None:
        """Drop the segment; the next step begins another. A draft that waits in the scheduler is cancelled."""
        self._begin(0, "")

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Take the next audio of the segment and return the words locked since the last step, without waiting.

        The last step waits for recognition and returns all words not returned yet. A step that would exceed the
        recognizer's window does the same if this is the only pass.

        Raises:
            InferenceError: the recognizer failed.
        """
        before = Partial()
        if self._is_only_pass and self._n_samples + len(audio.samples) > self._max_samples:
            before = await self._close()
            self._begin(self._start_ms + samples_to_ms(self._n_samples), self._text)
        self._audio.append(audio.samples)
        self._n_samples += len(audio.samples)
        if is_last:
            after = await self._close()
            self.restart()
        else:
            after = await self._collect()
            self._start_draft()
        joined = Partial(
            before.text + after.text,
            after.tail,
            before.tokens + after.tokens,
            unknown_units=before.unknown_units + after.unknown_units,
        )
        return Timed(joined, 0.0, 0.0)

    def _begin(self, start_ms: int, text: str) -> None:
        """Forget the audio; the next begins at `start_ms` of the segment, after `text`."""
        self._drop_draft()
        self._start_ms, self._text = start_ms, text
        self._audio: list[Samples] = []
        self._n_samples = self._n_drafted = 0
        self._agreement = Agreement(begins_early=not self._is_only_pass)

    def _drop_draft(self) -> None:
        if self._draft is not None:
            self._draft.cancel()
        self._draft = None
        self._budget.stop_waiting(self)

    async def _collect(self) -> Partial:
        """Return what a draft that has ended brings; nothing while it runs."""
        if self._draft is None or not self._draft.done():
            return Partial()
        draft, self._draft = self._draft, None
        timed = await draft
        locked = self._agreement.update(timed.result.tokens)
        return self._partial(locked, self._agreement.tail)

    def _start_draft(self) -> None:
        n_needed = self._n_drafted + MIN_NEW_SAMPLES if self._n_drafted else FIRST_SAMPLES
        is_due = n_needed <= self._n_samples <= self._max_samples
        if self._draft is None and is_due and (place := self._budget.take(self)) is not None:
            self._n_drafted = self._n_samples
            audio = SegmentAudio(np.concatenate(self._audio))
            self._draft = asyncio.ensure_future(self._recognize(audio, is_draft=True))
            self._draft.add_done_callback(partial(self._end_draft, place))

    def _end_draft(self, place: int, draft: "asyncio.Future[Timed[Hypothesis]]") -> None:
        if not draft.cancelled() and draft.exception() is None:
            self._last_run_ms = draft.result().run_ms
        # A cancelled draft may be running already, and nothing stops it then: it counts like the one before.
        self._budget.release(place, self._last_run_ms)

    async def _close(self) -> Partial:
        """Recognize all audio of the segment and return what has not been returned yet."""
        self._drop_draft()
        if not self._n_samples:
            return Partial()
        timed = await self._recognize(SegmentAudio(np.concatenate(self._audio)), is_draft=False)
        closing = self._partial(self._agreement.close(timed.result.tokens), [])
        return replace(closing, unknown_units=timed.result.unknown_units)

    def _partial(self, locked: Sequence[Token], tail: Sequence[Token]) -> Partial:
        text = self._joined(locked)
        self._text += text
        return Partial(text, self._joined(tail), tuple(_later(word, self._start_ms) for word in locked))

    def _joined(self, words: Sequence[Token]) -> str:
        text = ""
        for word in words:
            text += space_between_sentences(self._text + text, word.text) + word.text
        return text


def _case_folded(word: Token) -> str:
    return word.text.casefold()


def _later(word: Token, by_ms: int) -> Token:
    if word.start_ms is None or word.end_ms is None:
        return word
    return replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms)
