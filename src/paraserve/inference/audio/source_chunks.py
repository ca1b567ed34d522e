"""Chunks of decoded audio, as both readers of files give them: float32 frames at the file's own sample rate."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt

CHUNK_S = 10
CHUNK_VALUES = 1 << 20
"""A chunk holds at most 10 s and at most this many values over all channels (4 MiB)."""
_SAMPLE_TYPES = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """float32 (n_frames, n_channels) in [-1, 1] at `sample_rate` Hz."""

    samples: npt.NDArray[np.float32]
    sample_rate: int


def chunks_of(frame: av.AudioFrame) -> Iterator[SourceChunk]:
    """Convert a decoded frame, in parts of limited size: a frame may be as large as its packet."""
    n_channels = max(frame.layout.nb_channels, 1)
    # `frame.planes` can have too many at its end, and `to_ndarray` reads them all: PyAV looks for a NULL behind the
    # last plane, which FFmpeg does not promise from 8 channels on.
    planes = frame.planes[: n_channels if frame.format.is_planar else 1]
    dtype = _SAMPLE_TYPES[frame.format.packed.name]
    n_columns = n_channels // max(len(planes), 1)  # of a plane: all channels of a packed frame
    columns = [
        np.frombuffer(memoryview(plane), dtype, frame.samples * n_columns).reshape(-1, n_columns) for plane in planes
    ]
    step = chunk_frames(frame.sample_rate, n_channels)
    for start in range(0, frame.samples, step):
        values = np.concatenate([column[start : start + step] for column in columns], axis=1)
        yield SourceChunk(_to_float(values), frame.sample_rate)


def chunk_frames(sample_rate: int, channels: int) -> int:
    """Return the largest number of frames in a chunk."""
    return max(1, min(CHUNK_S * sample_rate, CHUNK_VALUES // channels))


def _to_float(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Scale integers so that the full scale of their type is 1.0."""
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128.0) / 128.0
    if values.dtype.kind == "i":
        return values.astype(np.float32) / float(-np.iinfo(values.dtype).min)
    return in_range(values)


def in_range(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Clip floats to [-1, 1], NaN to 0. Files may hold any value, and NaN would spread through the resampler."""
    clipped: npt.NDArray[np.float32] = np.clip(np.nan_to_num(values, nan=0.0), -1.0, 1.0).astype(np.float32)
    return clipped
