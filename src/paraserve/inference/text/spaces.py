"""Spaces between two texts that follow each other: one rule for words of a model, one for finished sentences."""

from paraserve.inference.text.scripts import ALL_MARKS, has_unspaced, is_chinese_or_digits


def space_between_words(text: str, following: str) -> str:
    """Return " " or "", the space between words as a model's units give them: without marks, numbers in words.

    FunASR's rule: no space beside a Chinese character or a digit, also none between Chinese and Latin. `text` may be
    a single word or all text so far.
    """
    touches_chinese = (
        not text or not following or is_chinese_or_digits(text[-1]) or is_chinese_or_digits(following[0])
    )
    return "" if touches_chinese else " "


def space_between_sentences(text: str, following: str) -> str:
    """Return " " or "", the space between finished texts in any language. Marks at the end of `text` do not count.

    A space stands where two words of a spaced script meet. A number is one, too: "Hello. 20 apples", "你好。早".
    """
    return " " if needs_space(text.rstrip("".join(ALL_MARKS)), following) else ""


def needs_space(left: str, right: str) -> bool:
    """Return whether both texts have characters and those that meet are of spaced scripts."""
    return bool(left and right) and not (has_unspaced(left[-1]) or has_unspaced(right[0]))
