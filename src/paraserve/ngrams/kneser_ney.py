"""Modified Kneser-Ney estimation of an n-gram model from counts.

Source: Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", Harvard TR-10-98,
interpolated, with one discount each for n-grams seen once, twice and more often. Shorter n-grams are counted by the
kinds of units before them, at the beginning of a text by how often they came.
"""

import numpy as np
import numpy.typing as npt

from paraserve.inference.text.units import BLANK_ID, SOS_ID
from paraserve.ngrams.counting import Counts, summed
from paraserve.ngrams.tables import (
    NEVER,
    UNIT_BITS,
    Keys,
    LogProbs,
    NgramModel,
    histories,
    history_groups,
    model_of,
    shorter,
)

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""For counts so few that the estimate has no meaning, as KenLM's `--discount_fallback`."""


def kneser_ney(keys: Keys, counts: Counts, order: int, units: npt.NDArray[np.int64]) -> NgramModel:
    """Return the model of the n-grams of `order` units and their counts, as `NgramCounter` gives them.

    Args:
        keys: sorted, shorter ones filled up with `<blank>`.
        counts: of each of them.
        order: length of the longest n-grams, at least 2.
        units: sorted ids of all that may be predicted, `</s>` too. Those that were never seen share what is left.
    """
    all_keys, all_counts = _counts_by_length(keys, counts, order)
    first_keys, first_counts = _with_unseen(all_keys[0], all_counts[0], units.astype(np.uint64))
    values = _interpolated(first_keys, first_counts, np.full(len(first_keys), 1 / len(first_keys)))
    tables = [(first_keys, values)]
    for length in range(2, order + 1):
        keys, counts = all_keys[length - 1], all_counts[length - 1]
        below_keys, below = tables[-1]
        lower = below[np.searchsorted(below_keys, shorter(keys, length))]
        tables.append((keys, _interpolated(keys, counts, lower)))
    logs: list[tuple[Keys, LogProbs]] = [(keys, np.log(values)) for keys, values in tables]
    begin = int(np.searchsorted(logs[0][0], SOS_ID))
    logs[0] = np.insert(logs[0][0], begin, np.uint64(SOS_ID)), np.insert(logs[0][1], begin, NEVER)
    return model_of(logs)


def _counts_by_length(keys: Keys, counts: Counts, order: int) -> tuple[list[Keys], list[Counts]]:
    """Return the n-grams of each length and the counts that they are estimated by, the shortest first.

    A history that is no n-gram of its length any more, since the counter forgot it, is one with a count of 0.
    """
    real = {length: np.zeros(0, np.uint64) for length in range(1, order + 1)}
    real_counts = {length: np.zeros(0, np.int64) for length in range(1, order + 1)}
    lengths = _real_lengths(keys, order)
    for length in range(1, order + 1):
        real[length], real_counts[length] = keys[lengths == length], counts[lengths == length]
    for length in range(order - 1, 0, -1):
        longer = real[length + 1]
        kinds = shorter(longer, length + 1)
        found = [real[length], kinds]
        found_counts = [real_counts[length], np.ones(len(kinds), np.int64)]
        if length > 1:
            before = np.unique(histories(longer))
            found.append(before)
            found_counts.append(np.zeros(len(before), np.int64))
        real[length], real_counts[length] = summed(np.concatenate(found), np.concatenate(found_counts))
    return list(real.values()), list(real_counts.values())


def _real_lengths(keys: Keys, order: int) -> npt.NDArray[np.int64]:
    """Return the length of each n-gram without the `<blank>` in front."""
    lengths = np.full(len(keys), order)
    for n_filled in range(1, order - 1):
        front = keys >> np.uint64(UNIT_BITS * (order - n_filled))
        lengths[front == BLANK_ID] = order - n_filled
    return lengths


def _with_unseen(keys: Keys, counts: Counts, units: Keys) -> tuple[Keys, Counts]:
    """Return the counts of all units, 0 for those that were never seen."""
    return summed(np.concatenate((keys, units)), np.concatenate((counts, np.zeros(len(units), np.int64))))


def _interpolated(keys: Keys, counts: Counts, lower: LogProbs) -> LogProbs:
    """Return the probabilities of n-grams of one length; `lower` are those without their first units."""
    discounts = np.minimum(_discounts(counts)[np.minimum(counts, 3)], counts)
    found, first_rows = history_groups(keys)
    totals = np.maximum(np.add.reduceat(counts, first_rows), 1)
    rests = np.add.reduceat(discounts, first_rows)
    # A history with counts of 0 alone gives nothing of its own.
    rests = np.where(np.add.reduceat(counts, first_rows) > 0, rests, totals)
    rows = np.repeat(np.arange(len(found)), np.diff(np.append(first_rows, len(keys))))
    values: LogProbs = (counts - discounts) / totals[rows] + rests[rows] / totals[rows] * lower
    return values


def _discounts(counts: Counts) -> LogProbs:
    """Return the discounts of n-grams seen never, once, twice and more often."""
    n1, n2, n3, n4 = (int((counts == i).sum()) for i in range(1, 5))
    if min(n1, n2, n3, n4) > 0:
        y = n1 / (n1 + 2 * n2)
        estimated = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if all(0 < discount < i for i, discount in enumerate(estimated, 1)):
            return np.array((0, *estimated))
    return np.array((0, *FALLBACK_DISCOUNTS))
