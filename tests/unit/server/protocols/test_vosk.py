"""vosk-server's protocol without a socket: frames to requests, events to replies."""

import json

import pytest

from paraserve.errors import AudioError, InferenceError, OverloadedError, ProtocolError
from paraserve.options import RecognitionOptions
from paraserve.server.protocols.events import Acknowledged, Configured, Failed, Finished, PartialText, SegmentText
from paraserve.server.protocols.funasr.live_messages import FunasrDialect
from paraserve.server.protocols.funasr.live_protocol import FunasrProtocol
from paraserve.server.protocols.requests import Audio, BadMessage, Configure, EndUtterance
from paraserve.server.protocols.vosk import VoskByFirstMessage, VoskProtocol
from paraserve.types import Sentence, Token

WORDS = (Token("good", 100, 300, 0.5), Token("day", 300, 620, 0.25))
SEGMENT = SegmentText("good day", (Sentence("good day", 100, 620, WORDS),), due_ms=900)
RESULT = {
    "result": [
        {"conf": 0.5, "end": 0.3, "start": 0.1, "word": "good"},
        {"conf": 0.25, "end": 0.62, "start": 0.3, "word": "day"},
    ],
    "text": "good day",
}


@pytest.fixture
def protocol():
    return VoskProtocol("r7")


def configure(protocol, **config):
    """The one request of a configuration."""
    (request,) = protocol.read(json.dumps({"config": config}))
    return request


def replies(protocol, *events):
    return [json.loads(frame) for event in events for frame in protocol.write(event)]


def test_before_any_configuration(protocol):
    """vosk-server's rate; words as they were spoken."""
    stream = protocol.settings.stream
    assert (stream.mode, stream.audio.sample_rate, stream.session_id) == ("2pass", 8000, "r7")
    assert stream.options == RecognitionOptions(itn=False, punctuate=False)


def test_each_message_of_audio_wants_a_reply(protocol):
    """An empty one, too."""
    assert [*protocol.read(b"12"), *protocol.read(b"")] == [Audio(b"12", True), Audio(b"", True)]  # noqa: FBT003


@pytest.mark.parametrize("rate", [16_000, 16_000.0, "16000"])
def test_sample_rate(protocol, rate):
    """A float as Python clients send it, and text, since vosk-server reads both."""
    request = configure(protocol, sample_rate=rate)
    assert request == Configure(protocol.settings)
    assert request.settings.stream.audio.sample_rate == 16_000


def test_a_configuration_has_no_reply(protocol):
    """Or every later reply would be taken for that of the message before."""
    configure(protocol, sample_rate=16_000)
    assert replies(protocol, Configured()) == []


def test_ends(protocol):
    """`eof` also closes the connection; `reset` goes on with another utterance."""
    assert list(protocol.read('{"eof" : 1}')) == [EndUtterance(wants_reply=True, closes_connection=True)]
    assert list(protocol.read('{"reset" : 1}')) == [EndUtterance(wants_reply=True)]


def test_partial(protocol):
    """All that was said of the segment so far, with the tail that may still change; nothing is still a reply."""
    events = (Acknowledged(), PartialText("go", tail="o"), PartialText("od", tail=" da"), Acknowledged())
    assert replies(protocol, *events) == [{"partial": ""}, {"partial": "good da"}]


def test_result(protocol):
    """It takes the place of the partial in the next reply; the partial after it is of the next segment."""
    events = (PartialText("good"), SEGMENT, Acknowledged(), Acknowledged(), PartialText("bye"), Acknowledged())
    assert replies(protocol, *events) == [RESULT, {"partial": ""}, {"partial": "bye"}]


def test_segments_that_end_together(protocol):
    """One reply has both, and loses nothing."""
    second = SegmentText(" so long", (Sentence("so long", 900, 990, (Token("so", 900, 990),)),), segment_index=1)
    (reply,) = replies(protocol, SEGMENT, second, Acknowledged())
    assert reply["text"] == "good day so long"
    assert [word["word"] for word in reply["result"]] == ["good", "day", "so"]


def test_final_result(protocol):
    """The reply to the end has what no reply had before; that may be nothing."""
    last = SegmentText("", due_ms=900, is_last=True)
    assert replies(protocol, SEGMENT, last, Finished(wants_reply=True)) == [RESULT]
    assert replies(protocol, last, Finished(wants_reply=True)) == [{"text": ""}]


def test_times_after_a_reset(protocol):
    """They count from the start of the connection."""
    last = SegmentText("", due_ms=2000, is_last=True)
    *_, reply = replies(protocol, last, Finished(wants_reply=True), SEGMENT, Acknowledged())
    assert [word["start"] for word in reply["result"]] == [2.1, 2.3]


def test_words_without_times(protocol):
    """They are in the text only: a client takes each `start` for a number."""
    silent = SegmentText("good", (Sentence("good", None, None, (Token("good"),)),))
    assert replies(protocol, silent, Acknowledged()) == [{"text": "good"}]


@pytest.mark.parametrize(("words", "has_words"), [(True, True), (1, True), (False, False), (0, False)])
def test_words_flag(protocol, words, has_words):
    """vosk's own clients write it as a number."""
    configure(protocol, words=words)
    (reply,) = replies(protocol, SEGMENT, Acknowledged())
    assert reply == (RESULT if has_words else {"text": "good day"})


