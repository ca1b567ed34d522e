"""Neighbouring segments joined: the rule, and that it does not matter how early the joiner is asked."""

from hypothesis import given
from hypothesis import strategies as st

from paraserve.runtime.segments.segment_joiner import MAX_PAUSE_MS, SegmentJoiner
from paraserve.types import Segment

MAX_MS = 5_000
gaps_and_lengths = st.lists(st.tuples(st.integers(0, 150), st.integers(1, 400)), max_size=12)


def segments_of(steps):
    segments, at_ms = [], 0
    for gap, length in steps:
        segments.append(Segment(at_ms + gap * 10, at_ms + (gap + length) * 10))
        at_ms = segments[-1].end_ms
    return segments


def joined(segments):
    """The rule over a whole list: from the first on, each takes what follows closely, as long as it fits."""
    found = []
    for segment in segments:
        if (
            found
            and segment.start_ms - found[-1].end_ms <= MAX_PAUSE_MS
            and segment.end_ms - found[-1].start_ms <= MAX_MS
        ):
            found[-1] = Segment(found[-1].start_ms, segment.end_ms)
        else:
            found.append(segment)
    return found


@given(gaps_and_lengths, st.integers(1, 300))
def test_the_rule(steps, every):
    """Segments come out whole and in order, as the rule joins them, however often the joiner is asked in between."""
    segments = segments_of(steps)
    joiner, found = SegmentJoiner(MAX_MS), []
    now_ms = 0
    for segment in segments:
        for at_ms in range(now_ms, segment.end_ms, every * 10):
            is_open = segment.start_ms <= at_ms
            found += joiner.advance(at_ms, segment.start_ms if is_open else None)
        found += joiner.feed(segment)
        now_ms = segment.end_ms
    assert found + joiner.finish() == joined(segments)


def test_nothing_waits_for_what_cannot_join():
    """A segment is given away once a pause is too long, or once open speech has grown too long to fit."""
    joiner = SegmentJoiner(MAX_MS)
    first = Segment(0, 3_000)
    joiner.feed(first)
    assert joiner.advance(3_000 + MAX_PAUSE_MS, None) == []
    assert joiner.advance(3_010 + MAX_PAUSE_MS, None) == [first]
    joiner.feed(first)
    assert joiner.advance(4_000, 3_500) == []
    assert joiner.advance(MAX_MS + 10, 3_500) == [first]
    assert joiner.finish() == []
