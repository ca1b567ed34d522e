"""Text as FunASR joins it, to compare with."""

from collections.abc import Sequence


def join_words(words: Sequence[str], marks: Sequence[str]) -> str:
    """Text of words and their marks: a space stands only between two words that both start in ASCII."""
    text = ""
    for i, (word, mark) in enumerate(zip(words, marks, strict=True)):
        if i > 0 and word[0].isascii() and words[i - 1][0].isascii():
            text += " "
        text += word + mark
    return text
