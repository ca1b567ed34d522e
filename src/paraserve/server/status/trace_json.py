"""Timelines as traces: JSON in the Trace Event Format, which Perfetto and chrome://tracing open."""

import os
from collections.abc import Iterable, Iterator, Sequence

from paraserve.runtime.timeline import TimedEvent
from paraserve.server.protocols.json_encoding import Json

RECEIVE_TRACK, STAGE_TRACK, SEND_TRACK = 1, 2, 3
WAIT_TRACKS, RUN_TRACKS = 100, 200
"""First numbers of the tracks of waits and of runs. Those of one track do not overlap."""
LEAST_US = 1
"""Viewers do not show what lasts no time."""


def trace_json(request_id: str, events: Sequence[TimedEvent]) -> Json:
    """Return a trace of these events. Its times are microseconds since the first of them."""
    pid, zero_s = os.getpid(), events[0].start_s if events else 0.0
    spans = [*_simple(events, zero_s), *_waits(events, zero_s), *_runs(events, zero_s)]
    tracks = {span["tid"]: _track_name(span["tid"]) for span in spans}
    names = [_name("process_name", pid, 0, f"paraserve {request_id}")]
    names += [_name("thread_name", pid, tid, name) for tid, name in sorted(tracks.items())]
    return {
        "traceEvents": [*names, *({"pid": pid, **span} for span in spans)],
        "displayTimeUnit": "ms",
        "otherData": {"request_id": request_id},
    }


def _simple(events: Iterable[TimedEvent], zero_s: float) -> Iterator[Json]:
    """Give what comes one after the other. Rounded times must not overlap either."""
    free_us: dict[int, int] = {}
    for event in events:
        if event.kind != "run":
            tid, facts = _track_and_facts(event)
            span = _span(tid, event, zero_s, event.lasted_us, facts)
            span["ts"] = max(span["ts"], free_us.get(tid, 0))
            free_us[tid] = span["ts"] + span["dur"]
            yield span


def _track_and_facts(event: TimedEvent) -> tuple[int, Json]:
    if event.kind == "receive":
        return RECEIVE_TRACK, {"bytes": event.amount}
    if event.kind == "stage":
        return STAGE_TRACK, {}
    return SEND_TRACK, {"delay_ms": event.amount} if event.amount else {}


def _waits(events: Iterable[TimedEvent], zero_s: float) -> Iterator[Json]:
    free_us: list[int] = []
    for event in events:
        if event.kind == "run":
            span = _span(0, event, zero_s, event.waited_us, {})
            yield span | {"name": f"wait: {event.name}", "tid": WAIT_TRACKS + _track(free_us, span)}


def _runs(events: Iterable[TimedEvent], zero_s: float) -> Iterator[Json]:
    free_us: list[int] = []
    runs = [event for event in events if event.kind == "run"]
    for event in sorted(runs, key=lambda run: run.start_s + run.waited_us / 1e6):
        span = _span(0, event, zero_s, event.lasted_us, {"batch_size": event.items})
        span["ts"] += event.waited_us
        yield span | {"tid": RUN_TRACKS + _track(free_us, span)}


def _track(free_us: list[int], span: Json) -> int:
    """Return the first track that is free at the start of a span, and take it until its end."""
    track = next((n for n, end_us in enumerate(free_us) if end_us <= span["ts"]), len(free_us))
    free_us[track : track + 1] = [span["ts"] + span["dur"]]
    return track


def _span(tid: int, event: TimedEvent, zero_s: float, lasted_us: int, facts: Json) -> Json:
    start_us = round((event.start_s - zero_s) * 1e6)
    return {
        "name": event.name,
        "cat": event.kind,
        "ph": "X",
        "ts": start_us,
        "dur": max(LEAST_US, lasted_us),
        "tid": tid,
        "args": facts,
    }


def _track_name(tid: int) -> str:
    known = {RECEIVE_TRACK: "receive", STAGE_TRACK: "stages", SEND_TRACK: "send"}
    if tid in known:
        return known[tid]
    return f"run {tid - RUN_TRACKS + 1}" if tid >= RUN_TRACKS else f"queue {tid - WAIT_TRACKS + 1}"


def _name(kind: str, pid: int, tid: int, name: str) -> Json:
    return {"name": kind, "ph": "M", "pid": pid, "tid": tid, "ts": 0, "args": {"name": name}}
