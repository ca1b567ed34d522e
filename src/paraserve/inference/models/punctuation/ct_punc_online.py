"""CT-punc, realtime form: marks for a text that comes segment by segment.

Algorithm: FunASR's `CT_Transformer_VadRealtime`. The units since the last full stop are cached, and go through the
model again before those of the next segment. A mask hides the new units from the cached ones except the last. Only
the mark between two segments is therefore predicted anew, and it stands at the head of the second. The mark at the
very end is held back, because the sentence may go on. Windows have 20 units as in the offline form.

Differences from funasr_onnx: those of `ct_punc`, and at most 500 units are cached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.session import CPU, OnnxModel, Placement, Tensor, open_session
from paraserve.inference.models.model_files import graph_file
from paraserve.inference.models.punctuation.ct_punc import (
    FULL_STOP,
    MAX_CARRY_UNITS,
    SENTENCE_END,
    CtPunc,
    Graph,
    PuncFiles,
    best_marks,
    ct_punc_of,
    end_probability,
    ids_and_unknown,
    mark_windows,
    read_punc_files,
    units_of,
)

MASK = "vad_masks"
"""Input that only a realtime model has."""
INPUTS = {"inputs", "text_lengths", MASK, "sub_masks"}

Cache = tuple[int, ...]
"""Ids of the units since the last full stop."""


@dataclass(frozen=True, slots=True)
class CtPuncOnline:
    """Loaded model; matches `StreamingPunctuator` and `Punctuator`. Fields as in `CtPunc`."""

    graph: Graph
    marks: tuple[str, ...]
    ids: Mapping[str, int]
    unknown_id: int

    @property
    def realtime(self) -> "CtPuncOnline":
        """This model itself."""
        return self

    def new_state(self) -> Cache:
        """Return the state of a text before its first word."""
        return ()

    def step(self, state: Cache, words: Sequence[str]) -> tuple[Cache, str, list[str]]:
        """Return the next state, the mark before the first word ("" for none), and the mark after each word.

        The mark after the last word is always "": it comes before the next call's first word, if at all.

        Raises:
            InferenceError: the model refused the words; the text may go on from the old state.
        """
        state, head, marks = self._predict_marks(state, words)
        return state, head, [*marks[:-1], *([""] if marks else [])]

    def punctuate(self, words: Sequence[str]) -> list[str]:
        """Return the mark after each word of a whole text, which is closed with a full stop or a question mark.

        Raises:
            InferenceError: the model refused the words.
        """
        _, _, marks = self._predict_marks((), words)
        if marks and marks[-1] not in SENTENCE_END:
            marks[-1] = FULL_STOP
        return marks

    def sentence_end_probability(self, words: Sequence[str]) -> float:
        """Return the probability that a sentence ends after the last of the words, if any word follows it.

        Raises:
            InferenceError: the model refused the words.
        """
        ids = ids_and_unknown([unit for unit, _ in units_of(words)], self.ids, self.unknown_id)
        return end_probability(self._logits(ids, 0), self.marks)

    def _predict_marks(self, cache: Cache, words: Sequence[str]) -> tuple[Cache, str, list[str]]:
        """Return the next cache, the mark of the last cached unit, and the mark after each word, also the last."""
        units = list(units_of(words))
        marks = [""] * len(words)
        if not units:
            return cache, "", marks
        ids = np.array([*cache, *(self.ids.get(unit.lower(), self.unknown_id) for unit, _ in units)], np.int32)
        found = mark_windows(ids, lambda window: self._predict(window, len(cache)))
        for (_, index), mark in zip(units, found[len(cache) :], strict=True):
            marks[index] = mark
        head = found[len(cache) - 1] if cache else ""
        return _next_cache(ids, found), head, marks

    def _predict(self, ids: Tensor, n_cached: int) -> list[str]:
        return best_marks(self._logits(ids, n_cached), len(ids), self.marks)

    def _logits(self, ids: Tensor, n_cached: int) -> Tensor:
        mask = _mask(len(ids), n_cached)
        lengths = np.array([len(ids)], dtype=np.int32)
        feeds = {"inputs": ids[None, :], "text_lengths": lengths, MASK: mask, "sub_masks": mask}
        return self.graph.run(feeds, ["logits"])["logits"]


def load_ct_punc_online(directory: Path, placement: Placement = CPU, quantize: bool | None = None) -> CtPuncOnline:
    """Load a realtime CT-punc model from FunASR's files (model*.onnx, config.yaml, tokens.json).

    Raises:
        ModelLoadError: a file is missing or damaged, or the model is another one.
    """
    files = read_punc_files(directory)
    return ct_punc_online_of(files, open_session(graph_file(directory, quantize=quantize), placement))


def load_either_ct_punc(
    directory: Path, placement: Placement = CPU, quantize: bool | None = None
) -> CtPunc | CtPuncOnline:
    """Load an offline or a realtime CT-punc model, as its graph says.

    Raises:
        ModelLoadError: a file is missing or damaged, the model is another one, or jieba is needed and not installed.
    """
    files = read_punc_files(directory)
    graph = open_session(graph_file(directory, quantize=quantize), placement)
    return ct_punc_online_of(files, graph) if MASK in graph.inputs else ct_punc_of(files, graph)


def ct_punc_online_of(files: PuncFiles, graph: OnnxModel) -> CtPuncOnline:
    """Return the model of an open graph.

    Raises:
        ModelLoadError: the graph is another one.
    """
    if set(graph.inputs) != INPUTS or "logits" not in graph.outputs:
        raise ModelLoadError(f"not a realtime CT-punc model: {graph.path} has the inputs {sorted(graph.inputs)}")
    return CtPuncOnline(graph, files.marks, files.ids, files.unknown_id)


def _mask(n_units: int, n_cached: int) -> Tensor:
    """Return a mask of the units (columns) that each unit (row) sees: float32 (1, 1, n_units, n_units), 1 = visible.

    FunASR counts `n_cached` from the front of every window, even of windows without cached units.
    """
    mask = np.ones((1, 1, n_units, n_units), dtype=np.float32)
    if 0 < n_cached < n_units:
        mask[:, :, : n_cached - 1, n_cached:] = 0
    return mask


def _next_cache(ids: Tensor, marks: Sequence[str]) -> Cache:
    """Return the units after the last full stop or question mark, without marks of the first two or the last."""
    ends = (place for place in range(len(marks) - 2, 1, -1) if marks[place] in SENTENCE_END)
    first = next(ends, -1) + 1
    return tuple(ids[max(first, len(ids) - MAX_CARRY_UNITS) :].tolist())
