"""Continuous integrate-and-fire (CIF): which rows become a token, and when each token was spoken.

In a streaming Paraformer it runs outside the graph, see `integrate_and_fire`. The rest is for the peaks of a
timestamp model (BiCIF, SeACo): besides its text it gives, for upsampled frames of 20 ms, a weight (`us_alphas`) and
the running sum of the weights (`us_cif_peak`), from which 1 - 1e-4 is taken whenever it reaches that: the model
"fires". Token i lasts from peak i to peak i + 1; the last peak belongs to the end of the text.

Source of the rules: FunASR's `cif_search` and `time_stamp_lfr6_onnx` (Python) and, for the recount, `TimestampOnnx`
(C++). CIF itself:
Dong and Xu, "CIF: Continuous Integrate-and-Fire for End-to-End Speech Recognition", ICASSP 2020.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paraserve.types import Int

FRAMES_PER_ROW = 3
"""Upsampled frames to one LFR row (60 ms)."""
UPSAMPLED_FRAME_S = 0.02
FIRE_THRESHOLD = 1.0 - 1e-4
PEAK_OFFSET_FRAMES = -1.5
"""The model fires this much after a token's true start."""
MAX_TOKEN_FRAMES = 30
"""A longer gap to the next peak (600 ms) is the token and a silence after it."""
EDGE_SILENCE_FRAMES = 5
"""With more than this behind the last peak, the last token ends half-way and the rest is silence."""

Weights = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CifState:
    """What has not become a token yet: its weight (float32, below the threshold) and its mean row (dim,)."""

    weight: np.float32
    row: Rows


def integrate_and_fire(
    state: CifState, rows: Rows, weights: Weights, threshold: float
) -> tuple[CifState, Rows, list[int]]:
    """Gather rows (n, dim) by their weights (n,) into one embedding for each `threshold` of weight.

    Returns the next state, the embeddings (n_tokens, dim) and for each of them the index of the row that completed
    it. A row completes one embedding at most. All sums are float32, as in FunASR's C++ runtime: in float64 a sum that
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


def token_times(us_alphas: Weights, us_cif_peak: Weights, n_tokens: int) -> Int | None:
    """Start and end of each token in ms from the start of the segment: int64 (n_tokens, 2), never decreasing.

    Both inputs are one segment's (3 * n_rows,), without the padding of its batch: their length is the segment's end,
    and with it the last token may end up to 45 ms behind the last sample (a row is 60 ms).
    `n_tokens` is without `</s>`; the number of peaks should be one more. If it is not, the weights are scaled to that
    number and counted again. None if the weights cannot give as many peaks (all zero, or fewer frames than peaks).
    """
    if n_tokens == 0:
        return np.zeros((0, 2), dtype=np.int64)
    peaks = np.flatnonzero(us_cif_peak > FIRE_THRESHOLD)
    if len(peaks) != n_tokens + 1:
        recounted = recount_peaks(us_alphas, n_tokens + 1)
        if recounted is None:
            return None
        peaks = recounted
    return _times(peaks + PEAK_OFFSET_FRAMES, len(us_cif_peak))


def recount_peaks(us_alphas: Weights, n_peaks: int) -> Int | None:
    """Frames of exactly `n_peaks` peaks after scaling the weights to that sum, ascending; None if impossible.

    As in the model, a frame fires at most once and what is above the threshold is carried on. What is left at the end
    fires on the last frames that are still quiet.
    """
    alphas = us_alphas.astype(np.float64)
    total = float(alphas.sum())
    if not 0 < total < np.inf or n_peaks > len(alphas):
        return None
    due = np.floor(np.cumsum(alphas * (n_peaks / total)) / FIRE_THRESHOLD).astype(np.int64)
    # Peaks up to frame t: never more than due, and one more than at t - 1 at most. In closed form the smallest of
    # due[s] + (t - s) over s <= t, and t + 1.
    frame = np.arange(len(alphas))
    counts = np.minimum(np.minimum.accumulate(due - frame), 1) + frame
    fires = np.diff(counts, prepend=0) > 0
    missing = n_peaks - int(counts[-1])
    if missing > 0:
        fires[np.flatnonzero(~fires)[-missing:]] = True
    return np.flatnonzero(fires)[:n_peaks]


def _times(peaks: Weights, n_frames: int) -> Int:
    starts, last = peaks[:-1], float(peaks[-1])
    ends = np.minimum(peaks[1:], starts + MAX_TOKEN_FRAMES)
    ends[-1] = (n_frames + last) / 2 if n_frames - last > EDGE_SILENCE_FRAMES else n_frames
    # Float64, in this order, cut towards zero: 289.99.. becomes 289, as in FunASR. A peak in the first frame gives
    # -30 or -10 ms there; a token of ours starts with its segment.
    milliseconds = np.stack((starts, ends), axis=1) * UPSAMPLED_FRAME_S * 1000
    return np.maximum(milliseconds.astype(np.int64), 0)
