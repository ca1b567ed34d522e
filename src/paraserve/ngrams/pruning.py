"""Removal of the n-grams that matter least, so that a model is small.

Source: Stolcke, "Entropy-based Pruning of Backoff Language Models", DARPA Broadcast News Workshop 1998: an n-gram is
worth the relative entropy between the model with it and the model without it.
"""

import numpy as np

from paraserve.inference.text.units import SOS_ID
from paraserve.ngrams.tables import (
    LEAST_REST,
    Keys,
    LogProbs,
    NgramModel,
    histories,
    history_groups,
    last_units,
    model_of,
    pack,
    shorter,
    unpack,
)


def pruned(model: NgramModel, max_ngrams: int) -> NgramModel:
    """Return a model of at most about `max_ngrams` n-grams of two units and more, the ones that are worth most.

    Units alone stay all. A history stays with the n-grams that it begins, so there may be some more.
    """
    worths = [_worths(model, length) for length in range(2, model.order + 1)]
    n_ngrams = sum(map(len, worths))
    if n_ngrams <= max_ngrams:
        return model
    least = np.partition(np.concatenate(worths), n_ngrams - max_ngrams - 1)[n_ngrams - max_ngrams - 1]
    tables = [(table.keys, table.log_probs) for table in model.tables]
    needed: Keys = np.zeros(0, np.uint64)
    for length in range(model.order, 1, -1):
        keys, values = tables[length - 1]
        kept = (worths[length - 2] > least) | np.isin(keys, needed)
        tables[length - 1] = keys[kept], values[kept]
        needed = np.unique(histories(keys[kept]))
    return model_of(tables)


def _worths(model: NgramModel, length: int) -> LogProbs:
    """Return the relative entropy in nats that each n-gram of one length is worth."""
    table = model.tables[length - 1]
    if not len(table.keys):
        return np.zeros(0)
    found, first_rows = history_groups(table.keys)
    log_below = model.log_probs(shorter(table.keys, length), length - 1)
    probs, below = np.exp(table.log_probs), np.exp(log_below)
    rows = np.repeat(np.arange(len(found)), np.diff(np.append(first_rows, len(table.keys))))
    rest = np.maximum(1 - np.add.reduceat(probs, first_rows), LEAST_REST)[rows]
    rest_below = np.maximum(1 - np.add.reduceat(below, first_rows), LEAST_REST)[rows]
    log_weight = np.log(rest) - np.log(rest_below)
    log_new_weight = np.log(rest + probs) - np.log(rest_below + below)
    change = probs * (log_below + log_new_weight - table.log_probs) + rest * (log_new_weight - log_weight)
    worths: LogProbs = -np.exp(_log_histories(model, found, length - 1))[rows] * change
    return worths


def _log_histories(model: NgramModel, keys: Keys, length: int) -> LogProbs:
    """Return ln P of histories of one length, by the chain rule. `<s>` is certain."""
    ids = unpack(keys, length)
    values = np.zeros(len(keys))
    for n_units in range(1, length + 1):
        fronts = pack(ids[:, :n_units])
        log_probs = model.log_probs(fronts, n_units)
        values += np.where(last_units(fronts) == SOS_ID, 0.0, log_probs)
    return values
