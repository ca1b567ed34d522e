"""Counts of the longest n-grams of texts, in bounded memory.

Where there are too many kinds, those seen least are forgotten, as in lossy counting (Manku and Motwani, "Approximate
Frequency Counts over Data Streams", VLDB 2002). All that is estimated later comes from what is left.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paraserve.inference.text.units import BLANK_ID, EOS_ID, SOS_ID
from paraserve.ngrams.tables import Keys, pack

BATCH_UNITS = 1_000_000
"""Units that are collected before they are counted: about 50 MB while they are."""
MAX_KINDS = 4_000_000
"""Kinds of n-grams that are kept, 64 MB, and five times that while a model is made of them."""

Counts = npt.NDArray[np.int64]


class NgramCounter:
    """Counts the n-grams of `order` units of one text after the other.

    Each text begins with `<s>` and ends with `</s>`. N-grams at its beginning are shorter: `<blank>`, which no text
    has, fills them up in front of `<s>`.
    """

    def __init__(self, order: int, max_kinds: int = MAX_KINDS) -> None:
        self.n_texts = 0
        self.n_units = 0
        self.n_forgotten = 0
        self._order = order
        self._max_kinds = max_kinds
        self._front = [BLANK_ID] * (order - 2) + [SOS_ID]
        self._waiting: list[int] = []
        self._keys: Keys = np.zeros(0, np.uint64)
        self._counts: Counts = np.zeros(0, np.int64)

    def add(self, ids: Sequence[int]) -> None:
        """Count the n-grams of one text, given as unit ids. An empty one counts nothing."""
        if not ids:
            return
        self.n_texts += 1
        self.n_units += len(ids)
        self._waiting += [*self._front, *ids, EOS_ID]
        if len(self._waiting) >= BATCH_UNITS:
            self._count()

    def result(self) -> tuple[Keys, Counts]:
        """Return each kind of n-gram, sorted, and how often it came."""
        self._count()
        return self._keys, self._counts

    def _count(self) -> None:
        if not self._waiting:
            return
        units = np.array(self._waiting, np.int64)
        self._waiting = []
        # Each text has order - 1 units in front of its own, so no n-gram reaches into the text before.
        windows = np.lib.stride_tricks.sliding_window_view(units, self._order)
        windows = windows[(windows[:, -1] != SOS_ID) & (windows[:, -1] != BLANK_ID)]
        keys = np.concatenate((self._keys, pack(windows)))
        counts = np.concatenate((self._counts, np.ones(len(windows), np.int64)))
        self._keys, self._counts = summed(keys, counts)
        least = 1
        while len(self._keys) > self._max_kinds:
            kept = self._counts > least
            self.n_forgotten += int(len(kept) - kept.sum())
            self._keys, self._counts = self._keys[kept], self._counts[kept]
            least += 1


def summed(keys: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Return each key once, sorted, with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first_rows = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, int)
    return keys[first_rows], np.add.reduceat(counts, first_rows) if len(keys) else counts
