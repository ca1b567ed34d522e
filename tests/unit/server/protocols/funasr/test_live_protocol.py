"""FunASR's WebSocket protocol without a socket: frames to requests, events to messages, key by key."""

import json
from dataclasses import replace

import pytest

from paraserve.errors import InferenceError, OverloadedError, ProtocolError, UnsupportedFormatError
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.server.protocols.events import (
    Acknowledged,
    Configured,
    Failed,
    Finished,
    PartialText,
    RecordingText,
    SegmentText,
)
from paraserve.server.protocols.funasr.live_messages import (
    FunasrDialect,
    SentencePlace,
    acknowledgement,
    error_result,
    live_result,
    recording_result,
)
from paraserve.server.protocols.funasr.live_protocol import FunasrProtocol
from paraserve.server.protocols.requests import Audio, BadMessage, Configure, EndUtterance
from paraserve.types import Sentence, Token, Transcript
from support.fakes import ALL_ABILITIES

WORDS = (Token("你", 30, 270), Token("好", 270, 500))
SENTENCE = Sentence('"你好"。', 30, 500, WORDS)
PARTIAL = PartialText("你好", tail="啊", due_ms=600)
FINAL = SegmentText('"你好"。', (SENTENCE,), segment_index=2, start_ms=20, end_ms=520, is_last=True)
FIRST, LATER = SentencePlace(0, is_first=True), SentencePlace(7, is_first=False)
COMPAT, STRICT = FunasrDialect(), FunasrDialect(is_strict=True)


def test_partial():
    """The delta alone: no times, no tail."""
    assert live_result(PARTIAL, "demo", COMPAT, FIRST) == {
        "mode": "2pass-online",
        "text": "你好",
        "wav_name": "demo",
        "is_final": False,
    }


def test_segment():
    """Times as a JSON string; marks before the words, too, are marks in `stamp_sents`, quotes and all."""
    assert live_result(FINAL, "demo", COMPAT, LATER) == {
        "mode": "2pass-offline",
        "text": '"你好"。',
        "wav_name": "demo",
        "is_final": True,
        "timestamp": "[[30,270],[270,500]]",
        "stamp_sents": [
            {"text_seg": "", "punc": '"', "start": -1, "end": -1, "ts_list": []},
            {"text_seg": "你 好", "punc": '"', "start": 30, "end": 500, "ts_list": [[30, 270], [270, 500]]},
            {"text_seg": "", "punc": "。", "start": -1, "end": -1, "ts_list": []},
        ],
    }


@pytest.mark.parametrize("dialect", [COMPAT, STRICT])
def test_words_beside_numbers(dialect):
    """`spoken` is the text as it was said, where it differs; FunASR's servers give none."""
    written = replace(FINAL, text="20。", spoken="二十。")
    whole = recording_result(Transcript("20。", (), 900, spoken="二十。"), "demo", dialect)
    answers = [live_result(written, "demo", dialect, FIRST), whole]
    assert [answer.get("spoken") for answer in answers] == ([None, None] if dialect is STRICT else ["二十。"] * 2)


HEARD = replace(SENTENCE, language="zh", emotion="HAPPY", events=("Speech", "BGM"))
HEARD_FINAL = replace(FINAL, sentences=(HEARD,))


def test_what_is_heard_beyond_the_words():
    """Keys of its own; strict writes SenseVoice's tags before the text, as FunASR's servers do."""
    body = live_result(HEARD_FINAL, "", COMPAT, LATER)
    assert body["text"] == FINAL.text
    assert (body["language"], body["emotion"], body["events"]) == ("zh", "HAPPY", ["Speech", "BGM"])
    strict = live_result(HEARD_FINAL, "", STRICT, LATER)
    assert strict["text"] == f"<|zh|><|HAPPY|><|Speech|><|BGM|>{FINAL.text}"
    assert not {"language", "emotion", "events"} & strict.keys()


def test_tags_stand_before_the_part_that_they_hold_for():
    """Of a whole recording: once for sentences that have them in common; none where only the language is known."""
    happy = replace(HEARD, text="你好。")
    heard = Transcript("", (happy, happy, replace(happy, emotion="SAD", events=())), 1000)
    text = recording_result(heard, "", STRICT)["text"]
    assert text == "<|zh|><|HAPPY|><|Speech|><|BGM|>你好。你好。<|zh|><|SAD|>你好。"
    spoken = Transcript("hello", (replace(HEARD, emotion=None, events=()),), 1000)
    assert recording_result(spoken, "", STRICT)["text"] == "hello"
    assert recording_result(spoken, "", COMPAT)["language"] == "zh"


