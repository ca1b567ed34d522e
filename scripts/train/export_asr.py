"""Writes the recogniser's model.onnx from the averaged weights of a checkpoint and checks it against torch.

python scripts/train/export_asr.py [--work build/train]
"""

import argparse
import os
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from asr_model import AsrConfig, Paraformer

OUTPUTS = ["logits", "token_num", "us_alphas", "us_cif_peak"]


def load_model(checkpoint: Path) -> Paraformer:
    """The averaged weights, ready to run."""
    state = torch.load(checkpoint)
    model = Paraformer(AsrConfig(**state["config"]))
    model.load_state_dict(state["average"])
    return model.eval()


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


def main() -> None:
    """Exports and reports the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    folder = parser.parse_args().work / "asr"
    torch.manual_seed(0)
    model = load_model(folder / "checkpoint.pt")
    export(model, folder / "model.onnx")
    print("largest difference from torch:", largest_difference(model, folder / "model.onnx"))


if __name__ == "__main__":
    main()
