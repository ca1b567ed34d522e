"""Redaction of partial texts: nothing is taken back, and nothing is shown before it is sure to be no secret."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.redaction.growing_text import MAX_WAITING, GrowingText
from paraserve.inference.text.redaction.redactor import Redactor
from paraserve.inference.text.spaces import needs_space
from paraserve.options import Redaction
from paraserve.redaction_types import Redactions
from paraserve.types import Partial, Token
from support.redaction import ALL_MASKS, CHINESE, ENGLISH, digits_read, in_chinese, in_english, phone, sentence_of

REDACTION = Redaction((("魔打社区", "ModelScope"), ("a b", "x")), ("他妈的", "damn"), ALL_MASKS.masks)
REDACTOR = Redactor(REDACTION)


def partials_of(words, sizes):
    """Steps of these numbers of words, each with the space before it."""
    steps, position, last = [], 0, ""
    while position < len(words):
        size = next(sizes)
        text, tokens = "", []
        for n in range(position, min(position + size, len(words))):
            text += (" " if needs_space(last, words[n]) else "") + words[n]
            tokens.append(Token(words[n], n * 100, n * 100 + 100))
            last = words[n]
        steps.append(Partial(text, "尾", tuple(tokens), (position,)))
        position += size
    return steps


def grown(words, sizes, redactor=REDACTOR):
    """What is shown after each step."""
    text, steps = GrowingText(redactor), partials_of(words, sizes)
    return [text.push(step, ends_segment=n == len(steps), is_last=n == len(steps)) for n, step in enumerate(steps, 1)]


def test_words_wait_until_they_are_sure():
    """A front of an entry, of a number or of an address waits; other words are shown at once."""
    shown = [partial.text for partial, _ in grown([*"打一三八零零一三八零零零吧"], iter([1] * 99))]
    assert shown == ["打", *[""] * 11, "***********吧"]
    shown = [partial.text for partial, _ in grown([*"去魔打社区他妈的好"], iter([1] * 99))]
    assert shown == ["去", "", "", "", "", "", "", "ModelScope ***", "好"]


def test_an_entry_that_may_go_on_waits_for_the_longer_one():
    """The longest entry is known only when the next word has come."""
    redactor = Redactor(Redaction((("a", "x"), ("a b", "y"))))
    assert [p.text for p, _ in grown(["a", "b", "a", "c"], iter([1] * 9), redactor)] == ["", "y", "", " x c"]


@pytest.mark.parametrize("say", [in_chinese, in_english])
@given(seed=st.integers(0, 2**32))
def test_no_step_shows_a_digit_of_a_number(say, seed):
    """However a phone number is cut into steps, none of them has a digit of it, in text, tail or words."""
    rng = random.Random(seed)
    said = say(phone(rng), rng)
    words = [*"号码", *(said if say is in_chinese else said.split()), *"好的"]
    for partial, _ in grown(words, iter(lambda: rng.randint(1, 4), 0)):
        assert digits_read(partial.text + partial.tail + "".join(token.text for token in partial.tokens)) == ""


word = st.sampled_from(
    [*CHINESE, *"魔打社区他妈的好", *ENGLISH, "a", "b", "damn", "at", "dot", "com", "john", "double"]
)


@given(st.lists(word, min_size=1, max_size=40), st.integers(0, 2**32))
def test_steps_change_nothing(words, seed):
    """The joined texts, words and counts are those of the whole text at once, however it is cut into steps."""
    rng = random.Random(seed)
    steps = grown(words, iter(lambda: rng.randint(1, 5), 0))
    whole, counts = grown(words, iter([len(words)]))[0]
    assert "".join(partial.text for partial, _ in steps) == whole.text
    assert tuple(token for partial, _ in steps for token in partial.tokens) == whole.tokens
    assert sum((one for _, one in steps), Redactions()) == counts
    assert [partial.token_ids for partial, _ in steps] != []


@given(st.lists(word, min_size=1, max_size=30))
def test_like_a_finished_text(words):
    """What is shown of a text at its end is what a finished sentence of these words shows."""
    joined = partials_of(words, iter([len(words)]))[0].text
    (shown,) = REDACTOR.redact([sentence_of(joined)]).sentences
    assert grown(words, iter([len(words)]))[0][0].text == shown.text


def test_endless_digits_are_shown_some_time():
    """So many words wait at most; those that are given are looked at with all that wait."""
    shown = [partial.text for partial, _ in grown(["一"] * (2 * MAX_WAITING), iter([1] * 999))]
    assert len("".join(shown)) == 2 * MAX_WAITING
    assert len("".join(shown[: MAX_WAITING + 2])) > 0


def test_segments_share_what_was_said_before():
    """In the next segment the rest of a number is masked as the rest, and a word that announces one counts."""
    first = GrowingText(REDACTOR)
    assert first.push(partials_of([*"电话一三八"], iter([9]))[0], ends_segment=True)[0].text == "电话一三八"
    second = GrowingText(REDACTOR, first.context)
    shown = second.push(partials_of([*"零零一三八零零零"], iter([9]))[0], ends_segment=True, is_last=True)[0]
    assert shown.text == "********"