def test_strict_places():
    """0 a sentence's first partial, 1 others, 2 the sentence; its number on the connection, and its times."""
    assert live_result(PARTIAL, "", STRICT, FIRST).items() >= {"slice_type": 0, "index": 0}.items()
    assert live_result(PARTIAL, "", STRICT, LATER).items() >= {"slice_type": 1, "index": 7}.items()
    expected = {"slice_type": 2, "index": 7, "start_time": 20, "end_time": 520, "mode": "2pass-offline"}
    assert live_result(FINAL, "", STRICT, LATER).items() >= expected.items()


@pytest.mark.parametrize("kind", [PartialText, SegmentText])
def test_strict_empty_final(kind):
    """Without `mode`, as the original sends it."""
    assert live_result(kind("", is_last=True), "a", STRICT, FIRST) == {
        "text": "",
        "wav_name": "a",
        "is_final": True,
    }


@pytest.mark.parametrize(
    ("is_offline", "is_strict", "mode", "is_final"),
    [
        (False, False, "2pass-offline", True),
        (False, True, "2pass-offline", True),
        (True, False, "offline", True),
        (True, True, "offline", False),
    ],
)
def test_recording(is_offline, is_strict, mode, is_final):
    """Labelled by the server's dialect; final but on the strict offline server."""
    body = recording_result(Transcript("你好。", (SENTENCE,), 600), "a", FunasrDialect(is_offline, is_strict))
    assert (body["mode"], body["is_final"]) == (mode, is_final)
    assert body["timestamp"] == "[[30,270],[270,500]]"


def test_error():
    """A result shape that no client drops: `error` is an object. It is final in place of the last text only."""
    error = ProtocolError("no", code="invalid_value")
    going_on, last = (
        error_result(Failed(error, ends_utterance=ends), "r1", mode="2pass-offline", wav_name="a")
        for ends in (False, True)
    )
    assert going_on == last | {"is_final": False}
    assert last == {
        "mode": "2pass-offline",
        "text": "",
        "wav_name": "a",
        "is_final": True,
        "error": {"code": "invalid_value", "message": "no", "request_id": "r1"},
    }


def test_acknowledgement():
    """Here `error` is text, and makes it not final."""
    expected = {"is_end": True, "is_final": True, "mode": "online", "wav_name": "a", "text": ""}
    assert acknowledgement("online", "a", "") == expected
    assert acknowledgement("online", "a", "no") == expected | {"is_final": False, "error": "no"}


@pytest.mark.parametrize(
    ("dialect", "asked", "label"),
    [
        (COMPAT, "2pass", "2pass-offline"),
        (COMPAT, "online", "2pass-online"),
        (COMPAT, "offline", "2pass-offline"),
        (FunasrDialect(is_offline=True), "online", "offline"),
    ],
)
def test_labels_of_final_results(dialect, asked, label):
    """What a client that asked for this mode waits for."""
    assert dialect.final_label(asked) == label


def written(protocol, *events, took_s=None):
    """All messages of these events."""
    frames = [frame for event in events for frame in protocol.write(event, took_s)]
    return [json.loads(frame) for frame in frames]


def test_audio():
    """A binary frame is audio that no reply is owed for."""
    assert list(FunasrProtocol(COMPAT, "r").read(b"12")) == [Audio(b"12")]


def test_first_message():
    """It is a request for settings, in full; the same keys once more change nothing."""
    protocol = FunasrProtocol(COMPAT, "r")
    text = '{"mode":"online","wav_name":"a","audio_fs":8000,"is_speaking":true}'
    (request,) = protocol.read(text)
    assert request == Configure(protocol.settings)
    stream = protocol.settings.stream
    assert (stream.mode, stream.wav_name, stream.audio.sample_rate, stream.session_id) == ("online", "a", 8000, "r")
    assert list(protocol.read(text)) == []


@pytest.mark.parametrize(
    ("dialect", "mode", "is_recording"),
    [
        (COMPAT, "2pass", False),
        (COMPAT, "offline", True),
        (FunasrDialect(is_offline=True), "2pass", True),
        (FunasrDialect(is_offline=True), "online", True),
    ],
)
def test_mode_offline(dialect, mode, is_recording):
    """Asked for by the client, and the only one of the offline server."""
    protocol = FunasrProtocol(dialect, "r")
    assert protocol.settings.is_recording == dialect.is_offline
    list(protocol.read(json.dumps({"mode": mode})))
    assert protocol.settings.is_recording == is_recording


def test_strict_marks_between_segments():
    """Strict alone has the realtime punctuation of the original."""
    assert FunasrProtocol(STRICT, "r").settings.stream.realtime_punctuation
    assert not FunasrProtocol(COMPAT, "r").settings.stream.realtime_punctuation


