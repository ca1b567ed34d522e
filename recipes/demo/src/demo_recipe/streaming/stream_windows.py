"""The windows in which a streaming encoder sees an utterance, as FunASR's online Paraformer cuts them.

A window is `past` rows seen before, `step` rows that count and `future` rows that only give context. The rows in
front of the utterance are zero. At the end the window is shorter, or there is one more, whose past rows repeat the
rows that count: FunASR keeps the last rows of what it has, and these include them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_ROW = -1
"""Index of a zero row."""


class Chunk(NamedTuple):
    """Rows of 60 ms, FunASR's `chunk_size`."""

    past: int
    step: int
    future: int


class Window(NamedTuple):
    """Indices of an utterance's rows; those from `begin` to `end` count."""

    rows: list[int]
    begin: int
    end: int


def cut(count: int, chunk: Chunk, *, empty_end: bool = False) -> list[Window]:
    """The windows of `count` rows, each of which counts once.

    With `empty_end` the last step brings no rows if `count` is a multiple of the step: the stream was found to end
    only after its last full step.
    """
    past, step, future = chunk
    result: list[Window] = []
    kept = [NO_ROW] * (past + future)
    position = 0
    while count - position > step or (empty_end and count - position == step):
        seen = kept + list(range(position, position + step))
        result.append(Window(seen, past, past + step))
        kept = seen[step:]
        position += step
    return result + _last(kept, list(range(position, count)), chunk)


def _last(kept: list[int], new: list[int], chunk: Chunk) -> list[Window]:
    past, step, future = chunk
    seen = kept + new
    extra = len(new) + future - step
    if extra <= 0:
        return [Window(seen, past, len(seen))]
    padding = [NO_ROW] * (sum(chunk) - len(seen))
    repeated = seen[len(seen) - past :] + new[-extra:]
    return [Window(seen + padding, past, past + step), Window(repeated, past, past + extra)]


class WindowBatch(NamedTuple):
    """Windows of a batch, padded to [B, W, K], and where each row counts, [B, T] in W * K (0 beyond the length)."""

    rows: NDArray[np.int64]
    places: NDArray[np.int64]


def cut_batch(counts: list[int], chunk: Chunk, *, empty_end: bool = False) -> WindowBatch:
    """The windows of utterances of these lengths."""
    width = sum(chunk)
    windows = [cut(count, chunk, empty_end=empty_end) for count in counts]
    rows = np.full((len(counts), max(map(len, windows)), width), NO_ROW)
    places = np.zeros((len(counts), max(counts)), np.int64)
    for item, item_windows in enumerate(windows):
        for index, window in enumerate(item_windows):
            rows[item, index, : len(window.rows)] = window.rows
            for offset in range(window.begin, window.end):
                if window.rows[offset] != NO_ROW:
                    places[item, window.rows[offset]] = index * width + offset
    return WindowBatch(rows, places)
