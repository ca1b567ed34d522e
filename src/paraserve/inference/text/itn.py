"""Inverse text normalization (ITN): spoken form ("二十个", "twenty percent") to written form ("20个", "20%").

It uses wetext's finite-state grammars (`itn_grammar`) for Chinese and English, each on its own part of a mixed
sentence. The style: numbers become digits, and every other word stays in its spoken form. A date reads
"2024年3月5号", which users of a FunASR server expect, and not "2024/03/05". Written and spoken text can then be
aligned, which the token times need. `itn_zh` and `itn_en` state the rules for each kind of number.
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
"""Longest text given to the grammar in one call, which holds the interpreter lock: 15 ms for 60 characters."""


class Itn:
    """Inverse text normalization of Chinese and English. Safe to call from several threads."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar

    def normalize(self, text: str) -> str:
        """Return the written form of a sentence or a part of one, with or without marks.

        Only runs of Chinese characters and of English words can change. A run that the grammar does not take stays as
        it was said.
        """
        return _RUN.sub(lambda run: self._chinese(run[0]) if run[1] else self._english(run[0]), text)

    def _chinese(self, run: str) -> str:
        parts = _parts(list(run), MAX_CHARS, has_number_zh)
        return "".join(normalize_zh("".join(part), self._grammar) for part in parts)

    def _english(self, run: str) -> str:
        parts = _parts(run.split(" "), MAX_WORDS, has_number_en)
        return " ".join(normalize_en(" ".join(part), self._grammar) for part in parts)


def load_itn() -> Itn:
    """Load the grammars of wetext (0.5 s, 40 MB)."""
    return Itn(load_grammar())


def _parts(words: list[str], limit: int, is_number: Callable[[str], bool]) -> Iterator[list[str]]:
    """Cut words or characters into parts of at most `limit`, if possible with no number on either side of a cut."""
    start = 0
    while len(words) - start > limit:
        cuts = range(start + limit, start + limit // 2, -1)
        cut = next((c for c in cuts if not is_number(words[c - 1]) and not is_number(words[c])), cuts[0])
        yield words[start:cut]
        start = cut
    yield words[start:]
