"""The report file: the machine, the versions and all verdicts, as Markdown or JSON."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from paraserve.errors import ParaserveError
from paraserve.selftest.machine import machine
from paraserve.selftest.verdicts import State, Verdict


def totals(verdicts: Sequence[Verdict]) -> str:
    """Return the last line of a self-test: how many checks were ok, failed, and were not run."""
    counts = {state: sum(verdict.state is state for verdict in verdicts) for state in State}
    took_s = sum(verdict.took_s for verdict in verdicts)
    return (
        f"{counts[State.OK]} ok, {counts[State.FAILED]} failed, {counts[State.NOT_RUN]} not run, "
        f"in {took_s / 60:.1f} minutes"
    )


def write_report(path: Path, tested: str, verdicts: Sequence[Verdict]) -> None:
    """Write a report: Markdown where the name ends in .md, else JSON.

    Args:
        path: of the file.
        tested: the bundle or the address of the server.
        verdicts: of all checks.

    Raises:
        ParaserveError: it cannot be written.
    """
    run: dict[str, object] = {"tested": tested, "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
    if path.suffix == ".md":
        content = _markdown({**run, **machine()}, verdicts)
    else:
        shown = [verdict.plain() for verdict in verdicts]
        told = {**run, "machine": machine(), "total": totals(verdicts), "verdicts": shown}
        content = json.dumps(told, ensure_ascii=False, indent=2)
    try:
        path.write_text(content + "\n", "utf-8")
    except OSError as error:
        raise ParaserveError(f"the report {path} cannot be written: {error.strerror}") from None


def _markdown(facts: dict[str, object], verdicts: Sequence[Verdict]) -> str:
    rows = [
        f"| {one.state.value} | {one.name} | {one.took_s:.1f} | {one.detail.replace('|', '/')} |" for one in verdicts
    ]
    head = [f"- {name}: {value}" for name, value in facts.items()]
    table = ["| verdict | check | seconds | seen |", "|---|---|--:|---|", *rows]
    return "\n".join(["# paraserve selftest", "", *head, "", totals(verdicts), "", *table])
