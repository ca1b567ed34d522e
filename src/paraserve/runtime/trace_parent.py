"""The trace that a task works for, by the header `traceparent` of W3C Trace Context."""

from contextvars import ContextVar

TRACEPARENT: ContextVar[str] = ContextVar("traceparent", default="")
"""Names the trace and the span of the request that a task works for. "" where nobody traces."""


def trace_id_of(traceparent: str) -> str:
    """Return the id of the trace: 32 hexadecimal digits."""
    return traceparent.split("-")[1]
