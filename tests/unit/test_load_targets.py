"""The verdict on a load: `scripts/load/latency_targets.py`."""

import pytest

from latency_targets import Measured, Targets, judge_losses, judge_rate, judge_waits, table

TARGETS = Targets()


def measured(*times_ms, name="uploads"):
    counts = {}
    for time_ms in times_ms:
        counts[time_ms] = counts.get(time_ms, 0) + 1
    return Measured(name, counts, sum(times_ms))


def missed(verdicts):
    return [verdict.name for verdict in verdicts if not verdict.is_met]


def test_percentiles():
    """A percentile is the smallest wait that this share of all does not exceed."""
    waits = measured(*range(1, 101))
    assert [waits.percentile_ms(share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert measured(7).percentile_ms(0.5) == 7
    assert measured().percentile_ms(0.5) is None


@pytest.mark.parametrize(
    ("times_ms", "names"),
    [
        ([499] * 100, []),
        ([500] * 100, ["uploads, mean"]),
        ([100] * 94 + [1000] * 6, ["uploads, p95"]),
        ([100] * 98 + [2000] * 2, ["uploads, p99"]),
        ([100] * 95 + [999] * 3 + [1999] * 2, []),
        ([3000], ["uploads, mean", "uploads, p95", "uploads, p99"]),
        ([], ["uploads, mean", "uploads, p95", "uploads, p99"]),
    ],
)
def test_limits(times_ms, names):
    """A wait that reaches its limit misses it, and so does a kind without any answer."""
    assert missed(judge_waits(measured(*times_ms), TARGETS)) == names


@pytest.mark.parametrize(
    ("in_time", "late", "is_met"), [(500, 0, True), (495, 5, True), (494, 6, False), (0, 500, False)]
)
def test_rate(in_time, late, is_met):
    """Answers that come later than the limit of p99 are not part of the rate. One in a hundred may be late."""
    kinds = [measured(*[100] * in_time), measured(*[2000] * late, name="jobs, text")]
    verdict = judge_rate(kinds, seconds=10, rate=50, targets=TARGETS)
    assert verdict.is_met is is_met
    assert verdict.measured == f"{in_time / 10:.1f} a second"


def test_losses():
    """No request may be lost unless a share is allowed, and a load without requests has no good verdict."""
    assert judge_losses(0, 100, TARGETS).is_met
    assert not judge_losses(1, 99_999, TARGETS).is_met
    allowed = Targets(lost_share=0.01)
    assert judge_losses(1, 99, allowed).is_met
    assert not judge_losses(2, 98, allowed).is_met
    assert not judge_losses(0, 0, TARGETS).is_met


def test_table():
    """Each target has a line, and what is missed is easily seen."""
    verdicts = [*judge_waits(measured(700, 700), TARGETS), judge_losses(2, 2, TARGETS)]
    assert table("50/s for 300 s", verdicts).splitlines() == [
        "50/s for 300 s",
        "               target     measured  verdict",
        "uploads, mean  < 500 ms   700 ms    MISSED",
        "uploads, p95   < 1000 ms  700 ms    met",
        "uploads, p99   < 2000 ms  700 ms    met",
        "lost           <= 0.00%   2 of 4    MISSED",
    ]
