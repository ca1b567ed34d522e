"""Deepgram's answer about a recording, for transcripts of every kind."""

import json
from dataclasses import replace

import pytest

from paraserve.options import RecognitionOptions
from paraserve.server.protocols.deepgram.recorded_query import RecordedQuery
from paraserve.server.protocols.deepgram.recordings import RecordingFacts, deepgram_recording
from paraserve.server.protocols.json_encoding import object_text
from paraserve.server.protocols.schemas.deepgram_answers import DeepgramRecording
from paraserve.types import Sentence, Token, Transcript
from support.transcripts import DATE, ENGLISH, HELLO, sentence, transcript

FACTS = RecordingFacts("r7", 64 * "0")
ALL = RecordedQuery(RecognitionOptions(), has_utterances=True, has_paragraphs=True, detects_language=True)
TRANSCRIPTS = {
    "nothing said": transcript(),
    "Chinese": transcript(HELLO, DATE),
    "English": transcript(ENGLISH, language="en"),
    "without times": transcript(sentence("你。", ("你",))),
    "empty recording": replace(transcript(), duration_ms=0),
}


def spoken(text, start_ms, end_ms):
    return Sentence(text, start_ms, end_ms, (Token(text.rstrip("."), start_ms, end_ms, 0.5),))


def answer(found, query=ALL):
    """The answer, which is described."""
    body = json.loads(object_text(deepgram_recording(found, query, FACTS)))
    DeepgramRecording.model_validate_json(json.dumps(body), strict=True, extra="forbid")
    return body


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_each_kind_is_described(name):
    """With and without all that may be asked for."""
    found = TRANSCRIPTS[name]
    full, bare = answer(found), answer(found, RecordedQuery(RecognitionOptions()))
    assert full["results"]["channels"][0]["alternatives"][0]["transcript"] == found.text
    assert bare["results"].keys() == {"channels"}
    assert bare["results"]["channels"][0].keys() == {"alternatives"}
    assert bare["metadata"]["duration"] == found.duration_ms / 1000


def test_utterances_and_paragraphs():
    """Sentences without a pause between them are one utterance; paragraphs end at longer pauses."""
    texts = [
        spoken("one.", 0, 500),
        spoken("two.", 900, 1200),
        spoken("three.", 2000, 2500),
        spoken("four.", 9000, 9500),
    ]
    body = answer(Transcript("one. two. three. four.", tuple(texts), 10_000))
    utterances = body["results"]["utterances"]
    assert [(one["transcript"], one["start"], one["end"]) for one in utterances] == [
        ("one. two.", 0, 1.2),
        ("three.", 2, 2.5),
        ("four.", 9, 9.5),
    ]
    assert len({one["id"] for one in utterances}) == 3
    paragraphs = body["results"]["channels"][0]["alternatives"][0]["paragraphs"]
    assert paragraphs["transcript"] == "one. two. three.\n\nfour."
    assert [one["num_words"] for one in paragraphs["paragraphs"]] == [3, 1]
    longer = answer(Transcript("", tuple(texts), 10_000), replace(ALL, pause_s=60.0))
    assert len(longer["results"]["utterances"]) == 1


def test_channels():
    """One text for each, utterances of all in the order of their starts."""
    parts = (
        Transcript("one.", (spoken("one.", 3000, 3500),), 4000),
        Transcript("two.", (spoken("two.", 100, 900),), 4000),
    )
    body = answer(replace(parts[0], text="[0] one.\n[1] two.", channels=parts))
    assert [one["alternatives"][0]["transcript"] for one in body["results"]["channels"]] == ["one.", "two."]
    assert [(one["channel"], one["transcript"]) for one in body["results"]["utterances"]] == [
        (1, "two."),
        (0, "one."),
    ]
    assert body["metadata"]["channels"] == 2
