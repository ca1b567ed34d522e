"""OpenAI's Realtime API without a socket: what clients choose, what is refused, and what they are told of."""

import json
import re
from typing import Any, get_args

import pytest
from openai.types.realtime import (
    audio_transcription_param,
    realtime_client_event_param,
    realtime_transcription_session_audio_input_param,
    realtime_transcription_session_audio_input_turn_detection_param,
    realtime_transcription_session_create_request_param,
)

from paraserve.errors import ModelNotFoundError
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.options import AudioFormat, SemanticEndpoint, VadOverrides
from paraserve.server.protocols.events import Configured, Failed, Opened
from paraserve.server.protocols.openai_realtime.messages import APPEND, CLEAR, COMMIT, SESSION_UPDATE, UNSUPPORTED
from paraserve.server.protocols.openai_realtime.protocol import RealtimeProtocol
from paraserve.server.protocols.openai_realtime.session_reading import GA_KEYS, TRANSCRIPTION, TURN_KEYS
from paraserve.server.protocols.requests import Audio, BadMessage, Clear, Configure, EndUtterance
from support.live_messages import check_from_server

INPUT = "session.audio.input"
ABLE = Abilities(hotwords=True, prompt=True, any_language=True, semantic_endpoint=True)
HINTED = Abilities(hotwords=True, any_language=True)


def choice_of(abilities):
    def choose(name):
        if name == "nothing":
            raise ModelNotFoundError("there is no model 'nothing' here", param="model")
        return ModelChoice(abilities)

    return choose


@pytest.fixture
def protocol():
    return RealtimeProtocol("r7", choice_of(ABLE), {})


def update(given: Any, **more) -> str:
    return json.dumps(
        {"type": SESSION_UPDATE, "session": {"type": "transcription", "audio": {"input": given}}, **more}
    )


def settings_after(protocol, **given):
    """The settings that an update asks for."""
    (request,) = protocol.read(update(given))
    assert isinstance(request, Configure), request
    return request.settings


def answers(protocol, *events):
    """What the client is told, all of it described."""
    texts = [text for event in events for text in protocol.write(event)]
    for text in texts:
        check_from_server("realtime", text)
    return [json.loads(text) for text in texts]


def test_choices(protocol):
    """Each reaches the recognition. Those of another update stay."""
    turns = {"type": "server_vad", "threshold": 0.75, "silence_duration_ms": 350, "prefix_padding_ms": 600}
    words = {"model": "demo", "language": "English", "prompt": "a talk", "keywords": ["Kubernetes", " "]}
    settings = settings_after(
        protocol,
        format={"type": "audio/pcma"},
        transcription=words,
        turn_detection=turns,
        noise_reduction={"type": "near_field"},
    )
    stream, options = settings.stream, settings.stream.options
    assert stream.audio == AudioFormat(sample_rate=8000, encoding="alaw")
    assert stream.vad == VadOverrides(350, None, 0.5, 600)
    assert (options.model, options.language, options.prompt) == ("demo", "en", "a talk")
    assert [word.text for word in options.hotwords] == ["Kubernetes"]
    assert options.noise_suppression
    assert settings.speech_events
    changed = settings_after(protocol, turn_detection=None, transcription={"prompt": ""}, noise_reduction=None)
    assert (changed.stream.vad, changed.speech_events) == (VadOverrides(), False)
    assert (changed.stream.options.prompt, changed.stream.options.language) == (None, "en")
    assert not changed.stream.options.noise_suppression


@pytest.mark.parametrize(
    ("eagerness", "endpoint"),
    [(None, SemanticEndpoint()), ("auto", SemanticEndpoint()), ("high", SemanticEndpoint(240, 800))],
)
def test_semantic_turns(protocol, eagerness, endpoint):
    """The eager ones end sooner. The usual ones are the operator's."""
    settings = settings_after(protocol, turn_detection={"type": "semantic_vad", "eagerness": eagerness})
    assert settings.stream.endpoint == endpoint


def test_words_of_a_prompt():
    """They are hotwords where the model takes no prompt."""
    protocol = RealtimeProtocol("r7", choice_of(HINTED), {})
    options = settings_after(
        protocol, transcription={"prompt": "Kubernetes, etcd", "keywords": ["k8s"]}
    ).stream.options
    assert [word.text for word in options.hotwords] == ["k8s", "Kubernetes", "etcd"]
    assert options.prompt is None


