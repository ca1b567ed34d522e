"""What OpenAI's calls make of a request: its options, and the answer as a whole or in events."""

from collections.abc import Callable
from dataclasses import replace

from fastapi import Response
from fastapi.responses import PlainTextResponse

from paraserve.errors import ProtocolError
from paraserve.formats import FORMATS
from paraserve.options import RecognitionOptions
from paraserve.server.http.event_stream import EVENT_STREAM, data_events
from paraserve.server.http.parsing.form_fields import one_of
from paraserve.server.http.parsing.openai_fields import (
    OpenAIFields,
    read_openai_fields,
    read_translation_fields,
    with_openai_options,
)
from paraserve.server.http.upload_plan import UploadPlan, UploadRequest, json_response
from paraserve.server.protocols.growing_text import GrowingText
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.openai import openai_diarized, openai_json, openai_verbose, speaker_label
from paraserve.server.protocols.openai_events import EventParts, TranscriptEvents
from paraserve.types import Transcript

DIARIZED = "diarized_json"
TRANSLATION_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
TRANSCRIPTION_FORMATS = (*TRANSLATION_FORMATS, DIARIZED)
SUBTITLES = ("srt", "vtt")


def plan_openai(request: UploadRequest) -> UploadPlan:
    """Plan OpenAI's answer in the format that `response_format` names, as a whole or in events."""
    name = _response_format(request, TRANSCRIPTION_FORMATS)
    asked = read_openai_fields(request.fields, name)
    if asked.has_events and name in SUBTITLES:
        message = f"stream=true has no subtitles: response_format={name} comes as a whole"
        raise ProtocolError(message, code="unsupported_parameter", param="stream")
    options = with_openai_options(request.options(), request.fields, request.choice.abilities)
    if name == DIARIZED and options.channel != "split":
        message = f"response_format={DIARIZED} needs channel=split: speakers are told apart by their channels"
        raise ProtocolError(message, code="unsupported_parameter", param="response_format")
    return _plan(name, asked, request, options)


def plan_openai_translation(request: UploadRequest) -> UploadPlan:
    """Plan OpenAI's answer to a translation, which has no lists of words and no probabilities to choose."""
    name = _response_format(request, TRANSLATION_FORMATS)
    read_translation_fields(request.fields)
    return _plan(name, OpenAIFields(), request, request.options("translate"))


def _response_format(request: UploadRequest, known: tuple[str, ...]) -> str:
    name = request.fields.last("response_format") or "json"
    if name not in known:
        message = f"unknown response_format {name!r}: {one_of(known)}"
        raise ProtocolError(message, code="invalid_response_format", param="response_format")
    return name


def _plan(name: str, asked: OpenAIFields, request: UploadRequest, options: RecognitionOptions) -> UploadPlan:
    subtitles = request.subtitle_options(has_cues=name in SUBTITLES)
    options = replace(options, word_times=asked.has_logprobs or name not in {"json", "text"})
    if asked.has_events:
        return _plan_of_events(name, asked, options)

    def render(transcript: Transcript) -> Response:
        if name in FORMATS and name != "json":
            return PlainTextResponse(FORMATS[name].write(transcript, subtitles))
        return json_response(_writer(name, asked)(transcript))

    return UploadPlan(options, render)


def _plan_of_events(name: str, asked: OpenAIFields, options: RecognitionOptions) -> UploadPlan:
    parts = EventParts(asked.has_logprobs, name in {"verbose_json", DIARIZED}, "word" in asked.granularities)
    text = GrowingText(speaker_label) if name == DIARIZED else GrowingText()
    events = TranscriptEvents(_writer(name, asked), parts, text)
    return UploadPlan(
        options,
        lambda transcript: Response(data_events(events.ending(transcript)), media_type=EVENT_STREAM),
        write_part=lambda sentences: data_events(events.of_sentences(sentences)),
    )


def _writer(name: str, asked: OpenAIFields) -> Callable[[Transcript], Json]:
    """Return what writes the answer in JSON. Events have that of `json` in place of a plain text."""
    if name == DIARIZED:
        return openai_diarized
    if name == "verbose_json":
        return lambda transcript: openai_verbose(transcript, asked.granularities)
    return lambda transcript: openai_json(transcript, has_logprobs=asked.has_logprobs)
