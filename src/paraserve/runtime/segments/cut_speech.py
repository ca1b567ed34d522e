"""Recognition of parts of speech that were cut, with the audio on both sides of them.

A recognizer hears half a word badly, and a short part without what stands before it. A part is therefore recognized
together with its surroundings, and only its own words are kept. The surroundings of two parts overlap, so a word at
their border is whole in both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from paraserve.hotword_types import HotwordHit
from paraserve.options import RecognitionOptions
from paraserve.runtime.engine import Engine
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import FRAME_MS, Hypothesis, Segment, SegmentAudio, Token, samples_to_ms

Placed = TypeVar("Placed", Token, HotwordHit)

CONTEXT_MS = 1000
"""Audio on each side of a part, at most: a few words. More does not find more of them."""
EARLIEST_MS = 300
"""A word that the part before has not kept begins this much before the border at most."""
N_LAST_WORDS = 3
"""Words of a part that are looked for in the next one's surroundings."""


def part_context_ms(recognizer_max_ms: int, max_ms: int) -> int:
    """Return the audio to give on each side of parts of at most `max_ms`, as far as the recognizer takes it."""
    return max(0, min(CONTEXT_MS, (recognizer_max_ms - max_ms) // 2 // FRAME_MS * FRAME_MS))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A part's audio with what stands before and after it. `start_ms` is where it begins in the recording."""

    start_ms: int
    audio: SegmentAudio
    has_before: bool
    has_after: bool

    @property
    def end_ms(self) -> int:
        """End of the audio in the recording."""
        return self.start_ms + samples_to_ms(len(self.audio.samples))


@dataclass(frozen=True, slots=True)
class LastWords:
    """The last words of a part. `are_whole`: the part was recognized with the audio behind it."""

    words: tuple[Token, ...]
    are_whole: bool


async def recognize_part(
    engine: Engine, segment: Segment, around: Surroundings, options: RecognitionOptions, lane: Lane
) -> Timed[Hypothesis] | None:
    """Recognize a part of cut speech in its surroundings. Times are those of the recording.

    None stands for a model that gives no times, or a text with marks of its own: it has to hear the part alone.

    Raises:
        InferenceError: the model failed on this part.
        OverloadedError: the engine is closed.
    """
    timed = await engine.recognize(around.audio, options, lane)
    hypothesis = timed.result
    if hypothesis.is_punctuated or any(token.start_ms is None or token.end_ms is None for token in hypothesis.tokens):
        return None
    tokens = [_later(token, around.start_ms) for token in hypothesis.tokens]
    if around.has_after:
        tokens = [token for token in tokens if _middle_ms(token) < segment.end_ms]
    # Unknown units have no place, so the part gets its share of them.
    part_ms, around_ms = segment.end_ms - segment.start_ms, around.end_ms - around.start_ms
    unknown_units = round(hypothesis.unknown_units * min(1.0, part_ms / around_ms))
    hotwords = [_later(hit, around.start_ms) for hit in hypothesis.hotwords]
    if around.has_after:
        hotwords = [hit for hit in hotwords if _middle_ms(hit) < segment.end_ms]
    result = replace(
        hypothesis, tokens=tuple(tokens), token_ids=(), unknown_units=unknown_units, hotwords=tuple(hotwords)
    )
    return replace(timed, result=result)


def own_words(part: Hypothesis, segment: Segment, around: Surroundings, last: LastWords | None) -> Hypothesis:
    """Return a part with the words that are its own. Their times come after those of the part before.

    Args:
        part: of `recognize_part`, without the words behind it.
        segment: the part.
        around: its surroundings.
        last: the last words of the part before; None = it has none.
    """
    tokens, hotwords, earliest_ms = part.tokens, part.hotwords, segment.start_ms
    if around.has_before:
        said_ms = 0 if last is None else last.words[-1].end_ms or 0
        earliest_ms = max(said_ms, segment.start_ms - EARLIEST_MS)
        first_ms = earliest_ms if last is None or last.are_whole else _said_until_ms(tokens, last.words)
        tokens, hotwords = words_after(tokens, first_ms), words_after(hotwords, first_ms)
    latest_ms = around.end_ms if around.has_after else segment.end_ms
    return replace(
        part,
        tokens=moved(tokens, 0, latest_ms, earliest_ms=earliest_ms),
        hotwords=moved(hotwords, 0, latest_ms, earliest_ms=earliest_ms),
    )


def last_words(part: Hypothesis, *, are_whole: bool) -> LastWords | None:
    """Return the last words of a part, None without any."""
    return LastWords(part.tokens[-N_LAST_WORDS:], are_whole=are_whole) if part.tokens else None


def _said_until_ms(tokens: Iterable[Token], last: Sequence[Token]) -> int:
    """Return where words end that were heard without what follows them, in a hearing of both.

    The last one may have been half a word, which is not found. The whole one, which begins there, is not said yet.
    """
    tokens = list(tokens)
    for word in reversed(last):
        start_ms = word.start_ms or 0
        found = [one for one in tokens if one.text == word.text and _distance_ms(one, start_ms) <= EARLIEST_MS]
        if found:
            return min(found, key=lambda one: _distance_ms(one, start_ms)).end_ms or start_ms
    return last[-1].start_ms or 0


def _distance_ms(token: Token, at_ms: int) -> int:
    return abs((token.start_ms or 0) - at_ms)


def shifted(hypothesis: Hypothesis, start_ms: int, end_ms: int) -> Hypothesis:
    """Return the hypothesis of a segment with its token times counted from the recording's start.

    FunASR's rule for the last token counts padded frames. It may pass the segment's end, where the next one's first
    word may begin, so times are cut there.
    """
    tokens = moved(hypothesis.tokens, start_ms, end_ms)
    return replace(hypothesis, tokens=tokens, hotwords=moved(hypothesis.hotwords, start_ms, end_ms))


def moved(items: Sequence[Placed], by_ms: int, latest_ms: int, *, earliest_ms: int = 0) -> tuple[Placed, ...]:
    """Return tokens or hotwords later by `by_ms`, with all times between `earliest_ms` and `latest_ms`."""

    def later(ms: int | None) -> int | None:
        return None if ms is None else max(earliest_ms, min(ms + by_ms, latest_ms))

    return tuple(replace(item, start_ms=later(item.start_ms), end_ms=later(item.end_ms)) for item in items)


def words_after(items: Iterable[Placed], said_until_ms: int) -> tuple[Placed, ...]:
    """Return the words or hotwords that do not belong to the part before, whose last word ends at `said_until_ms`."""
    return tuple(item for item in items if _middle_ms(item) >= said_until_ms)


def _middle_ms(item: Token | HotwordHit) -> float:
    return ((item.start_ms or 0) + (item.end_ms or 0)) / 2


def _later(item: Placed, by_ms: int) -> Placed:
    return replace(item, start_ms=(item.start_ms or 0) + by_ms, end_ms=(item.end_ms or 0) + by_ms)
