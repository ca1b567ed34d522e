"""Rules about characters: the script that they belong to, and the punctuation marks of each script.

There are three rules of script, and they differ on purpose:

- `is_chinese_character` is FunASR's: one block of Unicode, since its vocabularies hold no other ideographs. Words of
  its protocol are counted with it, and it tells Chinese marks and numbers from English ones.
- `is_chinese_or_digits` is FunASR's rule for joining units. Digits count like Chinese characters there, because they
  are units of one character each, and "2 0 2 4" is written "2024".
- `has_unspaced` is the rule for finished text of any model: every script without spaces counts, Japanese too, and a
  number is a word among others, because ITN may have written it ("20 apples").
"""

import re

CHINESE = "\u4e00-\u9fff"
"""The block CJK Unified Ideographs, to be used inside a character class of `re`."""
UNSPACED = "\u2e80-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
"""Scripts without spaces, for a character class of `re`: radicals, kana, CJK marks, ideographs, full-width forms."""

SENTENCE_END = frozenset("。？！.?!")
ALL_MARKS = SENTENCE_END | frozenset("，、；：,;:")
TO_ASCII_MARKS = str.maketrans("，。？！、；：", ",.?!,;:")
"""For `str.translate`: the marks of unspaced scripts as spaced scripts write them."""
TO_FULL_WIDTH_MARKS = str.maketrans(",.?!:;", "，。？！：；")
"""For `str.translate`: the marks of spaced scripts as Chinese writes them."""

_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")


def is_chinese_character(character: str) -> bool:
    """Return whether one character is in the block CJK Unified Ideographs (U+4E00 to U+9FFF)."""
    return "\u4e00" <= character <= "\u9fff"


def is_chinese_or_digits(text: str) -> bool:
    """Return whether all characters are Chinese or ASCII digits. False for the empty text."""
    return bool(text) and all(is_chinese_character(char) or "0" <= char <= "9" for char in text)


def has_unspaced(text: str) -> bool:
    """Return whether any character is of a script without spaces. Full-width marks are."""
    return _UNSPACED_CHARACTER.search(text) is not None
