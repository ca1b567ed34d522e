"""Marks of a text that goes on from segment to segment."""

import pytest

from paraserve.inference.base import ModelBundle
from paraserve.runtime.punctuation import HeldMark, next_sentences
from paraserve.types import DecodeOptions, Hypothesis, Token

PLAIN = DecodeOptions(itn=False)


class Commas:
    """A comma after each word but the last, which is asked."""

    def punctuate(self, words):
        return ["，"] * (len(words) - 1) + ["？"]


class Counting:
    """Says how many words it has seen before the segment."""

    def new_state(self):
        return 0

    def step(self, state, words):
        return state + len(words), str(state), [""] * len(words)


def said(*words):
    return Hypothesis(tokens=tuple(Token(word) for word in words))


def texts(bundle, *segments, options=PLAIN):
    state, found = None, []
    for n, words in enumerate(segments, 1):
        is_last = n == len(segments)
        state, sentences = next_sentences(bundle, state, said(*words), options, is_last=is_last)
        found.append("".join(sentence.text for sentence in sentences))
    return found


def test_a_segments_mark_stands_before_the_next_one():
    """The closing mark is kept back, over a segment without words too; the last segment gets a full stop."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas())
    assert texts(bundle, ["你", "好"], [], ["再", "见"]) == ["你，好", "", "？再，见。"]


def test_the_realtime_model_comes_first():
    """A bundle that has one uses it, with its own state."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas(), punctuator_online=Counting())
    assert texts(bundle, ["你", "好"], ["再"], ["见"]) == ["0你好", "2再", "3见。"]


def test_marks_stay_full_width_in_english():
    """As FunASR's realtime text has them."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas())
    assert texts(bundle, ["hello", "you"]) == ["hello， you。"]


@pytest.mark.parametrize("has_model", [True, False])
def test_without_punctuation_there_are_no_marks(has_model):
    """Because the client does not want it, or because no model is loaded."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas() if has_model else None)
    options = DecodeOptions(itn=False, punctuate=not has_model)
    assert texts(bundle, ["你", "好"], ["再", "见"], options=options) == ["你好", "再见"]


def test_held_mark_is_a_value():
    """State goes in and comes out: the same call twice gives the same."""
    held = HeldMark(Commas())
    state, _, _ = held.step(held.new_state(), ["一"])
    assert held.step(state, ["二"]) == held.step(state, ["二"]) == ("？", "？", [""])
