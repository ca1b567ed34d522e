"""Chunks of decoded audio, as both readers of files give them: float32 frames at the file's own sample rate."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # a server reads plain wavs without FFmpeg's libraries
    import av

CHUNK_S = 10
CHUNK_VALUES = 1 << 20
"""A chunk holds at most 10 s and at most this many values over all channels (4 MiB)."""
JOINED_SAMPLES = 16_000
"""Frames are joined until they have this many samples: a phone's codec has 50 frames a second."""
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


def chunks_of(frames: "Iterable[av.AudioFrame]") -> Iterator[SourceChunk]:
    """Convert decoded frames. Short ones are joined, since each chunk costs time; long ones are cut."""
    group: list[av.AudioFrame] = []
    n_samples, layout = 0, None
    for frame in frames:
        this = (frame.sample_rate, frame.format.name, frame.layout.nb_channels)
        if group and (this != layout or n_samples >= JOINED_SAMPLES):
            yield from converted(group)
            group, n_samples = [], 0
        layout = this
        group.append(frame)
        n_samples += frame.samples
    if group:
        yield from converted(group)


def converted(frames: "Sequence[av.AudioFrame]") -> Iterator[SourceChunk]:
    """Convert frames of one layout, in parts of limited size: a frame may be as large as its packet."""
    first = frames[0]
    n_channels = max(first.layout.nb_channels, 1)
    n_planes = n_channels if first.format.is_planar else 1
    dtype = _SAMPLE_TYPES[first.format.packed.name]
    n_columns = n_channels // n_planes  # of a plane: all channels of a packed frame
    parts: list[list[npt.NDArray[Any]]] = [[] for _ in range(n_planes)]
    for frame in frames:
        # `frame.planes` can have too many at its end, and `to_ndarray` reads them all: PyAV looks for a NULL behind
        # the last plane, which FFmpeg does not promise from 8 channels on.
        for part, plane in zip(parts, frame.planes[:n_planes], strict=True):
            part.append(np.frombuffer(memoryview(plane), dtype, frame.samples * n_columns))
    columns = [(part[0] if len(part) == 1 else np.concatenate(part)).reshape(-1, n_columns) for part in parts]
    step = chunk_frames(first.sample_rate, n_channels)
    for start in range(0, len(columns[0]), step):
        values = np.concatenate([column[start : start + step] for column in columns], axis=1)
        yield SourceChunk(_to_float(values), first.sample_rate)


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
