"""Deepgram's live protocol without a socket: frames to requests, events to messages."""

import hashlib
import json

import pytest

from paraserve.errors import AudioError, InferenceError, OverloadedError, ProtocolError
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.server.protocols.deepgram.live_protocol import DeepgramProtocol
from paraserve.server.protocols.deepgram.live_query import read_live_query
from paraserve.server.protocols.events import (
    Acknowledged,
    AudioDamaged,
    AudioTold,
    Configured,
    Failed,
    Finished,
    PartialText,
    SegmentText,
    SpeechChanged,
)
from paraserve.server.protocols.requests import Audio, BadMessage, Configure, EndUtterance
from paraserve.speech_types import SpeechChange
from paraserve.types import Sentence, Token
from support.live_messages import check_from_server

WORDS = (Token("good", 100, 300, 0.5), Token("day", 300, 620, 0.25))
SENTENCE = Sentence("Good day.", 100, 620, (Token("Good", 100, 300, 0.5), Token("day", 300, 620, 0.25)))
SEGMENT = SegmentText("Good day.", (SENTENCE,), start_ms=80, end_ms=640, due_ms=900)
LAST = SegmentText("", segment_index=1, start_ms=2000, end_ms=2000, due_ms=2000, is_last=True)


def protocol_of(**query):
    return DeepgramProtocol(read_live_query({n: [v] for n, v in query.items()}, "r7", any_model), "r7")


def any_model(_name):
    return ModelChoice(Abilities(hotwords=True))


def started(at_ms, channel=None):
    return SpeechChanged(SpeechChange("started", at_ms, at_ms + 60, channel))


def ended(at_ms, channel=None):
    return SpeechChanged(SpeechChange("ended", at_ms, at_ms + 200, channel))


def messages(protocol, *events):
    """The messages for events; each is described in `/asyncapi.json`."""
    texts = [frame for event in events for frame in protocol.write(event)]
    for text in texts:
        check_from_server("deepgram", text)
    return [json.loads(text) for text in texts]


def kinds(found):
    return [one["type"] for one in found]


def test_first_frame_brings_the_settings():
    """Their cost is charged with them, and nothing is said about it."""
    protocol = protocol_of(multichannel="true", channels="2")
    configure, audio = protocol.read(b"12")
    assert configure == Configure(protocol.settings)
    assert audio == Audio(b"12")
    assert protocol.read(b"34") == [Audio(b"34")]
    assert messages(protocol, Configured()) == []


def test_text_messages():
    """Each has its request, `KeepAlive` none."""
    protocol = protocol_of()
    protocol.read(b"1")
    assert protocol.read('{"type":"KeepAlive"}') == []
    assert protocol.read('{"type":"Finalize"}') == [Audio(b"", commits=True)]
    assert protocol.read('{"type":"CloseStream"}') == [EndUtterance(closes_connection=True)]
    assert protocol.read(b"") == [EndUtterance(closes_connection=True)]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"type":"Speak"}', '{"type":["Finalize"]}', "x" * 1_000_001])
def test_other_text(text):
    """A schema error, after which the connection goes on."""
    protocol = protocol_of()
    *_, bad = protocol.read(text)
    assert isinstance(bad, BadMessage)
    (error,) = messages(protocol, Failed(bad.error))
    assert (error["type"], error["variant"], error["request_id"]) == ("Error", "SchemaError", "r7")
    assert protocol.close_code(bad.error) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InferenceError("broken"), 1011),
        (OverloadedError("full"), 1013),
        (AudioError("bad audio"), 1008),
        (ProtocolError("bad query", code="invalid_value", param="encoding"), 1008),
    ],
)
def test_errors_end_the_connection(error, code):
    """They say what is wrong in Deepgram's words and in ours."""
    protocol = protocol_of()
    (body,) = messages(protocol, Failed(error))
    assert (body["variant"], body["description"], body["code"]) == (error.code, error.message, error.code)
    assert protocol.close_code(error) == code


