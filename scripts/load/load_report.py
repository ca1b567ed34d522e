"""The verdict on a load, from Locust's counts."""

from argparse import Namespace
from collections.abc import Sequence

from locust.stats import RequestStats, StatsEntry

import latency_targets
from latency_targets import Measured, Targets, Verdict
from load_options import stages_of, targets_of
from timetable import Stage


def report(stats: RequestStats, options: Namespace, whole_requests: Sequence[str]) -> tuple[str, bool]:
    """Return a table for each stage, and whether all targets are met.

    Args:
        stats: of the whole load.
        options: of the command line.
        whole_requests: measures that a request has when it is complete. Others are parts of them.
    """
    targets = targets_of(options)
    tables, met = [], []
    for stage in stages_of(options):
        if stage.rate is not None:
            verdicts = judge_stage(stats, stage, targets, whole_requests)
            tables.append(latency_targets.table(f"{stage.name} for {stage.seconds:g} s", verdicts))
            met.append(all(verdict.is_met for verdict in verdicts))
    lost = sum(entry.num_failures for entry in stats.entries.values())
    answered = sum(answers(entry) for entry in stats.entries.values() if entry.name in whole_requests)
    losses = latency_targets.judge_losses(lost, answered, targets)
    tables.append(latency_targets.table("whole load", [losses]))
    return "\n\n".join(tables), all(met) and losses.is_met


def judge_stage(stats: RequestStats, stage: Stage, targets: Targets, whole_requests: Sequence[str]) -> list[Verdict]:
    """Compare the rate and the waits of all kinds in a stage with their targets."""
    assert stage.rate is not None
    here = (entry for entry in stats.entries.values() if entry.method == stage.name)
    entries = sorted(here, key=lambda entry: entry.name.casefold())
    kinds = [measured(entry) for entry in entries]
    whole = (kind for kind in kinds if kind.name in whole_requests)
    waits = [verdict for kind in kinds for verdict in latency_targets.judge_waits(kind, targets)]
    return [latency_targets.judge_rate(whole, stage.seconds, stage.rate, targets), *waits]


def measured(entry: StatsEntry) -> Measured:
    """Return what Locust has counted of one kind in one stage."""
    return Measured(entry.name, dict(entry.response_times), entry.total_response_time)


def answers(entry: StatsEntry) -> int:
    """Return how many right answers there were. Lost requests have no time."""
    return entry.num_requests - entry.num_none_requests
