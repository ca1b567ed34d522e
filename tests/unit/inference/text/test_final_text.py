"""The three ways to a final text: words, text that the model punctuated itself, realtime marks."""

from dataclasses import replace

import pytest

from paraserve.inference.base import ModelBundle
from paraserve.inference.text.final_text import (
    PAUSE_MS,
    DelayedPunctuator,
    final_sentences,
    realtime_sentences,
    space_between_segments,
)
from paraserve.inference.text.sentences import SENTENCE_PAUSE_MS, join_sentences
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, Token

PLAIN = RecognitionOptions(itn=False)


class Commas:
    """A comma after each word but the last, which is asked."""

    def punctuate(self, words):
        return ["，"] * (len(words) - 1) + ["？"]


class Counting:
    """Puts the number of words before the segment at its head."""

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
        state, sentences = realtime_sentences(bundle, state, said(*words), options, is_last=is_last)
        found.append("".join(sentence.text for sentence in sentences))
    return found


def test_a_segments_mark_stands_before_the_next_one():
    """The closing mark is kept back, over a segment without words too; the last segment gets a full stop."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas())
    assert texts(bundle, ["你", "好"], [], ["再", "见"]) == ["你，好", "", "？再，见。"]


def test_the_realtime_model_comes_first():
    """A bundle that has a realtime model uses it, with that model's state."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas(), punctuator_online=Counting())
    assert texts(bundle, ["你", "好"], ["再"], ["见"]) == ["0你好", "2再", "3见。"]


class Asking:
    """A question mark after the last word, and no other mark."""

    def punctuate(self, words):
        return [""] * (len(words) - 1) + ["？"]


def heard(*words):
    """A segment of (word, start_ms, end_ms)."""
    return Hypothesis(tokens=tuple(Token(*word) for word in words))


PAUSES = (
    heard(("一", 0, 100), ("二", 100, 200)),
    heard(("三", 200 + SENTENCE_PAUSE_MS, 1100), ("四", 1100, 1200)),
    heard(("五", 1200 + PAUSE_MS, 2000), ("六", 2000 + SENTENCE_PAUSE_MS, 3000)),
    heard(("七", 3000 + PAUSE_MS - 1, 4000)),
)
"""Segments with a long pause, a short one, a long one inside, and one that is none."""


def test_sentences_end_at_long_pauses():
    """Each part between two long pauses is punctuated by itself, and a short pause gets a comma."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Asking())
    sentences = final_sentences(bundle, PAUSES, PLAIN)
    assert [(one.text, one.start_ms, one.end_ms) for one in sentences] == [
        ("一二？", 0, 200),
        ("三四，五？", 200 + SENTENCE_PAUSE_MS, 2000),
        ("六七？", 2000 + SENTENCE_PAUSE_MS, 4000),
    ]


@pytest.mark.parametrize("has_model", [True, False])
def test_sentences_without_marks_end_at_pauses(has_model):
    """Without marks each segment is a sentence, or several where it has a long pause inside."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Asking() if has_model else None)
    options = RecognitionOptions(itn=False, punctuate=not has_model)
    assert [one.text for one in final_sentences(bundle, PAUSES, options)] == ["一二", "三四", "五", "六", "七"]


def test_a_models_own_text_ends_at_pauses():
    """Its sentences end at long pauses, behind their marks, and the text is what the model wrote."""
    words = (("Well", 0, 100), ("he", 1000, 1100), ("said", 1100, 1200), ("yes", 2100, 2200), ("no", 2999, 3100))
    written = Hypothesis(heard(*words).tokens, text="Well, he said “yes”, no.", is_punctuated=True)
    bundle = ModelBundle("b", vad=None, recognizer=None)
    sentences = final_sentences(bundle, [written], PLAIN)
    assert [one.text for one in sentences] == ["Well,", "he said", "“yes”, no."]
    assert join_sentences(sentences) == written.text
    unmarked = final_sentences(bundle, [written], replace(PLAIN, punctuate=False))
    assert [one.text for one in unmarked] == ["Well", "he said", "yes no"]


def test_marks_stay_full_width_in_english():
    """FunASR's realtime text has them full-width."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas())
    assert texts(bundle, ["hello", "you"]) == ["hello， you。"]


@pytest.mark.parametrize("has_model", [True, False])
def test_without_punctuation_there_are_no_marks(has_model):
    """No marks come if the client wants none, or if no punctuation model is loaded."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas() if has_model else None)
    options = RecognitionOptions(itn=False, punctuate=not has_model)
    assert texts(bundle, ["你", "好"], ["再", "见"], options=options) == ["你好", "再见"]


WRITTEN = Hypothesis((Token("Hi"), Token("20%")), text="Hi! 20%", language="en", is_punctuated=True)


class Refusing:
    """A model that must not be asked."""

    def punctuate(self, words):
        raise AssertionError(words)

    def normalize(self, text):
        raise AssertionError(text)


@pytest.mark.parametrize("is_live", [True, False])
def test_a_text_in_its_final_form_stays_what_it_is(is_live):
    """It is neither punctuated nor rewritten again, but closed; each of its sentences has the language."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Refusing(), itn=Refusing())
    if is_live:
        state, sentences = realtime_sentences(bundle, "state", WRITTEN, RecognitionOptions(), is_last=False)
        assert state == "state"
    else:
        sentences = final_sentences(bundle, [WRITTEN], RecognitionOptions())
    assert [(s.text, s.language) for s in sentences] == [("Hi!", "en"), ("20%.", "en")]


def test_a_text_in_its_final_form_without_its_marks():
    """Its words alone remain if the client wants no marks."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Refusing(), itn=Refusing())
    (sentence,) = final_sentences(bundle, [WRITTEN], RecognitionOptions(punctuate=False))
    assert sentence.text == "Hi 20%"


def test_segments_with_a_language_are_punctuated_one_by_one():
    """Each sentence has the emotion and events of its own segment, and ends with that segment."""
    bundle = ModelBundle("b", vad=None, recognizer=None, punctuator=Commas())
    happy = Hypothesis((Token("好"),), text="好", language="zh", emotion="HAPPY", events=("Speech",))
    sad = replace(happy, emotion="SAD", events=())
    sentences = final_sentences(bundle, [happy, Hypothesis(language="zh", emotion="NEUTRAL"), sad], PLAIN)
    heard = [(s.text, s.emotion, s.events) for s in sentences]
    assert heard == [("好？", "HAPPY", ("Speech",)), ("好？", "SAD", ())]


def test_the_state_of_a_delayed_mark_is_a_value():
    """State goes in and comes out: the same call twice gives the same result."""
    held = DelayedPunctuator(Commas())
    state, _, _ = held.step(held.new_state(), ["一"])
    assert held.step(state, ["二"]) == held.step(state, ["二"]) == ("？", "？", [""])


@pytest.mark.parametrize(
    ("text", "following", "final", "partial"),
    [
        ("it ends.", "it begins", " ", " "),
        ("用", "gpt", "", ""),
        ("が", "gpt", "", " "),
        ("in 2024,", "it began", " ", " "),
        ("in 2024", "it began", " ", ""),
        ("", "it begins", "", ""),
    ],
)
def test_spaces_between_segments(text, following, final, partial):
    """Words of spaced scripts get a space between them; beside a digit only final texts do."""
    assert space_between_segments(text, following, is_final=True) == final
    assert space_between_segments(text, following, is_final=False) == partial
