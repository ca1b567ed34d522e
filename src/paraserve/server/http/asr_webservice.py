"""The upload routes of whisper-asr-webservice: its `/asr`, beside that of FunASR, and `/detect-language`."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import PlainTextResponse

from paraserve.formats import FORMATS
from paraserve.options import RecognitionOptions
from paraserve.server.http.parsing.asr_webservice_fields import (
    WebserviceFields,
    read_encode,
    read_webservice_fields,
    with_initial_prompt,
)
from paraserve.server.http.parsing.form_fields import MAX_DIGITS, read_channel, read_digits, read_model, read_switch
from paraserve.server.http.parsing.form_parser import WEBSERVICE_FILE_FIELD
from paraserve.server.http.upload_plan import UploadPlan, UploadRequest, json_response
from paraserve.server.protocols.asr_webservice import detected_language, webservice_json, webservice_text
from paraserve.server.protocols.option_warnings import not_honoured, option_warnings
from paraserve.types import Transcript

WEBSERVICE_QUERY = frozenset(("output", "encode", "task", "word_timestamps"))
"""Fields of the query that tell a client of whisper-asr-webservice from one of FunASR."""
DETECTION_MS = 30_000
"""Whisper tells the language by as much."""


def plan_asr(request: UploadRequest, funasr: Callable[[UploadRequest], UploadPlan]) -> UploadPlan:
    """Plan the answer of `/asr`: that of whisper-asr-webservice for its clients, `funasr` for all others."""
    fields = request.fields
    asked = read_webservice_fields(fields)
    if request.file_field == WEBSERVICE_FILE_FIELD or WEBSERVICE_QUERY & request.query:
        plan = _plan_webservice(request, asked)
    else:
        plan = funasr(request)
        for name in ("output", "word_timestamps"):
            if fields.last(name):
                fields.warn(not_honoured(name, "it needs the recording in audio_file, or a place in the query"))
    options = with_initial_prompt(plan.options, fields, request.choice.abilities)
    return replace(plan, options=options, raw=read_encode(fields))


def _plan_webservice(request: UploadRequest, asked: WebserviceFields) -> UploadPlan:
    output = asked.output or "txt"
    subtitles = request.subtitle_options(has_cues=output in FORMATS and FORMATS[output].has_cues)
    options = replace(request.options(), word_times=output != "txt")
    if asked.has_words and output != "json":
        request.fields.warn(not_honoured("word_timestamps", f"output={output} has no times of words"))

    def render(transcript: Transcript) -> Response:
        if output == "json":
            answer = json_response(webservice_json(transcript, has_words=asked.has_words))
        elif output == "txt":
            answer = PlainTextResponse(webservice_text(transcript))
        else:
            answer = PlainTextResponse(FORMATS[output].write(transcript, subtitles))
        answer.headers["Asr-Engine"] = "paraserve"
        answer.headers["Content-Disposition"] = f'attachment; filename="{quote(request.filename)}.{output}"'
        return answer

    return UploadPlan(options, render)


def plan_language(request: UploadRequest) -> UploadPlan:
    """Plan the answer of `/detect-language`."""
    fields, choice = request.fields, request.choice
    options = RecognitionOptions(
        channel=read_channel(fields),
        track=read_digits(fields, "track", MAX_DIGITS),
        model=read_model(fields),
        auto_gain=read_switch(fields, "auto_gain", default=False),
        noise_suppression=read_switch(fields, "noise_suppression", default=False),
        word_times=False,
        first_ms=DETECTION_MS,
    )
    for warning in (*choice.warnings, *option_warnings(options, choice.abilities, asked=())):
        fields.warn(warning)
    return UploadPlan(options, lambda transcript: json_response(detected_language(transcript)), read_encode(fields))
