"""A text that comes in segments: cache, mask, the mark at the head; with a model that says what the words tell it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.base import Punctuator, StreamingPunctuator
from paraserve.inference.models.punctuation.ct_punc import CtPunc
from paraserve.inference.models.punctuation.ct_punc_online import (
    CtPuncOnline,
    load_ct_punc_online,
    load_either_ct_punc,
)

MARKS = ("", "", "，", "。", "？", "、")
WORDS = {"a": 1, "逗": 2, "句": 3, "问": 4, "<unk>": 1}


class SayingGraph:
    """The class of a word is its id. Keeps what it was given."""

    def __init__(self) -> None:
        self.feeds: list[Mapping[str, Any]] = []

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, Any]:
        ids = feeds["inputs"]
        assert ids.dtype == np.int32
        self.feeds.append(feeds)
        return {"logits": np.eye(6, dtype=np.float32)[ids]}


def punctuator(graph: Any = None) -> CtPuncOnline:
    return CtPuncOnline(graph or SayingGraph(), MARKS, WORDS, unknown_id=1)


def test_matches_the_contracts() -> None:
    """The family has the shapes of both punctuators."""
    streaming: StreamingPunctuator = punctuator()
    whole: Punctuator = punctuator()
    assert streaming.new_state() == ()
    assert whole.punctuate([]) == []


def test_the_last_mark_waits_for_the_next_segment() -> None:
    """The mark behind the last word is withheld and stands before the next segment's first word."""
    model = punctuator()
    state, head, marks = model.step(model.new_state(), ["逗", "a", "问"])
    assert (head, marks) == ("", ["，", "", ""])
    state, head, marks = model.step(state, ["a", "逗"])
    assert (head, marks) == ("？", ["", ""])
    _, head, _ = model.step(state, ["a"])
    assert head == "，"


def test_words_since_the_last_full_stop_are_kept() -> None:
    """The cache begins behind the last full stop, but not one of the last word or of the first two."""
    model = punctuator()
    assert model.step((), ["a", "a", "句", "a", "a"])[0] == (1, 1)
    assert model.step((), ["a", "句", "a", "句"])[0] == (1, 3, 1, 3)
    assert model.step((1, 1), ["问", "a"])[0] == (1,)


def test_old_words_do_not_see_new_ones() -> None:
    """All cached words but the last are kept from the new ones; new words see everything."""
    graph = SayingGraph()
    punctuator(graph).step((1, 1, 1), ["a", "a"])
    (feeds,) = graph.feeds
    assert feeds["vad_masks"].shape == (1, 1, 5, 5)
    expected = np.ones((5, 5))
    expected[:2, 3:] = 0
    np.testing.assert_array_equal(feeds["vad_masks"][0, 0], expected)
    np.testing.assert_array_equal(feeds["sub_masks"], feeds["vad_masks"])
    assert feeds["text_lengths"].tolist() == [5]


def test_a_whole_text() -> None:
    """A text given at once is closed; a question mark stays."""
    assert punctuator().punctuate(["逗", "a", "逗"]) == ["，", "", "。"]
    assert punctuator().punctuate(["a", "问"]) == ["", "？"]


def test_words_of_several_characters() -> None:
    """A word that the model knows character by character is judged by its last one; English words as they are."""
    model = punctuator()
    assert model.step((), ["aa句逗", "A", "a"]) == ((1, 3, 2, 1, 1), "", ["，", "", ""])


def test_nothing_to_punctuate() -> None:
    """No words leave the text as it is."""
    model = punctuator()
    assert model.step((1, 2), []) == ((1, 2), "", [])
    assert model.step((1, 2), [" "]) == ((1, 2), "", [""])


def test_the_cache_is_bounded() -> None:
    """Words without any full stop do not pile up for ever."""
    model, state = punctuator(), ()
    for _ in range(6):
        state, _, marks = model.step(state, ["a"] * 199)
        assert marks == [""] * 199
    assert len(state) == 500


def test_a_failed_step_leaves_the_state() -> None:
    """Logits of another shape are an error of the step; the next one from the same state is as ever."""

    class ShortGraph(SayingGraph):
        def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, Any]:
            return {"logits": super().run(feeds)["logits"][:, 1:]}

    with pytest.raises(InferenceError, match="expected logits for 3 words"):
        punctuator(ShortGraph()).step((3, 1), ["a"])
    assert punctuator().step((1, 3), ["a"])[1] == "。"


def test_either_kind_is_told_by_its_inputs(tiny_models_dir: Path) -> None:
    """Both kinds load by one function; where live texts need the realtime kind, the offline one is refused."""
    assert isinstance(load_either_ct_punc(tiny_models_dir / "ct-punc"), CtPunc)
    assert isinstance(load_either_ct_punc(tiny_models_dir / "ct-punc-realtime", quantize=False), CtPuncOnline)
    with pytest.raises(ModelLoadError, match="not a realtime CT-punc model"):
        load_ct_punc_online(tiny_models_dir / "ct-punc")


def test_other_graphs_are_refused(tiny_models_dir: Path, tmp_path: Path) -> None:
    """A graph of another family in the folder of a punctuation model is refused by name."""
    for name in ("config.yaml", "tokens.json"):
        shutil.copyfile(tiny_models_dir / "ct-punc-realtime" / name, tmp_path / name)
    shutil.copyfile(tiny_models_dir / "paraformer" / "model.onnx", tmp_path / "model.onnx")
    with pytest.raises(ModelLoadError, match=r"not an offline CT-punc model: .*model\.onnx"):
        load_either_ct_punc(tmp_path)


@pytest.mark.parametrize("family", [CtPunc, CtPuncOnline])
def test_the_end_of_a_sentence(family: type) -> None:
    """Its probability is that of the marks behind the last word where any word follows it; without words it is 0."""
    model = family(SayingGraph(), MARKS, WORDS, unknown_id=1)
    of_others = [model.sentence_end_probability(words) for words in (["a"], ["a", "逗"], ["句", "a"])]
    assert of_others == pytest.approx([2 / (np.e + 5)] * 3)
    of_ends = [model.sentence_end_probability(words) for words in (["a", "句"], ["问"], ["a"] * 500 + ["句"])]
    assert of_ends == pytest.approx([(np.e + 1) / (np.e + 5)] * 3)
    assert model.sentence_end_probability([]) == 0
    with pytest.raises(InferenceError, match="marks"):
        replace(model, marks=MARKS[1:]).sentence_end_probability(["a"])
