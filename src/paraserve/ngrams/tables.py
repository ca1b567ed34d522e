"""N-gram model as sorted tables: one for each length, with the probability of each n-gram and its back-off weight.

An n-gram is a key of 64 bits: the ids of its units, 16 bits each, the last unit lowest. Sorted keys of one length
stand in groups of one history, and a search in them takes the place of a tree. Ids are those of the recognizer's
vocabulary, with `<s>` and `</s>`.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from paraserve.inference.language_model.language_model import MAX_ORDER

Keys: TypeAlias = npt.NDArray[np.uint64]
"""N-grams of one length."""
LogProbs: TypeAlias = npt.NDArray[np.float64]
"""Natural logarithms, one for each n-gram."""

UNIT_BITS = 64 // MAX_ORDER
MAX_UNITS = 2**UNIT_BITS
NEVER = -99 * np.log(10)
"""Log-probability of `<s>`, which nothing predicts, as ARPA files write it."""
LEAST_REST = 1e-12
"""Least probability that the known units leave to the others, so that no back-off weight is infinite."""


@dataclass(frozen=True, slots=True)
class Table:
    """All n-grams of one length, sorted. `backoffs` are 0 for those that begin no longer one."""

    keys: Keys
    log_probs: LogProbs
    backoffs: LogProbs

    def find(self, keys: Keys) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return the row of each key, and whether it is there. The row of one that is not has no meaning."""
        if not len(self.keys):
            return np.zeros(len(keys), np.intp), np.zeros(len(keys), bool)
        rows = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return rows, self.keys[rows] == keys


@dataclass(frozen=True, slots=True)
class NgramModel:
    """Back-off model: `tables[n - 1]` has the n-grams of length n, the first one every unit, `<s>` and `</s>`."""

    tables: tuple[Table, ...]

    @property
    def order(self) -> int:
        """Length of the longest n-grams."""
        return len(self.tables)

    @property
    def n_ngrams(self) -> int:
        """Number of n-grams of all lengths."""
        return sum(len(table.keys) for table in self.tables)

    def log_probs(self, keys: Keys, length: int) -> LogProbs:
        """Return ln P(last unit | the units before it) of n-grams of one length, known or not.

        Unknown ones take the back-off weight of their history and the probability behind a shorter one.
        """
        table = self.tables[length - 1]
        rows, known = table.find(keys)
        values = table.log_probs[rows].copy() if len(table.keys) else np.full(len(keys), NEVER)
        if known.all():
            return values
        missing = keys[~known]
        if length == 1:
            values[~known] = NEVER
            return values
        before = self.tables[length - 2]
        history_rows, has_history = before.find(histories(missing))
        weights = np.where(has_history, before.backoffs[history_rows], 0.0)
        values[~known] = weights + self.log_probs(shorter(missing, length), length - 1)
        return values


def pack(ids: npt.NDArray[np.int64]) -> Keys:
    """Return the keys of n-grams (n, length), with `length` at most `MAX_ORDER`."""
    keys = np.zeros(len(ids), np.uint64)
    for column in ids.T:
        keys = (keys << np.uint64(UNIT_BITS)) | column.astype(np.uint64)
    return keys


def unpack(keys: Keys, length: int) -> npt.NDArray[np.int64]:
    """Return the ids (n, length) of n-grams."""
    shifts = [np.uint64(UNIT_BITS * (length - 1 - i)) for i in range(length)]
    return np.stack([(keys >> shift) & np.uint64(MAX_UNITS - 1) for shift in shifts], axis=1).astype(np.int64)


def histories(keys: Keys) -> Keys:
    """Return the n-grams without their last units."""
    return keys >> np.uint64(UNIT_BITS)


def shorter(keys: Keys, length: int) -> Keys:
    """Return n-grams of `length` units without their first units."""
    return keys & np.uint64(2 ** (UNIT_BITS * (length - 1)) - 1)


def last_units(keys: Keys) -> Keys:
    """Return the last unit of each n-gram."""
    return keys & np.uint64(MAX_UNITS - 1)


def history_groups(keys: Keys) -> tuple[Keys, npt.NDArray[np.intp]]:
    """Return each history of sorted keys once, and the row of its first n-gram."""
    found, first_rows = np.unique(histories(keys), return_index=True)
    return found, first_rows


def model_of(tables: list[tuple[Keys, LogProbs]]) -> NgramModel:
    """Return the model of n-grams with their probabilities. Back-off weights are what makes each history sum to 1.

    Args:
        tables: sorted keys and log-probabilities, one pair for each length. Every history of a length is an n-gram of
            the length before.
    """
    model = NgramModel(tuple(Table(keys, values, np.zeros(len(keys))) for keys, values in tables))
    for length in range(2, model.order + 1):
        keys, values = tables[length - 1]
        if not len(keys):
            continue
        found, first_rows = history_groups(keys)
        below = model.log_probs(shorter(keys, length), length - 1)
        rest = 1 - np.add.reduceat(np.exp(values), first_rows)
        rest_below = 1 - np.add.reduceat(np.exp(below), first_rows)
        rows, known = model.tables[length - 2].find(found)
        assert known.all(), "a history is not an n-gram of the model"
        weights = np.log(np.maximum(rest, LEAST_REST)) - np.log(np.maximum(rest_below, LEAST_REST))
        model.tables[length - 2].backoffs[rows] = weights
    return model
