"""Spelling of hotwords with the units of a vocabulary."""

import pytest

from paraserve.inference.spelling import Spelling, UnknownUnitError
from paraserve.inference.text.units import Vocabulary

FRONT = ("<blank>", "<s>", "</s>")


def spelled(spelling: Spelling, word: str) -> list[str]:
    return [" ".join(spelling.vocabulary.texts(ids)) for ids in spelling.spell(word)]


def test_characters_and_words() -> None:
    """Chinese characters and digits are units one by one, Latin words as a whole, in any case and width."""
    spelling = Spelling(Vocabulary((*FRONT, "北", "京", "2", "0", "hello", "<unk>")))
    assert spelled(spelling, "北京２0 HELLO北") == ["北 京 2 0 hello 北"]


def test_segments_of_the_model() -> None:
    """A Latin word that is no unit is spelled as the model's dictionary says."""
    vocabulary = Vocabulary((*FRONT, "hel@@", "lo", "he@@", "llo", "<unk>"))
    assert spelled(Spelling(vocabulary, {"hello": ("he@@", "llo")}), "hello") == ["he@@ llo"]


def test_fewest_units() -> None:
    """Without a dictionary a Latin word has all splits into the fewest units, at most four."""
    vocabulary = Vocabulary((*FRONT, "hel@@", "lo", "he@@", "llo", "l@@", "a@@", "a", "<unk>"))
    assert sorted(spelled(Spelling(vocabulary), "hello")) == ["he@@ llo", "hel@@ lo"]
    assert spelled(Spelling(vocabulary), "aaaa") == ["a@@ a@@ a@@ a"]
    with pytest.raises(UnknownUnitError, match="unknown unit aaaaa"):
        Spelling(vocabulary).spell("aaaaa")


def test_units_that_start_words() -> None:
    """A model with `lang: en-bpe` marks the front of words instead."""
    vocabulary = Vocabulary((*FRONT, "▁hel", "lo", "▁yes", "hel", "<unk>"))
    spelling = Spelling(vocabulary, lang="en-bpe")
    assert spelled(spelling, "yes hello") == ["▁yes ▁hel lo"]
    with pytest.raises(UnknownUnitError):
        spelling.spell("lo")


def test_unknown_piece() -> None:
    """A word of which a part is unknown is not spelled at all."""
    spelling = Spelling(Vocabulary((*FRONT, "通", "义", "<unk>")))
    with pytest.raises(UnknownUnitError, match="unknown unit x"):
        spelling.spell("通义X")


def test_number_of_spellings_is_bounded() -> None:
    """A word of many parts with several spellings each has 16 of them at most, and soon."""
    vocabulary = Vocabulary(
        (*FRONT, *[f"{'a' * n}@@" for n in range(1, 30)], *["a" * n for n in range(1, 30)], "<unk>")
    )
    assert len(Spelling(vocabulary).spell(" ".join(["a" * 31] * 3))) == 16


def test_words_made_to_have_many_splits() -> None:
    """The work for a word is bounded: a thousand of the worst are given up on soon."""
    parts = ["a" * n for n in range(1, 26)]
    vocabulary = Vocabulary((*FRONT, *[f"{part}@@" for part in parts], "<unk>"))
    looked_up = 0

    class Counting(Vocabulary):
        def __contains__(self, unit: str) -> bool:
            nonlocal looked_up
            looked_up += 1
            return super().__contains__(unit)

    with pytest.raises(UnknownUnitError):
        Spelling(Counting(vocabulary.units)).spell("a" * 99)
    assert looked_up < 30_000
