"""Windows, carry, forced cuts and the files of CT-punc, with a model that is a plain function of its input."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.models.punctuation.ct_punc import CtPunc, split_words
from paraserve.inference.models.punctuation.ct_punc_online import load_either_ct_punc
from support.funasr_text import join_words

MARKS = ("", "", "，", "。", "？", "、")
CHARS = "".join(chr(0x4E00 + i) for i in range(64))


class ArithmeticGraph:
    """Stands for a session: the class of a word depends on it, on its neighbors and on the window's length."""

    def __init__(self, weights: Sequence[int] = (30, 40, 20, 6, 3, 1)) -> None:
        self.lengths: list[int] = []
        self.classes = np.repeat(np.arange(len(weights)), weights)

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, Any]:
        ids = feeds["inputs"]
        assert ids.dtype == np.int32
        assert ids.shape == (1, feeds["text_lengths"][0])
        self.lengths.append(ids.shape[1])
        return {"logits": np.eye(6, dtype=np.float32)[self.predict(ids[0])][None]}

    def predict(self, ids: Any) -> Any:
        around = 31 * ids + 17 * np.roll(ids, 1) + 7 * np.roll(ids, -1) + 3 * len(ids)
        return self.classes[around % len(self.classes)]


def punctuator(graph: Any) -> CtPunc:
    ids = {char: i for i, char in enumerate(CHARS)} | {"hello": 64, "<unk>": 65}
    return CtPunc(graph, MARKS, ids, unknown_id=65)


def plain_reference(graph: ArithmeticGraph, ids: list[int]) -> list[str]:
    """The published algorithm, word lists and all, without a thought for speed."""
    blocks = [ids[i : i + 20] for i in range(0, len(ids), 20)]
    carry: list[int] = []
    out: list[str] = []
    for number, block in enumerate(blocks):
        window = carry + block
        marks = [MARKS[c] for c in graph.predict(np.array(window))]
        if number < len(blocks) - 1:
            ends = [i for i in range(2, len(window) - 1) if marks[i] in "。？" and marks[i]]
            commas = [i for i in range(2, len(window) - 1) if marks[i] == "，"]
            keep = max(ends) + 1 if ends else 0
            if not ends and len(window) > 200 and commas:
                keep = max(commas) + 1
                marks[keep - 1] = "。"
            carry, marks = window[keep:], marks[:keep]
        out += marks
    if out[-1] not in ("。", "？"):
        out[-1] = "。"
    return out


@pytest.mark.parametrize(
    "weights",
    [(30, 40, 20, 6, 3, 1), (0, 60, 38, 0, 0, 2), (0, 70, 30, 0, 0, 0), (0, 985, 10, 3, 2, 0), (1, 0, 0, 0, 0, 0)],
    ids=["usual", "no full stop", "commas", "rare", "unk"],
)
def test_windows_carry_and_forced_cuts(weights: tuple[int, ...]) -> None:
    """Marks equal those of the plain algorithm while no carry passes the limit."""
    rng = Random(1)
    for length in [*range(1, 45), 60, 61, 100, 199, 230, 420]:
        graph = ArithmeticGraph(weights)
        ids = [rng.randrange(64) for _ in range(length)]
        words = [CHARS[i] for i in ids]
        assert punctuator(graph).punctuate(words) == plain_reference(graph, ids), length


def test_work_is_linear_in_the_length() -> None:
    """50,000 words cost a bounded number of words in the model, even where nothing is ever marked."""
    rng = Random(2)
    words = [CHARS[rng.randrange(64)] for _ in range(50_000)]
    for weights, factor in (((30, 40, 20, 6, 3, 1), 3), ((0, 1, 0, 0, 0, 0), 14), ((0, 0, 0, 0, 0, 1), 14)):
        graph = ArithmeticGraph(weights)
        marks = punctuator(graph).punctuate(words)
        assert len(marks) == len(words)
        assert marks[-1] == "。"
        assert max(graph.lengths) <= 520
        assert sum(graph.lengths) <= factor * len(words)


