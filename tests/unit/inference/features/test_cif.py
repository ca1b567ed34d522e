"""Integrate-and-fire, and unit times from peaks. FunASR's answers: scripts/golden/make_paraformer_reference.py."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.features.cif import FIRE_THRESHOLD, CifState, integrate_and_fire, recount_peaks, unit_times

DATA = Path(__file__).parents[3] / "golden/data"
RECORDED = json.loads((DATA / "paraformer_peaks.json").read_text(encoding="utf-8"))["clips"]
PEAKS = json.loads((DATA / "paraformer_rules.json").read_text(encoding="utf-8"))["peaks"]
ANY_ALPHAS = np.zeros(0, dtype=np.float32)
"""The weights are looked at only when the peaks do not fit."""


def from_frames(frames: list[int], n_frames: int) -> np.ndarray:
    cif_peak = np.zeros(n_frames, dtype=np.float32)
    cif_peak[frames] = 1.0
    return cif_peak


def count_again(alphas: np.ndarray, n_peaks: int) -> list[int]:
    """The recount frame by frame, as FunASR's C++ runtime does it, in float64."""
    scaled = alphas.astype(np.float64) * (n_peaks / alphas.astype(np.float64).sum())
    total, levels = 0.0, []
    for alpha in scaled:
        total += alpha
        levels.append(total)
        if total >= FIRE_THRESHOLD:
            total -= FIRE_THRESHOLD
    for i in reversed(range(len(levels))):
        if total >= FIRE_THRESHOLD and levels[i] < FIRE_THRESHOLD:
            levels[i] = total
            total -= FIRE_THRESHOLD
    return [i for i, level in enumerate(levels) if level >= FIRE_THRESHOLD]


@pytest.mark.parametrize("clip", RECORDED, ids=lambda clip: f"{len(clip['times_ms'])} tokens")
def test_times_of_recorded_peaks_equal_funasr(clip: dict) -> None:
    """Peaks that a BiCIF model gave, and the times that FunASR made of them."""
    alphas, cif_peak = (np.array(clip[name], dtype=np.float32) for name in ("us_alphas", "us_cif_peak"))
    times = unit_times(alphas, cif_peak, len(clip["times_ms"]))
    assert times is not None
    assert times.tolist() == clip["times_ms"]


@pytest.mark.parametrize("entry", PEAKS, ids=lambda entry: f"{entry['n_frames']}-{entry['frames'][0]}")
def test_times_of_random_peaks_equal_funasr(entry: dict) -> None:
    """Cuts after 600 ms, the end rule and the truncation to ms are FunASR's; only what is below 0 becomes 0."""
    cif_peak = from_frames(entry["frames"], entry["n_frames"])
    times = unit_times(ANY_ALPHAS, cif_peak, len(entry["frames"]) - 1)
    assert times is not None
    assert times.tolist() == np.maximum(entry["times_ms"], 0).tolist()


def test_reference_covers_the_rules() -> None:
    """The random peaks hold negative starts, gaps of 600 ms and more, and both ways to end."""
    gaps = [np.diff(entry["frames"]) for entry in PEAKS]
    tails = [entry["n_frames"] - (entry["frames"][-1] - 1.5) for entry in PEAKS]
    assert sum(entry["times_ms"][0][0] < 0 for entry in PEAKS) >= 5
    assert sum((gap[:-1] >= 30).any() for gap in gaps) >= 5
    assert sum(gap[-1] >= 30 for gap in gaps) >= 3
    assert sum(tail > 5 for tail in tails) >= 5
    assert sum(tail <= 5 for tail in tails) >= 5


def test_truncation_is_towards_zero_in_float64() -> None:
    """14.5 frames are 289.99.. ms in float64 and become 289, as in FunASR."""
    frames = np.arange(0.5, 1000.5)
    expected = [int(frame * 0.02 * 1000) for frame in frames.tolist()]
    cif_peak = from_frames(list(range(2, 1002)), 1010)
    times = unit_times(ANY_ALPHAS, cif_peak, 999)
    assert times is not None
    assert times[:, 0].tolist() == expected[:-1]
    assert any(ms % 10 == 9 for ms in expected)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=60), st.integers(1, 20))
def test_recount_gives_the_wanted_number(weights: list[float], n_peaks: int) -> None:
    """Exactly the wanted number of peaks, in order, wherever there is weight and room for them."""
    alphas = np.array(weights, dtype=np.float32)
    peaks = recount_peaks(alphas, n_peaks)
    if not alphas.any() or n_peaks > len(alphas):
        assert peaks is None
        return
    assert peaks is not None
    assert len(peaks) == n_peaks
    assert np.all(np.diff(peaks) > 0)


