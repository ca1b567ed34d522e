"""Pieces of a transcript's sentences with times, for all transcripts: those of some models have no times of words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from paraserve.inference.text.scripts import has_unspaced
from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.line_breaks import is_empty, room_of, text_pieces, visible_text
from paraserve.types import Sentence, Token, Transcript


@dataclass(frozen=True, slots=True)
class TimedPiece:
    """Text that stays on one line, with its times and the room that it takes.

    `space_room` is that of the space before it, 0 without one.
    """

    text: str
    start_ms: int
    end_ms: int
    room: int
    space_room: int


@dataclass(frozen=True, slots=True)
class _Untimed:
    """A piece whose times are those of its words, None where there are none."""

    text: str
    start_ms: int | None
    end_ms: int | None
    room: int
    space_room: int


def timed_sentences(transcript: Transcript, limits: SubtitleOptions) -> list[list[TimedPiece]]:
    """Return the pieces of each sentence that can be seen. Times never go back.

    Where words have no times, those around them are shared out by the number of characters: the times of the
    sentence, else of its neighbours, else of the recording.
    """
    sentences = [pieces for one in transcript.sentences if (pieces := list(_pieces(one, limits)))]
    pieces = [piece for one in sentences for piece in one]
    times = iter(_filled(pieces, transcript.duration_ms))
    return [[TimedPiece(p.text, next(times), next(times), p.room, p.space_room) for p in one] for one in sentences]


def _pieces(sentence: Sentence, limits: SubtitleOptions) -> Iterator[_Untimed]:
    spoken = (sentence.as_spoken, sentence.spoken_tokens or sentence.tokens)
    written, tokens = spoken if limits.is_spoken else (sentence.text, sentence.tokens)
    text = visible_text(written)
    if is_empty(text):
        return
    starts, ends = _character_times(text, tokens)
    is_wide = has_unspaced(text)
    space_room = room_of(" ", limits, is_wide=is_wide)
    pieces = [
        _Untimed(
            part := text[one.start : one.end].strip(),
            min((ms for ms in starts[one.start : one.end] if ms is not None), default=None),
            max((ms for ms in ends[one.start : one.end] if ms is not None), default=None),
            room_of(part, limits, is_wide=is_wide),
            space_room if one.has_space else 0,
        )
        for one in text_pieces(text, limits)
    ]
    if pieces[0].start_ms is None:
        pieces[0] = replace(pieces[0], start_ms=sentence.start_ms)
    if pieces[-1].end_ms is None:
        pieces[-1] = replace(pieces[-1], end_ms=sentence.end_ms)
    yield from pieces


def _character_times(text: str, tokens: Sequence[Token]) -> tuple[list[int | None], list[int | None]]:
    """Return start and end of each character that belongs to a token with times, None for the others.

    The characters of a token share its time evenly.
    """
    starts: list[int | None] = [None] * len(text)
    ends: list[int | None] = [None] * len(text)
    position = 0
    for token in tokens:
        word = visible_text(token.text)
        found = text.find(word, position)
        if found < 0 or not word:
            continue
        position = found + len(word)
        if token.start_ms is None or token.end_ms is None:
            continue
        duration_ms = token.end_ms - token.start_ms
        for i in range(len(word)):
            starts[found + i] = token.start_ms + duration_ms * i // len(word)
            ends[found + i] = token.start_ms + duration_ms * (i + 1) // len(word)
    return starts, ends


def _filled(pieces: Sequence[_Untimed], duration_ms: int) -> list[int]:
    """Return start and end of all pieces in one list that never falls."""
    known = [ms for piece in pieces for ms in (piece.start_ms, piece.end_ms)]
    anchors = [(i, ms) for i, ms in enumerate(known) if ms is not None]
    latest_ms = max((ms for _, ms in anchors), default=0)
    if not anchors or anchors[0][0] > 0:
        anchors.insert(0, (0, 0))
    if anchors[-1][0] < len(known) - 1:
        anchors.append((len(known) - 1, max(duration_ms, latest_ms)))
    # As far as is known, time passes inside of pieces and not between them.
    places = list(accumulate(n for piece in pieces for n in (0, len(piece.text))))
    times = [ms for left, right in pairwise(anchors) for ms in _between(left, right, places)]
    return list(accumulate([0, *times, anchors[-1][1]], max))[1 : len(known) + 1]


def _between(left: tuple[int, int], right: tuple[int, int], places: Sequence[int]) -> list[int]:
    """Return the times from one known time (index, ms) to before the next one."""
    (first, start_ms), (last, end_ms) = left, right
    whole = max(1, places[last] - places[first])
    return [start_ms + (end_ms - start_ms) * (places[i] - places[first]) // whole for i in range(first, last)]
