"""OpenAI's answers from a transcript."""

import json
from dataclasses import replace

import pytest

from paraserve.server.protocols.openai import language_of, openai_verbose
from support.transcripts import DATE, ENGLISH, HELLO, transcript


def test_openai_segments_have_what_is_heard():
    """Language, emotion and events where a model says them, and no such key where it does not."""
    happy = replace(HELLO, language="yue", emotion="HAPPY", events=("Laughter",))
    first, second = openai_verbose(transcript(happy, DATE), [])["segments"]
    assert (first["language"], first["emotion"], first["events"]) == ("yue", "HAPPY", ["Laughter"])
    assert not {"language", "emotion", "events"} & second.keys()


def test_openai_verbose_granularities():
    """Segments by default; words only when asked for, then without segments unless both are."""
    t = transcript(HELLO, DATE)
    figures = {"speech_ms", "recognized_ms", "unknown_tokens"}
    assert set(openai_verbose(t, [])) == {"task", "language", "duration", "text", "segments", "usage"} | figures
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
