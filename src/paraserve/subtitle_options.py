"""Limits of subtitles. Settings import it, so it imports nothing that is large."""

from dataclasses import dataclass

CUE_S_RANGE, LINES_RANGE, LATIN_CHARS_RANGE, CHINESE_CHARS_RANGE = (1, 3600), (1, 10), (10, 500), (5, 500)
"""Least and greatest values of the limits below, of the first in seconds."""


@dataclass(frozen=True, slots=True)
class SubtitleOptions:
    """Limits of subtitles: the duration of a cue, its lines, and the characters of a line.

    A line has room for `latin_chars` characters of normal width, or for `chinese_chars` wide ones. In a mixed line
    the two shares add up to at most 1. `is_spoken` writes numbers, dates and times as they were said.
    """

    cue_ms: int = 7_000
    lines: int = 2
    latin_chars: int = 42
    chinese_chars: int = 20
    is_spoken: bool = False
