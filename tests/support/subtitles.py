"""Subtitles read by pysubs2, and their limits checked with rules of their own."""

import html
import unicodedata
from fractions import Fraction
from itertools import pairwise

import pysubs2

from paraserve.subtitle_options import SubtitleOptions

READABLE = ("srt", "vtt", "ass", "ttml")
"""Formats that pysubs2 reads."""


def read_subtitles(text: str, name: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """(start_ms, end_ms, lines) of each cue."""
    return [
        (event.start, event.end, tuple(html.unescape(event.plaintext).split("\n")))
        for event in pysubs2.SSAFile.from_string(text, format_=name)
    ]


def read_lrc(text: str) -> list[tuple[int, str]]:
    """(start_ms, text) of each line."""
    found = []
    for line in text.splitlines():
        stamp, _, words = line[1:].partition("]")
        minutes, seconds = stamp.split(":")
        found.append((int(minutes) * 60_000 + round(float(seconds) * 1000), words))
    return found


def line_share(line: str, limits: SubtitleOptions) -> Fraction:
    """How much of a line the text takes: wide characters by their limit, the others by theirs."""
    shares = {"W": Fraction(1, limits.chinese_chars), "F": Fraction(1, limits.chinese_chars)}
    narrow = Fraction(1, limits.latin_chars)
    shown = [c for c in line if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    return sum((shares.get(unicodedata.east_asian_width(c), narrow) for c in shown), Fraction(0))


def check_subtitles(cues: list[tuple[int, int, tuple[str, ...]]], limits: SubtitleOptions) -> None:
    """No cue is over the limits, none overlaps another, and none is empty."""
    for start_ms, end_ms, lines in cues:
        assert 0 < end_ms - start_ms <= limits.cue_ms, (start_ms, end_ms, lines)
        assert 1 <= len(lines) <= limits.lines, lines
        assert all(line.strip() == line != "" and line_share(line, limits) <= 1 for line in lines), lines
    assert all(end_ms <= start_ms for (_, end_ms, _), (start_ms, *_) in pairwise(cues))
