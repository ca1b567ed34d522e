"""Upload routes: the fields that each takes and the answer that it gives."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fastapi import Response

from paraserve.formats import FORMATS, write_text
from paraserve.server.http.api_docs import query_parameter
from paraserve.server.http.asr_webservice import plan_asr, plan_language
from paraserve.server.http.error_codes import UPLOAD_CODES
from paraserve.server.http.event_stream import data_events
from paraserve.server.http.openai_plans import plan_openai, plan_openai_translation
from paraserve.server.http.transcript_events import EVENT_SCHEMA, TranscriptEvents
from paraserve.server.http.transcript_plan import plan_transcript
from paraserve.server.http.upload_forms import AsrForm, LanguageForm, OpenAIForm, TranscribeForm, TranslationForm
from paraserve.server.http.upload_plan import EXAMPLE, UploadFormat, UploadPlan, UploadRequest, json_response
from paraserve.server.protocols.funasr.bodies import funasr_asr, funasr_offline, funasr_recognition
from paraserve.server.protocols.openai import openai_json
from paraserve.server.protocols.openai_events import EventParts
from paraserve.server.protocols.openai_events import TranscriptEvents as OpenAIEvents
from paraserve.server.protocols.schemas.asr_webservice_answers import DetectedLanguage, WebserviceAsr
from paraserve.server.protocols.schemas.funasr_answers import FunasrAsr, FunasrOffline, FunasrRecognition
from paraserve.server.protocols.schemas.openai_answers import (
    OpenAIDiarizedTranscription,
    OpenAITranscription,
    OpenAIVerboseTranscription,
)
from paraserve.server.protocols.schemas.openai_events import EVENT_SCHEMA as OPENAI_EVENT_SCHEMA
from paraserve.server.protocols.schemas.transcript_answers import TranscriptJson
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Transcript

OPENAI_EVENTS = OpenAIEvents(openai_json, EventParts()).ending(EXAMPLE)
FILENAME = query_parameter("filename", {"description": "`wav_name` of a raw recording.", "type": "string"})


def upload_formats(*, is_strict: bool) -> tuple[UploadFormat, ...]:
    """List all upload routes. `is_strict` keeps the quirks of FunASR's C++ server."""
    return (*_openai_formats(), *_own_formats(), *_funasr_formats(is_strict=is_strict))


def _openai_formats() -> tuple[UploadFormat, ...]:
    transcription = UploadFormat(
        path="/v1/audio/transcriptions",
        name="openai_transcription",
        summary="Transcribe a recording (OpenAI's API)",
        description="OpenAI's transcription call, for OpenAI's own clients with `/v1` here as their base URL.",
        plan=plan_openai,
        body=OpenAITranscription | OpenAIVerboseTranscription | OpenAIDiarizedTranscription,
        form=OpenAIForm,
        texts={"text/plain": write_text(EXAMPLE)},
        events={"schema": OPENAI_EVENT_SCHEMA, "example": data_events(OPENAI_EVENTS).decode()},
        codes=(*UPLOAD_CODES, "invalid_response_format", "unsupported_parameter"),
    )
    translation = replace(
        transcription,
        path="/v1/audio/translations",
        name="openai_translation",
        summary="Translate a recording to English (OpenAI's API)",
        description="OpenAI's translation call: English text of speech in any language that the loaded model knows. "
        "For Whisper: other models refuse it.",
        plan=plan_openai_translation,
        body=OpenAITranscription | OpenAIVerboseTranscription,
        events=None,
        form=TranslationForm,
        codes=(*UPLOAD_CODES, "invalid_response_format"),
        task="translate",
    )
    return transcription, translation


def _own_formats() -> tuple[UploadFormat, ...]:
    transcribe = UploadFormat(
        path="/transcribe",
        name="transcribe",
        summary="Transcribe a recording",
        description="Sentences with token times and confidences, or with `format` plain text, subtitles or a table. "
        "JSON comes in events while it is recognized, if `stream` asks for them.",
        plan=plan_transcript,
        body=TranscriptJson,
        form=TranscribeForm,
        texts={
            one.media_type.partition(";")[0]: one.write(EXAMPLE, SubtitleOptions())
            for name, one in FORMATS.items()
            if name != "json"
        },
        events={"schema": EVENT_SCHEMA, "example": TranscriptEvents().ending(EXAMPLE).decode()},
        codes=(*UPLOAD_CODES, "invalid_format", "unsupported_parameter"),
    )
    again = replace(transcribe, path="/recognize", name="recognize", summary="Transcribe a recording (`/transcribe`)")
    return transcribe, again


def _funasr_formats(*, is_strict: bool) -> tuple[UploadFormat, ...]:
    return (
        UploadFormat(
            path="/recognition",
            name="funasr_recognition",
            summary="Transcribe a recording (FunASR's Python HTTP server)",
            description="Sentences with times in ms.",
            plan=plan_funasr_recognition,
            body=FunasrRecognition,
        ),
        UploadFormat(
            path="/asr",
            name="funasr_asr",
            summary="Transcribe a recording (`funasr-server`, whisper-asr-webservice)",
            description="Sentences and words with times in seconds, and the speed of the recognition. Where the form "
            "has the recording in `audio_file`, or the query `output`, `encode`, `task` or `word_timestamps`, the "
            "answer is that of whisper-asr-webservice: `output` names its format, plain text if it is not given.",
            plan=partial(plan_asr, funasr=plan_funasr_asr),
            body=FunasrAsr | WebserviceAsr,
            form=AsrForm,
            texts={"text/plain": write_text(EXAMPLE)},
            codes=(*UPLOAD_CODES, "invalid_format"),
        ),
        UploadFormat(
            path="/detect-language",
            name="detect_language",
            summary="Tell the language of a recording (whisper-asr-webservice)",
            description="The language of the first 30 seconds.",
            plan=plan_language,
            body=DetectedLanguage,
            form=LanguageForm,
            task="transcribe",
        ),
        UploadFormat(
            path="/",
            name="funasr_offline",
            summary="Transcribe a recording (FunASR's C++ HTTP server)",
            description="FunASR's offline result. FunASR's clients take `timestamp` for a JSON text.",
            plan=partial(plan_funasr_offline, is_strict=is_strict),
            body=FunasrOffline,
            query=(FILENAME,),
        ),
    )


def plan_funasr_recognition(request: UploadRequest) -> UploadPlan:
    """Plan the answer of FunASR's Python HTTP server."""
    return _plan_without_cues(request, lambda transcript: json_response(funasr_recognition(transcript)))


def plan_funasr_asr(request: UploadRequest) -> UploadPlan:
    """Plan the answer of `funasr-server`, which tells how long it took."""
    return _plan_without_cues(
        request,
        lambda transcript: json_response(funasr_asr(transcript, time.monotonic() - request.started_s)),
    )


def plan_funasr_offline(request: UploadRequest, *, is_strict: bool) -> UploadPlan:
    """Plan the answer of FunASR's C++ HTTP server. That server says `is_final` false and gives no name."""
    named = request.fields.last("filename") or ""
    name = "" if is_strict else request.filename or named
    return _plan_without_cues(
        request,
        lambda transcript: json_response(
            funasr_offline(transcript, name, is_final=not is_strict, is_strict=is_strict)
        ),
    )


def _plan_without_cues(request: UploadRequest, render: Callable[[Transcript], Response]) -> UploadPlan:
    request.subtitle_options(has_cues=False)
    return UploadPlan(request.options(), render)
