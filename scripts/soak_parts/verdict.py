"""What the figures of a soak say: a table, a verdict, and where it stands while it goes on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import slope, warm
from machine import in_words
from report import table
from soaking import FILE

MAX_MB_PER_10_000 = 1.0
KINDS = ("sessions", "uploads", "jobs")
Line = dict[str, Any]


@dataclass(frozen=True)
class Soak:
    """The lines of one soak, by what they are."""

    begin: Line
    minutes: dict[str, list[Line]]
    losses: list[Line]
    is_complete: bool

    def growth_mb_per_10_000(self) -> float | None:
        """RSS of the server on the fake engine against its requests, after the warm-up."""
        rows = self.minutes["fake"]
        n = [sum(one["told"][kind]["done"] for kind in ("sessions", "uploads")) for one in rows]
        grown = _slope(n, [one["taken"]["rss_mb"] for one in rows])
        return None if grown is None else grown * 10_000

    def growth_mb_per_hour(self) -> float | None:
        """RSS of the server with models against time, after the warm-up."""
        rows = self.minutes["demo"]
        grown = _slope([one["minute"] for one in rows], [one["taken"]["rss_mb"] for one in rows])
        return None if grown is None else grown * 60

    def n_lost(self) -> int:
        """Requests without their text, and servers or clients that ended."""
        return len(self.losses)

    def shortfalls(self) -> list[str]:
        """What is not as it must be."""
        found = [f"{self.n_lost()} lost"] * bool(self.losses)
        grown = self.growth_mb_per_10_000()
        if grown is not None and grown > MAX_MB_PER_10_000:
            found.append(f"memory grew by {grown:.2f} MB per 10,000 requests, {MAX_MB_PER_10_000:g} MB are allowed")
        return found


def read(folder: Path) -> Soak:
    """A soak from its file; the last line may be half written."""
    text = (folder / FILE).read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    minutes = {
        name: [line for line in lines if line.get("server") == name and "told" in line] for name in ("fake", "demo")
    }
    losses = [line for line in lines if "loss" in line]
    return Soak(lines[0], minutes, losses, is_complete="end" in lines[-1])


def in_text(soak: Soak) -> str:
    """Everything that is printed at the end."""
    parts = [in_words(soak.begin["begin"]), _table(soak)]
    parts += [f"- minute {loss['minute']}, {loss['server']}: {loss['loss']}" for loss in soak.losses]
    parts.append(
        f"Memory of the server on the fake engine: {_signed(soak.growth_mb_per_10_000())} MB per 10,000 requests. "
        f"Of the server with models: {_signed(soak.growth_mb_per_hour())} MB an hour."
    )
    state = "" if soak.is_complete else "It has not ended. So far: "
    return "\n\n".join(
        [*parts, state + (", ".join(soak.shortfalls()) or "Nothing was lost, and memory does not grow.")]
    )


def _table(soak: Soak) -> str:
    rows: list[Sequence[object]] = []
    for name, minutes in soak.minutes.items():
        if not minutes:
            continue
        first, last = minutes[min(len(minutes) - 1, warm([one["minute"] for one in minutes]))], minutes[-1]
        for kind in (kind for kind in KINDS if kind in last["told"]):
            told = [one["told"][kind] for one in minutes if one["told"][kind]["p99_ms"] is not None]
            middle = sorted(one["p99_ms"] for one in told)[len(told) // 2] if told else None
            worst = max((one["p99_ms"] for one in told), default=None)
            rows.append([name, kind, last["told"][kind]["done"], last["told"][kind]["lost"], middle, worst])
        for what in ("rss_mb", "descriptors", "threads", "tasks", "files"):
            rows.append([name, what, first["taken"][what], last["taken"][what], None, None])
    return table(
        ("server", "what", "done, or after the warm-up", "lost, or at the end", "p99 ms", "worst p99 ms"), rows
    )


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    n_warm = warm(xs)
    return slope(xs[n_warm:], ys[n_warm:])


def _signed(value: float | None) -> str:
    return "unknown growth" if value is None else f"{value:+.2f}"
