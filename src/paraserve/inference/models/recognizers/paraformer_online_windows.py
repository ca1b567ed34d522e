"""Windows of a streaming Paraformer: the rows that the encoder sees in one run, past and future included."""

from dataclasses import dataclass

import numpy as np

from paraserve.options import ChunkSize
from paraserve.types import Features


@dataclass(frozen=True, slots=True)
class Window:
    """One run of the encoder over rows (n, dim).

    Args:
        first_row: index in the utterance of the first row whose weight counts; it stands behind the past in `rows`.
        n_counted: number of rows from there on whose weights count, where there are as many.
        is_last: integrate-and-fire may fire once more behind the end.
    """

    rows: Features
    first_row: int
    n_counted: int
    is_last: bool


def encoder_windows(
    context: Features, rows: Features, n_before: int, chunk: ChunkSize, *, is_last: bool
) -> tuple[list[Window], Features]:
    """Return the windows that new rows complete, and the context of the next step.

    The weights of a window count from the first row that was future, and no more, to the step before. A last step has
    no future: all of its rows count, in a second window where they do not fit into the first.

    Args:
        context: the last `chunk.past + chunk.future` rows (n, dim) before the new ones, zeros before the first.
        rows: new rows (n_rows, dim), scaled and with position code.
        n_before: rows of the utterance before the new ones.
        chunk: sizes of past, step and future in rows.
        is_last: the utterance ends with these rows.
    """
    first = n_before - chunk.future
    whole = np.concatenate((context, rows))
    next_context = _last(whole, chunk.past + chunk.future)
    if not len(whole) or (not n_before and not len(rows)):
        # A chunk without past and future keeps no row, so nothing is left to run at an end without new ones.
        return [], next_context
    if not is_last:
        return [Window(whole, first, chunk.current, is_last=False)] if len(rows) else [], next_context
    n_left = len(rows) + chunk.future - chunk.current
    if n_left <= 0:
        return [Window(whole, first, chunk.current, is_last=True)], next_context
    missing = chunk.past + chunk.current + chunk.future - len(whole)
    padded = np.concatenate((whole, np.zeros((missing, whole.shape[1]), np.float32)))
    rest = np.concatenate((_last(whole, chunk.past), _last(rows, n_left)))
    last = Window(rest, first + chunk.current, chunk.current, is_last=True)
    return [Window(padded, first, chunk.current, is_last=False), last], next_context


def _last(rows: Features, n: int) -> Features:
    """Copy the last `n` rows, so that a state does not keep all of them alive."""
    return rows[max(0, len(rows) - n) :].copy()
