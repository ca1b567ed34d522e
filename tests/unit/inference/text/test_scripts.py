"""Scripts of characters, and the spaces that follow from them."""

import pytest

from paraserve.inference.text.scripts import (
    ALL_MARKS,
    TO_ASCII_MARKS,
    TO_FULL_WIDTH_MARKS,
    has_unspaced,
    is_chinese_character,
    is_chinese_or_digits,
)
from paraserve.inference.text.spaces import space_between_sentences, space_between_words


@pytest.mark.parametrize(
    ("text", "is_chinese", "is_chinese_or_digit", "is_unspaced"),
    [
        ("今", True, True, True),
        ("7", False, True, False),
        ("か", False, False, True),
        ("\U00020000", False, False, True),
        ("。", False, False, True),
        ("７", False, False, True),
        ("한", False, False, False),
        ("a", False, False, False),
        (".", False, False, False),
    ],
)
def test_the_three_rules(text: str, is_chinese: bool, is_chinese_or_digit: bool, is_unspaced: bool) -> None:
    """The rules differ in digits, kana, later ideographs and full-width forms."""
    assert is_chinese_character(text) is is_chinese
    assert is_chinese_or_digits(text) is is_chinese_or_digit
    assert has_unspaced(text) is is_unspaced


def test_texts_of_several_characters() -> None:
    """All characters must be Chinese or digits; one of an unspaced script is enough; the empty text is neither."""
    assert is_chinese_or_digits("今7")
    assert not is_chinese_or_digits("今a")
    assert has_unspaced("a今")
    assert not is_chinese_or_digits("")
    assert not has_unspaced("")


def test_every_mark_has_both_forms() -> None:
    """The tables of marks are each other's inverse, but for the enumeration comma, a comma in English."""
    for mark in ALL_MARKS:
        assert mark.translate(TO_FULL_WIDTH_MARKS).translate(TO_ASCII_MARKS) in ALL_MARKS
    assert "，。？！；：".translate(TO_ASCII_MARKS).translate(TO_FULL_WIDTH_MARKS) == "，。？！；："
    assert "、".translate(TO_ASCII_MARKS) == ","


@pytest.mark.parametrize(
    ("text", "following", "of_words", "of_sentences"),
    [
        ("hello", "world", " ", " "),
        ("你好", "gpt", "", ""),
        ("two", "2", "", " "),
        ("2", "apples", "", " "),
        ("Hello.", "World", " ", " "),
        ("你好。", "世界", "", ""),
        ("你好。", "world", " ", ""),
        ("ka", "か", " ", ""),
        ("", "hello", "", ""),
        ("hello", "", "", ""),
        (".", "hello", " ", ""),
    ],
)
def test_spaces(text: str, following: str, of_words: str, of_sentences: str) -> None:
    """Words of a model follow FunASR's rule, sentences the rule of their scripts, where marks do not count."""
    assert space_between_words(text, following) == of_words
    assert space_between_sentences(text, following) == of_sentences
