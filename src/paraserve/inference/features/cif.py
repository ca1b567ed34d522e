"""Continuous integrate-and-fire (CIF): grouping of encoder rows into units, and the time of each unit.

`integrate_and_fire` is the CIF of a streaming Paraformer, whose graph leaves it out. `unit_times` reads the peaks of
a timestamp model (BiCIF, SeACo). For upsampled frames of 20 ms it gives a weight (`us_alphas`) and the
running sum of the weights (`us_cif_peak`). Where the sum reaches 1 - 1e-4 that much is taken off it: the model
"fires". Unit i lasts from peak i to peak i + 1, and the last peak belongs to the end of the text.

Source: FunASR's `cif_search` and `time_stamp_lfr6_onnx` (Python) and, for the recount, `TimestampOnnx` (C++). CIF:
Dong and Xu, "CIF: Continuous Integrate-and-Fire for End-to-End Speech Recognition", ICASSP 2020.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paraserve.types import Int

FRAMES_PER_ROW = 3
"""Upsampled frames in one LFR row (60 ms)."""
UPSAMPLED_FRAME_S = 0.02
FIRE_THRESHOLD = 1.0 - 1e-4
PEAK_OFFSET_FRAMES = -1.5
"""The model fires this much after the true start of a unit."""
MAX_UNIT_FRAMES = 30
"""A longer gap to the next peak (600 ms) is the unit and a silence after it."""
EDGE_SILENCE_FRAMES = 5
"""With more frames than this behind the last peak, the last unit ends half-way and the rest is silence."""

Weights = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CifState:
    """Sum of the rows that have not fired yet: their weight (float32, below the threshold) and mean row (dim,)."""

    weight: np.float32
    row: Rows


def integrate_and_fire(
    state: CifState, rows: Rows, weights: Weights, threshold: float
) -> tuple[CifState, Rows, list[int]]:
    """Sum rows (n, dim) by their weights (n,) into one embedding for each `threshold` of weight.

    Return the next state, the embeddings (n_units, dim) and for each of them the index of the row that completed it.
    A row completes one embedding at most. All sums are float32, as in FunASR's C++ runtime: in float64 a sum that
    lands within 1e-6 of the threshold may fire elsewhere.
    """
    limit = np.float32(threshold)
    weight, gathered = state.weight, state.weight * state.row
    embeddings: list[Rows] = []
    fired: list[int] = []
    for index, (row, new) in enumerate(zip(rows, weights.astype(np.float32), strict=True)):
        if weight + new < limit:
            weight += new
            gathered = gathered + new * row
        else:
            embeddings.append(gathered + (limit - weight) * row)
            fired.append(index)
            weight = weight + new - limit
            gathered = weight * row
    mean = gathered / weight if weight > 0 else gathered
    return CifState(weight, mean), np.array(embeddings, np.float32).reshape(-1, rows.shape[1]), fired


def unit_times(us_alphas: Weights, us_cif_peak: Weights, n_units: int) -> Int | None:
    """Return start and end of each unit in ms from the start of the segment: int64 (n_units, 2), never decreasing.

    There should be one peak more than units. If not, the weights are scaled to that number and counted again. Return
    None if the weights cannot give that many peaks (all zero, or fewer frames than peaks).

    Args:
        us_alphas: weights (3 * n_rows,) of one segment, without the padding of its batch. Their length is the end of
            the segment, so the last unit may end up to 45 ms behind the last sample (a row has 60 ms).
        us_cif_peak: running sums, of equal shape.
        n_units: number of units without `</s>`.
    """
    if n_units == 0:
        return np.zeros((0, 2), dtype=np.int64)
    peaks = np.flatnonzero(us_cif_peak > FIRE_THRESHOLD)
    if len(peaks) != n_units + 1:
        recounted = recount_peaks(us_alphas, n_units + 1)
        if recounted is None:
            return None
        peaks = recounted
    return _times(peaks + PEAK_OFFSET_FRAMES, len(us_cif_peak))


def recount_peaks(us_alphas: Weights, n_peaks: int) -> Int | None:
    """Return the frames of `n_peaks` peaks, ascending, after scaling the weights to that sum; None if impossible.

    As in the model, a frame fires at most once and carries the rest of its weight on. Peaks that are missing at the
    end go to the last frames that have not fired.
    """
    alphas = us_alphas.astype(np.float64)
    total = float(alphas.sum())
    if not 0 < total < np.inf or n_peaks > len(alphas):
        return None
    due = np.floor(np.cumsum(alphas * (n_peaks / total)) / FIRE_THRESHOLD).astype(np.int64)
    # Peaks up to frame t: never more than due, and at most one more than at t - 1. In closed form this is the
    # smallest of due[s] + (t - s) over s <= t, and t + 1.
    frame = np.arange(len(alphas))
    counts = np.minimum(np.minimum.accumulate(due - frame), 1) + frame
    fires = np.diff(counts, prepend=0) > 0
    missing = n_peaks - int(counts[-1])
    if missing > 0:
        fires[np.flatnonzero(~fires)[-missing:]] = True
    return np.flatnonzero(fires)[:n_peaks]


def _times(peaks: Weights, n_frames: int) -> Int:
    starts, last = peaks[:-1], float(peaks[-1])
    ends = np.minimum(peaks[1:], starts + MAX_UNIT_FRAMES)
    ends[-1] = (n_frames + last) / 2 if n_frames - last > EDGE_SILENCE_FRAMES else n_frames
    # float64, in this order, cut towards zero: 289.99.. becomes 289, as in FunASR. There a peak in the first frame
    # gives -30 or -10 ms; here a unit starts with its segment at the earliest.
    milliseconds = np.stack((starts, ends), axis=1) * UPSAMPLED_FRAME_S * 1000
    return np.maximum(milliseconds.astype(np.int64), 0)
