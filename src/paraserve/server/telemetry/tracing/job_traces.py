"""The traces of attempts at jobs. Each goes on with the trace of the job's submission, whichever server that had."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from paraserve.runtime.jobs.job import Job
from paraserve.runtime.jobs.working.attempt_watch import AttemptEnd
from paraserve.runtime.timeline import MAX_PAGES, TIMELINE, PagePool, Timeline
from paraserve.runtime.trace_parent import TRACEPARENT
from paraserve.server.telemetry.tracing.span_parts import span_parts

if TYPE_CHECKING:
    from paraserve.server.telemetry.tracing.tracer import Tracer

FAILED = frozenset(("failed", "dead", "retry"))


class JobTraces:
    """Traces attempts at jobs, each with a timeline of its own."""

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer

    @contextmanager
    def following(self, job: Job) -> Iterator[AttemptEnd]:
        """Trace an attempt, until the context is left."""
        started_s, claimed_at_s = time.monotonic(), time.time()
        trace = self._tracer.begin("job", "job", {"traceparent": job.request.traceparent}, started_s)
        timeline, end = Timeline(PagePool(MAX_PAGES)), AttemptEnd()
        tokens = TIMELINE.set(timeline), TRACEPARENT.set(trace.traceparent)
        try:
            yield end
        finally:
            TIMELINE.reset(tokens[0])
            TRACEPARENT.reset(tokens[1])
            attributes = {
                "error.type": end.error_code,
                "paraserve.job_id": job.id,
                "paraserve.attempt": job.attempts,
                "paraserve.outcome": end.outcome,
                "paraserve.waited_ms": round(1000 * max(0.0, claimed_at_s - job.created_s)),
                "paraserve.bytes": job.size_bytes,
                "paraserve.audio_ms": end.audio_ms,
                "paraserve.is_cut": timeline.n_lost > 0,
            }
            parts = span_parts(timeline.since(0))
            trace.end("job", parts, attributes, is_failure=end.outcome in FAILED)
