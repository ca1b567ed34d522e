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


def own_words(part: Hypothesis, segment: Segment, around: Surroundings, said_until_ms: int) -> tuple[Hypothesis, int]:
    """Return a part with the words that are its own, and where the last of them ends.

    Args:
        part: of `recognize_part`, without the words behind it.
        segment: the part.
        around: its surroundings.
        said_until_ms: where the last word of the part before ends; 0 = it has none.
    """
    tokens, hotwords, earliest_ms = part.tokens, part.hotwords, segment.start_ms
    if around.has_before:
        earliest_ms = max(said_until_ms, segment.start_ms - EARLIEST_MS)
        tokens, hotwords = words_after(tokens, earliest_ms), words_after(hotwords, earliest_ms)
    latest_ms = around.end_ms if around.has_after else segment.end_ms
    tokens = moved(tokens, 0, latest_ms, earliest_ms=earliest_ms)
    hotwords = moved(hotwords, 0, latest_ms, earliest_ms=earliest_ms)
    said_until_ms = (tokens[-1].end_ms if tokens else None) or earliest_ms
    return replace(part, tokens=tokens, hotwords=hotwords), said_until_ms


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
