"""FunASR's WebSocket messages, key by key."""

from dataclasses import replace

import pytest

from paraserve.server.protocols.funasr.live import (
    FunasrDialect,
    SentencePlace,
    acknowledgement,
    error_result,
    live_result,
    recording_result,
)
from paraserve.types import Sentence, Token, Transcript, Update

WORDS = (Token("你", 30, 270), Token("好", 270, 500))
SENTENCE = Sentence('"你好"。', 30, 500, WORDS)
PARTIAL = Update("online", "你好", tail="啊", tokens=WORDS, start_ms=0, end_ms=600)
FINAL = Update("offline", '"你好"。', sentences=(SENTENCE,), segment_index=2, start_ms=20, end_ms=520, last=True)
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


@pytest.mark.parametrize("kind", ["online", "offline"])
def test_strict_empty_final(kind):
    """Without `mode`, as the original sends it."""
    assert live_result(Update(kind, "", last=True), "a", STRICT, FIRST) == {
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
    """A result shape that no client drops: `error` is an object."""
    assert error_result("invalid_value", "no", "r1", mode="2pass-offline", wav_name="a") == {
        "mode": "2pass-offline",
        "text": "",
        "wav_name": "a",
        "is_final": True,
        "error": {"code": "invalid_value", "message": "no", "request_id": "r1"},
    }


def test_acknowledgement():
    """Here `error` is text, and makes it not final."""
    expected = {"is_end": True, "is_final": True, "mode": "online", "wav_name": "a", "text": ""}
    assert acknowledgement("online", "a", None) == expected
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
