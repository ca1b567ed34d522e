"""The trace of one live connection: a span of all of it, and one below it for each final text."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import WebSocket

from paraserve.errors import ParaserveError
from paraserve.runtime.timeline import Timeline
from paraserve.runtime.trace_parent import TRACEPARENT
from paraserve.server.live.session_facts import SessionWatch
from paraserve.server.live.sessions.session_task import SessionTask, Written
from paraserve.server.protocols.events import PartialText, RecordingText, SegmentText
from paraserve.server.telemetry.tracing.span_parts import Attributes, span_parts

if TYPE_CHECKING:
    from paraserve.server.telemetry.tracing.tracer import Trace, Tracer


class LiveTrace:
    """Adds to the trace of one connection, whichever session it has."""

    def __init__(self, trace: "Trace") -> None:
        self.trace = trace
        self.error: str | None = None
        self.facts: Attributes = {}
        self._timeline: Timeline | None = None
        self._n_told = 0

    def sent(self, session: SessionTask, written: Written) -> None:
        """Add what has happened up to a final text that has just been sent."""
        event = written.event
        if not isinstance(event, PartialText | SegmentText | RecordingText):
            return
        if isinstance(event, PartialText) and not event.is_last:
            return
        timeline = session.timeline
        if timeline is not self._timeline:  # the session of a client that has returned tells only what is new
            self._n_told = timeline.n_events if self._timeline is not None else 0
            self._timeline = timeline
        events = timeline.since(self._n_told)
        self._n_told = timeline.n_events
        parts = span_parts(events)
        start_s = parts[0].start_s if parts else time.monotonic()
        self.trace.add("live text", start_s, parts, _text_facts(session, written))

    def left(self, session: SessionTask, watch: SessionWatch, code: int) -> None:
        """Note the facts at the end of the connection."""
        facts = watch.facts(session)
        self.facts = {
            "paraserve.protocol": facts.protocol,
            "paraserve.mode": facts.mode,
            "paraserve.model": facts.model,
            "paraserve.audio_ms": facts.audio_ms,
            "paraserve.bytes": session.n_bytes,
            "paraserve.utterances": facts.utterances,
            "paraserve.close_code": code,
        }


@contextmanager
def live_trace(tracer: "Tracer | None", socket: WebSocket, request_id: str) -> Iterator[LiveTrace | None]:
    """Trace a connection until the context is left; None where nobody traces.

    Raises:
        ParaserveError: what was raised in the context, such as the refusal of the client.
    """
    if tracer is None:
        yield None
        return
    trace = LiveTrace(tracer.begin("live session", "request", socket.headers, time.monotonic()))
    TRACEPARENT.set(trace.trace.traceparent)
    try:
        yield trace
    except ParaserveError as error:
        trace.error = error.code
        raise
    finally:
        attributes = {"error.type": trace.error, "paraserve.request_id": request_id, **trace.facts}
        is_failure = trace.facts.get("paraserve.close_code") == 1011
        trace.trace.end("live session", (), attributes, is_failure=is_failure)


def _text_facts(session: SessionTask, written: Written) -> Attributes:
    event = written.event
    audio_ms = None
    if isinstance(event, SegmentText):
        audio_ms = event.end_ms - event.start_ms
    elif isinstance(event, RecordingText):
        audio_ms = event.transcript.duration_ms
    return {
        "paraserve.utterance": session.session.n_utterances,
        "paraserve.audio_ms": audio_ms,
        "paraserve.delay_ms": None if written.took_s is None else round(written.took_s * 1000),
    }
