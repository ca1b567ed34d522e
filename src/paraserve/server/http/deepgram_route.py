"""Deepgram's call about a recording: `POST /v1/listen` with the recording, or with the URL of one."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from fastapi import Request, Response

from paraserve.errors import ProtocolError
from paraserve.inference.abilities import ChoiceOf
from paraserve.runtime.decoding.spool import spool
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.server.http.api_docs import query_parameter
from paraserve.server.http.disconnection import while_connected
from paraserve.server.http.error_codes import UPLOAD_CODES
from paraserve.server.http.parsing.form_fields import FormFields
from paraserve.server.http.parsing.json_bodies import is_json, read_json_object
from paraserve.server.http.parsing.upload_pace import UploadLimits
from paraserve.server.http.receiving import Upload, content_type_of, is_form, query_fields, receive_body
from paraserve.server.http.upload_plan import UploadFormat, UploadPlan, UploadRequest, json_response
from paraserve.server.protocols.deepgram.recorded_query import read_recorded_query, upload_fields
from paraserve.server.protocols.deepgram.recordings import RecordingFacts, deepgram_recording
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.option_warnings import unknown_fields
from paraserve.server.protocols.schemas.deepgram_answers import DeepgramQuery, DeepgramRecording
from paraserve.types import Transcript

HASH_BYTES = 1024**2


def listen_format() -> UploadFormat:
    """Return the route."""
    return UploadFormat(
        path="/v1/listen",
        name="deepgram_listen",
        summary="Transcribe a recording (Deepgram's API)",
        description="Deepgram's call about a recording, for its own clients with this server as their base URL. "
        "Parameters of Deepgram's that have no effect here are named in `warnings`.",
        plan=plan_listen,
        body=DeepgramRecording,
        codes=(*UPLOAD_CODES, "unsupported_parameter", "url_not_allowed", "url_failed", "url_unavailable"),
        receive=receive_listen,
        request=_described_request(),
    )


def plan_listen(request: UploadRequest) -> UploadPlan:
    """Plan Deepgram's answer.

    Raises:
        ProtocolError: names the parameter whose value cannot be used.
    """
    values = {name: request.fields.all(name) for name in list(request.fields.names)}
    query = read_recorded_query(values, lambda _: request.choice)
    for warning in query.warnings:
        request.fields.warn(warning)
    facts = RecordingFacts(request.request_id, request.sha256)

    def render(transcript: Transcript) -> Response:
        return json_response(deepgram_recording(transcript, query, facts))

    return UploadPlan(query.options, render)


@asynccontextmanager
async def receive_listen(request: Request, limits: UploadLimits) -> AsyncIterator[Upload]:
    """Receive the recording as the body, or fetch it from the URL that a JSON body names.

    Raises:
        ProtocolError: the body is a form, or JSON without a URL.
        UrlNotAllowedError, RemoteRecordingError, RemoteAwayError: see `Fetcher.fetch`.
        UploadTooLargeError, SlowUploadError, StorageError: see `receive_body`.
        ModelNotFoundError: the query names a model that the server does not have.
    """
    content_type = content_type_of(request)
    if is_form(content_type):
        raise ProtocolError("the recording comes as the body, not in a form", code="invalid_form")
    choice_of: ChoiceOf = request.app.state.uploads.engine.choice_of
    fields = FormFields(upload_fields(query_fields(request), choice_of))
    async with receive_body(request, limits) as body:
        if not is_json(content_type):
            yield Upload(body, "", content_type, fields, sha256=await asyncio.to_thread(_sha256, body))
            return
        async with limits.json_turn:
            url = await asyncio.to_thread(_read_url, body, fields)
    fetcher: Fetcher = request.app.state.jobs.jobs.fetcher
    with spool() as file:
        fetched = await while_connected(request, fetcher.fetch(url, file, limits.max_bytes, limits.timeout_s))
        file.seek(0)
        digest = await asyncio.to_thread(_sha256, file)
        yield Upload(file, fetched.filename, fetched.content_type, fields, sha256=digest)


def _read_url(body: BinaryIO, fields: FormFields) -> str:
    message = read_json_object(body)
    url = message.get("url")
    if not isinstance(url, str):
        raise ProtocolError(
            'the JSON has no recording: send it as the body, or {"url": ...}', code="no_file", param="url"
        )
    for warning in unknown_fields(name for name in message if name != "url"):
        fields.warn(warning)
    return url


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := file.read(HASH_BYTES):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _described_request() -> Json:
    fields = DeepgramQuery.model_json_schema()["properties"]
    raw = {"schema": {"type": "string", "format": "binary"}}
    by_url = {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": {
                "type": "string",
                "description": "Where the server fetches the recording, if it may: hosts with public addresses, and "
                "what `url_allow`, `url_buckets` and `url_file_root` name.",
            }
        },
    }
    return {
        "parameters": [query_parameter(name, field) for name, field in fields.items()],
        "requestBody": {
            "description": "The recording, or JSON with its URL.",
            "required": True,
            "content": {"application/octet-stream": raw, "application/json": {"schema": by_url}},
        },
    }
