"""What became of the speech: shares of a segment, the rule of the notice, audio that was lost."""

import pytest

from paraserve.runtime.understanding import AudioAccount, StreamedSegment, heard_in, notice_about
from paraserve.types import Heard, Hypothesis, Partial, Segment, Token, VadEvent

WORDS = (Token("今", unit_ids=(7,)), Token("天", unit_ids=(8,)))


@pytest.mark.parametrize(
    ("hypothesis", "expected"),
    [
        (Hypothesis(WORDS), Heard(3000, 3000, 0)),
        (Hypothesis(WORDS, unknown_units=1), Heard(3000, 2000, 1)),
        (Hypothesis((Token("hello", unit_ids=(3, 4)),), unknown_units=2), Heard(3000, 1500, 2)),
        (Hypothesis((Token("hello"),)), Heard(3000, 3000, 0)),
        (Hypothesis(unknown_units=9, unsure="unknown_units"), Heard(3000, 0, 9)),
        (Hypothesis(unsure="low_score"), Heard(3000, 0, 1)),
        (Hypothesis(), Heard(3000, 0, 0)),
    ],
    ids=["all", "one unit", "units of a word", "a model without units", "none", "a guard's reason", "no words"],
)
def test_share_of_a_segment_that_became_text(hypothesis, expected):
    """It is the share of its units that the model knows."""
    assert heard_in(hypothesis, 3000) == expected


def sure(*scores):
    """Words with these probabilities."""
    return tuple(Token("x", score=score) for score in scores)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([Partial(token_ids=(7, 8)), Partial(tokens=sure(1, 1))], Heard(2000, 2000, 0)),
        ([Partial(tokens=sure(1, 1, 1), token_ids=(7, 8, 6, 9), unknown_units=1)], Heard(2000, 1500, 1)),
        ([Partial(tokens=sure(1, 1), token_ids=(7, 9, 8, 9), unknown_units=2)], Heard(2000, 0, 4)),
        ([Partial(tokens=sure(0.9), token_ids=(7,)), Partial(tokens=sure(0.5), token_ids=(8,))], Heard(2000, 0, 2)),
        ([Partial(tokens=sure(0.5, 0.5))], Heard(2000, 2000, 0)),
        ([Partial(unknown_units=3)], Heard(2000, 0, 3)),
        ([], Heard(2000, 0, 0)),
    ],
    ids=[
        "sure, late words",
        "one unknown",
        "half unknown",
        "unsure",
        "drafts",
        "drafts that know nothing",
        "no words",
    ],
)
def test_a_segment_without_a_second_pass(steps, expected):
    """Units that a streaming recognizer is not sure of count as unknown, though it has written them."""
    segment = StreamedSegment()
    for step in steps:
        segment.add(step)
    assert segment.take(2000) == expected
    assert segment.take(700) == Heard(700, 0, 0), "the next segment begins at 0"


@pytest.mark.parametrize(
    ("heard", "is_told"),
    [
        (Heard(3000, 2000, 1), True),
        (Heard(3000, 2001, 1), False),
        (Heard(1000, 0, 1), True),
        (Heard(999, 0, 1), False),
        (Heard(60_000, 40_001, 90), False),
        (Heard(60_000, 40_000, 90), True),
        (Heard(30_000, 0, 0), False),
        (Heard(), False),
    ],
    ids=["a third", "less", "a second", "shorter", "much speech", "a third of it", "no words", "silence"],
)
def test_rule_of_the_notice(heard, is_told):
    """At least a second and a third of the speech are missing from the text, and the model marks some of it."""
    assert (notice_about(heard, "") is not None) == is_told


def test_notice_says_how_much_and_what_to_do():
    """Its message has both figures, what the bundle says that it knows, and the cure."""
    notice = notice_about(Heard(12_400, 2400, 31), "the words of chess")
    assert notice.code == "outside_vocabulary"
    assert notice.message.startswith("12 s of speech were heard and 10 s of them not understood: ")
    assert "knows only the words of chess" in notice.message
    assert "paraserve models list" in notice.message
    assert "does not know these words" in notice_about(Heard(1500, 0, 3), "").message


def account(recognized):
    """Ten seconds with two stretches of speech, of which these segments got a result."""
    found = AudioAccount()
    found.add_detected(80_000, [VadEvent("start", 1000)])
    found.add_detected(80_000, [VadEvent("end", 4000), VadEvent("start", 6000), VadEvent("end", 9000)])
    for segment in recognized:
        found.add_recognized(segment)
    return found


def test_a_result_that_stands_for_several_segments():
    """The speech of all of them became its text, without the pause between them."""
    found = account([Segment(1000, 4000), Segment(6000, 9000)])
    found.join(0, 2)
    heard, processed_ms = found.balance([Hypothesis(WORDS), Hypothesis()])
    assert (heard, processed_ms) == (Heard(6000, 6000, 0), 10_000)


@pytest.mark.parametrize(
    ("segments", "lost_ms"),
    [
        ([(1000, 4000), (6000, 9000)], 0),
        ([(1000, 2500), (2500, 4000), (6000, 9000)], 0),
        ([(0, 9000)], 0),
        ([(1000, 4000)], 3000),
        ([(1000, 2500), (6000, 9000)], 1500),
        ([], 6000),
    ],
    ids=["both", "cut", "merged", "one lost", "a part lost", "all lost"],
)
def test_lost_speech_shows(segments, lost_ms):
    """Speech that no segment brought to the recognizer counts as heard, neither as recognized nor as processed."""
    heard, processed_ms = account(Segment(*one) for one in segments).balance([Hypothesis(WORDS)] * len(segments))
    assert heard == Heard(6000, 6000 - lost_ms, 0)
    assert processed_ms == 10_000 - lost_ms
