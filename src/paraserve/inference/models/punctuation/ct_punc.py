"""CT-punc (controllable time-delay transformer), offline form: a mark after each word of a finished text.

Algorithm: FunASR's `CT_Transformer`. The words become units of the model's vocabulary, which go through the model in
windows of 20. A window also carries the units after the last full stop or question mark of the window before it, so
that the model sees each sentence as a whole. Paper: Chen et al., "Controllable Time-Delay Transformer for Real-Time
Punctuation Prediction and Disfluency Detection" (2020).

There are three intended differences from funasr_onnx. Units are looked up in lower case, like the vocabulary and like
in FunASR's C++ runtime. The class `<unk>` is no mark. A carry of over 500 units without any place to cut is returned
without marks, so that the work stays linear in the length of the text.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.graphs.session import OnnxModel
from paraserve.inference.models.model_files import read_config, read_units

WINDOW_UNITS = 20
FORCED_CUT_UNITS = 200
"""A longer window may be cut at a comma, which becomes a full stop."""
MAX_CARRY_UNITS = 500
MAX_JUDGED_UNITS = 100
"""Units of which the last one is judged."""
COMMA, FULL_STOP, QUESTION, PAUSE = "，", "。", "？", "、"
SENTENCE_END = (FULL_STOP, QUESTION)
NO_MARK = ("_", "<unk>")

Tensor = npt.NDArray[Any]


class Graph(Protocol):
    """The part of `OnnxModel` in use: `inputs` (1, n) and `text_lengths` (1,) to `logits` (1, n, n_marks)."""

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Return the outputs by name."""
        ...


@dataclass(frozen=True, slots=True)
class CtPunc:
    """Loaded model; matches `paraserve.inference.base.Punctuator`.

    Args:
        marks: mark of each output class, "" for none.
        ids: id of each unit of the vocabulary, in lower case.
        unknown_id: id of other units.
        cut_chinese: cuts a run of Chinese text into units: characters, or the words that jieba finds.
    """

    graph: Graph
    marks: tuple[str, ...]
    ids: Mapping[str, int]
    unknown_id: int
    cut_chinese: Callable[[str], Iterable[str]] = iter

    @property
    def realtime(self) -> None:
        """None: each text is judged as a whole."""

    def punctuate(self, words: Sequence[str]) -> list[str]:
        """Return the mark after each word ("" for none). The last word gets a full stop or a question mark.

        A word of several units ("你好") gets the mark of its last unit.

        Raises:
            InferenceError: the model refused the words.
        """
        units = list(units_of(words, self.cut_chinese))
        marks = [""] * len(words)
        if units:
            for (_, index), mark in zip(units, self._marks([unit for unit, _ in units]), strict=True):
                marks[index] = mark
        return marks

    def sentence_end_probability(self, words: Sequence[str]) -> float:
        """Return the probability that a sentence ends after the last of the words, if any word follows it.

        Raises:
            InferenceError: the model refused the words.
        """
        ids = ids_and_unknown([unit for unit, _ in units_of(words, self.cut_chinese)], self.ids, self.unknown_id)
        feeds = {"inputs": ids[None, :], "text_lengths": np.array([len(ids)], dtype=np.int32)}
        return end_probability(self.graph.run(feeds, ["logits"])["logits"], self.marks)

    def _marks(self, units: Sequence[str]) -> list[str]:
        ids = np.array([self.ids.get(unit.lower(), self.unknown_id) for unit in units], dtype=np.int32)
        marks = mark_windows(ids, self._predict)
        if marks[-1] not in SENTENCE_END:
            marks[-1] = FULL_STOP
        return marks

    def _predict(self, ids: Tensor) -> list[str]:
        feeds = {"inputs": ids[None, :], "text_lengths": np.array([len(ids)], dtype=np.int32)}
        return best_marks(self.graph.run(feeds, ["logits"])["logits"], len(ids), self.marks)


@dataclass(frozen=True, slots=True)
class PuncFiles:
    """Content of the files beside the graph. Fields as in `CtPunc`."""

    directory: Path
    marks: tuple[str, ...]
    ids: Mapping[str, int]
    unknown_id: int


def ct_punc_of(files: PuncFiles, graph: OnnxModel) -> CtPunc:
    """Return the model of an open graph.

    Raises:
        ModelLoadError: the graph is another one, or jieba is needed and not installed.
    """
    if set(graph.inputs) != {"inputs", "text_lengths"} or "logits" not in graph.outputs:
        raise ModelLoadError(f"not an offline CT-punc model: {graph.path} has the inputs {sorted(graph.inputs)}")
    user_dict = files.directory / "jieba_usr_dict"
    return CtPunc(
        graph, files.marks, files.ids, files.unknown_id, _jieba_cutter(user_dict) if user_dict.exists() else iter
    )