def test_final_result():
    """Text, times in seconds, marks with their words; the audio since the result before."""
    (body,) = messages(protocol_of(), started(80), ended(640), SEGMENT)
    assert body["channel"]["alternatives"] == [
        {
            "transcript": "Good day.",
            "confidence": 0.375,
            "words": [
                {"word": "good", "start": 0.1, "end": 0.3, "confidence": 0.5, "punctuated_word": "Good"},
                {"word": "day", "start": 0.3, "end": 0.62, "confidence": 0.25, "punctuated_word": "day."},
            ],
        }
    ]
    flags = [body[name] for name in ("is_final", "speech_final", "from_finalize")]
    assert (body["start"], body["duration"], body["channel_index"], flags) == (0, 0.64, [0, 1], [True, True, False])


def test_interim_results():
    """All that was said of the segment, with what may still change; only for those who ask."""
    partials = (
        PartialText("good", " d", due_ms=500, tokens=WORDS[:1]),
        PartialText(" day", due_ms=700, tokens=WORDS[1:]),
    )
    found = messages(protocol_of(interim_results="true"), *partials, SEGMENT, PartialText("so", segment_index=1))
    assert [one["channel"]["alternatives"][0]["transcript"] for one in found] == [
        "good d",
        "good day",
        "Good day.",
        "so",
    ]
    assert [one["is_final"] for one in found] == [False, False, True, False]
    assert [(one["start"], one["duration"]) for one in found[:2]] == [(0, 0.5), (0, 0.7)]
    assert len(found[1]["channel"]["alternatives"][0]["words"]) == 2
    assert kinds(messages(protocol_of(), *partials)) == []


def test_pauses():
    """`speech_final` tells of a pause: not of cut speech, not of a commit, and not where nobody wants to know."""
    part = SegmentText("a", start_ms=0, end_ms=400, due_ms=900)
    committed = SegmentText("b", segment_index=1, start_ms=400, end_ms=500, due_ms=900, is_committed=True)
    rest = SegmentText("c", segment_index=2, start_ms=500, end_ms=640, due_ms=900)
    events = (started(0), part, committed, ended(640), rest)
    found = messages(protocol_of(), *events)
    assert [(one["speech_final"], one["from_finalize"]) for one in found] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    assert not any(one["speech_final"] for one in messages(protocol_of(endpointing="false"), *events))


def test_speech_started():
    """For those who ask."""
    assert messages(protocol_of(vad_events="true"), started(370), ended(900)) == [
        {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.37}
    ]
    assert messages(protocol_of(), started(370), ended(900)) == []


END = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.62}


@pytest.mark.parametrize(
    "events",
    [
        (started(80), ended(640), SEGMENT, Acknowledged(1619), Acknowledged(1620)),
        (started(80), ended(640), Acknowledged(3000), SEGMENT),
        (started(80), PartialText("good"), ended(640), Acknowledged(9000), SEGMENT),
        (started(80), ended(640), started(1620), Acknowledged(3000), SEGMENT),
        (started(80), ended(640), SEGMENT, started(900), ended(950), Acknowledged(3000)),
    ],
    ids=["in time", "late text", "very late text", "the next speech has begun", "a cough"],
)
def test_utterance_end(events):
    """Once, behind the final text, when nothing was said for so long: however late that text is."""
    found = messages(protocol_of(utterance_end_ms="1000"), *events)
    assert kinds(found) == ["Results", "UtteranceEnd"]
    assert found[1] == END


@pytest.mark.parametrize(
    "events",
    [
        (started(80), ended(640), SEGMENT, Acknowledged(1619)),
        (started(80), ended(640), SEGMENT, started(1600), Acknowledged(9000)),
        (started(80), ended(640), SEGMENT, started(900), ended(1000), Acknowledged(1700)),
    ],
    ids=["too soon", "speech goes on", "a text is awaited"],
)
def test_no_utterance_end(events):
    """There may be more words. A client that does not ask is told of none."""
    assert kinds(messages(protocol_of(utterance_end_ms="1000"), *events)) == ["Results"]


def test_replies_tell_how_far_the_audio_is():
    """Only where the end of an utterance is to be found."""
    protocol = protocol_of(utterance_end_ms="1000")
    assert protocol.read(b"12")[1] == Audio(b"12", wants_reply=True)
    assert kinds(messages(protocol_of(), started(80), ended(640), SEGMENT, Acknowledged(9000))) == ["Results"]


