"""What the figures of a soak say: how much a server grew, and what is not as it must be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import slope, warm
from soaking import FILE

MAX_MB_PER_10_000 = 1.0
FEW, FEW_MAX_MB = 10_000, 60.0
"""After fewer requests than these, modules are still loaded, threads and buffers still made: that much is no leak."""
MAX_MORE = 50
"""So many more descriptors, threads, tasks or files are left behind by all requests at most."""
COUNTED = ("descriptors", "threads", "tasks", "files")
N_OWN = {"fake": 1, "demo": 2}
"""Processes of a server itself, supervisor and worker; those that follow are its decode children."""

Line = dict[str, Any]


@dataclass(frozen=True)
class Growth:
    """How memory rose with the number of requests, after the warm-up."""

    whose: str
    mb: float
    requests: int

    @property
    def mb_per_10_000(self) -> float:
        """In 10^6 bytes."""
        return self.mb / self.requests * 10_000

    @property
    def is_leak(self) -> bool:
        """Whether that is more than may be."""
        return self.mb > (FEW_MAX_MB if self.requests < FEW else MAX_MB_PER_10_000 * self.requests / 10_000)


@dataclass(frozen=True)
class Soak:
    """The lines of a soak, by what they are. `after` is what each server held when all clients had gone."""

    begin: Line
    minutes: dict[str, list[Line]]
    losses: list[Line]
    after: dict[str, Line]

    @property
    def is_complete(self) -> bool:
        """Whether it went on to its end."""
        return len(self.after) == len(self.minutes)

    def after_warm_up(self, server: str) -> list[Line]:
        """The minutes that count."""
        rows = self.minutes[server]
        return rows[warm([requests(row) for row in rows]) :]

    def growths(self) -> list[Growth]:
        """Of the server on the fake engine and of its decode children, as far as they can be told."""
        rows = self.after_warm_up("fake")
        found = {
            "the server on the fake engine": [own_mb("fake", row) for row in rows],
            "each of its decode children": [child_mb("fake", row) for row in rows],
        }
        growths = (_growth(whose, rows, mb) for whose, mb in found.items())
        return [growth for growth in growths if growth is not None]

    def demo_mb_per_hour(self) -> float | None:
        """How the server with models grew, without its decode children."""
        rows = self.after_warm_up("demo")
        grown = slope([row["minute"] for row in rows], [own_mb("demo", row) for row in rows])
        return None if grown is None else grown * 60

    def shortfalls(self) -> list[str]:
        """What is not as it must be."""
        found = [f"{len(self.losses)} lost"] * bool(self.losses)
        found += [
            f"{growth.whose} grew by {growth.mb_per_10_000:.2f} MB per 10,000 requests"
            for growth in self.growths()
            if growth.is_leak
        ]
        return found + self._left_behind() + self._not_done()

    def _left_behind(self) -> list[str]:
        before = {server: self.after_warm_up(server)[0]["taken"] for server in self.after if self.minutes[server]}
        return [
            f"{server}: {what} rose from {taken[what]:.0f} to {self.after[server][what]:.0f}"
            for server, taken in before.items()
            for what in COUNTED
            if (self.after[server][what] or 0) - (taken[what] or 0) > MAX_MORE
        ]

    def _not_done(self) -> list[str]:
        if not self.is_complete:
            return []
        planned = {kind: int(self.begin["plan"][f"fake_{kind}"]) for kind in ("sessions", "uploads")}
        told = self.minutes["fake"][-1]["told"] if self.minutes["fake"] else {}
        done = {kind: told[kind]["done"] if told else 0 for kind in planned}
        return [f"{done[kind]} of {n} {kind} were answered" for kind, n in planned.items() if done[kind] != n]


def read(folder: Path) -> Soak:
    """A soak from its file, which may still be written to: the last line may be half there.

    Raises:
        OSError: there is none.
    """
    text = (folder / FILE).read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    minutes = {name: [line for line in lines if line.get("server") == name and "told" in line] for name in N_OWN}
    after = {line["server"]: line["after"] for line in lines if "after" in line}
    return Soak(lines[0], minutes, [line for line in lines if "loss" in line], after)


def requests(row: Line) -> int:
    """How many had been answered at the end of a minute."""
    return sum(tally["done"] for kind, tally in row["told"].items() if kind != "at")


def own_mb(server: str, row: Line) -> float:
    """RSS of a server without its decode children, in 10^6 bytes."""
    return sum(row["taken"]["rss_of_each_mb"][: N_OWN[server]])


def child_mb(server: str, row: Line) -> float:
    """Mean RSS of its decode children, in 10^6 bytes; 0 where there are none."""
    children = row["taken"]["rss_of_each_mb"][N_OWN[server] :]
    return sum(children) / len(children) if children else 0.0


def _growth(whose: str, rows: Sequence[Line], mb: Sequence[float]) -> Growth | None:
    n = [requests(row) for row in rows]
    grown = slope(n, mb)
    return None if grown is None else Growth(whose, grown * (n[-1] - n[0]), n[-1] - n[0])
