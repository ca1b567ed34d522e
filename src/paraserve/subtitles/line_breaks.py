"""Places where a line of a subtitle may end, and the room that text takes in one.

The rules are those of Unicode Standard Annex #14 that matter for speech: a line ends at a space or beside a wide
character, never inside a word or a number, before a closing mark or behind an opening one (kinsoku).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from paraserve.inference.text.scripts import UNSPACED, has_unspaced
from paraserve.subtitle_options import SubtitleOptions

CLOSING = frozenset(
    "。，、．：；？！,.:;?!)]}）］｝」』】〕〉》〗〙〛”’»›…‥—・％%‰℃°々〻ゝゞヽヾーぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ‐゠～〜\u0e46"
)
"""Characters that do not begin a line."""
OPENING = frozenset("([{（［｛「『【〔〈《〖〘〚“‘«‹¿¡$€£¥￥＄＃＠")
"""Characters that do not end a line."""
QUOTES = frozenset("\"'＂＇")
"""Marks that open and close."""
NUMERALS = "零〇一二三四五六七八九十百千万亿两兆萬億兩"
PIECE = re.compile(
    rf"(?:百分之|千分之|第|负|負)?[{NUMERALS}]+(?:[点點][{NUMERALS}]+)?"
    r"|[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+(?:[\uff0c\uff0e\uff1a][\uff10-\uff19]+)*"
    rf"|[{UNSPACED}]|[^\s{UNSPACED}]+"
)
"""A Chinese number, a word in full-width letters, another wide character, or a word."""
INVISIBLE = frozenset(("Cc", "Cs"))
"""Unicode categories of characters that no subtitle can hold: control characters and surrogates."""
NONCHARACTER = 0xFFFE
"""The last two code points of each plane of Unicode are no characters, and XML refuses the first pair."""


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Part of a text that stays on one line: characters `start` to `end`, with a space before it or not."""

    start: int
    end: int
    has_space: bool


def visible_text(text: str) -> str:
    """Return the text on one line, with single spaces and without characters that cannot be shown or encoded."""
    return " ".join("".join(filter(_is_text, text)).split())


def is_empty(text: str) -> bool:
    """Return whether nothing of the text would be seen."""
    return all(unicodedata.category(char)[0] in "CZM" for char in text)


def room_of(text: str, limits: SubtitleOptions, *, is_wide: bool) -> int:
    """Return the room that the text takes, in parts of a line of `line_room`.

    Wide characters are those of the East Asian widths W and F (Unicode Standard Annex #11). Ambiguous ones, such as
    the quotes of both scripts, are wide in a text that `is_wide`. Combining marks take no room.
    """
    rooms = {"W": limits.latin_chars, "F": limits.latin_chars}
    if is_wide:
        rooms["A"] = max(limits.latin_chars, limits.chinese_chars)
    shown = (char for char in text if unicodedata.category(char) not in {"Mn", "Me", "Cf"})
    return sum(rooms.get(unicodedata.east_asian_width(char), limits.chinese_chars) for char in shown)


def line_room(limits: SubtitleOptions) -> int:
    """Return the room of one line: so many that each kind of character takes a whole number of parts."""
    return limits.latin_chars * limits.chinese_chars


def text_pieces(text: str, limits: SubtitleOptions) -> Iterator[TextPiece]:
    """Yield the pieces of a text of `visible_text`. One that is longer than a line is cut where a line is full."""
    start = end = 0
    has_space = False
    for match in PIECE.finditer(text):
        if end and not _may_break(text, end, match.start()):
            end = match.end()
            continue
        if end:
            yield from _fitting(text, TextPiece(start, end, has_space), limits)
        has_space = match.start() > end
        start, end = match.span()
    if end:
        yield from _fitting(text, TextPiece(start, end, has_space), limits)


def _is_text(char: str) -> bool:
    if char.isspace():
        return True
    return unicodedata.category(char) not in INVISIBLE and ord(char) & NONCHARACTER != NONCHARACTER


def _may_break(text: str, end: int, start: int) -> bool:
    """Return whether a line may end at `end` and the next one begin at `start`, with a space between or not."""
    before, after = text[end - 1], text[start]
    if before in OPENING or after in CLOSING:
        return False
    if start > end:
        return not (before.isdigit() and after.isdigit())  # digits in groups
    return before not in QUOTES and after not in QUOTES


def _fitting(text: str, piece: TextPiece, limits: SubtitleOptions) -> Iterator[TextPiece]:
    """Yield the piece, or parts of much the same length that each fit on a line. Combining marks keep their base."""
    is_wide = has_unspaced(text)
    room = room_of(text[piece.start : piece.end], limits, is_wide=is_wide)
    n_parts = -(-room // line_room(limits))
    cuts = [piece.start, *_full_at(text, piece, -(-room // max(1, n_parts)), limits), piece.end]
    for start, end in pairwise(cuts):
        part = text[start:end]
        has_space = text[start - 1 : start + 1].find(" ") >= 0 if start > piece.start else piece.has_space
        yield TextPiece(start + len(part) - len(part.lstrip()), start + len(part.rstrip()), has_space)


def _full_at(text: str, piece: TextPiece, target: int, limits: SubtitleOptions) -> Iterator[int]:
    """Yield the places where a part has got the room of `target`, or a line is full."""
    is_wide = has_unspaced(text)
    taken = 0
    for at in range(piece.start, piece.end):
        step = room_of(text[at], limits, is_wide=is_wide)
        if step and (taken >= target or taken + step > line_room(limits)):
            yield at
            taken = 0
        taken += step
