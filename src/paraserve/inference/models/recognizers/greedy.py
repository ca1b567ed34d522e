"""Greedy search: the best unit of each row of a recognizer's output, and its probability.

A graph prepared for a GPU computes both there (`graphs/gpu/outputs.py`). Two numbers a row then leave the device
instead of 8,404 to 25,055 logits, which are 0.1 to 1 GB for ten minutes of audio. Other graphs give the logits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from paraserve.inference.graphs.session import BEST_UNITS, OnnxModel, Tensor
from paraserve.inference.models.recognizers.paraformer_common import probabilities
from paraserve.types import Int


@dataclass(frozen=True, slots=True)
class GreedyResult:
    """Best units of one segment: ids (n_rows,), with scores (n_rows,) or with all logits (n_rows, vocabulary)."""

    ids: Int
    scores: Tensor | None
    logits: Tensor | None

    def first_rows(self, n_rows: int) -> "GreedyResult":
        """Return the result of the first `n_rows` rows."""
        scores = None if self.scores is None else self.scores[:n_rows]
        logits = None if self.logits is None else self.logits[:n_rows]
        return GreedyResult(self.ids[:n_rows], scores, logits)

    def probabilities(self, rows: slice | Int) -> list[float]:
        """Return the probabilities of the best units of these rows."""
        if self.logits is not None:
            return probabilities(self.logits[rows], self.ids[rows])
        assert self.scores is not None, "a graph gives scores or logits"
        values: list[float] = np.nan_to_num(self.scores[rows]).tolist()
        return values


def run_greedy(graph: OnnxModel, feeds: Mapping[str, Tensor]) -> tuple[list[GreedyResult], list[Tensor]]:
    """Run a graph whose first output is logits. Return the best units of each segment, and the other outputs.

    Raises:
        InferenceError: the runtime refused the input.
    """
    if graph.has_best_units:
        ids, scores, *rest = graph.run(feeds, [*BEST_UNITS, *list(graph.outputs)[1:]]).values()
        return [GreedyResult(i[:, 0], s[:, 0], None) for i, s in zip(ids, scores, strict=True)], rest
    logits, *rest = graph.run(feeds).values()
    return [GreedyResult(item.argmax(axis=1), None, item) for item in logits], rest
