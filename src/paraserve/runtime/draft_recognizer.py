"""Partial texts of a recogniser that cannot stream: open speech is decoded again and again, at a bounded cost.

What two decodings one after the other agree on is locked and never taken back (LocalAgreement-2, Macháček, Dabre and
Bojar, "Turning Whisper into Real-Time Transcription System", 2023); what follows it is the unstable tail.
"""

import asyncio
import math
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
    SAMPLE_RATE,
    Hypothesis,
    Partial,
    Samples,
    SegmentAudio,
    Token,
    ms_to_samples,
    samples_to_ms,
)

MIN_NEW_SAMPLES = SAMPLE_RATE
"""Open speech is not decoded again for less new audio than this."""
MAX_SHARE = 0.5
"""Of the time of half the workers that drafts of all sessions together may take: finished sentences and files need
the rest."""


class Decode(Protocol):
    """Decodes a segment of any length up to the recogniser's window."""

    def __call__(self, audio: SegmentAudio, *, is_draft: bool) -> Awaitable[Timed[Hypothesis]]:
        """A draft need not be as good as it can be, nor have times."""
        ...


class DraftBudget:
    """How much all sessions of an engine may spend on drafts: a few turns at a time, each followed by a rest.

    After a turn of t seconds nobody gets that place for t * (1 / MAX_SHARE - 1) seconds. Who asks in vain comes
    before those who ask later.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at_s = [0.0] * max(1, workers // 2)
        self._waiting: dict[Hashable, None] = {}

    def take(self, who: Hashable) -> int | None:
        """A place, to be given back; None if there is none now, and `who` waits for one until it takes or leaves."""
        self._waiting.setdefault(who)
        now_s = self._clock()
        free = [place for place, free_at_s in enumerate(self._free_at_s) if free_at_s <= now_s]
        if who not in list(self._waiting)[: len(free)]:
            return None
        self.leave(who)
        self._free_at_s[free[0]] = math.inf
        return free[0]

    def leave(self, who: Hashable) -> None:
        """Wait no longer."""
        self._waiting.pop(who, None)

    def give(self, place: int, spent_ms: float) -> None:
        """Give a place back after work of so much."""
        self._free_at_s[place] = self._clock() + spent_ms / 1000 * (1 / MAX_SHARE - 1)


@dataclass(slots=True)
class Agreement:
    """The words of one segment: those that are locked, and those that the last decoding put behind them."""

    locked: list[Token] = field(default_factory=list)
    tail: list[Token] = field(default_factory=list)

    def update(self, words: Sequence[Token]) -> list[Token]:
        """Take the words of a new decoding; returns those that are locked by it."""
        following = list(words[self._place(words) :])
        agreed = 0
        for old, new in zip(self.tail, following, strict=False):
            if _same(old) != _same(new):
                break
            agreed += 1
        self.locked += following[:agreed]
        self.tail = following[agreed:]
        return following[:agreed]

    def close(self, words: Sequence[Token]) -> list[Token]:
        """Take the words of the last decoding; returns all that follow the locked ones."""
        return list(words[self._place(words) :])

    def _place(self, words: Sequence[Token]) -> int:
        """Where the words go on behind the locked ones, even if they now begin otherwise."""
        old, new = [_same(word) for word in self.locked], [_same(word) for word in words]
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()[:-1]
        if not blocks:
            return min(len(old), len(new))
        last = blocks[-1]
        return min(last.b + last.size + len(old) - (last.a + last.size), len(new))


class DraftRecognizer:
    """The open speech of one stream.

    `max_segment_ms` is what the recogniser takes at once. Longer speech is decoded in parts if `is_only_pass`, else
    left to the second pass, which cuts it.
    """

    def __init__(self, decode: Decode, budget: DraftBudget, max_segment_ms: int, *, is_only_pass: bool) -> None:
        self._decode = decode
        self._budget = budget
        self._max_samples = ms_to_samples(max_segment_ms)
        self._is_only_pass = is_only_pass
        self._typical_ms = 0.0
        self._task: asyncio.Future[Timed[Hypothesis]] | None = None
        self.restart()

    def restart(self) -> None:
        """Give up the segment: the next step begins another. A draft that still waits for its turn is not made."""
        self._begin(0, "")

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Take the next audio of the segment; gives what has been locked since the last step, without waiting.

        The last step waits, and gives all that has not been said. So does one that fills the recogniser's window.

        Raises:
            InferenceError: the recogniser failed.
        """
        before = Partial()
        if self._is_only_pass and self._n_samples + len(audio.samples) > self._max_samples:
            before = await self._close()
            self._begin(self._start_ms + samples_to_ms(self._n_samples), self._said)
        self._audio.append(audio.samples)
        self._n_samples += len(audio.samples)
        if is_last:
            after = await self._close()
            self.restart()
        else:
            after = await self._collect()
            self._start_turn()
        return Timed(Partial(before.text + after.text, after.tail, before.tokens + after.tokens), 0.0, 0.0)

    def _begin(self, start_ms: int, said: str) -> None:
        """Forget the audio; what comes next begins at `start_ms` of the segment, behind the text `said`."""
        self._drop_turn()
        self._start_ms, self._said = start_ms, said
        self._audio: list[Samples] = []
        self._n_samples = self._n_decoded = 0
        self._agreement = Agreement()

    def _drop_turn(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self._budget.leave(self)

    async def _collect(self) -> Partial:
        """What the turn that has ended brings."""
        if self._task is None or not self._task.done():
            return Partial()
        turn, self._task = self._task, None
        done = await turn
        locked = self._agreement.update(done.result.tokens)
        return self._partial(locked, self._agreement.tail)

    def _start_turn(self) -> None:
        is_due = self._n_samples - self._n_decoded >= MIN_NEW_SAMPLES and self._n_samples <= self._max_samples
        if self._task is None and is_due and (place := self._budget.take(self)) is not None:
            self._n_decoded = self._n_samples
            audio = SegmentAudio(np.concatenate(self._audio))
            self._task = asyncio.ensure_future(self._decode(audio, is_draft=True))
            self._task.add_done_callback(partial(self._end_turn, place))

    def _end_turn(self, place: int, turn: "asyncio.Future[Timed[Hypothesis]]") -> None:
        if not turn.cancelled() and turn.exception() is None:
            self._typical_ms = turn.result().run_ms
        # A turn that was cancelled may be running, and then nothing stops it: it counts like the one before.
        self._budget.give(place, self._typical_ms)

    async def _close(self) -> Partial:
        self._drop_turn()
        if not self._n_samples:
            return Partial()
        done = await self._decode(SegmentAudio(np.concatenate(self._audio)), is_draft=False)
        return self._partial(self._agreement.close(done.result.tokens), [])

    def _partial(self, locked: Sequence[Token], tail: Sequence[Token]) -> Partial:
        text = self._joined(locked)
        self._said += text
        return Partial(text, self._joined(tail), tuple(_later(word, self._start_ms) for word in locked))

    def _joined(self, words: Sequence[Token]) -> str:
        text = ""
        for word in words:
            text += space_between_sentences(self._said + text, word.text) + word.text
        return text


def _same(word: Token) -> str:
    return word.text.casefold()


def _later(word: Token, by_ms: int) -> Token:
    if word.start_ms is None or word.end_ms is None:
        return word
    return replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms)
