"""The engine's last step on the embedded bundle: punctuation over all segments, then ITN."""

import asyncio

import pytest

from paraserve.options import RecognitionOptions
from paraserve.settings import Settings
from paraserve.types import Hypothesis, Token
from paraserve.wiring import open_engine


def said(text, start_ms):
    tokens = tuple(Token(c, start_ms + 200 * i, start_ms + 200 * (i + 1), 0.9) for i, c in enumerate(text))
    return Hypothesis(tokens=tokens, text=text)


@pytest.fixture(scope="module")
def engine():
    engine = open_engine(Settings())
    yield engine
    asyncio.run(engine.close())


async def text_of(engine, hypotheses, **options):
    done = await engine.punctuate(hypotheses, RecognitionOptions(**options))
    return "".join(sentence.text for sentence in done.result)


@pytest.mark.parametrize(("gap_ms", "text"), [(1500, "星期一。96%。"), (100, "星期一96%。")])
async def test_a_pause_parts_numbers(engine, gap_ms, text):
    """A long pause between segments ends a sentence; a segment that was only cut for its length is not parted."""
    first = said("二月十九日星期一", 0)
    second = said("百分之九十六", first.tokens[-1].end_ms + gap_ms)
    assert (await text_of(engine, [first, second])).endswith(text)


async def test_options_switch_the_steps_off(engine):
    """Without punctuation each segment is a sentence without marks; without ITN the text is as spoken."""
    hypotheses = [said("百分之九十六", 0), Hypothesis(), said("三点", 5000)]
    assert await text_of(engine, hypotheses, punctuate=False, itn=False) == "百分之九十六三点"
    done = await engine.punctuate(hypotheses, RecognitionOptions(punctuate=False))
    assert [s.text for s in done.result] == ["96%", "3点"]


async def test_nothing_said_is_no_sentence(engine):
    """Only empty hypotheses: no sentences, and no model is asked."""
    assert (await engine.punctuate([Hypothesis(), Hypothesis()], RecognitionOptions())).result == ()
