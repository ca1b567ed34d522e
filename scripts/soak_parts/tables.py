"""The figures of a soak as text."""

from collections.abc import Sequence

from figures import percentile
from machine import in_words
from report import table
from soaking import FILE
from verdict import COUNTED, FEW, MAX_MB_PER_10_000, Line, Soak, child_mb, own_mb

LIMIT = f"{MAX_MB_PER_10_000:g} MB per 10,000 requests"
MAX_SHOWN = 20
"""Losses in the text; a server that died may have lost thousands."""
KINDS = ("sessions", "uploads", "jobs")


def in_text(soak: Soak) -> str:
    """Machine, tables, losses, growth and verdict, as Markdown."""
    losses = [f"- minute {loss['minute']}, {loss['server']}: {loss['loss']}" for loss in soak.losses[:MAX_SHOWN]]
    losses += [f"- and {len(soak.losses) - MAX_SHOWN} more in {FILE}"] if len(soak.losses) > MAX_SHOWN else []
    parts = [in_words(soak.begin["begin"]), _requests(soak), _taken(soak), "\n".join(losses), _growth(soak)]
    return "\n\n".join([*filter(None, parts), _verdict(soak)])


def _requests(soak: Soak) -> str:
    header = (
        "server",
        "requests",
        "answered",
        "lost",
        "p50 ms",
        "p99 ms, median of the minutes",
        "p99 ms, worst minute",
    )
    rows: list[Sequence[object]] = []
    for server, minutes in soak.minutes.items():
        for kind in KINDS:
            tallies = [row["told"][kind] for row in minutes if kind in row["told"]]
            if tallies:
                p50 = [tally["p50_ms"] for tally in tallies if tally["p50_ms"] is not None]
                p99 = [tally["p99_ms"] for tally in tallies if tally["p99_ms"] is not None]
                waits = percentile(p50, 50), percentile(p99, 50), max(p99, default=None)
                rows.append((server, kind, tallies[-1]["done"], tallies[-1]["lost"], *waits))
    return table(header, rows)


def _taken(soak: Soak) -> str:
    rows: list[Sequence[object]] = []
    for server in soak.minutes:
        counting = soak.after_warm_up(server)
        if not counting:
            continue
        last = soak.after.get(server, counting[-1]["taken"])
        ends: tuple[Line, ...] = (counting[0], {"taken": last})
        rows.append((server, "RSS, MB", *(own_mb(server, row) for row in ends)))
        rows.append((server, "RSS of a decode child, MB", *(child_mb(server, row) for row in ends)))
        rows += [(server, what, *(row["taken"][what] for row in ends)) for what in COUNTED]
    return table(("server", "what it held", "after the warm-up", "at the end" if soak.is_complete else "now"), rows)


def _growth(soak: Soak) -> str:
    words = [f"{one.whose} {one.mb_per_10_000:+.2f} MB per 10,000 requests" for one in soak.growths()]
    demo = soak.demo_mb_per_hour()
    words += [] if demo is None else [f"the server with models {demo:+.1f} MB an hour"]
    return f"RSS after the warm-up, by least squares: {', '.join(words)}." if words else ""


def _verdict(soak: Soak) -> str:
    found = "; ".join(soak.shortfalls())
    is_short = any(growth.requests < FEW for growth in soak.growths()) or not soak.growths()
    memory = f"memory is judged from {FEW:,} requests on" if is_short else f"no memory grew by more than {LIMIT}"
    good = f"nothing was lost, and {memory}"
    return f"{'Verdict' if soak.is_complete else 'Not at its end. So far'}: {found or good}."
