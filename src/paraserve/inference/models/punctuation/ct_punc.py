"""CT-punc (controllable time-delay transformer), offline form: a mark after each word of a finished text.

Algorithm: FunASR's `CT_Transformer`. The words go through the model in windows of 20; a window also carries the
words after the last full stop or question mark of the window before it, so that a sentence is judged as a whole.
Paper: Chen et al., "Controllable Time-Delay Transformer for Real-Time Punctuation Prediction and Disfluency
Detection" (2020).

Three differences from funasr_onnx, all on purpose: words are looked up in lower case (the vocabulary is lower
case; FunASR's C++ runtime does so too), the class `<unk>` is no mark, and a carry of over 500 words without any
place to cut is given out unmarked, so that the work stays linear in the length of the text.
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
from paraserve.inference.models.model_files import read_config, read_tokens

WINDOW_WORDS = 20
FORCED_CUT_WORDS = 200
"""A window longer than this may be cut at a comma, which becomes a full stop."""
MAX_CARRY_WORDS = 500
COMMA, FULL_STOP, QUESTION, PAUSE = "，", "。", "？", "、"
SENTENCE_END = (FULL_STOP, QUESTION)
NO_MARK = ("_", "<unk>")

Tensor = npt.NDArray[Any]


class Graph(Protocol):
    """What is needed of the model: `inputs` (1, n) and `text_lengths` (1,) to `logits` (1, n, n_marks)."""

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Run once."""
        ...


@dataclass(frozen=True, slots=True)
class CtPunc:
    """A loaded model. `marks` is the mark of each class ("" for none), `ids` the vocabulary."""

    graph: Graph
    marks: tuple[str, ...]
    ids: Mapping[str, int]
    unknown_id: int
    cut_chinese: Callable[[str], Iterable[str]] = iter
    """Cuts a run of Chinese text into the model's words: characters, or what jieba finds."""

    def punctuate(self, words: Sequence[str]) -> list[str]:
        """The mark after each word ("" for none); the last word gets a full stop or a question mark.

        A word of several characters that the model knows one by one ("你好") is judged by its last one.

        Raises:
            InferenceError: the model refused the words.
        """
        pieces = list(word_pieces(words, self.cut_chinese))
        marks = [""] * len(words)
        if pieces:
            for (_, index), mark in zip(pieces, self._marks([piece for piece, _ in pieces]), strict=True):
                marks[index] = mark
        return marks

    def _marks(self, words: Sequence[str]) -> list[str]:
        ids = np.array([self.ids.get(word.lower(), self.unknown_id) for word in words], dtype=np.int32)
        marks = mark_windows(ids, self._predict)
        if marks[-1] not in SENTENCE_END:
            marks[-1] = FULL_STOP
        return marks

    def _predict(self, ids: Tensor) -> list[str]:
        feeds = {"inputs": ids[None, :], "text_lengths": np.array([len(ids)], dtype=np.int32)}
        return best_marks(self.graph.run(feeds, ["logits"])["logits"], len(ids), self.marks)


@dataclass(frozen=True, slots=True)
class PuncFiles:
    """What stands beside the graph: the mark of each class, the words' ids, the id of an unknown word."""

    directory: Path
    marks: tuple[str, ...]
    ids: Mapping[str, int]
    unknown_id: int


def ct_punc_of(files: PuncFiles, graph: OnnxModel) -> CtPunc:
    """Return the offline model of a graph that is already open.

    Raises:
        ModelLoadError: the graph is another one, or the model's words are cut by jieba (it has a `jieba_usr_dict`)
            and jieba is not installed.
    """
    if set(graph.inputs) != {"inputs", "text_lengths"} or "logits" not in graph.outputs:
        raise ModelLoadError(f"not an offline CT-punc model: {graph.path} has the inputs {sorted(graph.inputs)}")
    user_dict = files.directory / "jieba_usr_dict"
    return CtPunc(
        graph, files.marks, files.ids, files.unknown_id, _jieba_cutter(user_dict) if user_dict.exists() else iter
    )


