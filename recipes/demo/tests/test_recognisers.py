"""Training, context layers and export of both recognisers."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from demo_recipe.acoustic.token_confusions import GUESSES
from demo_recipe.text.vocabulary import build_tokens


@pytest.mark.parametrize("folder", ["recogniser", "streaming"])
def test_training_writes_a_checkpoint(request: pytest.FixtureRequest, folder: str):
    """Both recognisers leave a checkpoint with finite weights, and the vocabulary and features that belong to it."""
    trained = request.getfixturevalue(folder)
    state = torch.load(trained / "checkpoint.pt")
    assert state["step"] > 0
    assert all(torch.isfinite(value).all() for value in state["average"].values())
    assert json.loads((trained / "tokens.json").read_text()) == build_tokens()
    assert (trained / "am.mvn").read_text().startswith("<Nnet>")


@pytest.mark.parametrize("folder", ["recogniser_context", "streaming"])
def test_token_confusions_are_ranked(request: pytest.FixtureRequest, folder: str):
    """Each token that was said has its likeliest tokens, best first."""
    with np.load(request.getfixturevalue(folder) / "token_confusions.npz") as confusions:
        said, guesses, scores = (confusions[name] for name in ("said", "guesses", "scores"))
    assert len(said) > 0
    assert guesses.shape == scores.shape == (len(said), GUESSES)
    assert (np.diff(scores.astype(np.float32), axis=1) <= 0).all()


@pytest.mark.parametrize("folder", ["recogniser_context", "streaming"])
def test_context_layers_learn(request: pytest.FixtureRequest, folder: str):
    """The layers are written with weights that are no longer those of the beginning, where they add nothing."""
    weights = torch.load(request.getfixturevalue(folder) / "context.pt")
    assert weights["output.weight"].abs().max() > 0


def test_recogniser_graph_has_the_names_of_funasr(recogniser_graph: Path):
    """Both forms of the graph take rows of 560 and give logits of the vocabulary, token counts and peaks."""
    rows = {"speech": np.zeros((1, 40, 560), np.float32), "speech_lengths": np.array([40], np.int32)}
    for name in ("model.onnx", "model_quant.onnx"):
        session = onnxruntime.InferenceSession(recogniser_graph / name)
        logits, counts, *_ = session.run(["logits", "token_num", "us_alphas", "us_cif_peak"], rows)
        assert logits.shape[::2] == (1, len(build_tokens()))
        assert counts.shape == (1,)


def test_streaming_graphs_are_those_of_torch(streaming_graphs: tuple[Path, str]):
    """The export reports next to no difference from torch, and writes both forms of both graphs."""
    folder, printed = streaming_graphs
    assert float(printed.split("largest difference from torch:")[1].split()[0]) < 1e-3
    inputs = {"model": "speech", "decoder": "in_cache_0"}
    for name in ("model", "model_quant", "decoder", "decoder_quant"):
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
        assert inputs[name.split("_")[0]] in {item.name for item in session.get_inputs()}