def test_end_markers_as_requests():
    """An end with or without a wish for an acknowledgement; settings in the same message come before it."""
    protocol = FunasrProtocol(COMPAT, "r")
    assert list(protocol.read('{"is_speaking":false}')) == [EndUtterance()]
    assert list(protocol.read('{"is_finished":true,"is_end":true}')) == [EndUtterance(wants_reply=True)]
    configure, end = protocol.read('{"is_speaking":false,"wav_name":"b"}')
    assert (configure.settings.stream.wav_name, end) == ("b", EndUtterance())


def test_a_mistake_in_an_end_marker():
    """The good values of the message count, and it is an end all the same, which knows what was wrong."""
    protocol = FunasrProtocol(COMPAT, "r")
    configure, bad, end = protocol.read('{"is_speaking":false,"is_end":true,"wav_name":"b","itn":1}')
    assert isinstance(bad, BadMessage)
    assert (bad.error.code, bad.error.param) == ("invalid_value", "itn")
    assert end == EndUtterance(wants_reply=True, problem=bad.error.message)
    assert configure == Configure(protocol.settings)
    assert protocol.settings.stream.wav_name == "b"


@pytest.mark.parametrize("text", ["START", "[]", '{"is_speaking":"false"}'])
def test_nonsense(text):
    """One bad message and nothing else."""
    (bad,) = FunasrProtocol(COMPAT, "r").read(text)
    assert isinstance(bad, BadMessage)
    assert isinstance(bad.error, ProtocolError)


def warned(message):
    """(code, key) of each warning of a result."""
    return [(warning["code"], warning["param"]) for warning in message.get("warnings", [])]


ALL_OF_IT = {"beam_size": 5, "chunk_interval": 5, "decoder_chunk_look_back": 4, "svs_lang": "xx", "hotwords": "a"}
IN_OFFLINE = {"mode": "offline", "chunk_size": [8, 8, 4], "vad_tail_sil": 500, "wav_format": "mp3", "audio_fs": 8000}
IN_ONLINE = {"mode": "online", "hotwords": "a", "svs_lang": "zh"}


@pytest.mark.parametrize(
    ("message", "abilities", "expected"),
    [
        (ALL_OF_IT, Abilities(), ALL_OF_IT.keys()),
        (ALL_OF_IT, ALL_ABILITIES, ALL_OF_IT.keys() - {"hotwords"}),
        (IN_OFFLINE, ALL_ABILITIES, IN_OFFLINE.keys() - {"mode", "wav_format", "vad_tail_sil"}),
        (IN_ONLINE, ALL_ABILITIES, {"hotwords", "svs_lang"}),
        (IN_ONLINE, replace(ALL_ABILITIES, partial_hotwords=True), {"svs_lang"}),
        (IN_ONLINE, replace(ALL_ABILITIES, draft_options=True, partial_hotwords=True), set()),
        ({"svs_lang": "fr", "svs_itn": False}, Abilities(), {"svs_lang", "svs_itn"}),
        ({"itn": True, "punctuate": True}, Abilities(writes_numbers=False, punctuates=False), {"itn", "punctuate"}),
    ],
)
def test_settings_without_effect_are_told(message, abilities, expected):
    """The first result after a message names its unknown keys, and the known ones that have no effect here."""
    protocol = FunasrProtocol(COMPAT, "r", lambda _: ModelChoice(abilities))
    (configure,) = protocol.read(json.dumps(message | {"wav_name": "a"}))
    assert configure == Configure(protocol.settings)
    first, second = written(protocol, Configured(), PARTIAL, FINAL)
    assert {param for _, param in warned(first)} == set(expected)
    assert "warnings" not in second


def test_what_clients_always_send_is_not_told():
    """The defaults that FunASR's clients write out, and keys that are null, make no warnings."""
    protocol = FunasrProtocol(COMPAT, "r")
    message = {"chunk_size": [5, 10, 5], "chunk_interval": 10, "itn": True, "svs_lang": "auto", "svs_itn": True}
    list(protocol.read(json.dumps(message | {"hotwords": "", "is_speaking": True, "beam_size": None})))
    assert not any("warnings" in result for result in written(protocol, PARTIAL, FINAL))


def test_warnings_are_told_once_an_utterance():
    """A message that comes again in an utterance tells nothing new; in the next utterance it does."""
    protocol = FunasrProtocol(COMPAT, "r")
    results = []
    for _ in range(2):
        for _ in range(3):
            list(protocol.read('{"beam_size":5}'))
            results += written(protocol, Configured(), PARTIAL)
        protocol.write(Finished())
    assert [len(warned(result)) for result in results] == [1, 0, 0, 1, 0, 0]


