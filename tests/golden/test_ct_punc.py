"""CT-punc against funasr_onnx 0.4.3: same ids, same texts, fp32 and int8, one text at a time."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from paraserve.inference.models.punctuation.ct_punc import CtPunc, split_words
from paraserve.inference.models.punctuation.ct_punc_online import load_either_ct_punc
from support.funasr_text import join_words

DATA = Path(__file__).parent / "data"
REFERENCES: dict[str, Any] = {
    name: json.loads((DATA / f"ct_punc_{name}.json").read_text(encoding="utf-8")) for name in ("fp32", "int8")
}
CASES = [(name, index) for name, reference in REFERENCES.items() for index in range(len(reference["results"]))]


@pytest.fixture(scope="module")
def models(shared_dir: Path) -> dict[str, CtPunc]:
    directory = shared_dir / "tiny_models" / "ct-punc-tiny"
    return {name: load_either_ct_punc(directory, quantize=name == "int8") for name in ("fp32", "int8")}


def glue(words: list[str], marks: list[str], glued: list[int]) -> str:
    """Join as funasr_onnx does, which forgets the space before the words `glued`."""
    starts = [0, *glued, len(words)]
    return "".join(join_words(words[a:b], marks[a:b]) for a, b in itertools.pairwise(starts))


@pytest.mark.parametrize(("name", "index"), CASES)
def test_ids_and_text_equal_the_reference(models: dict[str, CtPunc], name: str, index: int) -> None:
    """Marks and text equal the reference's; its forgotten spaces are the one known difference of the text."""
    expected = REFERENCES[name]["results"][index]
    marks_of_classes = ["", "", *REFERENCES[name]["punc_list"][2:]]
    # The reference looks words up in their own case and so takes "Hello" for unknown; we take "hello".
    words = split_words(expected["text"])
    asked = ["ẞ" if word != word.lower() else word for word in words]
    marks = models[name].punctuate(asked)
    assert marks == [marks_of_classes[int(i)] for i in expected["ids"]]
    text = glue(words, marks, expected["glued"])
    assert hashlib.sha256(text.encode()).hexdigest() == expected["sha256"]


def test_references_hold_what_they_are_for() -> None:
    """The references cover forced cuts, long carries, glued words and every mark."""
    for reference in REFERENCES.values():
        results = reference["results"]
        assert len(results) >= 50
        assert set("".join(r["ids"] for r in results)) >= set("1235")
        assert any(r["glued"] for r in results)
        assert {1, 20, 21, 600} <= {len(r["ids"]) for r in results}


def test_case_does_not_matter(models: dict[str, CtPunc]) -> None:
    """Words are looked up in lower case."""
    text = "今天 hello world 我们 about 明天 again computer"
    for model in models.values():
        assert model.punctuate(split_words(text.upper())) == model.punctuate(split_words(text))
