"""Cues of subtitles: each sentence in as few as its limits allow, broken at marks first, then pauses, then words.

The places to break are chosen for a whole sentence together, as Knuth and Plass choose the lines of a paragraph
("Breaking Paragraphs into Lines", Software: Practice and Experience 11, 1981): the sum of their costs is least.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import attrgetter

from paraserve.inference.text.scripts import ALL_MARKS
from paraserve.inference.text.sentences import SENTENCE_PAUSE_MS
from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.labels import LABEL_CHINESE_CHARS, LABEL_LATIN_CHARS, labelled
from paraserve.subtitles.line_breaks import line_room
from paraserve.subtitles.timed_pieces import TimedPiece, timed_sentences
from paraserve.types import Transcript

PAUSE_MS = 500
"""A pause of this length is nearly as good a place to break as a mark."""
SHORTEST_MS = 100
"""Words without a duration, which some models give, are shown for this long."""
MARK_COST, PAUSE_COST, WORD_COST, NUMBER_COST = 10.0, 30.0, 150.0, 200.0
"""Costs of a break behind a mark inside a sentence, at a pause, between words, between a number and its unit."""
CUE_COST, LINE_COST = 25.0, 10_000.0
"""Costs of each cue and of each line. A line more than needed is never worth it."""
ROOM_COST = 60.0
"""Cost of a cue or a line that is nearly empty."""
PAUSE_MARKS = ALL_MARKS | frozenset("…—")
CLOSING_QUOTES = ")]}）］｝」』】〕〉》’”»\"'"
"""Marks behind a mark that belong to it."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Text that is shown from `start_ms` to `end_ms`: on one line, and on several that each have room for it."""

    start_ms: int
    end_ms: int
    text: str
    lines: tuple[str, ...]


def cues_of(transcript: Transcript, limits: SubtitleOptions) -> list[Cue]:
    """Return the cues of a transcript. They keep the limits, and none is empty.

    They do not overlap, except those of different channels, which begin with the number of their channel.
    """
    if not transcript.channels:
        return _unlabelled_cues(transcript, limits)
    narrower = replace(
        limits,
        latin_chars=limits.latin_chars - LABEL_LATIN_CHARS,
        chinese_chars=limits.chinese_chars - LABEL_CHINESE_CHARS,
    )
    of_channels = enumerate(_unlabelled_cues(one, narrower) for one in transcript.channels)
    cues = [_labelled_cue(channel, cue) for channel, of_channel in of_channels for cue in of_channel]
    return sorted(cues, key=attrgetter("start_ms"))


def _labelled_cue(channel: int, cue: Cue) -> Cue:
    return replace(cue, text=labelled(channel, cue.text), lines=(labelled(channel, cue.lines[0]), *cue.lines[1:]))


def _unlabelled_cues(transcript: Transcript, limits: SubtitleOptions) -> list[Cue]:
    cues: list[Cue] = []
    end_ms = 0
    for sentence in timed_sentences(transcript, limits):
        for pieces in _cut(sentence, limits, limits.lines, CUE_COST):
            start_ms = max(pieces[0].start_ms, end_ms)
            end_ms = min(max(pieces[-1].end_ms, start_ms + SHORTEST_MS), start_ms + limits.cue_ms)
            lines = tuple(_joined(line) for line in _cut(pieces, limits, 1, LINE_COST))
            cues.append(Cue(start_ms, end_ms, _joined(pieces), lines))
    return cues


def _cut(
    pieces: Sequence[TimedPiece], limits: SubtitleOptions, n_lines: int, part_cost: float
) -> Iterator[Sequence[TimedPiece]]:
    """Yield consecutive parts of a sentence or of a cue that each fit on `n_lines`, at the least cost."""
    n = len(pieces)
    if _reach(pieces, 0, limits, n_lines) == n:
        yield pieces
        return
    whole_room = line_room(limits) * n_lines
    used = [0, *accumulate(piece.space_room + piece.room for piece in pieces)]
    break_costs = [0.0, *(_break_cost(pieces[i - 1], pieces[i]) for i in range(1, n)), 0.0]
    costs, ends = [0.0] * (n + 1), [n] * n
    for i in reversed(range(n)):
        costs[i] = float("inf")
        for j in range(i + 1, _reach(pieces, i, limits, n_lines) + 1):
            free = max(0.0, 1 - (used[j] - used[i]) / whole_room)
            cost = part_cost + ROOM_COST * free * free + break_costs[j] + costs[j]
            if cost < costs[i]:
                costs[i], ends[i] = cost, j
    start = 0
    while start < n:
        yield pieces[start : ends[start]]
        start = ends[start]


def _reach(pieces: Sequence[TimedPiece], first: int, limits: SubtitleOptions, n_lines: int) -> int:
    """Return the end of the longest part that begins at `first`: one piece, and those that fit beside it."""
    room, line, free = line_room(limits), 1, line_room(limits)
    latest_ms = pieces[first].start_ms + limits.cue_ms
    for i in range(first, len(pieces)):
        piece = pieces[i]
        if i > first and (piece.end_ms > latest_ms or piece.start_ms - pieces[i - 1].end_ms >= SENTENCE_PAUSE_MS):
            return i
        needed = piece.room if free == room else piece.room + piece.space_room
        if needed > free:
            line, free, needed = line + 1, room, piece.room
        if line > n_lines:
            return i
        free -= needed
    return len(pieces)


def _break_cost(before: TimedPiece, after: TimedPiece) -> float:
    """Return the cost of a break between two pieces."""
    share = min(1.0, (after.start_ms - before.end_ms) / PAUSE_MS)
    if (before.text.rstrip(CLOSING_QUOTES) or before.text)[-1] in PAUSE_MARKS:
        return MARK_COST * (1 - share)
    is_number = before.text[-1].isnumeric() and not after.space_room
    worst = NUMBER_COST if is_number else WORD_COST
    return worst - (worst - PAUSE_COST) * share


def _joined(pieces: Sequence[TimedPiece]) -> str:
    """Return the text of pieces that stand on one line."""
    return "".join((" " if i and piece.space_room else "") + piece.text for i, piece in enumerate(pieces))