SPEECH = json.dumps({"type": SESSION_UPDATE, "session": {"type": "realtime"}})
WORDS = f"{INPUT}.transcription"
REFUSED = {
    "no JSON": ("nonsense", "invalid_json", None),
    "no object": ("[]", "invalid_message", None),
    "binary": (b"12", "invalid_message", None),
    "no type": ("{}", "invalid_message", "type"),
    "unknown": ('{"type": "bye"}', "unknown_event", "type"),
    "half a character": ('{"type": "\\ud800"}', "unknown_event", "type"),
    "response": ('{"type": "response.create"}', "unsupported_event", "type"),
    "conversation": ('{"type": "conversation.item.create", "item": {}}', "unsupported_event", "type"),
    "no audio": (json.dumps({"type": APPEND}), "invalid_value", "audio"),
    "no base64": (json.dumps({"type": APPEND, "audio": "?"}), "invalid_value", "audio"),
    "not ASCII": (json.dumps({"type": APPEND, "audio": "é"}), "invalid_value", "audio"),
    "padding": (json.dumps({"type": APPEND, "audio": "AAA"}), "invalid_value", "audio"),
    "empty": (json.dumps({"type": COMMIT}), "input_audio_buffer_commit_empty", None),
    "no session": (json.dumps({"type": SESSION_UPDATE}), "invalid_value", "session"),
    "speech": (SPEECH, "unsupported_parameter", "session.type"),
    "input": (update(5), "invalid_value", INPUT),
    "format": (update({"format": {"type": "mp3"}}), "invalid_value", f"{INPUT}.format.type"),
    "rate": (update({"format": {"type": "audio/pcm", "rate": 1}}), "invalid_value", f"{INPUT}.format.rate"),
    "no texts": (update({"transcription": None}), "unsupported_parameter", f"{INPUT}.transcription"),
    "model": (update({"transcription": {"model": "nothing"}}), "model_not_found", f"{INPUT}.transcription.model"),
    "language": (update({"transcription": {"language": "xx-yy-"}}), "invalid_value", f"{WORDS}.language"),
    "keywords": (update({"transcription": {"keywords": "a"}}), "invalid_value", f"{INPUT}.transcription.keywords"),
    "delay": (update({"transcription": {"delay": "long"}}), "invalid_value", f"{INPUT}.transcription.delay"),
    "noise": (update({"noise_reduction": {"type": "all"}}), "invalid_value", f"{INPUT}.noise_reduction.type"),
    "turns": (update({"turn_detection": {"type": "magic"}}), "invalid_value", f"{INPUT}.turn_detection.type"),
    "threshold": (update({"turn_detection": {"threshold": 2}}), "invalid_value", f"{INPUT}.turn_detection"),
    "eagerness": (
        update({"turn_detection": {"type": "semantic_vad", "eagerness": "very"}}),
        "invalid_value",
        f"{INPUT}.turn_detection.eagerness",
    ),
    "eagerness of another type": (
        update({"turn_detection": {"type": "semantic_vad", "eagerness": ["low"]}}),
        "invalid_value",
        f"{INPUT}.turn_detection.eagerness",
    ),
    "responses": (
        update({"turn_detection": {"create_response": True}}),
        "unsupported_parameter",
        f"{INPUT}.turn_detection.create_response",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_messages(protocol, name):
    """Each names its cause and the client's event, changes nothing, and does not end the connection."""
    text, code, param = REFUSED[name]
    is_object = isinstance(text, str) and text.startswith("{") and name != "no type"
    text = json.dumps(json.loads(text) | {"event_id": "mine"}) if is_object else text
    before = protocol.settings
    (request,) = protocol.read(text)
    assert isinstance(request, BadMessage), request
    (event,) = answers(protocol, Failed(request.error))
    error = event["error"]
    assert (error["code"], error["param"], error["type"]) == (code, param, "invalid_request_error")
    assert error["event_id"] == ("mine" if is_object else None)
    assert protocol.close_code(request.error) is None
    assert protocol.settings == before


def test_an_update_of_what_counts_later(protocol):
    """Choices about texts end nothing. All others end the utterance, once it has begun."""
    (begun,) = protocol.read(json.dumps({"type": APPEND, "audio": "AAAA" * 100}))
    assert begun == Audio(bytes(300))
    (request,) = protocol.read(update({"transcription": {"language": "en"}}))
    assert isinstance(request, Configure)
    end, request = protocol.read(update({"turn_detection": None}))
    assert (end, request.settings.speech_events) == (EndUtterance(), False)
    (request,) = protocol.read(update({"format": {"type": "audio/pcmu"}}))
    assert isinstance(request, Configure)
    assert protocol.read(json.dumps({"type": CLEAR})) == (Clear(),)


WARNED = {
    "unknown": ({"sparkle": 1, "transcription": {"tone": "x"}}, {f"{INPUT}.sparkle", f"{INPUT}.transcription.tone"}),
    "delay": ({"transcription": {"delay": "high"}}, {f"{INPUT}.transcription.delay"}),
    "languages": ({"transcription": {"languages": ["en", "zh"]}}, {f"{INPUT}.transcription.languages"}),
    "strength": ({"noise_reduction": {"type": "far_field", "strength": 0.5}}, {f"{INPUT}.noise_reduction.strength"}),
    "other kind": (
        {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}},
        {f"{INPUT}.turn_detection.threshold"},
    ),
    "idle": ({"turn_detection": {"idle_timeout_ms": 5000}}, {f"{INPUT}.turn_detection.idle_timeout_ms"}),
    "nothing": ({"turn_detection": {"create_response": False, "interrupt_response": True}}, set()),
}


@pytest.mark.parametrize("name", WARNED)
def test_warnings(protocol, name):
    """What has no effect is told with the answer to the update."""
    given, params = WARNED[name]
    settings_after(protocol, **given)
    answers(protocol, Opened())
    (event,) = answers(protocol, Configured())
    found = {warning["param"] for warning in event.get("warnings", [])}
    assert found - {f"{INPUT}.noise_reduction"} == params  # the package may be missing


def test_models_without_the_abilities():
    """A client is told what the loaded model cannot do."""
    protocol = RealtimeProtocol("r7", choice_of(Abilities(detects_speech=False)), {})
    words = {"language": "en", "prompt": "a talk", "keywords": ["a"]}
    settings_after(protocol, transcription=words, turn_detection={"type": "semantic_vad"})
    (event,) = answers(protocol, Configured())
    names = {warning["param"].removeprefix(f"{INPUT}.") for warning in event["warnings"]}
    expected = {"transcription.language", "transcription.prompt", "transcription.keywords"}
    assert names == expected | {"turn_detection", "turn_detection.eagerness"}


def test_the_query():
    """A known model is taken, and one that only OpenAI has is told of. Other names are unknown."""
    query = {"model": "nothing", "intent": "transcription", "speed": "2"}
    (event,) = answers(RealtimeProtocol("r7", choice_of(ABLE), query), Opened())
    assert {(one["code"], one["param"]) for one in event["warnings"]} == {
        ("not_honoured", "model"),
        ("unknown_field", "speed"),
    }
    protocol = RealtimeProtocol("r7", choice_of(ABLE), {"model": "gpt-realtime-whisper"})
    (event,) = answers(protocol, Opened())
    assert event["session"]["audio"]["input"]["transcription"] == {"model": "gpt-realtime-whisper"}
    assert not protocol.settings.speech_events


@pytest.mark.parametrize("is_beta", [False, True], ids=["GA", "beta"])
def test_the_session_is_told(is_beta):
    """All that was chosen, so that it can be sent back."""
    protocol = RealtimeProtocol("r7", choice_of(ABLE), {}, is_beta=is_beta)
    turns = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 350, "prefix_padding_ms": 300}
    words = {"model": "demo", "language": "zh", "keywords": ["a"], "languages": ["zh"]}
    settings = settings_after(
        protocol, transcription=words, turn_detection=turns, noise_reduction={"type": "near_field"}
    )
    (event,) = answers(protocol, Configured())
    told = event["session"]["audio"]["input"]
    assert (told["transcription"], told["turn_detection"]) == (words, turns)
    (again,) = protocol.read(json.dumps({"type": SESSION_UPDATE, "session": event["session"]}))
    assert again.settings == settings


