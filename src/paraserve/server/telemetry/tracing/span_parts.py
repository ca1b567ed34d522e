"""The parts of a request's span, from its timeline. They know nothing of OpenTelemetry."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from paraserve.runtime.timeline import TimedEvent

Attributes: TypeAlias = Mapping[str, str | int | float | bool | None]
"""Of a span, by their names. Those that are None are left out."""
MAX_ALIKE = 32
"""Parts of one name. Where there are more, as of the frames of a long recording, one part stands for all."""


@dataclass(frozen=True, slots=True)
class SpanPart:
    """A span below that of the request. Times are `time.monotonic()`."""

    name: str
    start_s: float
    end_s: float
    attributes: Attributes


def span_parts(events: Sequence[TimedEvent]) -> list[SpanPart]:
    """Return the parts that the events of a timeline are told as, in the order of their starts.

    An upload has its stages, which follow each other, and beside them the model runs with their waits. A live session
    has one part for all audio that came, the model runs, and what was sent.
    """
    by_name: dict[str, list[SpanPart]] = defaultdict(list)
    for event in events:
        for part in _parts(event):
            by_name[part.name].append(part)
    if any(event.kind == "stage" for event in events):
        by_name["receive"] = [part for part in by_name["receive"] if "paraserve.bytes" not in part.attributes]
    parts = [part for name, alike in by_name.items() for part in _few(name, alike)]
    return sorted(parts, key=lambda part: part.start_s)


def _parts(event: TimedEvent) -> Iterator[SpanPart]:
    run_s = event.start_s + event.waited_us / 1e6
    end_s = run_s + event.lasted_us / 1e6
    if event.kind == "receive":
        yield SpanPart("receive", event.start_s, end_s, {"paraserve.bytes": event.amount})
    elif event.kind == "run":
        yield SpanPart(f"queue {event.name}", event.start_s, run_s, {})
        yield SpanPart(f"run {event.name}", run_s, end_s, {"paraserve.batch_size": event.items})
    elif event.kind == "send":
        yield SpanPart(f"send {event.name}", event.start_s, end_s, {"paraserve.delay_ms": event.amount or None})
    else:
        yield SpanPart(event.name, event.start_s, end_s, {})


def _few(name: str, parts: Sequence[SpanPart]) -> Sequence[SpanPart]:
    """Return parts of one name, or one in their place: frames that came, and any that are too many."""
    is_audio = any("paraserve.bytes" in part.attributes for part in parts)
    if len(parts) <= (1 if is_audio else MAX_ALIKE):
        return parts
    together: dict[str, int] = {
        "paraserve.count": len(parts),
        "paraserve.total_ms": round(1000 * sum(part.end_s - part.start_s for part in parts)),
    }
    if is_audio:
        together["paraserve.bytes"] = sum(int(part.attributes["paraserve.bytes"] or 0) for part in parts)
    start_s, end_s = min(part.start_s for part in parts), max(part.end_s for part in parts)
    return [SpanPart(name, start_s, end_s, together)]