def test_alternatives(protocol):
    """At most as many as asked for: the best one, in the shape that clients then expect."""
    configure(protocol, max_alternatives=20)
    (reply,) = replies(protocol, SEGMENT, Finished(wants_reply=True))
    assert reply.pop("warnings")[0]["param"] == "max_alternatives"
    assert reply == {"alternatives": [{"confidence": 0.375} | RESULT]}
    assert replies(protocol, Finished()) == [{"alternatives": [{"confidence": 1.0, "text": ""}]}]
    configure(protocol, max_alternatives=0)
    assert replies(protocol, Finished()) == [{"text": ""}]


def test_phrases(protocol):
    """They become hotwords, and the next reply warns that other words are recognized as well."""
    request = configure(protocol, phrase_list=["zero one", " two ", "[unk]", ""])
    assert request.settings.stream.options.hotwords == (("zero one", 20), ("two", 20))
    first, second = replies(protocol, Acknowledged(), Acknowledged())
    ((warning,), partial) = (first.pop("warnings"), first)
    assert partial == second == {"partial": ""}
    assert (warning["code"], warning["param"]) == ("not_honoured", "phrase_list")


def test_marks_and_numbers_on_request(protocol):
    """Keys beyond vosk's, for text as it is written."""
    options = configure(protocol, punctuate=True, itn=1).settings.stream.options
    assert (options.punctuate, options.itn) == (True, True)


def test_unknown_keys(protocol):
    """Some are named and the others counted; later configurations do not pile up."""
    for _ in range(3):
        configure(protocol, **{f"key{n}": n for n in range(1000)})
    (reply,) = replies(protocol, Acknowledged())
    assert [warning["param"] for warning in reply["warnings"]] == [*(f"key{n}" for n in range(20)), None]
    assert "980 more" in reply["warnings"][-1]["message"]
    assert len(json.dumps(reply)) < 4000


def test_null_is_absent(protocol):
    """A key that is null changes nothing and is no mistake."""
    keys = ("sample_rate", "words", "max_alternatives", "phrase_list", "itn", "punctuate", "model", "surprise")
    before = protocol.settings
    assert configure(protocol, **dict.fromkeys(keys)).settings == before
    assert replies(protocol, Acknowledged()) == [{"partial": ""}]


def test_keys_beside_the_configuration(protocol):
    """A message's other keys are told, too."""
    protocol.read('{"config":{},"format":"json"}')
    (reply,) = replies(protocol, Acknowledged())
    assert [(warning["code"], warning["param"]) for warning in reply["warnings"]] == [("unknown_field", "format")]


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"sample_rate": 16_000.5}, "sample_rate"),
        ({"words": "yes"}, "words"),
        ({"words": 2}, "words"),
        ({"max_alternatives": -1}, "max_alternatives"),
        ({"phrase_list": "zero one"}, "phrase_list"),
        ({"phrase_list": [1]}, "phrase_list"),
        ({"phrase_list": ["\ud800"]}, "phrase_list"),
        ({"phrase_list": ["a"] * 1001}, "phrase_list"),
        ({"phrase_list": ["a" * 101]}, "phrase_list"),
        ({"model": 5}, "model"),
    ],
)
def test_bad_configurations(protocol, config, param):
    """Refused by the key's name."""
    bad = configure(protocol, **config)
    assert isinstance(bad, BadMessage)
    assert (bad.error.code, bad.error.param) == ("invalid_value", param)
    assert bad.error.message.startswith(param)


@pytest.mark.parametrize("text", ["", "START", "[]", "{}", '{"config":5}', '{"eof":0}', '{"mode":"2pass"}'])
def test_other_messages(protocol, text):
    """Nothing that vosk-server knows is an error, not audio."""
    (bad,) = protocol.read(text)
    assert isinstance(bad, BadMessage)


def test_errors(protocol):
    """A reply without text that says what is wrong, then the end: replies must go on fitting messages."""
    assert replies(protocol, Failed(ProtocolError("no"))) == [
        {"text": "", "error": {"code": "invalid_request", "message": "no", "request_id": "r7"}}
    ]
    errors = (ProtocolError("no"), AudioError("no"), InferenceError("no"), OverloadedError("no"))
    assert [protocol.close_code(error) for error in errors] == [1008, 1008, 1011, 1013]


@pytest.fixture
def undecided():
    return VoskByFirstMessage(FunasrProtocol(FunasrDialect(), "r7"), VoskProtocol("r7"))


def test_chosen_by_the_first_message(undecided):
    """A configuration makes it vosk's: audio then wants replies."""
    (request,) = undecided.read('{ "config" : { "sample_rate" : 8000 } }')
    assert request == Configure(undecided.settings)
    assert list(undecided.read(b"12")) == [Audio(b"12", wants_reply=True)]
    assert replies(undecided, Acknowledged()) == [{"partial": ""}]
    assert undecided.close_code(ProtocolError("no")) == 1008


@pytest.mark.parametrize(
    "first", [b"12", "nonsense", '{"mode":"2pass"}', '{"config":5}', '{"config":[]}', '["config"]', '"config"']
)
def test_not_chosen(undecided, first):
    """Any other first message keeps FunASR's, for good."""
    list(undecided.read(first))
    list(undecided.read('{"config":{"sample_rate":8000}}'))
    assert list(undecided.read(b"12")) == [Audio(b"12")]
    assert undecided.settings.stream.audio.sample_rate == 16_000
    assert undecided.close_code(ProtocolError("no")) is None
    (error,) = replies(undecided, Failed(ProtocolError("no")))
    assert error["mode"] == "2pass-offline"
