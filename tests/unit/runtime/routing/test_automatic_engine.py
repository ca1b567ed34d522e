"""A segment goes to a second model where the first is unsure, and live partial texts follow it there and back."""

from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from paraserve.errors import InferenceError, ModelLoadError, OverloadedError
from paraserve.inference.abilities import Abilities
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.offline import transcribe
from paraserve.runtime.routing.automatic_engine import LONGEST_WAIT_MS
from paraserve.runtime.routing.loaded_model import Model, ModelSpec
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.names import ModelNames
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.scheduling.batches import Lane
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.types import Hypothesis, SegmentAudio, Token
from support.fakes import FakeEngine

KNOWN, OTHER, GERMAN = 0.5, 0.3, 0.2
"""Levels of the fake speech: of words that the first model knows, of others, and of a language that it is not for."""


def words(text, **fields):
    return Hypothesis(tuple(Token(word, 0, 500) for word in text.split()), text=text, score=0.9, **fields)


def small(samples):
    """The first model: it marks as unknown what is not of its domain."""
    is_known = np.abs(samples).max(initial=0) > (KNOWN + OTHER) / 2
    return words("turn on") if is_known else Hypothesis(unknown_units=3)


def large(samples):
    """The second model: it knows everything, and hears the language."""
    level = np.abs(samples).max(initial=0)
    return words("guten Tag", language="de") if level < (OTHER + GERMAN) / 2 else words("good day", language="en")


def speech(level, duration_s=1.0):
    return np.full(int(duration_s * 16_000), level, np.float32)


def audio(level):
    return SegmentAudio(speech(level))


@pytest.fixture
def first():
    return FakeEngine(hears=small, name="small", abilities=Abilities())


@pytest.fixture
def second():
    return FakeEngine(hears=large, name="large", abilities=Abilities(frozenset(("de", "en", "zh"))))


def routed(*engines, languages=("en", "zh"), on_demand=()):
    """A server with these engines, the first of which is for these languages."""
    models = []
    for engine in engines:
        spec = ModelSpec(ModelNames(engine.name), engine.name, languages if engine is engines[0] else ())
        models.append(Model(replace(spec, is_on_demand=engine in on_demand)))
        if engine not in on_demand:
            models[-1].loaded_as(engine)

    def load(spec):
        engine = next(engine for engine in engines if engine.name == spec.name)
        if isinstance(engine.error, ModelLoadError):
            raise engine.error
        return engine

    return RoutedEngine(ModelSet(models, load), engines[0])


@asynccontextmanager
async def chosen(*engines, **choices):
    async with routed(*engines, **choices).for_model("auto") as engine:
        yield engine


async def written(engine, level, lane=Lane.BULK, **options):
    """Text, model and reason of one segment."""
    found = (await engine.recognize(audio(level), RecognitionOptions(**options), lane)).result
    return found.text, found.model, found.model_reason


async def test_what_the_first_model_is_sure_of_stays_with_it(first, second):
    """The second model is not asked."""
    async with chosen(first, second) as engine:
        assert await written(engine, KNOWN) == ("turn on", "small", "sure")
    assert (first.started, second.started) == (1, 0)


async def test_what_the_first_model_is_unsure_of_goes_to_the_next(first, second):
    """The text is the next model's, with the reason why it is not the first one's."""
    async with chosen(first, second) as engine:
        assert await written(engine, OTHER) == ("good day", "large", "unknown_units")


async def test_no_segment_is_recognized_by_more_than_two_models(first, second):
    """A third model is not asked, also where the second finds nothing."""
    second.hears = lambda _: Hypothesis()
    third = FakeEngine(hears=large, name="third")
    async with chosen(first, second, third) as engine:
        assert await written(engine, OTHER) == ("", "small", "no_better")
    assert (first.started, second.started, third.started) == (1, 1, 0)


async def test_a_second_model_that_fails_leaves_the_first_text(first, second):
    """An unsure text is more than an error."""
    second.error = InferenceError("broken")
    first.hears = lambda _: replace(words("turn"), score=0.2)
    async with chosen(first, second) as engine:
        assert await written(engine, OTHER) == ("turn", "small", "no_better")


async def test_a_closed_engine_is_an_error(first, second):
    """Nothing stands in for work that a server refuses."""
    second.error = OverloadedError("closed")
    async with chosen(first, second) as engine:
        with pytest.raises(OverloadedError):
            await written(engine, OTHER)


async def test_a_model_that_cannot_be_loaded_is_left_out(first, second):
    """The next one is asked, and the first text stands where there is none."""
    second.error = ModelLoadError("damaged")
    async with chosen(first, second, on_demand=[second]) as engine:
        assert await written(engine, OTHER) == ("", "small", "no_better")
        assert await written(engine, KNOWN) == ("turn on", "small", "sure")


async def test_a_model_on_demand_is_loaded_when_the_first_is_unsure(first, second):
    """It is held to the end of the request."""
    server = routed(first, second, on_demand=[second])
    async with server.for_model(None) as engine:
        await written(engine, KNOWN)
        assert [status.state for status in server.statuses] == ["loaded", "unloaded"]
        assert (await written(engine, OTHER))[1] == "large"
        assert [status.users for status in server.statuses] == [1, 1]
    assert [status.users for status in server.statuses] == [0, 0]