def read_punc_files(directory: Path) -> PuncFiles:
    """Read the marks of config.yaml and the units of tokens.json.

    Raises:
        ModelLoadError: a file is missing or damaged, or there is no list of marks.
    """
    marks, units = _read_marks(directory), read_units(directory)
    # FunASR's vocabularies are lower case. Of two units that differ in case only, the first counts.
    ids: dict[str, int] = {}
    for index, unit in enumerate(units):
        ids.setdefault(unit.lower(), index)
    return PuncFiles(directory, marks, ids, ids.get("<unk>", len(units) - 1))


def units_of(words: Sequence[str], cut_chinese: Callable[[str], Iterable[str]] = iter) -> Iterator[tuple[str, int]]:
    """Yield the units that these words make, each with the index of the word that it ends in."""
    parts = [(part, index) for index, word in enumerate(words) for part in split_words(word)]
    for is_ascii, group in groupby(parts, key=lambda item: item[0].isascii()):
        run = list(group)
        if is_ascii:
            yield from run
            continue
        end = 0
        for unit in cut_chinese("".join(char for char, _ in run)):
            end += len(unit)
            yield unit, run[end - 1][1]


def mark_windows(ids: Tensor, predict: Callable[[Tensor], list[str]]) -> list[str]:
    """Return the mark after each of the units `ids` (n,), n > 0, predicted window by window."""
    marks: list[str] = []
    for end in range(WINDOW_UNITS, len(ids), WINDOW_UNITS):
        window = predict(ids[len(marks) : end])
        marks += window[: _cut(window)]
    return marks + predict(ids[len(marks) :])


def best_marks(logits: Tensor, n_units: int, marks: Sequence[str]) -> list[str]:
    """Return the most probable mark of each unit, from logits (1, n_units, n_marks).

    Raises:
        InferenceError: the logits have another shape.
    """
    if logits.shape != (1, n_units, len(marks)):
        raise InferenceError(f"punctuation: expected logits for {n_units} words, got {logits.shape}")
    return [marks[i] for i in logits[0].argmax(axis=-1)]


def ids_and_unknown(units: Sequence[str], ids: Mapping[str, int], unknown_id: int) -> Tensor:
    """Return the ids of the last units, and behind them that of a word that nobody knows yet: int32 (n + 1,).

    Behind the last word of a text these models always see the end of a sentence, since all that they learned from
    ends there.
    """
    known = [ids.get(unit.lower(), unknown_id) for unit in units[-MAX_JUDGED_UNITS:]]
    return np.array([*known, unknown_id], dtype=np.int32)


def end_probability(logits: Tensor, marks: Sequence[str]) -> float:
    """Return the probability of a mark that ends a sentence before the last unit, of logits (1, n, n_marks).

    Without a unit before it there is no sentence, which gives 0.

    Raises:
        InferenceError: the logits have another shape.
    """
    if logits.ndim != 3 or logits.shape[2] != len(marks):
        raise InferenceError(f"punctuation: expected logits for {len(marks)} marks, got {logits.shape}")
    if logits.shape[1] < 2:
        return 0.0
    exponents = np.exp(logits[0, -2].astype(np.float64) - logits[0, -2].max())
    ends = [mark in SENTENCE_END for mark in marks]
    return float(exponents[ends].sum() / exponents.sum())


def split_words(text: str) -> list[str]:
    """Split a text into characters and ASCII words: each non-ASCII character alone, each run of ASCII ones whole."""
    words: list[str] = []
    for run in text.split():
        inside = False
        for char in run:
            if inside and char.isascii():
                words[-1] += char
            else:
                words.append(char)
            inside = char.isascii()
    return words


def _cut(marks: list[str]) -> int:
    """Return the number of units of a window that are finished. Turn the comma at a forced cut into a full stop."""
    # No cut is made after the last unit, whose mark lacks the units behind it, nor after the first two.
    places = range(len(marks) - 2, 1, -1)
    for place in places:
        if marks[place] in SENTENCE_END:
            return place + 1
    if len(marks) > FORCED_CUT_UNITS:
        for place in places:
            if marks[place] == COMMA:
                marks[place] = FULL_STOP
                return place + 1
    return len(marks) if len(marks) >= MAX_CARRY_UNITS else 0


def _jieba_cutter(user_dict: Path) -> Callable[[str], Iterable[str]]:
    """Return a cutter by jieba without its HMM, for FunASR's larger models, whose vocabulary has whole words."""
    try:
        import jieba  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise ModelLoadError(f"{user_dict}: this model needs jieba: pip install jieba") from None
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    try:
        with user_dict.open("rb") as file:  # jieba would leave a path open
            tokenizer.load_userdict(file)
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"cannot read {user_dict}: {error}") from error
    return partial(tokenizer.cut, HMM=False)


def _read_marks(directory: Path) -> tuple[str, ...]:
    model_conf = read_config(directory).get("model_conf")
    names = model_conf.get("punc_list") if isinstance(model_conf, dict) else None
    if not isinstance(names, list) or FULL_STOP not in names:
        raise ModelLoadError(f"cannot read {directory / 'config.yaml'}: no model_conf.punc_list with a full stop")
    full_width = {",": COMMA, "?": QUESTION}
    return tuple("" if name in NO_MARK else full_width.get(str(name), str(name)) for name in names)
