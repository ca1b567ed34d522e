"""HTTP routes of OpenAI's Realtime API: client secrets in both shapes, and the refusal of WebRTC."""

import json
import time
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from paraserve.errors import MissingScopeError, OverloadedError, ProtocolError
from paraserve.formats import warnings_json
from paraserve.server.access.authentication import Access, api_key
from paraserve.server.access.client_secrets import ClientSecret, key_id
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import WITHOUT_KEY, body_schema, error_answers, json_answer, key_with
from paraserve.server.http.error_codes import HOST_CODES, SCOPE_CODES
from paraserve.server.http.small_bodies import read_small_json
from paraserve.server.http.uploads import UploadService
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.json_values import read_mapping, read_whole
from paraserve.server.protocols.openai_realtime.session import RealtimeSession
from paraserve.server.protocols.openai_realtime.session_json import beta_session, ga_session
from paraserve.server.protocols.openai_realtime.session_reading import SessionChange, read_beta, read_ga
from paraserve.server.protocols.openai_realtime.session_warnings import change_warnings
from paraserve.server.protocols.schemas.client_secrets import (
    ClientSecretAnswer,
    ClientSecretRequest,
    TranscriptionSessionAnswer,
    TranscriptionSessionRequest,
)
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.telemetry.request_log import request_id

TAG = "live"
TTL_S_RANGE = (10, 7200)
MAX_SESSION_BYTES = 4096
"""The choices travel in the secret, which must fit into a header."""
CODES = (
    *HOST_CODES,
    *SCOPE_CODES,
    "invalid_json",
    "invalid_value",
    "unsupported_parameter",
    "model_not_found",
    "upload_timeout",
    "not_ready",
    "internal_error",
)


def realtime_router() -> APIRouter:
    """Make the routes."""
    routes = APIRouter(tags=[TAG], dependencies=[key_with(KeyScope.LIVE)])
    add = partial(routes.add_api_route, methods=["POST"], response_class=Response, response_model=None)
    add(
        "/v1/realtime/client_secrets",
        create_client_secret,
        operation_id="create_client_secret",
        summary="Make a client secret",
        responses={200: json_answer("The secret.", ClientSecretAnswer), **error_answers(CODES)},
        openapi_extra=_body_of(ClientSecretRequest),
    )
    add(
        "/v1/realtime/transcription_sessions",
        create_transcription_session,
        operation_id="create_transcription_session",
        summary="Make a client secret in the shape before GA",
        responses={200: json_answer("The secret.", TranscriptionSessionAnswer), **error_answers(CODES)},
        openapi_extra=_body_of(TranscriptionSessionRequest),
    )
    add(
        "/v1/realtime/calls",
        create_call,
        operation_id="create_call",
        summary="Refuse WebRTC",
        status_code=400,  # it has no other answer
        responses=error_answers((*HOST_CODES, *SCOPE_CODES, "unsupported_parameter")),
        openapi_extra=WITHOUT_KEY,
    )
    return routes


def _body_of(model: type[Documented]) -> Json:
    content = {"application/json": {"schema": body_schema(model)}}
    return {"requestBody": {"description": "Choices.", "required": False, "content": content}, **WITHOUT_KEY}


async def create_client_secret(request: Request) -> Response:
    """Makes a token for a page or an app, which opens live connections with it in place of the API key.

    It has the name and the limits of the key that made it, for live connections alone. `session` has the choices of
    its connections to `/v1/realtime`, which may change them. A connection that is open stays open when the secret
    expires.
    """
    body = await read_small_json(request)
    asked = body.get("session")
    given = {"type": "transcription"} if asked is None else read_mapping("session", asked)
    change = read_ga(RealtimeSession(), given)
    secret = _secret(request, change, body.get("expires_after"), "expires_after")
    session = ga_session(change.session, _session_id(request)) | {"expires_at": secret.expires_at}
    warnings = _warnings(request, change, is_beta=False)
    return JSONResponse(
        {"value": _token(request, secret), "expires_at": secret.expires_at, "session": session} | warnings
    )


async def create_transcription_session(request: Request) -> Response:
    """Makes one in the shape before GA: the body has the choices, and the secret is part of the answer."""
    body = await read_small_json(request)
    change = read_beta(RealtimeSession(), body)
    asked = body.get("client_secret")
    time_asked = None if asked is None else read_mapping("client_secret", asked).get("expires_at")
    secret = _secret(request, change, time_asked, "client_secret.expires_at")
    given = {"client_secret": {"value": _token(request, secret), "expires_at": secret.expires_at}}
    session = beta_session(change.session, _session_id(request))
    return JSONResponse(session | given | _warnings(request, change, is_beta=True))


async def create_call() -> Response:
    """Refuses every call: connections to the Realtime API are WebSockets here."""
    raise ProtocolError("WebRTC is not served: connect a WebSocket to /v1/realtime", code="unsupported_parameter")


def _secret(request: Request, change: SessionChange, asked: object, param: str) -> ClientSecret:
    """Return a secret for a session, for the time that is asked for.

    Raises:
        MissingScopeError: the request has a client secret itself.
        ProtocolError: the time is no time, or the choices are too long.
    """
    access: Access = request.app.state.access
    if access.client_secret(request) is not None:
        raise MissingScopeError("a client secret makes no others: this takes an API key")
    session = {name: value for name, value in ga_session(change.session, "").items() if name not in {"id", "object"}}
    if len(json.dumps(session, ensure_ascii=False).encode()) > MAX_SESSION_BYTES:
        problem = f"the session has more than {MAX_SESSION_BYTES} bytes: send long choices over the connection"
        raise ProtocolError(problem, code="invalid_value", param="session")
    ttl_s = _ttl_s(asked, param, access.secrets.default_ttl_s)
    return ClientSecret(key_id(api_key(request)), int(time.time() + ttl_s), session)


def _token(request: Request, secret: ClientSecret) -> str:
    access: Access = request.app.state.access
    return access.secrets.make(secret)


def _warnings(request: Request, change: SessionChange, *, is_beta: bool) -> Json:
    """Return the key `warnings` of an answer.

    Raises:
        ModelNotFoundError: the choices name a model that there is not.
        OverloadedError: the server is starting or stopping.
        ProtocolError: there are too many keywords.
    """
    uploads: UploadService | None = request.app.state.uploads
    if uploads is None:
        raise OverloadedError("the server is starting or shutting down", code="not_ready")
    choice = uploads.engine.choice_of(change.session.model)
    return warnings_json(change_warnings(change, choice, is_beta=is_beta))


def _ttl_s(value: object, param: str, default_s: float) -> float:
    asked = {} if value is None else read_mapping(param, value)
    if asked.get("anchor", "created_at") != "created_at":
        raise ProtocolError(f"{param}.anchor must be created_at", code="invalid_value", param=f"{param}.anchor")
    seconds = asked.get("seconds")
    return default_s if seconds is None else read_whole(f"{param}.seconds", seconds, *TTL_S_RANGE)


def _session_id(request: Request) -> str:
    return f"sess_{request_id(request)}"
