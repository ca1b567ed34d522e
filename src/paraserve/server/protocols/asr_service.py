"""`paraserve.v1.ASRService/Transcribe`: the fields of an upload in, its transcript out."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from paraserve.formats import transcript_from_json
from paraserve.server.protocols.event_stream.event_messages import sentence_message, struct, warning_messages
from paraserve.server.protocols.generated.paraserve_pb2 import TranscribeRequest, TranscribeResponse

FIELD_NAMES: Mapping[str, str] = MappingProxyType({"file": "audio_data"})
"""Fields of an upload that have other names here."""
TYPED_KEYS = frozenset(("text", "sentences", "language", "duration_ms", "warnings"))
"""Keys of the JSON transcript that have fields of their own."""


def upload_fields(request: TranscribeRequest) -> dict[str, str]:
    """Return the fields of `POST /transcribe` that the request asks for."""
    raw = {"encoding": "linear16", "sample_rate": str(request.sample_rate)} if request.sample_rate else {}
    hotwords = json.dumps(list(request.hotwords)) if request.hotwords else ""
    return {**request.fields, **raw, **_given(language=request.language, model=request.model, hotwords=hotwords)}


def _given(**fields: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def transcribe_response(body: Mapping[str, Any]) -> TranscribeResponse:
    """Return the answer for a JSON transcript."""
    transcript = transcript_from_json(body)
    scores = [token.score for sentence in transcript.sentences for token in sentence.tokens]
    return TranscribeResponse(
        text=transcript.text,
        confidence=sum(scores) / len(scores) if scores else 0.0,
        sentences=map(sentence_message, transcript.sentences),
        language=transcript.language or "",
        duration_ms=transcript.duration_ms,
        warnings=warning_messages(transcript.warnings),
        facts=struct({name: value for name, value in body.items() if name not in TYPED_KEYS}),
    )
