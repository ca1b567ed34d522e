"""Mail addresses in a row of words: written (`a.b@example.com`), or said ("a dot b at example dot com", 艾特, 点)."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from paraserve.inference.text.redaction.digits import CHINESE_DIGITS, Span
from paraserve.inference.text.redaction.pieces import Piece

WRITTEN = re.compile(r"[^\s@]*@[\w-]+(?:\.[\w-]+)+")
"""In one word. Scripts without spaces cut the part before the @ off it."""
WORD = re.compile(r"[a-z0-9_+%-]+(?:\.[a-z0-9_+%-]+)*")
"""A word of an address. Written numbers may hold dots already: "john.smith"."""
AT = frozenset(("at", "@", "艾特", "爱特", "圈a"))
DOT = frozenset(("dot", ".", "点", "點"))
JOINERS = DOT | {"underscore", "dash", "hyphen", "下划线", "横杠", "杠", "减", "_", "-"}
TOP = frozenset(
    re.findall(
        r"\w+",
        """com cn net org edu gov mil io co uk us eu de fr jp kr hk tw sg ru in au ca me tv cc info biz xyz top ai app
        dev vip site online tech pro name int""",
    )
)
"""Last parts of names of the internet, of those that are said."""
MAX_WORDS = 40
"""Words of one address that are looked at on either side."""
MAX_ADDRESS_WORDS = 6 * MAX_WORDS
"""Words that an address may go on for, with signs that were said in up to three words."""


class _Words:
    """The words as they are compared: 艾特 and 下划线 are single words of several characters."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.texts: list[str] = []
        self.places: list[tuple[int, int]] = []
        texts = [unicodedata.normalize("NFKC", piece.token.text).casefold() for piece in pieces]
        position = 0
        while position < len(texts):
            if "@" in pieces[position].gap:
                self.texts.append("@")
                self.places.append((position, position))
            n = next((n for n in (3, 2) if "".join(texts[position : position + n]) in AT | JOINERS), 1)
            self.texts.append("".join(texts[position : position + n]))
            self.places.append((position, min(position + n, len(texts))))
            position += n

    def is_short(self, at: int) -> bool:
        """Return whether the word is a letter or a digit, of which several make one part of an address."""
        text = self.texts[at]
        return (len(text) == 1 and (WORD.fullmatch(text) is not None or text in CHINESE_DIGITS)) or text.isdecimal()

    def is_word(self, at: int) -> bool:
        """Return whether the word may stand in an address."""
        text = self.texts[at]
        return WORD.fullmatch(text) is not None or text in CHINESE_DIGITS

    def front(self, end: int) -> int:
        """Return the place where the part of an address that ends at `end` begins, `end` if there is none."""
        start = end
        while start > max(0, end - MAX_WORDS):
            text = self.texts[start - 1]
            is_first = start == end
            follows = is_first or self.texts[start] in JOINERS
            if (text in JOINERS and not is_first) or (
                self.is_word(start - 1)
                and text not in AT
                and (follows or (self.is_short(start - 1) and self.is_short(start)))
            ):
                start -= 1
            else:
                break
        return start

    def domain_end(self, start: int) -> int:
        """Return the place behind a domain that begins at `start`, `start` if there is none."""
        end, position, has_dot = start, start, False
        while position < min(len(self.texts), start + MAX_WORDS):
            text = self.texts[position]
            if text in DOT:
                has_dot = True
            elif self.is_word(position):
                n = 3 if self.texts[position : position + 3] == ["c", "o", "m"] else 1
                tops = (text if n == 1 else "com").rsplit(".", maxsplit=1)
                if (has_dot or len(tops) > 1) and tops[-1] in TOP:
                    end = position = position + n
                    has_dot = False
                    if end < len(self.texts) and self.texts[end] in DOT:
                        continue
                    break
            else:
                break
            position += 1
        return end


def mail_addresses(pieces: Sequence[Piece]) -> list[list[Span]]:
    """Return the characters of each address. Words for its signs (at, dot, 点) and the signs themselves stay."""
    return [*_written(pieces), *_spoken(pieces)]


def open_address(pieces: Sequence[Piece]) -> int:
    """Return the place of the first word at the end of the row that may be the front of an address."""
    words = _Words(pieces)
    n = len(words.texts)
    for at in range(n - 1, max(-1, n - MAX_WORDS), -1):
        if words.texts[at] in AT and all(words.is_word(i) or words.texts[i] in DOT for i in range(at + 1, n)):
            n = at
            break
    start = words.front(n)
    return words.places[start][0] if start < len(words.places) else len(pieces)


def _written(pieces: Sequence[Piece]) -> Iterator[list[Span]]:
    for number, piece in enumerate(pieces):
        for match in WRITTEN.finditer(piece.token.text) if "@" in piece.token.text else ():
            yield list(_parts(number, match[0], match.start()))


def _spoken(pieces: Sequence[Piece]) -> Iterator[list[Span]]:
    words = _Words(pieces)
    for at, text in enumerate(words.texts):
        if text not in AT:
            continue
        start, end = words.front(at), words.domain_end(at + 1)
        if start == at or end == at + 1:
            continue
        yield [
            span
            for place in range(start, end)
            if place != at and words.texts[place] not in JOINERS
            for number in range(*words.places[place])
            for span in _parts(number, pieces[number].token.text, 0)
        ]


def _parts(number: int, text: str, offset: int) -> Iterator[Span]:
    """Yield the parts of an address between its signs."""
    for part in re.finditer(r"[^@.\s]+", text):
        yield Span(number, offset + part.start(), offset + part.end())
