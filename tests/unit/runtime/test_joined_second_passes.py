"""Neighbouring segments of a recording that the first model is unsure of are recognized as one by another model."""

from dataclasses import dataclass

import numpy as np
import pytest

from paraserve.errors import OverloadedError
from paraserve.options import RecognitionOptions
from paraserve.runtime.joined_second_passes import MAX_JOINED_MS
from paraserve.runtime.offline import transcribe
from paraserve.runtime.routing.loaded_model import Model, ModelSpec
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.names import ModelNames
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.types import Hypothesis, Token
from support.fakes import FakeEngine, FakeStream

KNOWN, OTHER, HUM = 0.5, 0.3, 0.001


@dataclass
class Detector:
    """Voice activity detection by loudness."""

    stream: FakeStream

    lookback_ms: int = 210

    async def step(self, samples, *, is_last):
        return await self.stream.detect(samples, is_last=is_last)


class LoudnessEngine(FakeEngine):
    """A fake engine whose recordings have pauses."""

    def open_vad(self, lane=None, overrides=None):
        return Detector(FakeStream(self))


def small(samples):
    """Words for what is loud, unknown units for the rest."""
    if np.abs(samples).max() > (KNOWN + OTHER) / 2:
        return Hypothesis((Token("known", 0, 100),), text="known", score=0.9)
    return Hypothesis(unknown_units=3)


def large(samples):
    """The length of the audio, as a word at its end."""
    length_ms = len(samples) // 16
    return Hypothesis((Token(str(length_ms), length_ms - 100, length_ms),), text=str(length_ms), score=0.9)


@pytest.fixture
def first():
    return LoudnessEngine(hears=small)


@pytest.fixture
def second():
    return FakeEngine(hears=large)


async def transcript(first, second, *parts):
    """Transcript of parts (level, seconds), in blocks of a second."""
    models = [Model(ModelSpec(ModelNames(name), name)) for name in ("first", "second")]
    models[0].loaded_as(first)
    models[1].loaded_as(second)
    samples = np.concatenate([np.full(round(duration_s * 16_000), level, np.float32) for level, duration_s in parts])

    async def blocks():
        for start in range(0, len(samples), 16_000):
            yield samples[start : start + 16_000]

    async with RoutedEngine(ModelSet(models, lambda _: first), first).for_model(None) as engine:
        return await transcribe(engine, blocks(), RecognitionOptions())


def texts(transcript):
    return [(s.text, s.model, s.start_ms, s.end_ms) for s in transcript.sentences]


async def test_neighbours_are_one_segment_with_times_of_the_recording(first, second):
    """Three parts with short pauses reach the second model as one, pauses included."""
    found = await transcript(first, second, (0, 1), (OTHER, 1), (0, 0.5), (OTHER, 1), (0, 0.5), (OTHER, 1))
    assert texts(found) == [("4000", "second", 4900, 5000)]
    assert (first.finished, second.finished) == (3, 1)


async def test_pauses_are_the_recordings_own(first, second):
    """The second model hears the pauses as they were recorded, not silence in their place."""
    heard = []

    def listening(samples):
        heard.append(samples)
        return large(samples)

    second.hears = listening
    await transcript(first, second, (0, 1), (OTHER, 1), (HUM, 0.5), (OTHER, 1), (-HUM, 0.9), (OTHER, 1))
    parts = [(OTHER, 16_000), (HUM, 8_000), (OTHER, 16_000), (-HUM, 14_400), (OTHER, 16_000)]
    levels, lengths = zip(*parts, strict=True)
    assert np.array_equal(heard, [np.repeat(np.float32(levels), lengths)])


async def test_known_speech_and_long_pauses_part_them(first, second):
    """What the first model is sure of stays between them, in order."""
    parts = [(OTHER, 1), (0, 0.5), (KNOWN, 1), (0, 0.5), (OTHER, 2), (0, 1.5), (OTHER, 3), (0, 1)]
    found = await transcript(first, second, *parts)
    assert [(text, model) for text, model, *_ in texts(found)] == [
        ("1000", "second"),
        ("known", "first"),
        ("2000", "second"),
        ("3000", "second"),
    ]


@pytest.mark.parametrize("takes_ms", [20_000, 60_000])
async def test_joined_segments_are_bounded(first, second, takes_ms):
    """None is longer than the second model takes, nor than pays, and no audio is lost."""
    second.max_segment_ms = takes_ms
    found = await transcript(first, second, *[(OTHER, 3), (0, 0.5)] * 14, (0, 1))
    lengths_ms = [int(sentence.text) for sentence in found.sentences]
    assert 15_000 < max(lengths_ms) <= min(MAX_JOINED_MS, takes_ms)
    assert sum(lengths_ms) == 14 * 3_000 + (14 - len(lengths_ms)) * 500


async def test_without_a_second_text_the_first_ones_stand(first, second):
    """A second model that finds nothing takes nothing away."""
    first.hears = lambda _: Hypothesis((Token("unsure", 0, 100),), text="unsure", score=0.3)
    second.hears = lambda _: Hypothesis()
    found = await transcript(first, second, (OTHER, 1), (0, 0.5), (OTHER, 1), (0, 1))
    assert [(s.text, s.model, s.model_reason) for s in found.sentences] == [("unsure", "first", "no_better")] * 2


async def test_an_error_of_the_second_pass_reaches_the_caller(first, second):
    """A server that refuses work leaves no half transcript."""
    second.error = OverloadedError("closed")
    with pytest.raises(OverloadedError):
        await transcript(first, second, (OTHER, 1), (0, 1))
