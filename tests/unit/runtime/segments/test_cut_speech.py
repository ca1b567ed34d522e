"""Words of a part of cut speech that was heard with its surroundings: whose they are at its borders."""

import numpy as np
import pytest

from paraserve.runtime.segments.cut_speech import Surroundings, last_words, own_words
from paraserve.types import Hypothesis, Segment, SegmentAudio, Token

SEGMENT = Segment(1000, 2000)
AROUND = Surroundings(0, SegmentAudio(np.zeros(16 * 2000, np.float32)), has_before=True, has_after=False)


def heard(text: str, start_ms: int = 700, step_ms: int = 200) -> Hypothesis:
    """A character each 200 ms."""
    places = range(start_ms, start_ms + step_ms * len(text), step_ms)
    return Hypothesis(tuple(Token(one, at_ms, at_ms + step_ms) for one, at_ms in zip(text, places, strict=True)))


def own_text(part: Hypothesis, before: Hypothesis | None, *, are_whole: bool) -> str:
    last = None if before is None else last_words(before, are_whole=are_whole)
    own = own_words(part, SEGMENT, AROUND, last)
    edges = [edge for token in own.tokens for edge in (token.start_ms, token.end_ms)]
    assert edges == sorted(edges)
    assert before is None or not own.tokens or edges[0] >= before.tokens[-1].end_ms
    return "".join(token.text for token in own.tokens)


@pytest.mark.parametrize(
    ("before", "own"),
    [
        (heard("一二三"), "四五"),  # all of it was heard alike
        (heard("一二三", 640), "四五"),  # with other times
        (heard("一二山"), "三四五"),  # half of the last word was another one
        (heard("一二", 700), "三四五"),  # the word at the border was not heard at all
        (heard("一一二三", 500), "四五"),
    ],
)
def test_words_after_a_part_that_ended_without_what_follows(before, own):
    """They follow the last word that both hearings have: none is lost, and whole ones do not come twice."""
    assert own_text(heard("一二三四五"), before, are_whole=False) == own


def test_a_word_that_is_said_several_times():
    """Of equal words it is the one at the same moment."""
    assert own_text(heard("七七七七七"), heard("七七七"), are_whole=False) == "七七"


def test_words_after_a_part_that_was_heard_with_what_follows():
    """They are those whose middle comes after its last word."""
    assert own_text(heard("一二三四五"), heard("一二三"), are_whole=True) == "四五"


def test_words_after_a_part_without_words():
    """A word that begins shortly before the border is not said yet."""
    assert own_text(heard("一二三四五"), None, are_whole=True) == "一二三四五"
    assert own_text(heard("一二三四五", 100), None, are_whole=True) == "四五"
    assert last_words(Hypothesis(), are_whole=True) is None
