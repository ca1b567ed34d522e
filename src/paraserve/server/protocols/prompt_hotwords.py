"""Words of OpenAI's `prompt`, for models that take hotwords and no prompt."""

import re

from paraserve.hotword_types import Hotword
from paraserve.inference.text.scripts import is_chinese_character

SEPARATORS = re.compile(r"[,;|、，；\t\r\n]+")
SENTENCE_END = re.compile(r"[。！？!?…]|\.(?=\s|$)")
"""Only sentences have these marks, but for a point behind the last word. "GPT-4.1" has none."""
MAX_WORDS, MAX_CHINESE_CHARS = 3, 8
"""Longest name of a list, by the script that it is written in."""


def prompt_hotwords(prompt: str) -> tuple[Hotword, ...]:
    """Return the words of a prompt that is a list of names, nothing for one that is a text.

    Names stand between commas, semicolons, bars or line ends, or, if all of it is Chinese, between spaces. Hotwords
    make words more probable, so sentences are left alone: their words are frequent enough.
    """
    text = prompt.strip().removesuffix(".").removesuffix("。")
    if SENTENCE_END.search(text):
        return ()
    parts = [part.strip() for part in SEPARATORS.split(text)]
    if len(parts) == 1 and all(is_chinese_character(character) or character.isspace() for character in text):
        parts = text.split()
    names = [part for part in dict.fromkeys(parts) if part]
    return tuple(map(Hotword, names)) if all(map(_is_name, names)) else ()


def _is_name(text: str) -> bool:
    n_chinese = sum(map(is_chinese_character, text))
    return n_chinese <= MAX_CHINESE_CHARS and len(text.split()) <= MAX_WORDS
