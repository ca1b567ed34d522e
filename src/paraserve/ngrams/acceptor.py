"""N-gram model as the graph that a recognizer's units are searched in.

A state stands for the units before, as far as the model looks back. An arc is a unit with its cost. Where the model
has no n-gram, an arc without a label leads to the state that looks back one unit less, at the cost of the back-off
weight.

Source: Allauzen, Mohri and Roark, "Generalized Algorithms for Constructing Statistical Language Models", ACL 2003.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from paraserve.inference.language_model.graph import Arc, write_acceptor
from paraserve.inference.text.units import EOS_ID, SOS_ID
from paraserve.ngrams.tables import NgramModel, histories, unpack

History = tuple[int, ...]
ROOT: History = ()


def write_graph(model: NgramModel, path: Path) -> None:
    """Write the model as `G.fst`: input label = unit id + 1, cost = -ln P, back-off as label 0.

    Raises:
        OSError: it cannot be written.
    """
    states = _states(model)
    finals: dict[int, float] = {}
    arcs = _arcs(model, states, finals)
    write_acceptor(path, len(states), states.get((SOS_ID,), states[ROOT]), arcs, finals)


def _states(model: NgramModel) -> dict[History, int]:
    """Return a number for each history that an n-gram of the model begins with."""
    states = {ROOT: 0}
    for length in range(2, model.order + 1):
        keys = np.unique(histories(model.tables[length - 1].keys))
        for ids in unpack(keys, length - 1).tolist():
            states[tuple(ids)] = len(states)
    return states


def _arcs(model: NgramModel, states: dict[History, int], finals: dict[int, float]) -> Iterator[Arc]:
    """Yield the arcs of all states, and put the cost of `</s>` behind a history in `finals`."""
    for length, table in enumerate(model.tables, 1):
        rows = zip(
            unpack(table.keys, length).tolist(), table.log_probs.tolist(), table.backoffs.tolist(), strict=True
        )
        for ids, log_prob, backoff in rows:
            history, unit = tuple(ids[:-1]), ids[-1]
            if unit == EOS_ID:
                finals[states[history]] = -log_prob
                continue
            if unit != SOS_ID:
                yield Arc(states[history], unit + 1, -log_prob, states[_longest(tuple(ids), states)])
            if (state := states.get(tuple(ids))) is not None:
                yield Arc(state, 0, -backoff, states[_longest(tuple(ids[1:]), states)])


def _longest(ids: History, states: dict[History, int]) -> History:
    """Return the longest end of some units that is a state."""
    while ids not in states:
        ids = ids[1:]
    return ids
