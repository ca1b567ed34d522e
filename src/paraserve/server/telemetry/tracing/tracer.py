"""Spans for OpenTelemetry. The only module that imports it, and imported by nobody unless `otel` is set.

Spans are made in one go of times that are known already, then exported on a thread of the SDK with a bounded queue.
Everything but that is chosen by the environment variables of the SDK: endpoint, headers, sampler, service name.
"""

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Literal

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as OtelTracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from paraserve import __version__
from paraserve.server.telemetry.tracing.span_parts import Attributes, SpanPart

KINDS = {"request": SpanKind.SERVER, "job": SpanKind.CONSUMER}
PARENT_HEADERS = ("traceparent", "tracestate")

_propagator = TraceContextTextMapPropagator()


class Tracer:
    """Begins traces, or goes on with those that clients have begun.

    Raises:
        ValueError: an environment variable of the SDK cannot be used.
    """

    def __init__(self) -> None:
        instance = str(uuid.uuid4())
        ours = {"service.name": "paraserve", "service.version": __version__, "service.instance.id": instance}
        resource = Resource(ours).merge(OTELResourceDetector().detect())
        exporter = OTLPSpanExporter()
        # At exit it would wait for a collector that does not answer.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("paraserve", __version__)

    def begin(
        self, name: str, kind: Literal["request", "job"], headers: Mapping[str, str], started_s: float
    ) -> "Trace":
        """Begin the span of a request that arrived at `started_s` (`time.monotonic()`).

        `headers` may have the `traceparent` and `tracestate` of the span that it belongs to.
        """
        given = {name: headers[name] for name in PARENT_HEADERS if name in headers}
        parent = _propagator.extract(given, context=Context())
        epoch_ns = time.time_ns() - time.monotonic_ns()
        span = self._tracer.start_span(name, parent, KINDS[kind], start_time=epoch_ns + _ns(started_s))
        return Trace(self._tracer, span, epoch_ns, started_s)

    def close(self, timeout_s: float) -> None:
        """Export what is left, within a time. Blocks for as long."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(timeout_s)


class Trace:
    """The span of one request, and those below it. `traceparent` names it to others, such as a job's later run."""

    def __init__(self, tracer: OtelTracer, span: Span, epoch_ns: int, started_s: float) -> None:
        self._tracer = tracer
        self._span = span
        self._epoch_ns = epoch_ns
        self._started_s = started_s
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, context=set_span_in_context(span, Context()))
        self.traceparent = carrier["traceparent"]

    def add(self, name: str, start_s: float, parts: Sequence[SpanPart], attributes: Attributes) -> None:
        """Add a span from `start_s` until now with parts of its own: a stretch of a request that lasts long."""
        if self._span.is_recording():
            end_s = time.monotonic()
            span = self._child(self._span, SpanPart(name, max(start_s, self._started_s), end_s, attributes))
            self._add_parts(span, parts, start_s, end_s)
            span.end(self._at(end_s))

    def end(self, name: str, parts: Sequence[SpanPart], attributes: Attributes, *, is_failure: bool) -> None:
        """End the span now. `is_failure`: whatever went wrong is the server's fault, not the client's."""
        if not self._span.is_recording():
            return
        end_s = time.monotonic()
        self._add_parts(self._span, parts, self._started_s, end_s)
        self._span.update_name(name)
        self._span.set_attributes(_present(attributes))
        if is_failure:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end(self._at(end_s))

    def _add_parts(self, parent: Span, parts: Sequence[SpanPart], start_s: float, end_s: float) -> None:
        for part in parts:
            # Times are rounded, and what was sent last ends a moment before the request does.
            begins_s = min(max(part.start_s, start_s), end_s)
            inside = SpanPart(part.name, begins_s, max(begins_s, min(part.end_s, end_s)), part.attributes)
            self._child(parent, inside).end(self._at(inside.end_s))

    def _child(self, parent: Span, part: SpanPart) -> Span:
        return self._tracer.start_span(
            part.name,
            set_span_in_context(parent, Context()),
            attributes=_present(part.attributes),
            start_time=self._at(part.start_s),
        )

    def _at(self, at_s: float) -> int:
        return self._epoch_ns + _ns(at_s)


def _present(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