@pytest.mark.parametrize("seed", range(50))
def test_recount_of_random_weights_equals_the_frame_by_frame_form(seed: int) -> None:
    """Also where scaled weights are above 1 and peaks are left over at the end."""
    rng = np.random.default_rng(seed)
    alphas = (rng.random(rng.integers(10, 120)) ** rng.integers(1, 9)).astype(np.float32)
    n_peaks = int(rng.integers(1, len(alphas)))
    peaks = recount_peaks(alphas, n_peaks)
    assert peaks is not None
    assert peaks.tolist() == count_again(alphas, n_peaks)


def test_left_over_peaks_go_to_the_last_quiet_frames() -> None:
    """All the weight in the last frame but one: it fires once, the rest is forced walking back from the end."""
    alphas = np.array([0, 0, 0, 0, 1, 0], dtype=np.float32)
    peaks = recount_peaks(alphas, 4)
    assert peaks is not None
    assert peaks.tolist() == [2, 3, 4, 5]


def test_a_wrong_number_of_peaks_is_counted_again() -> None:
    """Two peaks for three units: the weights decide, scaled to four peaks."""
    alphas = np.full(12, 1 / 6, dtype=np.float32)
    times = unit_times(alphas, from_frames([5, 11], 12), 3)
    assert times is not None
    # Scaled to 4/12 a frame: peaks in frames 2, 5, 8 and 11, 1.5 frames of 20 ms later than they should be.
    assert times.tolist() == [[10, 70], [70, 130], [130, 240]]


@pytest.mark.parametrize("alphas", [np.zeros(30), np.full(30, np.nan), np.full(30, np.inf), np.ones(2)])
def test_weights_that_cannot_give_the_peaks(alphas: np.ndarray) -> None:
    """No weight, no number, or fewer frames than peaks: there are no times, and no error."""
    assert unit_times(alphas, np.zeros(len(alphas), dtype=np.float32), 3) is None


def test_no_units() -> None:
    """Nothing said, no times."""
    times = unit_times(ANY_ALPHAS, from_frames([4], 9), 0)
    assert times is not None
    assert times.shape == (0, 2)


@pytest.mark.slow
@given(st.integers(1, 60), st.integers(0, 59), st.lists(st.floats(0, 1, width=32), min_size=60, max_size=60))
def test_times_never_decrease_and_stay_inside(n_units: int, n_peaks: int, weights: list[float]) -> None:
    """Whatever the model gives: as many times as units, in order, from 0 to the last frame's end."""
    cif_peak = from_frames(list(range(n_peaks)), 60)
    times = unit_times(np.array(weights, dtype=np.float32), cif_peak, n_units)
    if times is None:
        return
    flat = times.ravel()
    assert times.shape == (n_units, 2)
    assert np.all(np.diff(flat) >= 0)
    assert flat[0] >= 0
    assert flat[-1] <= 60 * 20


NOTHING_GATHERED = CifState(np.float32(0), np.zeros(2, np.float32))


def test_integrate_and_fire() -> None:
    """An embedding is the weighted sum of its rows; the row that completes it gives the rest to the next one."""
    rows = np.array([[1, 0], [0, 1], [2, 2], [4, 4]], np.float32)
    weights = np.array([0.75, 0.5, 0.25, 0.5], np.float32)
    state, embeddings, fired = integrate_and_fire(NOTHING_GATHERED, rows, weights, 1.0)
    assert fired == [1, 3]
    np.testing.assert_array_equal(embeddings, [[0.75, 0.25], [2.5, 2.75]])
    assert state.weight == 0
    np.testing.assert_array_equal(state.row, [0, 0])


def test_a_weight_of_one_fires_at_once() -> None:
    """The threshold itself is enough; nothing is no embedding."""
    row = np.array([[3, 5]], np.float32)
    _, embeddings, fired = integrate_and_fire(NOTHING_GATHERED, row, np.ones(1, np.float32), 1.0)
    assert (embeddings.tolist(), fired) == ([[3, 5]], [0])
    _, embeddings, fired = integrate_and_fire(NOTHING_GATHERED, row[:0], np.ones(0, np.float32), 1.0)
    assert (embeddings.shape, fired) == ((0, 2), [])


@given(
    weights=st.lists(st.floats(0, 1, width=32), max_size=30),
    cut=st.integers(0, 30),
    seed=st.integers(0, 99),
)
def test_firing_in_pieces(weights: list[float], cut: int, seed: int) -> None:
    """Cut anywhere, the same rows fire, and the embeddings are the same but for rounding."""
    rows = np.random.default_rng(seed).standard_normal((len(weights), 2)).astype(np.float32)
    values = np.array(weights, np.float32)
    _, whole, fired = integrate_and_fire(NOTHING_GATHERED, rows, values, 1.0)
    state, first, before = integrate_and_fire(NOTHING_GATHERED, rows[:cut], values[:cut], 1.0)
    _, second, after = integrate_and_fire(state, rows[cut:], values[cut:], 1.0)
    assert [*before, *(index + min(cut, len(weights)) for index in after)] == fired
    np.testing.assert_allclose(np.concatenate((first, second)), whole, rtol=1e-4, atol=1e-5)