def test_warnings_of_an_utterance_that_failed():
    """They come with its error."""
    protocol = FunasrProtocol(COMPAT, "r")
    list(protocol.read('{"beam_size":5}'))
    (failed,) = written(protocol, Configured(), Failed(UnsupportedFormatError("no")))
    assert warned(failed) == [("unknown_field", "beam_size")]


def test_thousands_of_unknown_keys():
    """Some are named and the others counted."""
    protocol = FunasrProtocol(COMPAT, "r")
    list(protocol.read(json.dumps({f"key{number}": 1 for number in range(5000)})))
    (result,) = written(protocol, Configured(), PARTIAL)
    assert len(result["warnings"]) == 21
    assert "4980 more" in result["warnings"][-1]["message"]


def test_the_offline_server_tells_of_its_mode():
    """A client that asks for another mode is told, one that names none is not."""
    for message, expected in (('{"mode":"2pass"}', [("not_honoured", "mode")]), ('{"wav_name":"a"}', [])):
        protocol = FunasrProtocol(FunasrDialect(is_offline=True), "r")
        list(protocol.read(message))
        (result,) = written(protocol, Configured(), RecordingText(Transcript("", (), 0)))
        assert warned(result) == expected


def test_exact_bytes():
    """Compact JSON with the keys in FunASR's order."""
    protocol = FunasrProtocol(COMPAT, "r")
    assert protocol.write(PARTIAL) == (
        '{"mode":"2pass-online","text":"你好","wav_name":"wav-default-id","is_final":false}',
    )
    assert protocol.write(Finished(wants_reply=True)) == (
        '{"is_end":true,"is_final":true,"mode":"2pass","wav_name":"wav-default-id","text":""}',
    )


def test_events_without_words():
    """FunASR's clients are not told of these."""
    protocol = FunasrProtocol(COMPAT, "r")
    assert written(protocol, PartialText("", tail="啊"), Acknowledged(), Finished()) == []


def test_settings_count_once_they_are_confirmed():
    """Results that were under way when a message was read still have the name that came before it."""
    protocol = FunasrProtocol(COMPAT, "r")
    for name in ("first", "second"):
        list(protocol.read(json.dumps({"wav_name": name})))
    messages = written(protocol, PARTIAL, Configured(), PARTIAL, Configured(), PARTIAL)
    assert [message["wav_name"] for message in messages] == ["wav-default-id", "first", "second"]


def test_timing():
    """With `timing`, `due_ms` and `server_ms`; neither before any audio came."""
    protocol = FunasrProtocol(COMPAT, "r")
    list(protocol.read('{"timing":true}'))
    assert written(protocol, Configured()) == []
    (partial,) = written(protocol, PARTIAL, took_s=0.0123)
    assert (partial["due_ms"], partial["server_ms"]) == (600, 12.3)
    (recording,) = written(protocol, RecordingText(Transcript("", (), 0)), took_s=1)
    assert recording["server_ms"] == 1000
    assert "due_ms" not in recording
    (empty,) = written(protocol, SegmentText("", is_last=True))
    assert "server_ms" not in empty


def test_strict_counts_sentences_through_the_connection():
    """`index` goes on with the next utterance; each sentence has one first partial."""
    protocol = FunasrProtocol(STRICT, "r")
    first = (PARTIAL, PARTIAL, SegmentText("a"), PartialText("b", segment_index=1), SegmentText("b", segment_index=1))
    messages = written(protocol, *first, Finished(), PARTIAL, SegmentText("c", is_last=True))
    assert [(m["index"], m["slice_type"]) for m in messages] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 2),
    ]  # fmt: skip


def test_errors_in_terms_of_what_was_asked():
    """An error has the label and the name that the client waits for; the acknowledgement repeats its message."""
    protocol = FunasrProtocol(COMPAT, "r7")
    list(protocol.read('{"mode":"online","wav_name":"a"}'))
    error = UnsupportedFormatError("no mp3")
    _, failed, acknowledged = [protocol.write(e) for e in (Configured(), Failed(error), Finished(True, "no mp3"))]  # noqa: FBT003
    assert json.loads(failed[0]) == error_result(Failed(error), "r7", mode="2pass-online", wav_name="a")
    assert json.loads(acknowledged[0]) == acknowledgement("online", "a", "no mp3")


def test_close_codes():
    """A mistake of the client ends nothing; a failure of the server does."""
    protocol = FunasrProtocol(COMPAT, "r")
    assert protocol.close_code(ProtocolError("no")) is None
    assert protocol.close_code(UnsupportedFormatError("no")) is None
    assert protocol.close_code(InferenceError("no")) == 1011
    assert protocol.close_code(OverloadedError("no")) == 1013
