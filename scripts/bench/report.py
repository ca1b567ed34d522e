"""How results are written: JSON for programs, Markdown tables for people, a plot."""

import argparse
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from machine import in_words, machine


def add_output_options(parser: argparse.ArgumentParser, *, has_plot: bool = False) -> None:
    """--json, and --plot where there is something to draw."""
    parser.add_argument("--json", type=_writable, metavar="FILE", help="write all figures there, too")
    if has_plot:
        parser.add_argument(
            "--plot", type=_drawable, metavar="FILE.png", help="draw latency against streams (matplotlib)"
        )


def _writable(path: str) -> Path:
    """Said before the work, not after it."""
    if not Path(path).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(path).parent}")
    return Path(path)


def _drawable(path: str) -> Path:
    if importlib.util.find_spec("matplotlib") is None:
        raise argparse.ArgumentTypeError("pip install -r scripts/bench/requirements.txt for plots")
    return _writable(path)


def percentile(values: Sequence[float], q: float) -> float | None:
    """None of nothing."""
    return round(float(np.percentile(values, q)), 1) if len(values) else None


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; None is a dash."""
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def publish(title: str, results: Mapping[str, object], tables: Sequence[str], path: Path | None) -> None:
    """Print the tables under the machine's description, and write the figures to `path`."""
    facts = machine()
    print(f"## {title}\n\n{in_words(facts)}\n")
    print("\n\n".join(tables), flush=True)
    if path:
        path.write_text(json.dumps({"title": title, "machine": facts, **results}, indent=2) + "\n", "utf-8")


def plot(path: Path, series: Mapping[str, Sequence[tuple[float, float | None]]], budget_ms: float) -> None:
    """Latency against streams, a line for each series, the budget dashed."""
    import matplotlib as mpl  # noqa: PLC0415 - scripts/bench/requirements.txt, only for this

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, points in series.items():
        there = sorted((n, ms) for n, ms in points if ms is not None)
        axes.plot([n for n, _ in there], [ms for _, ms in there], marker="o", label=name)
    axes.axhline(budget_ms, color="grey", linestyle="--")
    axes.set(xlabel="streams", ylabel="p95, ms", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def _cell(value: object) -> object:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return value
