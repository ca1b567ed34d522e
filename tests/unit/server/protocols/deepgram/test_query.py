"""Deepgram's queries: each parameter has its effect, is refused, or is named in a warning."""

import pytest

from paraserve.errors import ModelNotFoundError, ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.options import AudioFormat
from paraserve.server.protocols.deepgram.live_query import read_live_query
from paraserve.server.protocols.deepgram.recorded_query import read_recorded_query, upload_fields

SHARED_PARAMETERS = frozenset((
    "callback", "callback_method", "detect_entities", "diarize", "diarize_model", "dictation", "encoding", "extra",
    "keyterm", "keywords", "language", "language_hint", "mip_opt_out", "model", "multichannel", "numerals",
    "profanity_filter", "punctuate", "redact", "replace", "search", "smart_format", "tag", "version",
))  # fmt: skip
LIVE_PARAMETERS = SHARED_PARAMETERS | {
    "channels", "endpointing", "interim_results", "sample_rate", "utterance_end_ms", "vad_events",
}  # fmt: skip
RECORDED_PARAMETERS = SHARED_PARAMETERS | {
    "custom_intent", "custom_intent_mode", "custom_topic", "custom_topic_mode", "detect_language", "filler_words",
    "intents", "measurements", "paragraphs", "sentiment", "summarize", "topics", "utt_split", "utterances",
}  # fmt: skip
"""Those of deepgram-sdk 7.17.0."""
REFUSED = ("callback", "callback_method")
VALUES = {
    "encoding": "mulaw",
    "sample_rate": "8000",
    "channels": "2",
    "endpointing": "300",
    "utterance_end_ms": "1000",
    "utt_split": "2",
    "language": "en",
    "model": "tiny",
    "keyterm": "hello",
    "keywords": "hello:2",
    "replace": "a:b",
    "redact": "pci",
    "mip_opt_out": "true",
}


def choice_of(name):
    if name not in (None, "tiny"):
        raise ModelNotFoundError("no such model", param="model")
    return ModelChoice(Abilities(frozenset(("en", "zh")), hotwords=True))


def live(**query):
    return read_live_query(values(query), "r7", choice_of)


def recorded(**query):
    return read_recorded_query(values(query), choice_of)


def values(query):
    return {name: value if isinstance(value, list) else [value] for name, value in query.items()}


def told(query):
    return {(one.code, one.param) for one in query.warnings}