async def test_a_longer_segment_than_a_model_takes_does_not_go_there(first, second):
    """Segments are cut for the first model."""
    second.max_segment_ms = 999
    async with chosen(first, second) as engine:
        assert await written(engine, OTHER) == ("", "small", "no_better")


async def test_under_overload_the_first_text_stands(first, second):
    """A live segment that has waited too long for its first model gets no second one; a recording's does."""
    first.queue_ms = LONGEST_WAIT_MS + 1
    async with chosen(first, second) as engine:
        assert await written(engine, OTHER, Lane.FINAL) == ("", "small", "overloaded")
        assert (await written(engine, OTHER, Lane.BULK))[1] == "large"
        first.queue_ms = LONGEST_WAIT_MS
        assert (await written(engine, OTHER, Lane.FINAL))[1] == "large"


async def test_the_language_of_a_client_chooses_the_model(first, second):
    """A model that is not for the language is not asked; one that is for it is asked first."""
    async with chosen(first, second) as engine:
        assert await written(engine, GERMAN, language="de") == ("guten Tag", "large", "unknown_language")
        assert first.started == 0
        assert (await written(engine, KNOWN, language="en"))[1] == "small"
        assert (await written(engine, OTHER, language="fi"))[1] == "small"


async def test_a_language_that_is_heard_keeps_live_speech_with_its_model(first, second):
    """After two segments of it the first model is not asked, until a language is heard that it is for."""
    async with chosen(first, second) as engine:
        for _ in range(4):
            assert (await written(engine, GERMAN, Lane.FINAL))[:2] == ("guten Tag", "large")
        assert (first.started, second.started) == (2, 4)
        assert (await written(engine, KNOWN, Lane.FINAL))[:2] == ("good day", "large")
        assert await written(engine, KNOWN, Lane.FINAL) == ("turn on", "small", "sure")


async def test_segments_of_a_recording_are_routed_one_by_one(first, second):
    """Its text does not depend on which segments were ready first."""
    async with chosen(first, second) as engine:
        for _ in range(3):
            await written(engine, GERMAN)
        assert (await written(engine, KNOWN))[1] == "small"
    assert first.started == 4


async def test_a_named_model_answers_alone(first, second):
    """With `model=NAME` nothing is routed."""
    async with routed(first, second).for_model("small") as engine:
        assert await written(engine, OTHER) == ("", "small", "requested")
    assert second.started == 0


async def test_a_server_with_one_model_names_none(first):
    """Its answers are as they were before there were several."""
    async with routed(first).for_model(None) as engine:
        assert await written(engine, KNOWN) == ("turn on", None, None)


async def test_all_languages_may_be_asked_for(first, second):
    """Whoever checks the options of a client sees those of all models."""
    server = routed(first, second)
    assert "de" in server.choice_of(None).abilities.languages
    assert "de" not in server.choice_of("small").abilities.languages


async def test_sentences_of_a_recording_say_who_wrote_them(first, second):
    """Each with the reason."""

    async def blocks():
        yield speech(OTHER)

    async with chosen(first, second) as engine:
        transcript = await transcribe(engine, blocks(), RecognitionOptions())
    assert [(s.text, s.model, s.model_reason) for s in transcript.sentences] == [
        ("good day", "large", "unknown_units")
    ]


async def live(engine, *levels, **config):
    """Say a segment of each level with a pause behind it, as fast as a person; return the updates."""
    heard = []
    async with TwoPassSession(engine, StreamConfig(**config), heard.append) as session:
        for level in levels:
            await session.feed(np.concatenate([speech(level, 1.5), speech(0, 0.5)]))
            await session._second_passes.finish()
        await session.finish()
    return heard


async def test_partial_texts_follow_the_writer_of_the_segments(first, second):
    """They come from the second model after two of its segments, and from the first again once it was sure."""
    async with chosen(first, second) as engine:
        heard = await live(engine, OTHER, OTHER, OTHER, KNOWN, KNOWN)
    partials = {}
    for update in heard:
        if update.kind == "online":
            partials.setdefault(update.segment_index, set()).add(update.text.strip().partition("<")[0])
    assert partials == {0: {"small"}, 1: {"small"}, 2: {"large"}, 3: {"large"}, 4: {"small"}}
    finals = [update.sentences[0].model for update in heard if update.sentences]
    assert finals == ["large", "large", "large", "small", "small"]
    assert first.open_streams == second.open_streams == 0


async def test_partial_texts_without_a_second_pass_are_the_first_models(first, second):
    """In mode online nothing tells who would know better."""
    async with chosen(first, second) as engine:
        heard = await live(engine, OTHER, OTHER, OTHER, mode="online")
    assert {update.text.strip().partition("<")[0] for update in heard if update.text} == {"small"}


async def test_realtime_marks_come_from_the_writer(first, second):
    """Each segment's sentences are made by the model that wrote it."""
    async with chosen(first, second) as engine:
        heard = await live(engine, OTHER, KNOWN, realtime_punctuation=True)
    assert [update.text.strip() for update in heard if update.kind == "offline" and update.text] == [
        "good day",
        "turn on",
    ]
    assert first.open_streams == second.open_streams == 0
