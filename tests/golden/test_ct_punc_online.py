"""Realtime CT-punc against funasr_onnx 0.4.3: same marks on every call of a text that goes on, fp32 and int8."""

import json
from pathlib import Path
from typing import Any

import pytest

from paraserve.inference.models.punctuation.ct_punc import split_words
from paraserve.inference.models.punctuation.ct_punc_online import CtPuncOnline, load_ct_punc_online

DATA = Path(__file__).parent / "data"
GRAPHS = ("fp32", "int8")
REFERENCES: dict[str, Any] = {
    graph: json.loads((DATA / f"ct_punc_online_{graph}.json").read_text(encoding="utf-8")) for graph in GRAPHS
}


@pytest.fixture(scope="module")
def models(shared_dir: Path) -> dict[str, CtPuncOnline]:
    directory = shared_dir / "tiny_models" / "ct-punc-realtime-tiny"
    return {graph: load_ct_punc_online(directory, quantize=graph == "int8") for graph in GRAPHS}


@pytest.mark.parametrize("graph", GRAPHS)
def test_marks_of_every_call_equal_the_reference(models: dict[str, CtPuncOnline], graph: str, full: bool) -> None:
    """The mark before each segment, those inside it and the length of the cache are the reference's."""
    model, marks_of_classes = models[graph], ["", "", *REFERENCES[graph]["punc_list"][2:]]
    texts = REFERENCES[graph]["texts"]
    for segments in texts if full else texts[::8]:
        state = model.new_state()
        for text, ids, n_kept in segments:
            expected = [marks_of_classes[int(i)] for i in ids]
            expected_head = expected.pop(0) if state else ""
            state, head, marks = model.step(state, split_words(text))
            assert (head, marks) == (expected_head, expected)
            assert len(state) == n_kept


def test_references_hold_what_they_are_for() -> None:
    """160 calls of each graph, marks at heads and every kind of mark, long caches."""
    for reference in REFERENCES.values():
        calls = [call for segments in reference["texts"] for call in segments]
        assert len(calls) >= 160
        assert set("".join(call[1] for call in calls)) >= set("12345")
        assert {call[1][0] for segments in reference["texts"] for call in segments[1:]} >= set("1234")
        assert max(call[2] for call in calls) > 40
