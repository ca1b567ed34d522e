"""Acoustic features: log-mel fbank, low frame rate stacking (LFR) and mean/variance normalization (CMVN).

Each has a form for a whole recording. fbank and LFR also have an online form with a state. Its results, joined, equal
the features of the whole recording exactly, whatever the sizes of the steps. Window, shift and bins are those of
FunASR's `WavFrontend` (Kaldi fbank, Hamming window, no dither).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kaldi_native_fbank as knf
import numpy as np
import numpy.typing as npt

from paraserve.errors import ModelLoadError
from paraserve.types import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, Features, Samples, ms_to_samples

N_MELS = 80
WINDOW_MS = 25
WINDOW_SAMPLES = ms_to_samples(WINDOW_MS)
"""Frame t covers the samples 160 t to 160 t + 399."""

INT16_SCALE = np.float32(32768)
SLICE_SAMPLES = SAMPLE_RATE
"""The extractor copies its input under the GIL (1 ms for a second of audio), so longer slices stall other threads."""
SILENCE = np.log(np.finfo(np.float32).eps)
"""Each energy of digital silence: Kaldi takes the logarithm of no less than this epsilon."""
BLOCK_FRAMES = 128
"""Rows that are normalized at once, few enough to stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class FbankState:
    """Last samples of a stream, fewer than 400, from the start of the first incomplete frame."""

    tail: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class LfrState:
    """Frames of fbank at the start of the next window; None before the first frame of the stream."""

    frames: Features | None = None


@dataclass(frozen=True, slots=True)
class Cmvn:
    """Normalization constants, float64 (dim,): a feature x becomes (x + shift) * scale."""

    shift: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    @property
    def dim(self) -> int:
        """Size of the rows that these constants normalize."""
        return len(self.shift)


