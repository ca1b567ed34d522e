"""The ladder of live load: when a rung is taken and left, and when newcomers are refused."""

import pytest

from paraserve.runtime.scheduling.batches import BatchStats, Lane
from paraserve.runtime.scheduling.live_load import FULL_S, LADDER, WINDOW_S, LiveLoad


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def load(clock) -> LiveLoad:
    return LiveLoad(2, clock)


def levels(load, clock, seconds, *, wait_s=0.0, busy=0.5, lane=Lane.STEP) -> list[int]:
    """The level every half second while steps wait so long and two workers are busy for such a share."""
    found = []
    for _ in range(int(seconds * 2)):
        clock.now_s += 0.5
        load.batch(BatchStats("step", lane, 1, 1, 1, (wait_s,), busy, is_failed=False))
        found.append(load.level)
    return found


def test_nothing_is_given_up_while_calls_are_served_in_time(load, clock):
    """However busy the workers are."""
    assert set(levels(load, clock, 20, wait_s=0.3, busy=1.0)) == {0}
    assert not load.is_full
    assert load.rung.step_ms == 0


@pytest.mark.parametrize("lane", [Lane.STEP, Lane.FINAL])
def test_rungs_are_climbed_one_after_the_other(load, clock, lane):
    """While calls wait too long; each rung gets the time to show its effect, and the last one stays."""
    found = levels(load, clock, 40, wait_s=2.0, lane=lane)
    assert found == sorted(found)
    assert set(found) == set(range(1, 4))
    for level in range(1, 3):
        assert found.count(level) / 2 == pytest.approx(LADDER[level].hold_s, abs=0.5)


def test_files_do_not_count(load, clock):
    """Uploads wait for people who speak, however long."""
    assert set(levels(load, clock, 10, wait_s=60.0, lane=Lane.BULK)) == {0}
    assert load.busy_share == 0.0


def test_a_rung_stays_while_the_one_below_has_no_room(load, clock):
    """Waits are short because of the rung: without idle workers the one below would bring them back."""
    levels(load, clock, 3, wait_s=1.0)
    level = levels(load, clock, WINDOW_S, wait_s=0.1, busy=0.9)[-1]
    assert level > 0
    assert set(levels(load, clock, 30, wait_s=0.1, busy=0.9)) == {level}


def test_rungs_are_left_when_there_is_room(load, clock):
    """Within ten seconds all is given again where half of the speakers have gone."""
    levels(load, clock, 30, wait_s=2.0, busy=0.9)
    found = levels(load, clock, 10, wait_s=0.05, busy=0.15)
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0


def test_newcomers_are_refused_where_they_would_make_others_late(load, clock):
    """On the last rung, where everybody still has some partial texts, until there has been room for a while."""
    for _ in range(100):
        levels(load, clock, 0.5, wait_s=2.0)
        if load.level == len(LADDER) - 1:
            break
        assert not load.is_full
    levels(load, clock, 0.5, wait_s=2.0)
    assert load.is_full
    levels(load, clock, 3 + FULL_S, wait_s=0.1, busy=0.72)
    assert load.level == len(LADDER) - 1
    levels(load, clock, 1, wait_s=0.1, busy=0.72)
    assert not load.is_full


def test_an_idle_server_begins_anew(load, clock):
    """Nothing of an hour ago counts."""
    levels(load, clock, 30, wait_s=2.0)
    clock.now_s += 3600
    for _ in LADDER:
        clock.now_s += 0.5
        level = load.level
    assert level == 0
    assert not load.is_full


def test_newcomers_after_a_pause_are_let_in_at_once(load, clock):
    """A server that was full and on which nobody has spoken since has room for many at once."""
    levels(load, clock, 60, wait_s=1.0, busy=1.0)
    assert load.is_full
    clock.now_s += WINDOW_S + 0.5
    assert [load.is_full for _ in range(3)] == [False] * 3
    assert load.level == 0


def test_where_many_have_gone_there_is_room(load, clock):
    """Newcomers count with those who are still inside, not with the delays of those who have left."""
    for _ in range(20):
        load.enter()
    levels(load, clock, 60, wait_s=1.0, busy=1.0)
    assert load.is_full
    for _ in range(5):
        load.leave()
    assert not load.is_full
    let_in = 0
    while not load.is_full:
        load.enter()
        let_in += 1
    assert let_in == 3