@given(st.lists(st.sampled_from([*CHARS, "hello", "HELLO", "zzz", "你好", "a1", "", " "]), max_size=90))
def test_one_mark_a_word(words: list[str]) -> None:
    """There are as many marks as words, and a text that has words is closed."""
    marks = punctuator(ArithmeticGraph()).punctuate(words)
    assert len(marks) == len(words)
    assert set(marks) <= set(MARKS)
    last = [mark for word, mark in zip(words, marks, strict=True) if word.strip()][-1:]
    assert last in ([], ["。"], ["？"])


def test_nothing_to_punctuate() -> None:
    """No words: no marks, and the model is not asked."""
    graph = ArithmeticGraph()
    assert punctuator(graph).punctuate([]) == []
    assert graph.lengths == []


def test_a_word_of_many_characters_counts_as_its_characters() -> None:
    """The mark of a multi-character word is that of its last character."""
    chars = list(CHARS[:12])
    alone = punctuator(ArithmeticGraph()).punctuate(chars)
    joined = punctuator(ArithmeticGraph()).punctuate(["".join(chars[:5]), *chars[5:]])
    assert joined == alone[4:]


def test_unknown_words_and_case() -> None:
    """Upper case is looked up in lower case, any unknown word as <unk>."""
    seen: list[list[int]] = []

    class Recorder(ArithmeticGraph):
        def predict(self, ids: Any) -> Any:
            seen.append(ids.tolist())
            return super().predict(ids)

    punctuator(Recorder()).punctuate(["Hello", "HELLO", "xyz", CHARS[3], "龘"])
    assert seen == [[64, 64, 65, 3, 65]]


def test_a_model_that_answers_for_another_length_is_an_error() -> None:
    """Logits of a wrong shape are refused, not cut to fit."""

    class Short(ArithmeticGraph):
        def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, Any]:
            return {"logits": super().run(feeds, outputs)["logits"][:, 1:]}

    with pytest.raises(InferenceError, match="expected logits for 3 words"):
        punctuator(Short()).punctuate(list(CHARS[:3]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("今天天气", ["今", "天", "天", "气"]),
        ("hello world", ["hello", "world"]),
        ("我用gpt4做 5G测试", ["我", "用", "gpt4", "做", "5G", "测", "试"]),
        ("café\u3000a", ["caf", "é", "a"]),
        ("好，ok", ["好", "，", "ok"]),
    ],
)
def test_split_words(text: str, words: list[str]) -> None:
    """Every non-ASCII character is a word; runs of ASCII characters between spaces are words."""
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("words", "marks", "text"),
    [
        ([], [], ""),
        (["hello", "world"], ["", "。"], "hello world。"),
        (["hello", "world"], ["，", "。"], "hello， world。"),
        (["用", "gpt", "做"], ["", "", "。"], "用gpt做。"),
    ],
)
def test_join_words(words: list[str], marks: list[str], text: str) -> None:
    """A space stands between two ASCII words, also behind a mark, and nowhere else."""
    assert join_words(words, marks) == text


@given(st.lists(st.sampled_from(["我", "们", "ab", "c1"]), max_size=12))
def test_split_undoes_join(words: list[str]) -> None:
    """Joined without marks, the words come back."""
    assert split_words(join_words(words, [""] * len(words))) == words


def write_model(directory: Path, punc_list: Any) -> Path:
    (directory / "config.yaml").write_text(json.dumps({"model_conf": {"punc_list": punc_list}}), encoding="utf-8")
    (directory / "tokens.json").write_text('["a", "<unk>"]', encoding="utf-8")
    (directory / "model.onnx").write_bytes(b"no graph")
    return directory


@pytest.mark.parametrize("punc_list", [None, [], ["_", "，"], "。"])
def test_config_without_marks_is_refused(tmp_path: Path, punc_list: Any) -> None:
    """The marks come from config.yaml, and a full stop must be among them."""
    with pytest.raises(ModelLoadError, match=r"config\.yaml"):
        load_either_ct_punc(write_model(tmp_path, punc_list))


def test_damaged_graph_is_named(tmp_path: Path) -> None:
    """A graph that cannot be loaded is refused by name."""
    with pytest.raises(ModelLoadError, match=r"model\.onnx"):
        load_either_ct_punc(write_model(tmp_path, ["<unk>", "_", "，", "。"]))
