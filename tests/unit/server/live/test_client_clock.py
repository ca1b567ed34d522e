"""Lost audio and clock drift of a live client, from the times when its frames arrived."""

import numpy as np
import pytest

from paraserve.quality_types import AudioQuality, Delivery
from paraserve.server.live.client_clock import ClientClock

FRAMES_S = (0.02, 0.06, 0.1, 0.6)


def delivered(frames):
    """What a clock says of frames (seconds of audio, time of arrival)."""
    clock = ClientClock()
    for seconds, received_s in frames:
        clock.add(seconds, received_s)
    return clock.delivery()


def spoken(n_frames, frame_s, *, drift_ppm=0.0, jitter_s=0.0, lost=(), seed=0):
    """Frames that arrive in order as they are spoken, each later by a random time, without those that are lost."""
    rng = np.random.default_rng(seed)
    arrived_s = 0.0
    for n in range(n_frames):
        spoken_s = 50 + (n + 1) * frame_s / (1 + drift_ppm / 1e6)
        arrived_s = max(arrived_s, spoken_s + rng.exponential(jitter_s or 1e-9))
        if n not in lost:
            yield frame_s, arrived_s


@pytest.mark.parametrize("frame_s", FRAMES_S)
@pytest.mark.parametrize("jitter_s", [0.0, 0.005, 0.02])
def test_a_good_client_lost_nothing(frame_s, jitter_s):
    """Late frames are not lost, and a right clock does not drift, by more than the network's jitter allows."""
    found = delivered(spoken(int(120 / frame_s), frame_s, jitter_s=jitter_s))
    assert found.lost_frames == 0
    assert abs(found.clock_drift_ppm) <= 10 + 4e6 * jitter_s / 120


@pytest.mark.parametrize("frame_s", FRAMES_S)
@pytest.mark.parametrize("drift_ppm", [-5_000, -300, 300, 5_000])
def test_drift_is_measured(frame_s, drift_ppm):
    """A clock that runs fast or slow is told by how much, and none of its audio counts as lost."""
    found = delivered(spoken(int(120 / frame_s), frame_s, drift_ppm=drift_ppm))
    assert found.clock_drift_ppm == pytest.approx(drift_ppm, abs=30 + 0.05 * abs(drift_ppm))
    assert found.lost_ms == 0


@pytest.mark.parametrize("frame_s", FRAMES_S)
@pytest.mark.parametrize("n_lost", [2, 10])
def test_lost_frames_are_counted(frame_s, n_lost):
    """Frames that never came are counted, whether alone or in a row, and do not look like drift."""
    n_frames = int(120 / frame_s)
    alone = set(np.linspace(n_frames // 10, n_frames - n_frames // 10, n_lost).astype(int))
    in_a_row = set(range(n_frames // 2, n_frames // 2 + n_lost))
    for lost in (in_a_row, alone if frame_s > 0.025 else in_a_row):
        found = delivered(spoken(n_frames, frame_s, lost=lost))
        assert found.lost_frames == n_lost
        assert found.lost_ms == pytest.approx(1000 * n_lost * frame_s, abs=1)
        assert abs(found.clock_drift_ppm) < 10


@pytest.mark.parametrize("stall_s", [0.3, 3.0, 20.0])
def test_a_network_that_stalled_lost_nothing(stall_s):
    """Frames that come all at once after a pause were late."""
    frames = [(s, max(at, 80 + stall_s) if 80 <= at < 80 + stall_s else at) for s, at in spoken(2000, 0.06)]
    found = delivered(frames)
    assert (found.lost_ms, found.lost_frames) == (0, 0)


def test_a_recording_sent_at_once_has_no_clock():
    """Audio that comes faster than it is spoken tells nothing of a clock and lost nothing."""
    for every_s in (0.0, 0.01, 0.04):
        found = delivered((0.06, 10 + n * every_s) for n in range(4000))
        assert found == Delivery(0, 0, None)


def test_little_audio_tells_no_drift():
    """Less than half a minute tells lost audio only; no audio at all tells nothing."""
    assert delivered(spoken(200, 0.06, lost={100, 101, 102})) == Delivery(180, 3, None)
    assert delivered([]) == Delivery()


def test_a_pause_at_the_very_end_counts():
    """Frames that went missing just before the last one are counted."""
    assert delivered(spoken(400, 0.06, lost=set(range(370, 399)))).lost_frames == 29


def test_only_those_who_ask_are_told():
    """The delivery goes into a quality that somebody asked for."""
    clock = ClientClock()
    assert clock.with_delivery(None) is None
    assert clock.with_delivery(AudioQuality()) == AudioQuality(delivery=Delivery())
