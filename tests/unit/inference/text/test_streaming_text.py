"""Text that is said bit by bit: nothing is taken back, and in the end it is the text of all units at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.text.streaming_text import TextState, text_step, with_marks
from paraserve.inference.text.units import ENGLISH_BPE, join_words, merge_units
from paraserve.types import Token

MIXED = ["今", "天", "7", "hello", "it's", "a", "b", "c", "hel@@", "x@@", "@@", "%", "ne@@"]
ENGLISH = ["\u2581i", "\u2581", "\u2581the", "s", "port", "\u2581re", "'m"]


def in_steps(units: list[str], sizes: list[int], lang: str | None) -> list[tuple[int, str, str]]:
    """After each step: units so far, text so far, tail."""
    tokens = [Token(text, 10 * i, 10 * i + 10) for i, text in enumerate(units)]
    state, said, words, found, done = TextState(), "", [], [], 0
    for number, size in enumerate([*sizes, len(units)], start=1):
        is_last = number == len(sizes) + 1
        state, partial = text_step(state, tokens[done : done + size], lang, is_last=is_last)
        done = min(len(units), done + size)
        said += partial.text
        words += partial.tokens
        found.append((done, said, partial.tail))
    assert words == merge_units(tokens, lang)
    assert state == TextState((), state.last_word)
    return found


def whole(units: list[str], lang: str | None) -> str:
    return join_words([word.text for word in merge_units([Token(text) for text in units], lang)], lang)


@pytest.mark.slow
@pytest.mark.parametrize(("vocabulary", "lang"), [(MIXED, None), (ENGLISH, ENGLISH_BPE)])
@given(data=st.data(), sizes=st.lists(st.integers(0, 5), max_size=10))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_steps_do_not_matter(data: st.DataObject, vocabulary: list[str], lang: str | None, sizes: list[int]) -> None:
    """What is said so far and the tail are the text of the units so far; at the end there is no tail."""
    units = data.draw(st.lists(st.sampled_from(vocabulary), max_size=25))
    found = in_steps(units, sizes, lang)
    for done, said, tail in found:
        assert said + tail == whole(units[:done], lang)
    assert found[-1][2] == ""


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([["今", "天"], ["好"]], [("今天", ""), ("好", "")]),
        ([["hel@@"], ["lo"], ["今"]], [("", "hel"), ("hello", ""), ("今", "")]),
        ([["hello"], ["world"]], [("hello", ""), (" world", "")]),
        ([["a"], ["i"], ["今"]], [("", "a"), ("", "AI"), ("AI今", "")]),
        ([["hello", "a"], ["b"]], [("hello", " a"), (" AB", "")]),
        ([["hello", "a"], []], [("hello", " a"), (" a", "")]),
        ([["hel@@", "o"], []], [("helo", ""), ("", "")]),
        ([["hel@@"], ["今"]], [("", "hel"), ("hel今", "")]),
        ([["a", "今"], ["hel@@"]], [("a今", ""), ("hel", "")]),
    ],
)
def test_what_waits(steps: list[list[str]], said: list[tuple[str, str]]) -> None:
    """The front of a word and single letters wait for what follows them, or the end; all else is said at once."""
    state, found = TextState(), []
    for number, units in enumerate(steps, start=1):
        tokens = [Token(text) for text in units]
        state, partial = text_step(state, tokens, None, is_last=number == len(steps))
        found.append((partial.text, partial.tail))
    assert found == said


def test_units_wait_for_the_next_word() -> None:
    """lang en-bpe: a word is over when the next one starts."""
    state, first = text_step(TextState(), [Token("\u2581re"), Token("port")], ENGLISH_BPE, is_last=False)
    assert (first.text, first.tail) == ("", "report")
    state, second = text_step(state, [Token("s"), Token("\u2581i")], ENGLISH_BPE, is_last=False)
    assert (second.text, second.tail) == ("reports", " I")
    _, third = text_step(state, [Token("'m")], ENGLISH_BPE, is_last=True)
    assert (third.text, third.tail) == (" I'm", "")


def test_marks_between_the_words_of_a_step() -> None:
    """A mark follows its word directly, as its script writes it; the mark of the step before stands in front."""
    words = [Token("hello"), Token("world"), Token("你"), Token("好")]
    assert with_marks(" hello world你好", words, ",", ["，", "", "", "。"]) == ", hello, world你好。"
    assert with_marks("", [], "", []) == ""
