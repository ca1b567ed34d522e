"""The rule by which a model is unsure of a segment."""

import pytest

from paraserve.runtime.routing.unsure import unsure_reason
from paraserve.types import Hypothesis, Token


def hypothesis(n_words, score=0.9, **fields):
    return Hypothesis(tuple(Token("word", score=score) for _ in range(n_words)), score=score, **fields)


@pytest.mark.parametrize(
    ("found", "speech_ms", "reason"),
    [
        (hypothesis(5), 3_000, None),
        (hypothesis(4, unknown_units=1), 1_000, None),
        (hypothesis(1, unknown_units=1), 1_000, "unknown_units"),
        (hypothesis(0, unknown_units=1), 300, "unknown_units"),
        (hypothesis(5, score=0.71), 3_000, None),
        (hypothesis(5, score=0.69), 3_000, "low_score"),
        (hypothesis(4, score=0.8, unknown_units=1), 2_000, "unknown_units"),
        (hypothesis(4, score=0.6, unknown_units=1), 2_000, "low_score"),
        (hypothesis(0), 990, None),
        (hypothesis(0), 1_000, "few_tokens"),
        (hypothesis(5), 10_000, None),
        (hypothesis(4), 10_000, "few_tokens"),
        (hypothesis(5, language="zh"), 3_000, None),
        (hypothesis(5, language="de"), 3_000, "unknown_language"),
    ],
)
def test_a_model_is_unsure_for_one_reason_or_none(found, speech_ms, reason):
    """Units that it does not know, a low score, few words for the time, or a language that it is not for."""
    assert unsure_reason(found, speech_ms, {"zh", "en"}) == reason


def test_no_language_is_a_reason_where_nobody_says_what_a_model_is_for():
    """A model without languages may be for all of them."""
    assert unsure_reason(hypothesis(5, language="de"), 3_000, ()) is None
