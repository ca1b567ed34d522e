"""Segments that an attempt leaves to a later one: nothing of them is lost, and no other segment is taken for them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.hotword_types import Hotword, HotwordHit, IgnoredHotword
from paraserve.options import RecognitionOptions, VadOverrides
from paraserve.runtime.jobs.working.hypothesis_json import hypothesis_from_text, hypothesis_text
from paraserve.runtime.jobs.working.job_engine import JobEngine
from paraserve.runtime.jobs.working.kept_segments import KeptSegments, segment_key
from paraserve.runtime.scheduling.batches import Lane
from paraserve.types import Hypothesis, SegmentAudio, Token
from support.loud_engine import LoudEngine
from support.redaction import ALL_MASKS

texts = st.text(max_size=5)
places = st.none() | st.integers(0, 10**8)
scores = st.floats(0, 1)
ids = st.lists(st.integers(0, 10**6), max_size=3).map(tuple)
hypotheses = st.builds(
    Hypothesis,
    tokens=st.lists(st.builds(Token, texts, places, places, scores, ids), max_size=4).map(tuple),
    token_ids=ids,
    text=texts,
    score=scores,
    language=st.none() | texts,
    emotion=st.none() | texts,
    events=st.lists(texts, max_size=2).map(tuple),
    is_punctuated=st.booleans(),
    itn=st.none() | st.booleans(),
    model=st.none() | texts,
    model_reason=st.none() | texts,
    unknown_units=st.integers(0, 9),
    unsure=st.none() | texts,
    hotwords=st.lists(st.builds(HotwordHit, texts, places, places, st.booleans()), max_size=2).map(tuple),
    hotwords_ignored=st.lists(st.builds(IgnoredHotword, texts, texts), max_size=2).map(tuple),
)


def with_ids(hypothesis):
    """All of a segment, also what is no part of its equality."""
    return hypothesis, tuple(token.unit_ids for token in hypothesis.tokens)


@given(hypotheses)
def test_a_segment_is_read_as_it_was_written(hypothesis):
    """Every field, whatever is in its texts."""
    line = hypothesis_text(hypothesis)
    assert "\n" not in line
    assert with_ids(hypothesis_from_text(line)) == with_ids(hypothesis)


def test_numbers_of_numpy_are_numbers():
    """Recognizers may give them."""
    token = Token("a", np.int64(1), np.int64(2), np.float32(0.25), (np.int64(3),))
    assert hypothesis_from_text(hypothesis_text(Hypothesis((token,)))) == Hypothesis((Token("a", 1, 2, 0.25, (3,)),))


def test_checkpoints_have_what_is_new():
    """Each segment is in one checkpoint; a later attempt finds them all, and nothing else."""
    segments, later = KeptSegments(), KeptSegments()
    segments.add("a", Hypothesis(text="first\tand\nsecond line"), 1000)
    segments.add("b", Hypothesis(text="b"), 2000)
    assert segments.unsaved_ms == 3000
    first = segments.take_unsaved()
    assert (segments.unsaved_ms, segments.take_unsaved()) == (0, None)
    segments.add("c", Hypothesis(text="c"), 500)
    later.load([first, segments.take_unsaved()])
    found = [later.find(key) for key in ("c", "a", "x", "b")]
    assert [one and one.text for one in found] == ["c", "first\tand\nsecond line", None, "b"]
    assert (later.n_done, later.n_kept, later.take_unsaved()) == (3, 3, None)


OPTIONS = RecognitionOptions(hotwords=(Hotword("word"),))
AUDIO = SegmentAudio(np.linspace(-1, 1, 1600, dtype=np.float32))


@pytest.mark.parametrize(
    ("model", "audio", "options"),
    [
        ("other", AUDIO, OPTIONS),
        ("model", replace(AUDIO, samples=AUDIO.samples[:-1]), OPTIONS),
        ("model", replace(AUDIO, samples=-AUDIO.samples), OPTIONS),
        ("model", AUDIO, replace(OPTIONS, language="zh")),
        ("model", AUDIO, replace(OPTIONS, hotwords=())),
    ],
)
def test_another_segment_has_another_key(model, audio, options):
    """Another model, other audio, other options."""
    assert segment_key(model, audio, options) != segment_key("model", AUDIO, OPTIONS)


def test_what_does_not_matter_is_not_in_the_key():
    """A view of the same samples, and choices about the written text and the detector."""
    options = replace(OPTIONS, redaction=ALL_MASKS, vad=VadOverrides(max_segment_ms=5000))
    strided = np.repeat(AUDIO.samples, 2)[::2]
    assert segment_key("model", SegmentAudio(strided), options) == segment_key("model", AUDIO, OPTIONS)


async def test_an_engine_recognizes_no_kept_segment():
    """Its answer is the one that was kept; a new segment goes to the model, behind all other work."""
    engine, segments = LoudEngine(), KeptSegments()
    job_engine = JobEngine(engine, "model", segments)
    first = (await job_engine.recognize(AUDIO, OPTIONS, Lane.BULK)).result
    later = KeptSegments()
    later.load([segments.take_unsaved()])
    job_engine = JobEngine(engine, "model", later)
    assert (await job_engine.recognize(AUDIO, OPTIONS)).result == first
    await job_engine.recognize(SegmentAudio(AUDIO.samples / 2), OPTIONS)
    assert (engine.started, later.n_done, later.n_kept, later.in_flight_ms) == (2, 2, 1, 0)
    assert engine.lanes == {Lane.JOBS}
