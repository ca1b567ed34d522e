"""Writes the recogniser's graph from a checkpoint, in float32 (checked against torch) and int8.

    python -m demo_recipe export-asr [--work build/train] [--earlier CHECKPOINT]

The averaged weights of `asr/checkpoint.pt` become `model.onnx` beside it, with the context layers if there are any.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from demo_recipe.acoustic.context_layers import Context
from demo_recipe.acoustic.paraformer import AsrConfig, Paraformer
from demo_recipe.bundle.quantize import quantize
from demo_recipe.options import add_work_option

EARLIER_SHARE = 0.2
OUTPUTS = ["logits", "token_num", "us_alphas", "us_cif_peak"]


def load_model(checkpoint: Path, earlier: Path | None = None) -> Paraformer:
    """The averaged weights and the CTC layer, with the context layers if there are any, ready to run.

    A fifth of an `earlier` end of the schedule may be mixed in: the mean of two ends is flatter than either.
    """
    states = [torch.load(checkpoint)] if earlier is None else [torch.load(checkpoint), torch.load(earlier)]
    shares = [1.0] if earlier is None else [1 - EARLIER_SHARE, EARLIER_SHARE]
    config = AsrConfig(**states[0]["config"])
    model = Paraformer(config)
    model.load_state_dict(mean_of([state["average"] for state in states], shares))
    model.ctc = nn.Linear(config.size, config.vocabulary_size)
    heads = mean_of([state["heads"] for state in states], shares)
    model.ctc.load_state_dict({kind: heads[f"ctc.{kind}"] for kind in ("weight", "bias")})
    if (context := checkpoint.with_name("context.pt")).exists():
        model.context = Context(config.vocabulary_size)
        model.context.load_state_dict(torch.load(context))
    return model.eval()


def mean_of(states: list[dict[str, Tensor]], shares: list[float]) -> dict[str, Tensor]:
    """The weighted mean of each parameter."""
    return {name: sum(share * state[name] for share, state in zip(shares, states, strict=True)) for name in states[0]}


def export(model: Paraformer, path: Path) -> None:
    """FunASR's names and dynamic axes."""
    speech, lengths = torch.randn(2, 40, 560), torch.tensor([40, 31], dtype=torch.int32)
    batch_time = {0: "batch_size", 1: "feats_length"}
    torch.onnx.export(
        model, (speech, lengths), str(path), dynamo=False, opset_version=14,
        input_names=["speech", "speech_lengths"], output_names=OUTPUTS,
        dynamic_axes={
            "speech": batch_time, "speech_lengths": {0: "batch_size"},
            "logits": {0: "batch_size", 1: "logits_length"}, "token_num": {0: "batch_size"},
            "us_alphas": {0: "batch_size", 1: "alphas_length"},
            "us_cif_peak": {0: "batch_size", 1: "alphas_length"},
        },
    )  # fmt: skip


def largest_difference(model: Paraformer, path: Path) -> float:
    """Over batches of several shapes, and of an item alone against the same item padded."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch, rows in ((1, 1), (1, 33), (3, 120)):
        speech = torch.randn(batch, rows, 560)
        lengths = torch.tensor([max(1, rows - 7 * i) for i in range(batch)], dtype=torch.int32)
        with torch.no_grad():
            expected = model(speech, lengths)
        found = session.run(OUTPUTS, {"speech": speech.numpy(), "speech_lengths": lengths.numpy()})
        pairs = zip(expected, found, strict=True)
        worst = max(worst, *(float(np.abs(a.numpy() - b).max()) for a, b in pairs))
        last = {"speech": speech.numpy()[-1:, : lengths[-1]], "speech_lengths": lengths.numpy()[-1:]}
        alone = session.run(OUTPUTS, last)[0][0]
        worst = max(worst, float(np.abs(alone - found[0][-1, : len(alone)]).max()))
    return worst


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)
    parser.add_argument("--earlier", type=Path, help="checkpoint of an earlier end of the schedule, to mix in")


def run(arguments: argparse.Namespace) -> None:
    """Export, print the largest difference from torch, and quantise."""
    folder = arguments.work / "asr"
    torch.manual_seed(0)
    model = load_model(folder / "checkpoint.pt", arguments.earlier)
    export(model, folder / "model.onnx")
    print("largest difference from torch:", largest_difference(model, folder / "model.onnx"))
    quantize(folder / "model.onnx")
