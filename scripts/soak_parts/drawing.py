"""The figures of a soak as a picture: a column for each server, a row for memory, counts and waits."""

from pathlib import Path
from typing import Any

from verdict import COUNTED, Soak, child_mb, own_mb

TITLES = {"fake": "fake engine: sessions and uploads", "demo": "embedded bundle: people in real time"}


def draw(soak: Soak, path: Path) -> None:
    """Write a PNG.

    Raises:
        ModuleNotFoundError: matplotlib is not here (scripts/bench/requirements.txt).
    """
    import matplotlib as mpl  # noqa: PLC0415 - only for this

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(3, len(soak.minutes), figsize=(12, 8), sharex=True, squeeze=False)
    for column, server in enumerate(soak.minutes):
        memory, counts, waits = axes[:, column]
        memory.set_title(TITLES[server])
        _draw_server(soak, server, memory, counts, waits)
        memory.set_ylim(bottom=0)
        counts.set_ylim(bottom=0)
        waits.set_yscale("log")
        waits.set_xlabel("minutes")
    for row, label in zip(axes[:, 0], ("RSS, MB", "number", "ms"), strict=True):
        row.set_ylabel(label)
    for one in axes.flat:
        one.grid(visible=True, alpha=0.3)
    for one in axes[:, -1]:
        one.legend(*one.get_legend_handles_labels(), fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _draw_server(soak: Soak, server: str, memory: Any, counts: Any, waits: Any) -> None:
    rows = soak.minutes[server]
    minutes = [row["minute"] for row in rows]
    memory.plot(minutes, [own_mb(server, row) for row in rows], label="server")
    memory.plot(minutes, [child_mb(server, row) for row in rows], label="a decode child")
    memory.plot(minutes, [row["clients"]["rss_mb"] for row in rows], label="the clients of this soak", linestyle=":")
    for what in COUNTED:
        counts.plot(minutes, [row["taken"][what] for row in rows], label=what)
    for kind in rows[-1]["told"] if rows else ():
        if kind != "at":
            for name, style in (("p50", ":"), ("p99", "-")):
                told = [(row["minute"], row["told"][kind][f"{name}_ms"]) for row in rows]
                there = [(minute, ms) for minute, ms in told if ms is not None]
                waits.plot(*zip(*there, strict=True) if there else ([], []), label=f"{kind} {name}", linestyle=style)
