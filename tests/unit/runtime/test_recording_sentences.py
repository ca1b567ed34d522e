"""Sentences that are told while a recording goes on are those of all its segments at once, each once and in order."""

import asyncio
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.base import ModelBundle
from paraserve.inference.text.final_text import final_sentences
from paraserve.inference.text.redaction.redactor import redactor_for
from paraserve.inference.text.sentences import SENTENCE_PAUSE_MS
from paraserve.options import RecognitionOptions
from paraserve.runtime.offline import transcribe
from paraserve.runtime.recording_sentences import RecordingSentences
from paraserve.runtime.scheduling.batches import Timed
from paraserve.types import Hypothesis, Token
from support.fakes import FakeEngine
from support.loud_engine import LoudEngine, bursts
from support.redaction import ALL_MASKS

WORD_MS = 100
PLAIN, MASKED = RecognitionOptions(), RecognitionOptions(redaction=ALL_MASKS)


class EveryThird:
    """A mark after each third word of what it is given, and at the end: the text of a part shows where it began."""

    def punctuate(self, words):
        return ["。" if n % 3 == 2 or n == len(words) - 1 else "" for n in range(len(words))]


BUNDLE = ModelBundle("b", vad=None, recognizer=None, punctuator=EveryThird())


@dataclass
class Punctuating(FakeEngine):
    """Puts marks as a bundle does. The first calls take the longest. `parts` are the sizes of what it was given."""

    parts: list[int] = field(default_factory=list)

    async def punctuate(self, hypotheses, options, lane=None):
        self.parts.append(len(hypotheses))
        for _ in range(max(0, 5 - len(self.parts))):
            await asyncio.sleep(0)
        return Timed(of_all(hypotheses, options), 0.0, 0.0)


def of_all(hypotheses, options):
    """The sentences of segments, those of one model together."""
    groups: list[list[Hypothesis]] = []
    for one in filter(lambda segment: segment.tokens, hypotheses):
        if groups and (groups[-1][0].model, groups[-1][0].model_reason) == (one.model, one.model_reason):
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(sentence for group in groups for sentence in final_sentences(BUNDLE, group, options))


def segments_of(drawn):
    """Consecutive segments of drawn words, pauses before them, and properties."""
    made, at_ms = [], 0
    for words, pause_ms, kind in drawn:
        at_ms += pause_ms
        ends = list(accumulate([WORD_MS] * len(words), initial=at_ms))
        tokens = tuple(Token(word, *span) for word, span in zip(words, pairwise(ends), strict=True))
        at_ms = ends[-1]
        made.append(replace(kind, tokens=tokens, text="".join(words)))
    return made


KINDS = (
    *[Hypothesis()] * 4,
    Hypothesis(language="zh", emotion="HAPPY"),
    Hypothesis(is_punctuated=True),
    Hypothesis(model="other", model_reason="unknown_units"),
)
drawn_segments = st.lists(
    st.tuples(
        st.lists(st.sampled_from("一三八零电话好的嗯天气"), max_size=6),
        st.sampled_from((0, 300, SENTENCE_PAUSE_MS - 1, SENTENCE_PAUSE_MS, 2000)),
        st.sampled_from(KINDS),
    ),
    max_size=20,
)


async def told(segments, options, settled):
    """What is told of segments of which so many do not change any more after each."""
    engine, hypotheses, heard = Punctuating(), [], []
    writing = RecordingSentences(engine, options, hypotheses, lambda _: None, heard.extend)
    async with asyncio.TaskGroup() as group:
        for segment in segments:
            hypotheses.append(segment)
            writing.advance(max(0, len(hypotheses) - settled), group)
            await asyncio.sleep(0)
        await writing.finish(group)
    assert heard == writing.sentences
    return tuple(heard), writing.redactions, engine


@given(drawn_segments, st.sampled_from((PLAIN, MASKED)), st.integers(0, 3))
def test_the_sentences_are_those_of_the_whole(drawn, options, settled):
    """With any pauses, languages, models and redactions; those of another model are punctuated by themselves."""
    segments = segments_of(drawn)
    whole = of_all(segments, options)
    redactions = None
    if options.redaction:
        redacted = redactor_for(options.redaction).redact(whole)
        whole, redactions = redacted.sentences, redacted.counts
    sentences, counts, _ = asyncio.run(told(segments, options, settled))
    assert (sentences, counts) == (whole, redactions)


def test_sentences_come_at_long_pauses():
    """What was said before one is written with the segment behind it, not at the end."""
    words = list("天气")
    drawn = [(words, pause_ms, KINDS[0]) for pause_ms in (0, 300, SENTENCE_PAUSE_MS, 300, 2000)]
    _, _, engine = asyncio.run(told(segments_of(drawn), RecognitionOptions(), 0))
    assert engine.parts == [2, 2, 1]


async def test_a_recording_tells_its_sentences_as_it_goes_on():
    """They are those of the transcript, and most have been told before the last of the audio is read."""
    heard, at_blocks = [], []

    async def blocks():
        samples = bursts(20)
        for first in range(0, len(samples), 16_000):
            await asyncio.sleep(0)
            at_blocks.append(len(heard))
            yield samples[first : first + 16_000]

    options = RecognitionOptions()
    transcript = await transcribe(LoudEngine(), blocks(), options, on_sentences=heard.extend)
    assert tuple(heard) == transcript.sentences
    assert len(heard) == 20
    assert at_blocks[-1] >= 15
    assert np.all(np.diff(at_blocks) >= 0)
