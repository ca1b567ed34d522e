"""Greedy search: the best unit of each row of a recognizer's output, and its probability.

A graph prepared for a GPU computes the best ones there (`graphs/gpu/outputs.py`). A few numbers a row then leave it
instead of 8,404 to 25,055 logits, which are 0.1 to 1 GB for ten minutes of audio. Other graphs give the logits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from paraserve.inference.graphs.session import BEST_UNITS, OnnxModel, Tensor
from paraserve.inference.models.recognizers.paraformer_common import probabilities
from paraserve.types import Int

FAR = -1e4
"""Logarithm of the probability of a unit that is not among the best ones of its row."""


@dataclass(frozen=True, slots=True)
class NearUnits:
    """The best units of each row and their probabilities, both (n_rows, n_best), the best first."""

    ids: Int
    probabilities: Tensor

    def log_probs(self, n_units: int) -> Tensor:
        """Return the logarithms of the probabilities of all units (n_rows, n_units)."""
        dense = np.full((len(self.ids), n_units), FAR, np.float32)
        with np.errstate(divide="ignore"):
            np.put_along_axis(dense, self.ids, np.log(self.probabilities), axis=1)
        return dense

    def of(self, ids: Int) -> Tensor:
        """Return the probability of one unit in each row, 0 for one that is not among the best."""
        found: Tensor = np.where(self.ids == ids[:, None], self.probabilities, 0).sum(axis=1)
        return found


@dataclass(frozen=True, slots=True)
class GreedyResult:
    """Best units of one segment: ids (n_rows,), with the best few or with all logits (n_rows, vocabulary)."""

    ids: Int
    near: NearUnits | None
    logits: Tensor | None

    def first_rows(self, n_rows: int) -> "GreedyResult":
        """Return the result of the first `n_rows` rows."""
        near = None if self.near is None else NearUnits(self.near.ids[:n_rows], self.near.probabilities[:n_rows])
        logits = None if self.logits is None else self.logits[:n_rows]
        return GreedyResult(self.ids[:n_rows], near, logits)

    def with_ids(self, ids: Int) -> "GreedyResult":
        """Return the result with other units in place of the best ones."""
        return replace(self, ids=ids)

    def log_probs(self, n_units: int) -> Tensor:
        """Return logits or logarithms of probabilities (n_rows, n_units), up to a constant of each row."""
        if self.logits is not None:
            return self.logits
        assert self.near is not None, "a graph gives logits or the best units"
        return self.near.log_probs(n_units)

    def probabilities(self, rows: slice | Int) -> list[float]:
        """Return the probabilities of the units of these rows."""
        if self.logits is not None:
            return probabilities(self.logits[rows], self.ids[rows])
        assert self.near is not None, "a graph gives logits or the best units"
        values: list[float] = np.nan_to_num(self.near.of(self.ids)[rows]).tolist()
        return values


def run_greedy(graph: OnnxModel, feeds: Mapping[str, Tensor]) -> tuple[list[GreedyResult], list[Tensor]]:
    """Run a graph whose first output is logits. Return the best units of each segment, and the other outputs.

    Raises:
        InferenceError: the runtime refused the input.
    """
    if graph.has_best_units:
        ids, scores, *rest = graph.run(feeds, [*BEST_UNITS, *list(graph.outputs)[1:]]).values()
        return [GreedyResult(i[:, 0], NearUnits(i, s), None) for i, s in zip(ids, scores, strict=True)], rest
    logits, *rest = graph.run(feeds).values()
    return [GreedyResult(item.argmax(axis=1), None, item) for item in logits], rest
