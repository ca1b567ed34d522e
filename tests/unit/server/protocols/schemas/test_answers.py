"""The models describe what the renderers write, for transcripts of every kind."""

import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from paraserve.formats import transcript_json
from paraserve.server.protocols.error_body import ErrorBody, error_json
from paraserve.server.protocols.funasr.bodies import funasr_asr, funasr_offline, funasr_recognition
from paraserve.server.protocols.json_encoding import object_text
from paraserve.server.protocols.openai import openai_verbose
from paraserve.server.protocols.schemas.funasr_answers import FunasrAsr, FunasrOffline, FunasrRecognition
from paraserve.server.protocols.schemas.openai_answers import OpenAIVerboseTranscription
from paraserve.server.protocols.schemas.transcript_answers import TranscriptJson
from paraserve.types import Heard, Notice
from support.transcripts import DATE, ENGLISH, HELLO, sentence, transcript

SPOKEN = replace(HELLO, language="yue", emotion="HAPPY", events=("Speech", "Laughter"))
TRANSCRIPTS = {
    "nothing said": transcript(),
    "Chinese": transcript(HELLO, DATE),
    "English": transcript(ENGLISH, language="en"),
    "with emotion": transcript(SPOKEN, HELLO),
    "without times": transcript(sentence("你。", ("你",))),
    "improbable": transcript(sentence("你", ("你", 0, 10, 0.0))),
    "empty recording": replace(transcript(), duration_ms=0),
    "not understood": replace(
        transcript(), heard=Heard(5000, 0, 9), notice=Notice("outside_vocabulary", "load another model")
    ),
    "half understood": replace(transcript(HELLO), heard=Heard(5000, 2500, 9)),
}
ANSWERS = {
    "ours": (TranscriptJson, transcript_json),
    "OpenAI": (OpenAIVerboseTranscription, lambda t: openai_verbose(t, [])),
    "OpenAI, words": (OpenAIVerboseTranscription, lambda t: openai_verbose(t, ["word"])),
    "OpenAI, both": (OpenAIVerboseTranscription, lambda t: openai_verbose(t, ["word", "segment"])),
    "/recognition": (FunasrRecognition, funasr_recognition),
    "/asr": (FunasrAsr, lambda t: funasr_asr(t, 0.5)),
    "POST /": (FunasrOffline, lambda t: funasr_offline(t, "a.wav", is_final=True)),
    "POST /, strict": (FunasrOffline, lambda t: funasr_offline(t, "", is_final=False, is_strict=True)),
}


def check(model, body):
    """No key too many, none too few, each of its type."""
    TypeAdapter(model).validate_json(object_text(body), strict=True, extra="forbid")


@pytest.mark.parametrize("kind", TRANSCRIPTS)
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_described(name, kind):
    """Each answer fits its model, whatever the transcript has and lacks."""
    model, render = ANSWERS[name]
    check(model, render(TRANSCRIPTS[kind]))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_undescribed_key_is_found(name):
    """One more key anywhere, or one less at the top, does not fit."""
    model, render = ANSWERS[name]
    body = json.loads(object_text(render(TRANSCRIPTS["Chinese"])))
    first = next(value for value in body.values() if isinstance(value, list))[0]
    first["surprise"] = 1
    with pytest.raises(ValidationError, match="surprise"):
        check(model, body)
    del first["surprise"], body["text"]
    with pytest.raises(ValidationError, match="text"):
        check(model, body)


@pytest.mark.parametrize("param", [None, "file"])
def test_errors_are_described(param):
    """The error body fits its model."""
    check(ErrorBody, error_json("no", status=503, code="overloaded", request_id="r1", param=param))
