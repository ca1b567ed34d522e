"""The picture of docs/scale.md: what autoscaling costs and gives, and what routing refuses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fleet_growth import Grown, Target


def draw(
    path: Path,
    targets: Sequence[Target],
    grown: Sequence[Grown],
    much_talk: Sequence[Grown],
    tables: dict[str, list[list[Any]]],
) -> None:
    """Draw newcomers that are refused, and how late partial texts are, against cost; and routing beside them."""
    import matplotlib as mpl  # noqa: PLC0415 - scripts/bench/requirements.txt, only for this

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (refused, late, routing) = plt.subplots(1, 3, figsize=(13, 4.2))
    for metric in ("sessions", "CPU"):
        chosen = [n for n, target in enumerate(targets) if target.metric == metric]
        costs = [grown[n].cost for n in chosen]
        for column, limit in ((2, "1"), (3, "1.8")):
            shares = [_number(tables["growth"][n][column].split(",")[0]) for n in chosen]
            refused.plot(costs, shares, marker="o", label=f"by {metric}, limit {limit} x rating")
        late.plot(costs, [grown[n].partial_ms for n in chosen], marker="o", label=f"by {metric}, people talk 60 %")
        costs = [much_talk[n].cost for n in chosen]
        late.plot(costs, [much_talk[n].partial_ms for n in chosen], marker="s", label=f"by {metric}, 95 %")
    refused.set(xlabel="replicas, in those that are full", ylabel="newcomers refused, %", title="Doubling in 60 s")
    late.set(xlabel="replicas, in those that are full", ylabel="partial texts, p95, ms", title="The same, limit 1.8")
    names = [row[0] for row in tables["routing"]]
    for n, label in enumerate(("replicas alike", "two kinds", "two kinds, 8 balancers")):
        shares = [_number(row[n + 2]) for row in tables["routing"]]
        routing.barh([i + (1 - n) * 0.27 for i in range(len(names))], shares, 0.27, label=label)
    routing.set_yticks(range(len(names)), names)
    routing.invert_yaxis()
    routing.set(xlabel="newcomers refused, %", title="Routing, sessions at 0.8 of the rating")
    for axes in (refused, late, routing):
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def _number(percent: str) -> float:
    return float(percent.strip().rstrip("%"))
