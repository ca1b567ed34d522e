"""Each family's capabilities are what its models do. Whisper's are held in tests/models."""

from dataclasses import replace

import pytest

from paraserve.errors import TaskUnavailableError
from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.abilities import Capabilities
from paraserve.inference.base import ModelBundle, Recognizer
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.engine import LocalEngine
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.types import Hypothesis, SegmentAudio

MODELS = {
    "paraformer": Capabilities(hotwords=True, item_hotwords=True),
    "paraformer-timestamp": Capabilities(hotwords=True, item_hotwords=True, word_times=True),
    "paraformer-contextual": Capabilities(hotwords=True, word_times=True),
    "paraformer-contextual-v1": Capabilities(hotwords=True),
    "sensevoice": Capabilities(
        partials=True,
        punctuates=True,
        languages=frozenset({"zh", "en", "yue", "ja", "ko"}),
        word_times=True,
        model_itn=True,
    ),
}
PLAIN = RecognitionOptions()


@pytest.fixture(scope="module", params=MODELS)
def bundle(request, tiny_models_dir, tmp_path_factory) -> ModelBundle:
    root = tmp_path_factory.mktemp(request.param)
    (root / "asr").symlink_to(tiny_models_dir / request.param)
    bundle = load_parts(replace(bundle_parts(root), asr_quantize=False, has_itn=False))
    assert bundle.recognizer.capabilities == MODELS[request.param]
    return bundle


@pytest.fixture(scope="module")
def model(bundle) -> Recognizer:
    return bundle.recognizer


@pytest.fixture(scope="module")
def audio(held_out_speech) -> SegmentAudio:
    return SegmentAudio(held_out_speech[:64_000])


def heard(model: Recognizer, audio: SegmentAudio, options: RecognitionOptions = PLAIN) -> Hypothesis:
    (hypothesis,) = model.recognize([audio], options)
    assert hypothesis.tokens
    return hypothesis


def test_word_times(model, audio):
    """All tokens have times, or none has."""
    times = {token.start_ms is not None and token.end_ms is not None for token in heard(model, audio).tokens}
    assert times == {model.capabilities.word_times}


def test_hotwords(model, audio):
    """They change what is heard, or nothing at all."""
    units = [token.text for token in heard(model, audio).tokens]
    words = (Hotword("阿里巴巴"), Hotword("北京"), Hotword(units[0]))
    biased = heard(model, audio, RecognitionOptions(hotwords=words))
    assert (biased != heard(model, audio)) is model.capabilities.hotwords


def test_hotwords_outside_of_the_graph(model, audio):
    """Where the rule keeps hotwords out of the graph and gives them no bonus, nothing changes."""
    rule = HotwordRule(bonus=0, in_graph=False)
    plain = heard(model, audio)
    found = heard(model, audio, RecognitionOptions(hotwords=(Hotword("北京"),), hotword_rule=rule))
    assert found == replace(plain, hotwords_ignored=found.hotwords_ignored)


def test_languages(model, audio):
    """Each language changes what is heard, another code changes nothing; without languages none is told."""
    plain = heard(model, audio)
    languages = model.capabilities.languages
    for code in ("de", "auto", *languages):
        asked = heard(model, audio, RecognitionOptions(language=code))
        assert (asked != plain) is (code in languages)
        assert asked.language in {None, *languages}


def test_punctuates(model, audio):
    """The text is in its final form where both marks and written numbers are wanted."""
    assert heard(model, audio).is_punctuated is model.capabilities.punctuates
    assert not heard(model, audio, RecognitionOptions(punctuate=False)).is_punctuated


def test_model_itn(model, audio):
    """The option changes what is heard, or nothing at all."""
    spoken = heard(model, audio, RecognitionOptions(model_itn=False))
    assert (spoken != heard(model, audio)) is model.capabilities.model_itn


def test_heard_language(model, audio):
    """The language of earlier speech changes nothing for a model that does not keep it."""
    assert not model.capabilities.keeps_language
    assert heard(model, audio, RecognitionOptions(heard_language="ko")) == heard(model, audio)


async def test_translates(bundle, audio):
    """A translation is refused, live and of recordings, by a model that cannot; none of these can."""
    engine, options = LocalEngine(bundle, Scheduler(1), WholeRecordingVad()), RecognitionOptions(task="translate")
    assert not engine.abilities.translates
    with pytest.raises(TaskUnavailableError):
        engine.open_stream(StreamConfig(options=options))
    with pytest.raises(TaskUnavailableError):
        await engine.recognize(audio, options)
    await engine.close()


async def test_partials(bundle):
    """A live stream has partial texts without a streaming recognizer, unless the bundle forbids them."""
    for chosen in (bundle, replace(bundle, allows_drafts=False)):
        engine = LocalEngine(chosen, Scheduler(1), WholeRecordingVad())
        stream = engine.open_stream(StreamConfig())
        assert stream.has_partials is (chosen.allows_drafts and bundle.recognizer.capabilities.partials)
        await stream.close()
        await engine.close()
