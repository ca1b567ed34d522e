"""Calls with one request and one answer: recordings, and the list of models."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import FastAPI
from google.protobuf.message import Message

from paraserve.formats import transcript_from_json
from paraserve.server.grpc.app_requests import AppRequest, ask
from paraserve.server.grpc.callers import Caller
from paraserve.server.protocols import asr_service
from paraserve.server.protocols.call_messages import read_message
from paraserve.server.protocols.generated.paraserve_pb2 import TranscribeRequest
from paraserve.server.protocols.generated.riva_asr_pb2 import RecognizeRequest, RivaSpeechRecognitionConfigRequest
from paraserve.server.protocols.riva.model_list import model_list
from paraserve.server.protocols.riva.recognition_config import (
    FIELD_NAMES,
    config_warnings,
    named_as_here,
    upload_fields,
)
from paraserve.server.protocols.riva.results import recording_response
from paraserve.types import FieldWarning

UPLOADS, MODELS = "/transcribe", "/v1/models"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a call, and warnings that it has no place for."""

    message: Message
    warnings: tuple[FieldWarning, ...] = ()


AnswerOf: TypeAlias = Callable[[FastAPI, bytes, Caller], Awaitable[Answer]]


async def transcribe(app: FastAPI, frame: bytes, caller: Caller) -> Answer:
    """Answer `paraserve.v1.ASRService/Transcribe`.

    Raises:
        CallError, ParaserveError: the request is refused or failed.
    """
    request = read_message(TranscribeRequest, frame)
    fields = asr_service.upload_fields(request)
    body = await ask(app, AppRequest("POST", UPLOADS, fields, request.audio_data, asr_service.FIELD_NAMES), caller)
    return Answer(asr_service.transcribe_response(body))


async def recognize(app: FastAPI, frame: bytes, caller: Caller) -> Answer:
    """Answer Riva's `Recognize`. Raises what `transcribe` raises."""
    request = read_message(RecognizeRequest, frame)
    fields = upload_fields(request.config, request.audio)
    body = await ask(app, AppRequest("POST", UPLOADS, fields, request.audio, FIELD_NAMES), caller)
    transcript = transcript_from_json(body)
    message = recording_response(
        transcript, request.id.value or caller.request_id, has_words=request.config.enable_word_time_offsets
    )
    return Answer(message, (*config_warnings(request.config), *map(named_as_here, transcript.warnings)))


async def list_models(app: FastAPI, frame: bytes, caller: Caller) -> Answer:
    """Answer Riva's `GetRivaSpeechRecognitionConfig`. Raises what `transcribe` raises."""
    request = read_message(RivaSpeechRecognitionConfigRequest, frame)
    body = await ask(app, AppRequest("GET", MODELS), caller)
    return Answer(model_list(body["data"], request.model_name))
