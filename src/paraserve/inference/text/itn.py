"""Inverse text normalisation: what was said ("二十个", "twenty percent") to what is written ("20个", "20%").

Built on wetext's finite-state grammars (`itn_grammar`), Chinese and English, each applied to its own part of a mixed
sentence. The style, in one sentence: numbers become digits and everything else stays as it was said. So a date reads
"2024年3月5号" as a user of a FunASR server expects, not "2024/03/05", and the written text can be aligned with the
spoken one, which the token times need. `itn_zh` and `itn_en` say what that means for each kind of number.
"""

import re
from collections.abc import Callable, Iterator

from paraserve.inference.text.itn_en import has_number_en, normalize_en
from paraserve.inference.text.itn_grammar import Grammar, load_grammar
from paraserve.inference.text.itn_zh import has_number_zh, normalize_zh
from paraserve.inference.text.scripts import CHINESE

_CHINESE = rf"[{CHINESE}〇]+"
_ENGLISH = r"[A-Za-z'’.\-]+(?: [A-Za-z'’.\-]+)*"
_RUN = re.compile(f"({_CHINESE})|{_ENGLISH}")
MAX_CHARS = 60
MAX_WORDS = 40
"""Longest pieces given to the grammar at once: a call holds the interpreter lock, 60 characters some 15 ms."""


class Itn:
    """Safe to call from several threads."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar

    def normalize(self, text: str) -> str:
        """Written form of one sentence, or of a part of one, with or without marks.

        Only runs of Chinese characters and of English words are looked at; anything else, and whatever the grammar
        does not take, stays as it is.
        """
        return _RUN.sub(lambda run: self._chinese(run[0]) if run[1] else self._english(run[0]), text)

    def _chinese(self, run: str) -> str:
        pieces = _pieces(list(run), MAX_CHARS, has_number_zh)
        return "".join(normalize_zh("".join(piece), self._grammar) for piece in pieces)

    def _english(self, run: str) -> str:
        pieces = _pieces(run.split(" "), MAX_WORDS, has_number_en)
        return " ".join(normalize_en(" ".join(piece), self._grammar) for piece in pieces)


def load_itn() -> Itn:
    """Load the grammars of wetext (0.5 s, 40 MB)."""
    return Itn(load_grammar())


def _pieces(units: list[str], limit: int, is_number: Callable[[str], bool]) -> Iterator[list[str]]:
    """Cut units into pieces of at most `limit`, if possible where no number stands on either side."""
    start = 0
    while len(units) - start > limit:
        cuts = range(start + limit, start + limit // 2, -1)
        cut = next((c for c in cuts if not is_number(units[c - 1]) and not is_number(units[c])), cuts[0])
        yield units[start:cut]
        start = cut
    yield units[start:]