@pytest.mark.parametrize(
    ("read", "name"),
    [(live, one) for one in sorted(LIVE_PARAMETERS)] + [(recorded, one) for one in sorted(RECORDED_PARAMETERS)],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_each_parameter_of_the_sdk(read, name):
    """None is unknown, and none is taken without effect but the one that asks for nothing here."""
    asked = {name: VALUES.get(name, "true")}
    if name in REFUSED:
        with pytest.raises(ProtocolError, match=name):
            read(**asked)
        return
    query = read(**asked)
    assert ("unknown_field", name) not in told(query)
    is_read_elsewhere = read is recorded and name == "encoding"
    assert name == "mip_opt_out" or is_read_elsewhere or told(query) or repr(query) != repr(read())


@pytest.mark.parametrize("read", [live, recorded])
def test_format_of_texts(read):
    """Words as they were spoken, unless the client asks for marks or numbers."""

    def asked(**query):
        query = read(**query)
        options = query.settings.stream.options if read is live else query.options
        return options.punctuate, options.itn

    assert asked() == (False, False)
    assert asked(smart_format="true") == (True, True)
    assert asked(punctuate="true") == (True, False)
    assert asked(numerals="True") == (False, True)
    assert asked(smart_format="true", numerals="false") == (True, False)
    assert asked(paragraphs="true")[0] == (read is recorded)


def test_words_to_expect():
    """A boost of 1 is the usual weight. Words are not suppressed."""
    query = recorded(keyterm=["good day", "so long"], keywords=["one", "two:5", "three:-1", "a:b"])
    assert query.options.hotwords == (
        Hotword("good day"),
        Hotword("so long"),
        Hotword("one"),
        Hotword("two", 100.0),
        Hotword("a:b"),
    )
    assert ("not_honoured", "keywords") in told(query)


def test_changes_of_the_text():
    """Pairs of texts, and numbers to mask; a kind that is not masked is refused."""
    redaction = recorded(replace=["teh:the", "um"], redact=["pci", "ssn, email_address"]).options.redaction
    assert redaction.replacements == (("teh", "the"), ("um", ""))
    assert redaction.masks == {"card", "id_number", "email"}
    with pytest.raises(ProtocolError, match="name_family"):
        recorded(redact="name_family")
    assert ("not_honoured", "redact") in told(recorded(redact="numbers"))


def test_models():
    """The server's by name; for Deepgram's the server chooses; others are unknown."""
    assert recorded(model="tiny").options.model == "tiny"
    assert recorded(model="nova-3-medical").options.model is None
    assert live(model="nova-3").settings.stream.options.model is None
    with pytest.raises(ModelNotFoundError):
        recorded(model="gpt-9")
    assert upload_fields({"model": ["nova-3"], "encoding": ["flac"], "tag": ["a"]}, choice_of) == {"tag": ["a"]}
    kept = {"model": ["tiny"], "encoding": ["mulaw"]}
    assert upload_fields(kept, choice_of) == kept


def test_languages():
    """By code with a region; the model finds out where many are possible."""
    assert recorded(language="en-US").options.language == "en"
    assert recorded(language="multi").options.language is None
    assert recorded(language="en", detect_language="true").options.language is None
    with pytest.raises(ProtocolError):
        recorded(language="klingon")


@pytest.mark.parametrize(
    ("query", "audio", "file_format"),
    [
        ({}, AudioFormat(), None),
        ({"encoding": "linear16", "sample_rate": "48000", "channels": "2"}, AudioFormat(48_000, 2), None),
        ({"encoding": "mulaw"}, AudioFormat(8_000, 1, "mulaw"), None),
        ({"encoding": "alaw", "sample_rate": "16000"}, AudioFormat(16_000, 1, "alaw"), None),
        ({"encoding": "ogg-opus"}, AudioFormat(), "Ogg"),
        ({"encoding": "flac"}, AudioFormat(), "FLAC"),
    ],
)
def test_audio(query, audio, file_format):
    """Raw audio as it is stated, or a file that tells its own format."""
    settings = live(**query).settings
    assert (settings.stream.audio, settings.file_format) == (audio, file_format)


@pytest.mark.parametrize(
    ("value", "silence_ms", "tells_pauses"),
    [(None, None, True), ("true", None, True), ("false", None, False), ("300", 300, True), ("0", 0, True)],
)
def test_endpointing(value, silence_ms, tells_pauses):
    """The silence that ends a segment, or none that is told."""
    query = live(**({} if value is None else {"endpointing": value}))
    assert (query.settings.stream.vad.max_end_silence_ms, query.tells_pauses) == (silence_ms, tells_pauses)


@pytest.mark.parametrize(
    "query",
    [
        {"encoding": "g729"},
        {"encoding": "linear32"},
        {"sample_rate": "fast"},
        {"sample_rate": "1"},
        {"channels": "9"},
        {"endpointing": "-1"},
        {"endpointing": "soon"},
        {"utterance_end_ms": "0"},
        {"interim_results": "maybe"},
        {"callback": "http://example.com"},
    ],
)
def test_bad_values(query):
    """The error names the parameter."""
    with pytest.raises(ProtocolError) as caught:
        live(**query)
    assert caught.value.param in query


def test_parameters_without_effect():
    """They are named, unless they ask for nothing."""
    assert told(live(diarize="true", search="word", version="latest", dictation="false", beam="3")) == {
        ("not_honoured", "diarize"),
        ("not_honoured", "search"),
        ("unknown_field", "beam"),
    }
    assert told(live(encoding="linear16")) == {("assumed_value", "sample_rate")}
    assert told(live(language=["en", "zh"])) == {("not_honoured", "language")}