def test_metadata():
    """The last message: digest and length of the audio."""
    protocol = protocol_of(encoding="linear16", sample_rate="16000")
    for frame in (b"12", b"34"):
        protocol.read(frame)
    *_, last, body = messages(protocol, SEGMENT, LAST, Finished())
    assert (last["start"], last["duration"], last["is_final"]) == (0.64, 1.36, True)
    assert body["sha256"] == hashlib.sha256(b"1234").hexdigest()
    assert (body["type"], body["duration"], body["channels"]) == ("Metadata", 2.0, 1)


def test_channels():
    """Results name their channel; each has its own audio behind it and its own pauses."""
    protocol = protocol_of(multichannel="true", channels="2", utterance_end_ms="1000")
    second = SegmentText("b", segment_index=1, start_ms=700, end_ms=1500, due_ms=1600, channel=1)
    first = SegmentText("Good day.", (SENTENCE,), start_ms=80, end_ms=640, due_ms=900, channel=0)
    found = messages(protocol, started(80, 0), ended(640, 0), first, started(700, 1), second, Acknowledged(1700))
    assert [one.get("channel_index", one.get("channel")) for one in found] == [[0, 2], [1, 2], [0, 2]]
    assert [one["type"] for one in found] == ["Results", "Results", "UtteranceEnd"]
    assert found[1]["start"] == 0


def test_audio_that_tells_its_own_format():
    """Its channels count, and a rate that it contradicts is named."""
    protocol = protocol_of(multichannel="true", encoding="linear16", sample_rate="8000")
    found = messages(protocol, AudioTold("WAV", 16_000, 2), AudioDamaged(3), SEGMENT)
    assert found[0]["channel_index"] == [0, 2]
    assert [(one["code"], one["param"]) for one in found[0]["warnings"]] == [
        ("not_honoured", "sample_rate"),
        ("damaged_packets", None),
    ]


def test_configure():
    """Words and features from the next segment on; the answer comes when they count."""
    protocol = protocol_of(keyterm="old")
    protocol.read(b"1")
    (request,) = protocol.read(json.dumps({"type": "Configure", "keyterms": ["new"], "features": {"numerals": True}}))
    options = request.settings.stream.options
    assert ([word.text for word in options.hotwords], options.itn, options.punctuate) == (["new"], True, False)
    assert messages(protocol, Configured()) == []
    assert messages(protocol, Configured()) == [{"type": "ConfigureSuccess", "request_id": "r7", "keyterms": ["new"]}]
    (request,) = protocol.read('{"type":"Configure","features":{"smart_format":true},"keyterms":null}')
    assert request.settings.stream.options.punctuate
    assert request.settings.stream.options.hotwords == options.hotwords


@pytest.mark.parametrize(
    "keys",
    [
        {"keyterms": "a"},
        {"keyterms": [1]},
        {"keyterms": ["a" * 101]},
        {"features": []},
        {"features": {"numerals": "yes"}},
    ],
)
def test_bad_configurations(keys):
    """Change nothing, and end nothing."""
    protocol = protocol_of()
    protocol.read(b"1")
    before = protocol.settings
    (bad,) = protocol.read(json.dumps({"type": "Configure"} | keys))
    assert protocol.close_code(bad.error) is None
    assert protocol.settings == before


def test_warnings():
    """Those of the query and of messages come with the next result, once."""
    protocol = protocol_of(diarize="true", surprise="1")
    protocol.read('{"type":"Finalize","channel":0,"why":1}')
    protocol.read('{"type":"Configure","features":{"dictation":true,"\\ud800":true}}')
    first, second = messages(protocol, SEGMENT, LAST)
    told = [(one["code"], one["param"]) for one in first["warnings"]]
    assert told == [
        ("not_honoured", "diarize"),
        ("unknown_field", "surprise"),
        ("unknown_field", "why"),
        ("not_honoured", "channel"),
        ("not_honoured", "features"),
    ]
    assert "warnings" not in second
