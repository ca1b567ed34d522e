"""When requests of a load are due: `scripts/load/timetable.py`."""

import itertools
from collections import Counter

import pytest

import timetable
from timetable import Stage


def due(stages, users, interval_s):
    """All requests of so many users, in order of time."""
    phases = [timetable.phase(number, 0.3) for number in range(users)]
    each = [timetable.starts(stages, interval_s, phase) for phase in phases]
    return sorted(itertools.chain.from_iterable(each), key=lambda start: start.at_s)


def test_full_rate():
    """At full load a user's requests are an interval apart, from its phase on, until the load ends."""
    at_s = [start.at_s for start in timetable.starts(timetable.linear(1, 0, 10), 2.0, 0.25)]
    assert at_s == pytest.approx([0.5, 2.5, 4.5, 6.5, 8.5])


def test_linear_ramp():
    """A ramp has half of the requests, later ones closer together, and they have its name."""
    starts = due(timetable.linear(50, 20, 30), 50, 1.0)
    assert Counter(start.stage.name for start in starts) == {"ramp": 500, "50/s": 1500}
    ramp = [start.at_s for start in starts if start.stage.name == "ramp"]
    by_quarter = Counter(int(at_s // 5) for at_s in ramp)
    assert [by_quarter[quarter] for quarter in range(4)] == pytest.approx([31, 94, 156, 219], abs=2)
    assert max(ramp) < 20 <= min(start.at_s for start in starts if start.stage.name != "ramp")


def test_steps():
    """Each step has its rate, and the ramps between them take the time that is given for all."""
    stages = timetable.steps(50, 5, 10, 30)
    starts = due(stages, 50, 1.0)
    counts = Counter(start.stage.name for start in starts)
    assert [counts[f"{rate}/s"] / 30 for rate in (10, 20, 30, 40, 50)] == pytest.approx(
        [10, 20, 30, 40, 50], rel=0.01
    )
    assert timetable.length_s(stages) == pytest.approx(5 * 30 + 10)
    assert [stage.seconds for stage in stages if stage.rate is None] == [2.0] * 5


def test_no_ramp():
    """Without a ramp a load has its full rate at once."""
    assert timetable.linear(50, 0, 30) == [Stage(30, 1.0, 1.0, 50)]
    assert [stage.rate for stage in timetable.steps(50, 2, 0, 30)] == [25, 50]


@pytest.mark.parametrize("users", [3, 10, 36])
def test_requests_are_spread(users):
    """However many users there are, no second has far more requests than another."""
    by_tenth = Counter(int(start.at_s * 10) for start in due(timetable.linear(users, 0, 1), users, 1.0))
    assert sum(by_tenth.values()) == users
    assert max(by_tenth.values()) <= users / 10 + 2