def read_punc_files(directory: Path) -> PuncFiles:
    """Marks of config.yaml and words of tokens.json.

    Raises:
        ModelLoadError: a file is missing or damaged, or there is no list of marks.
    """
    marks, tokens = _read_marks(directory), read_tokens(directory)
    # FunASR's vocabularies are lower case; of two entries that differ in case only, the first counts.
    ids: dict[str, int] = {}
    for index, token in enumerate(tokens):
        ids.setdefault(token.lower(), index)
    return PuncFiles(directory, marks, ids, ids.get("<unk>", len(tokens) - 1))


def word_pieces(
    words: Sequence[str], cut_chinese: Callable[[str], Iterable[str]] = iter
) -> Iterator[tuple[str, int]]:
    """The model's words of these words, each with the index of the word that it ends in."""
    units = [(unit, index) for index, word in enumerate(words) for unit in split_words(word)]
    for is_ascii, group in groupby(units, key=lambda item: item[0].isascii()):
        run = list(group)
        if is_ascii:
            yield from run
            continue
        end = 0
        for piece in cut_chinese("".join(char for char, _ in run)):
            end += len(piece)
            yield piece, run[end - 1][1]


def mark_windows(ids: Tensor, predict: Callable[[Tensor], list[str]]) -> list[str]:
    """The mark after each of the words `ids` (n,), n > 0, predicted window by window."""
    marks: list[str] = []
    for end in range(WINDOW_WORDS, len(ids), WINDOW_WORDS):
        window = predict(ids[len(marks) : end])
        marks += window[: _cut(window)]
    return marks + predict(ids[len(marks) :])


def best_marks(logits: Tensor, n_words: int, marks: Sequence[str]) -> list[str]:
    """The most probable mark of each word, of logits (1, n_words, n_marks).

    Raises:
        InferenceError: the logits have another shape.
    """
    if logits.shape != (1, n_words, len(marks)):
        raise InferenceError(f"punctuation: expected logits for {n_words} words, got {logits.shape}")
    return [marks[i] for i in logits[0].argmax(axis=-1)]


def split_words(text: str) -> list[str]:
    """Words as the model counts them: every non-ASCII character is one, and so is each run of ASCII ones."""
    words: list[str] = []
    for piece in text.split():
        inside = False
        for char in piece:
            if inside and char.isascii():
                words[-1] += char
            else:
                words.append(char)
            inside = char.isascii()
    return words


def join_words(words: Sequence[str], marks: Sequence[str]) -> str:
    """Text of words and their marks: a space stands only between two words that both start in ASCII."""
    text = ""
    for i, (word, mark) in enumerate(zip(words, marks, strict=True)):
        if i > 0 and word[0].isascii() and words[i - 1][0].isascii():
            text += " "
        text += word + mark
    return text


def _cut(marks: list[str]) -> int:
    """How many words of a window are finished. May turn the comma at a forced cut into a full stop."""
    # The last word is never a place to cut (its mark lacks the words behind it), nor are the first two.
    places = range(len(marks) - 2, 1, -1)
    for place in places:
        if marks[place] in SENTENCE_END:
            return place + 1
    if len(marks) > FORCED_CUT_WORDS:
        for place in places:
            if marks[place] == COMMA:
                marks[place] = FULL_STOP
                return place + 1
    return len(marks) if len(marks) >= MAX_CARRY_WORDS else 0


def _jieba_cutter(user_dict: Path) -> Callable[[str], Iterable[str]]:
    """FunASR's larger punctuation models have whole words in their vocabulary, cut by jieba without its HMM."""
    try:
        import jieba  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise ModelLoadError(f"{user_dict}: this model needs jieba: pip install 'paraserve[jieba]'") from None
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    try:
        with user_dict.open("rb") as file:  # given a path, jieba would leave it open
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
