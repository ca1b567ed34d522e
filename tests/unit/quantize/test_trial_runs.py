"""Comparison of results: the edit distance, and the words of a line."""

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from paraserve.quantize.samples import words_of_line
from paraserve.quantize.trial_runs import edit_distance

WORDS = st.lists(st.sampled_from(["今", "天", "hello", "a", ""]), max_size=12)


@given(WORDS, WORDS)
def test_edit_distance(first, second):
    """It is Levenshtein's, as a library computes it."""
    assert edit_distance(first, second) == Levenshtein.distance(first, second)


def test_words_of_line():
    """Marks and spaces are left out, a Chinese character is a word, and so is a run of letters and digits."""
    assert words_of_line("今天，it's 20 度。 Ok?") == ("今", "天", "it's", "20", "度", "Ok")
    assert words_of_line(" ，。 ") == ()
