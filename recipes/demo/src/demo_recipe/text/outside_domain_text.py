"""Sentences outside the domain, for speech that the recogniser shall not turn into commands."""

import re
import zlib
from functools import cache
from random import Random

from demo_recipe.text.libreoffice_help import paragraphs

_HANZI_RUN = re.compile(r"[\u4e00-\u9fff]{4,14}")
_WORDS_RUN = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){2,9}")


@cache
def _runs(lang: str, *, held_out: bool) -> list[str]:
    """One in twenty, chosen by its check sum, is held out."""
    pattern = _HANZI_RUN if lang == "zh" else _WORDS_RUN
    runs = {run for text in paragraphs(lang) for run in pattern.findall(text)}
    return sorted(run for run in runs if (zlib.crc32(run.lower().encode()) % 20 == 0) == held_out)


def other_sentence(lang: str, rng: Random, *, held_out: bool = False) -> list[str]:
    """A clause of the help text as words; Mandarin in words of one to four characters."""
    run = rng.choice(_runs(lang, held_out=held_out))
    if lang == "en":
        return run.lower().split()
    words = []
    while run:
        length = rng.randint(1, 4)
        words.append(run[:length])
        run = run[length:]
    return words
