"""Routes of an operator: the status of the server, the traces of sessions, and the switch that drains it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from paraserve.errors import AccessError, OverloadedError, ProtocolError
from paraserve.server.access.authentication import Access, api_key
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.admin.model_routes import ADMIN_ONLY, REFUSALS, TAG
from paraserve.server.http.api_docs import (
    REQUEST_ID,
    WITHOUT_KEY,
    Responses,
    error_answers,
    json_answer,
    path_parameter,
)
from paraserve.server.http.event_stream import EVENT_HEADERS, EVENT_STREAM, data_events
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.http.small_bodies import read_small_json
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.admin_messages import DrainRequest
from paraserve.server.protocols.schemas.status_answers import DrainState, Status, Trace
from paraserve.server.readiness import Readiness
from paraserve.server.status.whole_status import WholeStatus

NO_STORE = {"Cache-Control": "no-store"}
INTERVAL_S = 1.0
MAX_BAD_LOOKS = 2
DRAIN_PATH = "/v1/admin/drain"
DRAIN_ROUTE: dict[str, Any] = {"tags": [TAG], "response_class": Response, "response_model": None}
FAILURES = ("not_ready", "internal_error")
EXAMPLE = 'data: {"version": "1.0.0", "state": "serving", "sessions": {"count": 0, "data": []}}\n\n'


def status_router() -> APIRouter:
    """Make the routes."""
    told: Responses = {200: json_answer("The status.", Status), **error_answers([*REFUSALS, *FAILURES])}
    events: Responses = {200: _event_answer(), **error_answers([*REFUSALS, *FAILURES])}
    traced: Responses = {
        200: json_answer("The trace.", Trace),
        **error_answers([*REFUSALS, "trace_not_found", *FAILURES]),
    }
    this_id = path_parameter("request_id", "Id of a live session or an upload: its `X-Request-Id`.")
    routes = get_router(
        GetRoute(
            "/v1/admin/status", "status", TAG, "Tell the state of the server", status, told,
            wants_key=True, check=ADMIN_ONLY,
        ),
        GetRoute(
            "/v1/admin/status/events", "status_events", TAG, "Follow the state of the server", follow_status, events,
            wants_key=True, check=ADMIN_ONLY,
        ),
        GetRoute(
            "/v1/admin/sessions/{request_id}/trace", "session_trace", TAG, "Tell the timing of a session", trace,
            traced, parameters=(this_id,), wants_key=True, check=ADMIN_ONLY,
        ),
    )  # fmt: skip
    add = partial(routes.add_api_route, DRAIN_PATH, dependencies=[ADMIN_ONLY], **DRAIN_ROUTE)
    answers: Responses = {200: json_answer("What the server does from now on.", DrainState)}
    refusals = error_answers([*REFUSALS, "invalid_json", "invalid_value", "upload_timeout", *FAILURES])
    add(
        endpoint=drain,
        methods=["POST"],
        operation_id="drain",
        summary="Take no new work",
        responses=answers | refusals,
        openapi_extra={"requestBody": _request_body(), **WITHOUT_KEY},
    )
    add(
        endpoint=take_work,
        methods=["DELETE"],
        operation_id="take_work",
        summary="Take new work again",
        responses=answers | error_answers([*REFUSALS, *FAILURES]),
        openapi_extra=dict(WITHOUT_KEY),
    )
    return routes


async def status(request: Request) -> Response:
    """Tells what all worker processes do now: sessions, uploads, jobs, queues, latencies, memory, models and errors.

    Nothing of it says what was spoken.
    """
    return JSONResponse(await _service(request).look(), headers=NO_STORE)


async def follow_status(request: Request) -> Response:
    """Sends the status once a second as Server-Sent Events, each of them whole.

    A client that reads slowly gets fewer of them. It ends when the server stops, or the key is no longer good.
    """
    first = await _service(request).look()
    if request.method == "HEAD":
        return Response(media_type=EVENT_STREAM, headers=EVENT_HEADERS)
    return StreamingResponse(_events(request, first), media_type=EVENT_STREAM, headers=EVENT_HEADERS)


async def trace(request: Request) -> Response:
    """Tells what was received, waited, run and sent for a session or upload in its last minute, some minutes back.

    It is in the Trace Event Format: Perfetto (ui.perfetto.dev) and chrome://tracing open it. It has neither audio nor
    text.
    """
    request_id = request.path_params["request_id"]
    return JSONResponse(await _service(request).trace(request_id), headers=NO_STORE)


async def drain(request: Request) -> Response:
    """Lets all worker processes take no new work. What is in progress goes on, and the processes stay.

    Readiness says no, newcomers get `not_ready`, and jobs wait. With `ends_sessions` all live sessions get their last
    texts now and are closed, as at a restart. `DELETE` undoes it.
    """
    ends_sessions = read_ends_sessions(await read_small_json(request))
    service = _service(request)
    await service.drain(ends_sessions=ends_sessions)
    return await _drain_state(service)


async def take_work(request: Request) -> Response:
    """Lets all worker processes take new work again."""
    service = _service(request)
    await service.take_work()
    return await _drain_state(service)


def read_ends_sessions(message: Mapping[str, Any]) -> bool:
    """Return whether live sessions are to end.

    Raises:
        ProtocolError: `ends_sessions` is no truth value, or there is another key.
    """
    for name in message:
        if name != "ends_sessions":
            raise ProtocolError(f"there is no field {name[:40]!r}: only ends_sessions", code="invalid_value")
    value = message.get("ends_sessions", False)
    if not isinstance(value, bool):
        raise ProtocolError("ends_sessions must be true or false", code="invalid_value", param="ends_sessions")
    return value


async def _events(request: Request, first: Json) -> AsyncIterator[bytes]:
    yield data_events([first])
    readiness: Readiness = request.app.state.readiness
    n_bad = 0  # a file of keys that is written in place is empty for a moment
    while n_bad < MAX_BAD_LOOKS:
        await asyncio.sleep(INTERVAL_S)
        n_bad = 0 if _is_key_good(request) else n_bad + 1
        service: WholeStatus | None = request.app.state.status
        if service is None or readiness.is_draining:
            return
        yield data_events([await service.look()])


def _is_key_good(request: Request) -> bool:
    """Tell whether the key of the request, if one was wanted, is still good."""
    key, access = api_key(request), request.app.state.access
    assert isinstance(access, Access)
    try:
        if key is not None:
            access.check_again(key, KeyScope.ADMIN)
    except AccessError:
        return False
    return True


def _service(request: Request) -> WholeStatus:
    service: WholeStatus | None = request.app.state.status
    if service is None:
        raise OverloadedError("the server is starting or shutting down", code="not_ready")
    return service


async def _drain_state(service: WholeStatus) -> Response:
    told = await service.look()
    counts = {"live_sessions": told["sessions"]["count"], "uploads": told["uploads"]["count"]}
    return JSONResponse({"state": told["state"], **counts}, headers=NO_STORE)


def _request_body() -> Json:
    content = {"application/json": {"schema": DrainRequest.model_json_schema()}}
    return {"description": "Nothing, or what becomes of live sessions.", "required": False, "content": content}


def _event_answer() -> Json:
    about = "Events without names. The data of each is what `GET /v1/admin/status` answers."
    schema = {"type": "string", "description": about}
    return {
        "description": "The events.",
        "headers": REQUEST_ID,
        "content": {EVENT_STREAM: {"schema": schema, "example": EXAMPLE}},
    }
