"""CT-punc, realtime form: a text that comes segment by segment, each judged with the sentence that it goes on.

Algorithm: FunASR's `CT_Transformer_VadRealtime`. The words since the last full stop are kept and go through the
model again in front of the next segment's. A mask keeps the new words from the old ones, all but the last: only the
mark between two segments is judged anew, and it stands at the head of the second. The mark at the very end is
withheld, since the sentence may go on. Windows of 20 words as in the offline form.

Differences from funasr_onnx: those that `ct_punc` names, and no more than 500 words are kept.
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
    MAX_CARRY_WORDS,
    SENTENCE_END,
    CtPunc,
    Graph,
    PuncFiles,
    best_marks,
    ct_punc_of,
    mark_windows,
    read_punc_files,
    word_pieces,
)

MASK = "vad_masks"
"""The input that tells a realtime model from an offline one."""
INPUTS = {"inputs", "text_lengths", MASK, "sub_masks"}

Cache = tuple[int, ...]
"""Ids of the words since the last full stop."""


@dataclass(frozen=True, slots=True)
class CtPuncOnline:
    """A loaded model; matches `StreamingPunctuator` and `Punctuator`. Fields as in `CtPunc`."""

    graph: Graph
    marks: tuple[str, ...]
    ids: Mapping[str, int]
    unknown_id: int

    def new_state(self) -> Cache:
        """State of a text that has not begun."""
        return ()

    def step(self, state: Cache, words: Sequence[str]) -> tuple[Cache, str, list[str]]:
        """Next state, the mark that stands before the first word ("" for none), and the mark after each word.

        The mark after the last word is always "": it comes before the next call's first word, if at all.

        Raises:
            InferenceError: the model refused the words; the text may go on from the old state.
        """
        state, head, marks = self._judge(state, words)
        return state, head, [*marks[:-1], *([""] if marks else [])]

    def punctuate(self, words: Sequence[str]) -> list[str]:
        """The mark after each word of a whole text, which is closed with a full stop or a question mark.

        Raises:
            InferenceError: the model refused the words.
        """
        _, _, marks = self._judge((), words)
        if marks and marks[-1] not in SENTENCE_END:
            marks[-1] = FULL_STOP
        return marks

    def _judge(self, cache: Cache, words: Sequence[str]) -> tuple[Cache, str, list[str]]:
        """Next cache, mark of the last cached word, and the mark after each word, the last one's included."""
        pieces = list(word_pieces(words))
        marks = [""] * len(words)
        if not pieces:
            return cache, "", marks
        ids = np.array([*cache, *(self.ids.get(piece.lower(), self.unknown_id) for piece, _ in pieces)], np.int32)
        found = mark_windows(ids, lambda window: self._predict(window, len(cache)))
        for (_, index), mark in zip(pieces, found[len(cache) :], strict=True):
            marks[index] = mark
        head = found[len(cache) - 1] if cache else ""
        return _kept(ids, found), head, marks

    def _predict(self, ids: Tensor, n_cached: int) -> list[str]:
        mask = _mask(len(ids), n_cached)
        lengths = np.array([len(ids)], dtype=np.int32)
        feeds = {"inputs": ids[None, :], "text_lengths": lengths, MASK: mask, "sub_masks": mask}
        return best_marks(self.graph.run(feeds, ["logits"])["logits"], len(ids), self.marks)


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
    """Load the model of a directory in FunASR's layout, whichever of the two kinds its graph is.

    Raises:
        ModelLoadError: a file is missing or damaged, the graph is neither an offline nor a realtime CT-punc model, or
            the model's words are cut by jieba (it has a `jieba_usr_dict`) and jieba is not installed.
    """
    files = read_punc_files(directory)
    graph = open_session(graph_file(directory, quantize=quantize), placement)
    return ct_punc_online_of(files, graph) if MASK in graph.inputs else ct_punc_of(files, graph)


def ct_punc_online_of(files: PuncFiles, graph: OnnxModel) -> CtPuncOnline:
    """The model of a graph that is already open; errors as `load_ct_punc_online`."""
    if set(graph.inputs) != INPUTS or "logits" not in graph.outputs:
        raise ModelLoadError(f"not a realtime CT-punc model: {graph.path} has the inputs {sorted(graph.inputs)}")
    return CtPuncOnline(graph, files.marks, files.ids, files.unknown_id)


def _mask(n_words: int, n_cached: int) -> Tensor:
    """Which words (columns) each word (row) sees: float32 (1, 1, n_words, n_words).

    FunASR counts `n_cached` from the front of every window, also of those that the cache has left.
    """
    mask = np.ones((1, 1, n_words, n_words), dtype=np.float32)
    if 0 < n_cached < n_words:
        mask[:, :, : n_cached - 1, n_cached:] = 0
    return mask


def _kept(ids: Tensor, marks: Sequence[str]) -> Cache:
    """The words after the last full stop or question mark; those of the first two words and the last do not count."""
    ends = (place for place in range(len(marks) - 2, 1, -1) if marks[place] in SENTENCE_END)
    first = next(ends, -1) + 1
    return tuple(ids[max(first, len(ids) - MAX_CARRY_WORDS) :].tolist())