def frame_count(n_samples: int) -> int:
    """Return the number of whole 25 ms windows, 10 ms apart, in `n_samples`."""
    return max(0, 1 + (n_samples - WINDOW_SAMPLES) // FRAME_SAMPLES)


def fbank(samples: Samples) -> Features:
    """Return log-mel energies (n_frames, 80) of samples in [-1, 1]; (0, 80) for fewer than 400 samples."""
    if not samples.any():
        return np.full((frame_count(len(samples)), N_MELS), SILENCE, dtype=np.float32)
    features = np.empty((frame_count(len(samples)), N_MELS), dtype=np.float32)
    extractor = knf.OnlineFbank(_fbank_options())
    done = 0
    for start in range(0, len(samples), SLICE_SAMPLES):
        pcm = samples[start : start + SLICE_SAMPLES] * INT16_SCALE
        extractor.accept_waveform(SAMPLE_RATE, pcm.tolist())  # a list converts faster than an array
        ready = extractor.num_frames_ready
        if ready > done:
            # get_frame returns views, which must be copied before pop frees them.
            frames = [extractor.get_frame(t) for t in range(done, ready)]
            features[done:ready] = np.concatenate(frames).reshape(-1, N_MELS)
            extractor.pop(ready - done)
            done = ready
    return features


def fbank_step(state: FbankState, samples: Samples) -> tuple[FbankState, Features]:
    """Take any number of new samples. Return the next state and the frames (n, 80) that they complete."""
    buffer = np.concatenate((state.tail, samples))
    features = fbank(buffer)
    # A copy, so that a state does not keep a whole block of audio alive.
    return FbankState(buffer[len(features) * FRAME_SAMPLES :].copy()), features


def lfr_step(state: LfrState, features: Features, m: int, n: int, *, is_last: bool) -> tuple[LfrState, Features]:
    """Stack `m` frames every `n` frames, `n` <= `m`. Return the next state and the rows that the new frames complete.

    All steps of a stream together turn (n_frames, dim) into (ceil(n_frames / n), m * dim). The first frame is
    repeated (m - 1) // 2 times in front. The last step also completes the open windows with the last frame, and
    returns the state of a new stream.
    """
    context = (m - 1) // 2
    frames = features
    if state.frames is not None:
        frames = np.concatenate((state.frames, features))
    elif len(features):
        frames = np.concatenate((np.repeat(features[:1], context, axis=0), features))
    if not len(frames):
        return LfrState(), np.empty((0, m * features.shape[1]), dtype=np.float32)
    if is_last:
        n_rows = max(0, -(-(len(frames) - context) // n))
        missing = max(0, (n_rows - 1) * n + m - len(frames))
        frames = np.concatenate((frames, np.repeat(frames[-1:], missing, axis=0)))
        return LfrState(), _stack(frames, m, n, n_rows)
    n_rows = max(0, 1 + (len(frames) - m) // n)
    return LfrState(frames[n_rows * n :].copy()), _stack(frames, m, n, n_rows)


def apply_cmvn(features: Features, cmvn: Cmvn) -> Features:
    """Normalize rows (n_rows, dim), in float64 like FunASR: the last bit of a feature can change int8 results."""
    rows = np.empty(features.shape, dtype=np.float32)
    for first in range(0, len(features), BLOCK_FRAMES):
        block = slice(first, first + BLOCK_FRAMES)
        np.multiply(features[block] + cmvn.shift, cmvn.scale, out=rows[block], casting="same_kind")
    return rows


def pad_batch(rows: Sequence[Features]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Stack items (n_i, dim), at least one, to one zero-padded batch (n_items, max n, dim); return it and all n_i."""
    lengths = np.array([len(item) for item in rows])
    batch = np.zeros((len(rows), lengths.max(), rows[0].shape[1]), dtype=np.float32)
    for padded, item in zip(batch, rows, strict=True):
        padded[: len(item)] = item
    return batch, lengths


def read_cmvn(path: Path, dim: int | None = None) -> Cmvn:
    """Read an `am.mvn` (Kaldi nnet text) of `dim` features; None takes the size that the file declares.

    Raises:
        ModelLoadError: the file is missing, damaged, or has another number of values.
    """
    try:
        fields = path.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        raise ModelLoadError(f"model file not found: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    shift, scale = (_vector(fields, tag, path) for tag in ("<AddShift>", "<Rescale>"))
    wanted = len(shift) if dim is None else dim
    if not len(shift) == len(scale) == wanted:
        raise ModelLoadError(f"cannot use {path}: {len(shift)} shifts, {len(scale)} scales, expected {wanted} each")
    return Cmvn(shift, scale)


def _fbank_options() -> knf.FbankOptions:
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.frame_length_ms = WINDOW_MS
    options.frame_opts.frame_shift_ms = FRAME_MS
    options.frame_opts.window_type = "hamming"
    options.frame_opts.snip_edges = True
    options.frame_opts.dither = 0.0  # noise here would make results differ from run to run
    options.mel_opts.num_bins = N_MELS
    options.energy_floor = 0.0
    return options


def _stack(frames: Features, m: int, n: int, n_rows: int) -> Features:
    dim = frames.shape[1]
    if not n_rows:
        return np.empty((0, m * dim), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(frames, m, axis=0)[::n][:n_rows]
    return windows.transpose(0, 2, 1).reshape(n_rows, m * dim)


def _vector(fields: list[str], tag: str, path: Path) -> npt.NDArray[np.float64]:
    """Return the values in the brackets after `tag`, which must be as many as the size that follows the tag."""
    try:
        at = fields.index(tag)
        size = int(fields[at + 1])
        first = fields.index("[", at) + 1
        values = np.array([float(field) for field in fields[first : fields.index("]", first)]])
    except (ValueError, IndexError) as error:
        raise ModelLoadError(f"cannot read {path}: no valid {tag} section: {error}") from error
    if len(values) != size:
        raise ModelLoadError(f"cannot read {path}: {tag} declares {size} values and has {len(values)}")
    if not (np.abs(values) < np.finfo(np.float32).max).all():
        raise ModelLoadError(f"cannot read {path}: {tag} has values that are not finite numbers")
    return values
