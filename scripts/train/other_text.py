"""Sentences outside the demo domain, for speech that the recogniser shall not turn into numbers."""

import re
from functools import cache
from random import Random

from help_text import paragraphs

_HANZI_RUN = re.compile(r"[\u4e00-\u9fff]{4,14}")
_WORDS_RUN = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){2,9}")


@cache
def _runs(lang: str) -> list[str]:
    pattern = _HANZI_RUN if lang == "zh" else _WORDS_RUN
    return sorted({run for text in paragraphs(lang) for run in pattern.findall(text)})


def other_sentence(lang: str, rng: Random) -> list[str]:
    """A clause of the help text as words; Mandarin in words of one to four characters."""
    run = rng.choice(_runs(lang))
    if lang == "en":
        return run.lower().split()
    words = []
    while run:
        length = rng.randint(1, 4)
        words.append(run[:length])
        run = run[length:]
    return words