def keys_of(kind) -> set[str]:
    """The keys of a type of the SDK."""
    return set(kind.__annotations__)


def test_the_sdk_has_no_other_choices():
    """A key that is new in the SDK is read here, or it is known to have no effect."""
    turns = realtime_transcription_session_audio_input_turn_detection_param
    given = realtime_transcription_session_audio_input_param
    session = realtime_transcription_session_create_request_param.RealtimeTranscriptionSessionCreateRequestParam
    assert keys_of(audio_transcription_param.AudioTranscriptionParam) <= TRANSCRIPTION.keys()
    assert keys_of(turns.ServerVad) | keys_of(turns.SemanticVad) <= {*TURN_KEYS}
    assert keys_of(given.NoiseReduction) <= {"type", "strength"}
    assert keys_of(given.RealtimeTranscriptionSessionAudioInputParam) == {
        "format",
        "noise_reduction",
        "transcription",
        "turn_detection",
    }
    assert keys_of(session) <= {*GA_KEYS}


def test_the_sdk_has_no_other_messages():
    """Each message that it sends is served, or refused as one of conversations."""
    for one in get_args(realtime_client_event_param.RealtimeClientEventParam):
        (kind,) = re.findall(r"['\"]([a-z_.]+)['\"]", one.__annotations__["type"].__forward_arg__)
        assert kind in {SESSION_UPDATE, APPEND, COMMIT, CLEAR} or UNSUPPORTED.fullmatch(kind), kind
