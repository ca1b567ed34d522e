"""Request ids, and one log line for each HTTP request. The line has no transcript. Traces, if they are wanted."""

import re
import time
import uuid
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.tracing.request_traces import begin_trace, end_trace

if TYPE_CHECKING:
    from paraserve.server.telemetry.tracing.tracer import Tracer

ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
log = structlog.get_logger()


def new_request_id(connection: HTTPConnection) -> str:
    """Return the client's `X-Request-Id` if it is a plain word, else a new id."""
    given = connection.headers.get("x-request-id", "")
    return given if ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex


def request_id(connection: HTTPConnection) -> str:
    """Return the id of a request."""
    return str(connection.state.request_id)


def started_s(connection: HTTPConnection) -> float:
    """Return `time.monotonic()` at the arrival of a request."""
    return float(connection.state.started_s)


def key_name(connection: HTTPConnection) -> str | None:
    """Return the name of the API key of a request, None where no key is wanted or no known one was sent."""
    return getattr(connection.state, "key_name", None)


class RequestLog:
    """Middleware that gives each HTTP request its id, then logs, counts and traces the answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: "Tracer | None" = None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with an id, and its answer back with the same id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        connection.state.request_id = new_request_id(connection)
        started, status = time.monotonic(), 500
        connection.state.started_s = started
        trace = None if self._tracer is None else begin_trace(self._tracer, connection, started)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id(connection)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._record(connection, route, status, time.monotonic() - started)
            if trace is not None:
                end_trace(trace, connection, route, status)

    def _record(self, connection: HTTPConnection, route: str, status: int, seconds: float) -> None:
        scope = connection.scope
        self._metrics.request(route, scope["method"], status, seconds)
        log.info(
            "request",
            request_id=request_id(connection),
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000),
            key=key_name(connection),
        )
