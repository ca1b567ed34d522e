"""JSON shapes of FunASR and OpenAI from a transcript."""

import json
from dataclasses import replace

import pytest

from paraserve.server.protocols.funasr.bodies import (
    error_json,
    funasr_asr,
    funasr_offline,
    funasr_recognition,
    language_of,
    openai_verbose,
    split_clauses,
)
from paraserve.types import Sentence, Token, Transcript


def sentence(text, *tokens):
    made = tuple(Token(*t) for t in tokens)
    return Sentence(text, made[0].start_ms, made[-1].end_ms, made)


HELLO = sentence("你好，世界。", ("你", 430, 670), ("好", 670, 810), ("世", 900, 1100), ("界", 1100, 1300))
DATE = sentence("用gpt在3月5号。", ("用", 0, 100), ("gpt", 100, 300), ("在", 300, 400), ("3月5号", 400, 800, 0.5))
ENGLISH = sentence("it's 41.8, yes.", ("it's", 0, 200), ("41.8", 200, 800), ("yes", 900, 1000))


def transcript(*sentences, language=None):
    return Transcript("".join(s.text for s in sentences), sentences, 2000, language)


def test_openai_segments_have_what_is_heard():
    """Language, emotion and events where a model says them, and no such key where it does not."""
    happy = replace(HELLO, language="yue", emotion="HAPPY", events=("Laughter",))
    first, second = openai_verbose(transcript(happy, DATE), [])["segments"]
    assert (first["language"], first["emotion"], first["events"]) == ("yue", "HAPPY", ["Laughter"])
    assert not {"language", "emotion", "events"} & second.keys()


def test_funasr_offline_result():
    """The documented example, key by key: `timestamp` is a string, `stamp_sents` an array."""
    assert funasr_offline(transcript(HELLO), "demo", is_final=True) == {
        "mode": "offline",
        "text": "你好，世界。",
        "wav_name": "demo",
        "is_final": True,
        "timestamp": "[[430,670],[670,810],[900,1100],[1100,1300]]",
        "stamp_sents": [
            {"text_seg": "你 好", "punc": "，", "start": 430, "end": 810, "ts_list": [[430, 670], [670, 810]]},
            {"text_seg": "世 界", "punc": "。", "start": 900, "end": 1300, "ts_list": [[900, 1100], [1100, 1300]]},
        ],
    }


def test_units_are_characters_digits_and_words():
    """A written token is timed unit by unit: each Chinese character, each digit, each Latin word."""
    (clause,) = split_clauses(DATE)
    assert [u.text for u in clause.units] == ["用", "gpt", "在", "3", "月", "5", "号"]
    assert [(u.start_ms, u.end_ms) for u in clause.units[3:]] == [(400, 500), (500, 600), (600, 700), (700, 800)]
    assert clause.mark == "。"


def test_marks_inside_words_split_nothing():
    """An apostrophe and a decimal point are not punctuation of the sentence."""
    first, second = split_clauses(ENGLISH)
    assert [u.text for u in first.units] == ["it's", "4", "1", "8"]
    assert (first.mark, second.mark) == (",", ".")


def test_without_times_there_is_no_timestamp():
    """The key is absent, never null, a list or an empty string."""
    body = funasr_offline(transcript(sentence("你。", ("你",))), "demo", is_final=False)
    assert set(body) == {"mode", "text", "wav_name", "is_final"}


def test_recognition_and_asr():
    """FunASR's other two HTTP bodies: ms in one, seconds in the other."""
    assert funasr_recognition(transcript(HELLO)) == {
        "text": "你好，世界。",
        "sentences": [{"text": "你好，世界。", "start": 430, "end": 1300}],
        "code": 0,
    }
    body = funasr_asr(transcript(HELLO), 0.5)
    assert (body["duration"], body["rtf"], body["language"]) == (2.0, 0.25, "zh")
    assert body["segments"][0]["words"][0] == {"word": "你", "start": 0.43, "end": 0.67}


def test_openai_verbose_granularities():
    """Segments by default; words only when asked for, then without segments unless both are."""
    t = transcript(HELLO, DATE)
    assert set(openai_verbose(t, [])) == {"task", "language", "duration", "text", "segments"}
    assert "segments" not in openai_verbose(t, ["word"])
    both = openai_verbose(t, ["word", "segment"])
    assert [w["word"] for w in both["words"]][-1] == "3月5号"
    assert [s["id"] for s in both["segments"]] == [0, 1]
    assert both["segments"][1]["avg_logprob"] == pytest.approx(-0.1733, abs=1e-3)
    json.dumps(both)


@pytest.mark.parametrize(
    ("sentences", "language", "expected"),
    [((HELLO,), None, "zh"), ((ENGLISH,), None, "en"), ((), None, "unknown"), ((HELLO,), "yue", "yue")],
)
def test_language(sentences, language, expected):
    """The model's or client's word first, else the script."""
    assert language_of(transcript(*sentences, language=language)) == expected


@pytest.mark.parametrize(("status", "kind"), [(415, "invalid_request_error"), (503, "server_error")])
def test_error_shape(status, kind):
    """OpenAI's error object with the request's id."""
    body = error_json("no", status=status, code="some_code", request_id="r1", param="file")
    assert body == {
        "error": {"message": "no", "type": kind, "param": "file", "code": "some_code", "request_id": "r1"}
    }
