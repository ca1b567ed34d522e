"""The one rule for speech that is longer than the recognizer takes: cut it at its quietest moment.

Files and live streams are cut by it alike, to the millisecond: a cut depends on the audio alone, not on when it came.
"""

import numpy as np

from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.types import FRAME_MS, Segment

EARLIEST_CUT = 0.6
"""Share of the longest allowed length before which no cut is made: earlier cuts would make many short pieces."""
QUIET_FRAMES = 10
"""Frames (100 ms) over which loudness is averaged, so that one closed plosive does not pass for a pause."""


def cut_long_segment(buffer: AudioBuffer, segment: Segment, max_ms: int | None) -> list[Segment]:
    """Return the touching pieces of a segment, each at most `max_ms` long, or the segment itself if it is short.

    The last piece is the rest, which no cut ends: of speech that goes on, it is the part that stays open.

    Args:
        buffer: holds the segment's audio from its start on.
        segment: boundaries are multiples of 10 ms.
        max_ms: longest length of a piece; None cuts nothing.
    """
    pieces: list[Segment] = []
    start_ms = segment.start_ms
    while max_ms is not None and segment.end_ms - start_ms > max_ms:
        cut_ms = _quietest_ms(buffer, start_ms, max_ms)
        pieces.append(Segment(start_ms, cut_ms))
        start_ms = cut_ms
    return [*pieces, Segment(start_ms, segment.end_ms)]


def _quietest_ms(buffer: AudioBuffer, start_ms: int, max_ms: int) -> int:
    """Middle of the quietest 100 ms between `EARLIEST_CUT` of `max_ms` and `max_ms` after `start_ms`."""
    first = (start_ms - buffer.start_ms) // FRAME_MS
    longest = max_ms // FRAME_MS
    earliest = int(longest * EARLIEST_CUT)
    loudness = buffer.features[first + earliest : first + longest].mean(axis=1)
    smooth = np.convolve(loudness, np.full(QUIET_FRAMES, 1 / QUIET_FRAMES), mode="valid")
    return start_ms + (earliest + int(smooth.argmin()) + QUIET_FRAMES // 2) * FRAME_MS
