"""What an operator sees of each request: an id, one log line without any transcript, and metrics."""

import logging
import re
import sys
import time
import uuid

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5, 3.0, 10.0)
log = structlog.get_logger()


class Metrics:
    """The server's own figures, in a registry of this application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["route", "method", "status"]
        self.requests = Counter("paraserve_http_requests", "Answered requests", labels, registry=self.registry)
        self.seconds = Histogram(
            "paraserve_http_request_seconds", "Time to answer", ["route"], registry=self.registry
        )
        self.audio_seconds = Counter("paraserve_audio_seconds", "Transcribed audio", registry=self.registry)
        self.uploads = Gauge("paraserve_uploads_in_progress", "Uploads being worked on", registry=self.registry)
        self.live = Gauge("paraserve_live_sessions", "Open live connections", registry=self.registry)
        self.live_closes = Counter(
            "paraserve_live_closes", "Live connections that ended", ["code"], registry=self.registry
        )
        self.live_results = Counter("paraserve_live_results", "Live results sent", ["kind"], registry=self.registry)
        self.live_latency = Histogram(
            "paraserve_live_latency_seconds",
            "From the frame that made a live result possible to its sending",
            ["kind"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )

    def live_result(self, *, is_partial: bool, took_s: float | None) -> None:
        """Count a live result; `took_s` since its frame came in, None where there was none."""
        kind = "partial" if is_partial else "final"
        self.live_results.labels(kind).inc()
        if took_s is not None:
            self.live_latency.labels(kind).observe(took_s)


def new_request_id(connection: HTTPConnection) -> str:
    """The client's `X-Request-Id` if it is a plain word, else an id of our own."""
    given = connection.headers.get("x-request-id", "")
    return given if ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex


def request_id(connection: HTTPConnection) -> str:
    """The id that a request was given."""
    return str(connection.state.request_id)


def key_name(connection: HTTPConnection) -> str | None:
    """Whose API key a request came with; None where none is wanted, or none was right."""
    return getattr(connection.state, "key_name", None)


class RequestLog:
    """Gives each HTTP request its id, logs it once it is answered, and counts it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with an id, and its answer back with the same."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        connection.state.request_id = new_request_id(connection)
        started, status = time.monotonic(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id(connection)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._record(connection, status, time.monotonic() - started)

    def _record(self, connection: HTTPConnection, status: int, seconds: float) -> None:
        scope = connection.scope
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(route, scope["method"], str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        log.info(
            "request",
            request_id=request_id(connection),
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000),
            key=key_name(connection),
        )


def configure_logging(level_name: str) -> None:
    """JSON lines on stderr, the libraries' warnings among them."""
    level = logging.getLevelNamesMapping()[level_name.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(level, logging.WARNING), format='{"level":"%(levelname)s","event":"%(message)s"}')
