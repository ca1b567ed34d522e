"""FunASR's HTTP bodies from a transcript."""

import pytest

from paraserve.server.protocols.funasr.bodies import funasr_asr, funasr_offline, funasr_recognition, split_clauses
from paraserve.types import Sentence, Token
from support.transcripts import DATE, ENGLISH, HELLO, sentence, transcript


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
    assert [u.text for u in clause.parts] == ["用", "gpt", "在", "3", "月", "5", "号"]
    assert [(u.start_ms, u.end_ms) for u in clause.parts[3:]] == [(400, 500), (500, 600), (600, 700), (700, 800)]
    assert clause.mark == "。"


@pytest.mark.parametrize(
    ("words", "written", "starts"),
    [
        ("三百五十", "350", [0, 600, 800]),
        ("二零二四", "2024", [0, 200, 600, 700]),
        ("二十一", "21", [0, 600]),
        ("一千", "1000", [0, 175, 350, 525]),
    ],
)
def test_digits_start_with_the_words_that_say_them(words, written, starts):
    """A digit starts with its word where there is one; the others share the time up to the next one."""
    times = {"三百五十": (0, 200, 600, 700, 1000), "二零二四": (0, 200, 600, 700, 900), "二十一": (0, 100, 600, 800)}
    edges = times.get(words, (0, 300, 700))
    spoken = tuple(Token(word, edges[i], edges[i + 1]) for i, word in enumerate(words))
    (clause,) = split_clauses(
        Sentence(written, 0, edges[-1], (Token(written, 0, edges[-1]),), spoken=words, spoken_tokens=spoken)
    )
    assert [part.start_ms for part in clause.parts] == starts
    assert clause.parts[-1].end_ms == edges[-1]


def test_marks_inside_words_split_nothing():
    """An apostrophe and a decimal point are not punctuation of the sentence."""
    first, second = split_clauses(ENGLISH)
    assert [u.text for u in first.parts] == ["it's", "4", "1", "8"]
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
