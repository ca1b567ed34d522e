"""Pace of a connection: who speaks, and who sends faster than that."""

import pytest

from paraserve.server.live.pace import AHEAD_S, Pace


class Clock:
    """Seconds that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_speech_is_never_ahead(clock: Clock) -> None:
    """Audio as it is spoken, in frames of any length, with pauses of the network up to the allowance."""
    pace = Pace(clock)
    for frame_s in (0.06, 0.6, AHEAD_S - 0.5, 0.06, 3.0) * 100:
        clock.now_s += frame_s
        pace.add(frame_s)
        assert not pace.is_ahead


def test_a_flood_is_ahead_until_its_time_has_passed(clock: Clock) -> None:
    """Twenty seconds at once are ahead for the time that they would have taken, less the allowance."""
    pace = Pace(clock)
    pace.add(20.0)
    assert pace.is_ahead
    clock.now_s += 20 - AHEAD_S - 0.1
    assert pace.is_ahead
    clock.now_s += 0.2
    assert not pace.is_ahead


def test_silence_saves_nothing_up(clock: Clock) -> None:
    """A client that has sent nothing for an hour may be no further ahead than another."""
    pace = Pace(clock)
    clock.now_s += 3600
    pace.add(AHEAD_S + 1)
    assert pace.is_ahead


def test_a_little_too_fast_adds_up(clock: Clock) -> None:
    """Twice as fast as speech is ahead after some seconds."""
    pace = Pace(clock)
    for _ in range(20):
        clock.now_s += 0.5
        pace.add(1.0)
    assert pace.is_ahead
