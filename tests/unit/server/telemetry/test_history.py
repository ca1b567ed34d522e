"""Figures of the last minutes, and those of several processes together."""

from dataclasses import asdict

from paraserve.server.status.joining import joined_batches, joined_history, joined_models, joined_queues
from paraserve.server.telemetry.history import MAX_POINTS, History, Load, joined_sizes, percentiles
from paraserve.server.telemetry.recent_errors import MAX_ERRORS, MAX_OF_A_KIND, RecentErrors


def test_percentiles():
    """Half of all results, and 95 of 100, were as fast or faster."""
    found = percentiles([n / 1000 for n in range(1, 101)])
    assert (found.count, found.p50_ms, found.p95_ms) == (100, 51, 96)
    assert asdict(percentiles([0.25])) == {"count": 1, "p50_ms": 250, "p95_ms": 250}


def test_points():
    """A point has what came since the last one. The oldest go after ten minutes."""
    history = History()
    history.result("final", 0.3)
    for size in (1, 4, 1):
        history.batch("recognize", size)
    history.end_interval(1000, Load(live_sessions=3))
    history.end_interval(1005, Load())
    first, second = history.points
    assert (first.latencies["final"].p50_ms, first.load.live_sessions) == (300, 3)
    assert (second.latencies, second.batches) == ({}, {})
    assert asdict(joined_sizes([first, second])["recognize"]) == {"runs": 3, "items": 6, "largest": 4}
    for n in range(2 * MAX_POINTS):
        history.end_interval(2000 + 5 * n, Load())
    assert len(history.points) == MAX_POINTS


def test_several_processes():
    """Counts are added up. Of percentiles and waits the worst counts, of models each is there once."""
    load = asdict(Load(1, 1, 1, 10))
    slow = {"at_s": 1000, "latencies": {"final": {"count": 1, "p50_ms": 9, "p95_ms": 20}}, **load}
    fast = {"at_s": 1000, "latencies": {"final": {"count": 2, "p50_ms": 5, "p95_ms": 30}}, **load}
    (point,) = joined_history([[slow], [fast]])
    assert point["latencies"] == {"final": {"count": 3, "p50_ms": 9, "p95_ms": 30}}
    assert (point["live_sessions"], point["memory_bytes"]) == (2, 20)
    queues = joined_queues([[{"lane": "step", "waiting": 2, "oldest_ms": 5}]] * 2)
    assert queues == [{"lane": "step", "waiting": 4, "oldest_ms": 5}]
    batches = joined_batches([[{"stage": "vad", "runs": 1, "items": 4, "largest": 4}]] * 2)
    assert batches == [{"stage": "vad", "runs": 2, "mean": 4.0, "largest": 4}]
    here = {"name": "demo", "state": "loaded", "users": 2, "memory_bytes": 5}
    there = {"name": "demo", "state": "unloaded", "users": 0, "memory_bytes": 0}
    (model,) = joined_models([[there], [here]])
    assert (model["state"], model["users"], model["loaded_in"], model["reason"]) == ("loaded", 2, 1, None)


def test_errors():
    """The newest first, 10 of one code and path at most."""
    recent = RecentErrors()
    recent.note("first", "/a", "bad", "x" * 1000)
    for n in range(2 * MAX_ERRORS):
        recent.note(str(n), "/b", "worse", "")
    assert len(recent.errors) == 1 + MAX_OF_A_KIND
    assert recent.errors[0].request_id == str(2 * MAX_ERRORS - 1)
    assert len(recent.errors[-1].message) == 200
    for n in range(2 * MAX_ERRORS):
        recent.note(str(n), f"/{n}", "bad", "")
    assert len(recent.errors) == MAX_ERRORS
