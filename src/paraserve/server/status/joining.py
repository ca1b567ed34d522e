"""Figures of several worker processes as those of one server."""

from collections.abc import Iterable, Sequence

from paraserve.server.protocols.json_encoding import Json
from paraserve.server.telemetry.history import MAX_POINTS

LOADS = ("live_sessions", "uploads", "queued", "memory_bytes")


def joined_queues(parts: Iterable[Sequence[Json]]) -> list[Json]:
    """Add up what waits in each lane. The oldest of all counts."""
    joined: dict[str, Json] = {}
    for queue in _each(parts):
        found = joined.setdefault(queue["lane"], queue | {"waiting": 0})
        found["waiting"] += queue["waiting"]
        found["oldest_ms"] = max(found["oldest_ms"], queue["oldest_ms"])
    return list(joined.values())


def joined_batches(parts: Iterable[Sequence[Json]]) -> list[Json]:
    """Add up the runs of each stage, and give the mean of their sizes."""
    joined: dict[str, Json] = {}
    for batch in _each(parts):
        found = joined.setdefault(batch["stage"], {"stage": batch["stage"], "runs": 0, "items": 0, "largest": 0})
        found["runs"] += batch["runs"]
        found["items"] += batch["items"]
        found["largest"] = max(found["largest"], batch["largest"])
    return [
        {"stage": one["stage"], "runs": one["runs"], "mean": round(one["items"] / one["runs"], 2)}
        | {"largest": one["largest"]}
        for one in joined.values()
    ]


def joined_history(parts: Iterable[Sequence[Json]]) -> list[Json]:
    """Add up the points of each time. Of percentiles, which cannot be added, the worst worker's counts."""
    joined: dict[int, Json] = {}
    for point in _each(parts):
        found = joined.setdefault(point["at_s"], {"at_s": point["at_s"], "latencies": {}, **dict.fromkeys(LOADS, 0)})
        for name in LOADS:
            found[name] += point[name]
        for kind, latency in point["latencies"].items():
            so_far = found["latencies"].setdefault(kind, {"count": 0, "p50_ms": 0, "p95_ms": 0})
            so_far["count"] += latency["count"]
            so_far["p50_ms"] = max(so_far["p50_ms"], latency["p50_ms"])
            so_far["p95_ms"] = max(so_far["p95_ms"], latency["p95_ms"])
    return [joined[at_s] for at_s in sorted(joined)][-MAX_POINTS:]


def joined_models(parts: Sequence[Sequence[Json]]) -> list[Json]:
    """Give each model once, with the number of workers that have it loaded, and the users of all."""
    joined: dict[str, Json] = {}
    for model in _each(parts):
        found = joined.setdefault(model["name"], model | {"users": 0, "memory_bytes": 0, "loaded_in": 0})
        is_loaded = model["state"] == "loaded"
        found["users"] += model["users"]
        found["memory_bytes"] += model["memory_bytes"]
        found["loaded_in"] += is_loaded
        found["state"] = "loaded" if found["loaded_in"] else model["state"]
    return [{"reason": None} | one for one in joined.values()]


def _each(parts: Iterable[Sequence[Json]]) -> Iterable[Json]:
    return (one for part in parts for one in part)
