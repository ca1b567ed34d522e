"""A collector of OpenTelemetry over HTTP: keeps the spans that it is sent, or does not answer."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SETTLE_S = 30


@dataclass(frozen=True)
class ReceivedSpan:
    """One span. Times are ns since 1970, ids hexadecimal digits. `resource` has the facts about the program."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    is_error: bool
    attributes: dict[str, object]
    resource: dict[str, object]

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9


@dataclass
class Collector:
    """What has come so far. `url` is its address, `raw` the bytes of all bodies."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    raw: bytes = b""

    def trace(self, trace_id: str, name: str) -> tuple[ReceivedSpan, list[ReceivedSpan]]:
        """The span with this name in a trace, once it is there, and all spans below it."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            for span in list(self.spans):
                if (span.trace_id, span.name) == (trace_id, name):
                    return span, self.below(span)
            time.sleep(0.02)
        raise AssertionError(f"no span {name!r} in {[(one.trace_id, one.name) for one in self.spans]}")

    def below(self, span: ReceivedSpan) -> list[ReceivedSpan]:
        """The children of a span, by their starts."""
        return sorted((one for one in self.spans if one.parent_id == span.span_id), key=lambda one: one.start_ns)


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """A collector until the end of the block."""
    received = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_ours = (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
            if is_ours:
                received.raw += body
                received.spans += _spans(ExportTraceServiceRequest.FromString(body))
            self.send_response(200 if is_ours else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for group in request.resource_spans:
        resource = _values(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                times = (span.start_time_unix_nano, span.end_time_unix_nano)
                is_error = span.status.code == span.status.STATUS_CODE_ERROR
                yield ReceivedSpan(span.name, *ids, *times, is_error, _values(span.attributes), resource)


def _values(attributes) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
