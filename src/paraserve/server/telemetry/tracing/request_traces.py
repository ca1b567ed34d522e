"""The trace of one HTTP request. Reads only ask for what is there, so they have none."""

from typing import TYPE_CHECKING, Protocol

from starlette.requests import HTTPConnection

from paraserve.runtime.timeline import Timeline
from paraserve.runtime.trace_parent import TRACEPARENT
from paraserve.server.telemetry.tracing.span_parts import Attributes, span_parts

if TYPE_CHECKING:
    from paraserve.server.telemetry.tracing.tracer import Trace, Tracer

UNTRACED = frozenset(("GET", "HEAD", "OPTIONS"))


class Upload(Protocol):
    """What is known of an upload at its end. `duration_ms` is None where its file does not tell."""

    timeline: Timeline
    model: str | None
    received_bytes: int
    recognized_ms: int
    duration_ms: int | None


def begin_trace(tracer: "Tracer", connection: HTTPConnection, started_s: float) -> "Trace | None":
    """Begin the trace of a request that arrived at `started_s`; None for one that only reads."""
    method = connection.scope["method"]
    if method in UNTRACED:
        return None
    trace = tracer.begin(method, "request", connection.headers, started_s)
    TRACEPARENT.set(trace.traceparent)
    return trace


def end_trace(trace: "Trace", connection: HTTPConnection, route: str, status: int) -> None:
    """End the trace of a request that was answered with this status, with the timeline of an upload."""
    state, method = connection.state, connection.scope["method"]
    upload: Upload | None = getattr(state, "upload_progress", None)
    error = getattr(state, "error_code", None)
    attributes: Attributes = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "error.type": error,
        "paraserve.request_id": state.request_id,
        **(_upload_facts(upload) if upload is not None else {}),
    }
    parts = [] if upload is None else span_parts(upload.timeline.since(0))
    # Errors of a stream of events come after its status.
    is_failure = status >= 500 or (error is not None and status < 400)
    trace.end(f"{method} {route}", parts, attributes, is_failure=is_failure)


def _upload_facts(upload: Upload) -> Attributes:
    return {
        "paraserve.model": upload.model,
        "paraserve.bytes": upload.received_bytes,
        "paraserve.audio_ms": upload.duration_ms or upload.recognized_ms or None,
        "paraserve.is_cut": upload.timeline.n_lost > 0,
    }
