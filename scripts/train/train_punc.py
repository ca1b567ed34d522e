"""Trains the punctuation model (CT-Transformer's offline contract) and writes its folder.

python scripts/train/train_punc.py --steps 3700 [--work build/train]
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from layers import EncoderLayer, length_mask
from punc_data import CLASSES, NONE, Marked, WindowMaker, build_vocabulary

VOCABULARY_SIZE = 5000
SIZE, HEADS, HIDDEN, LAYERS, KERNEL = 96, 4, 256, 3, 11
PEAK_RATE = 2e-3
BATCH_WINDOWS = 48
CHECKPOINT_S = 120


class Punctuator(nn.Module):
    """Word ids [B, N] -> class scores [B, N, 6]."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY_SIZE, SIZE)
        self.layers = nn.ModuleList(EncoderLayer(SIZE, SIZE, HEADS, HIDDEN, KERNEL) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(SIZE)
        self.output = nn.Linear(SIZE, len(CLASSES))

    def forward(self, inputs: Tensor, text_lengths: Tensor) -> Tensor:
        """FunASR's graph."""
        x = self.embed(inputs)
        mask = length_mask(text_lengths, x)
        x = x * mask
        for layer in self.layers:
            x = layer(x, mask)
        return self.output(self.norm(x))


def collate(windows: list[Marked], ids: dict[str, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids [B, N], lengths [B] and classes [B, N] with -100 in the padding."""
    count = max(map(len, windows))
    inputs = torch.zeros(len(windows), count, dtype=torch.long)
    classes = torch.full((len(windows), count), -100)
    unknown = len(ids) - 1
    for row, window in enumerate(windows):
        inputs[row, : len(window)] = torch.tensor([ids.get(word, unknown) for word, _ in window])
        classes[row, : len(window)] = torch.tensor([mark for _, mark in window])
    return inputs, torch.tensor([len(window) for window in windows]), classes


def train(model: Punctuator, vocabulary: list[str], steps: int, checkpoint: Path, seed: int) -> None:
    """Cosine schedule over `steps`, resumed from the checkpoint."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    maker = WindowMaker(seed + step)
    ids = {word: index for index, word in enumerate(vocabulary)}
    saved_at = time.monotonic()
    total = 0.0
    while step < steps:
        rate = PEAK_RATE * min(1.0, (step + 1) / 100) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        inputs, lengths, classes = collate([maker.draw() for _ in range(BATCH_WINDOWS)], ids)
        scores = model(inputs, lengths)
        loss = F.cross_entropy(scores.flatten(0, 1), classes.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        step += 1
        total += float(loss.detach())
        if step % 200 == 0:
            print(f"{step} loss {total / 200:.3f}", flush=True)
            total = 0.0
        if time.monotonic() - saved_at > CHECKPOINT_S or step == steps:
            saved_at = time.monotonic()
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            torch.save(state, checkpoint)


def export(model: Punctuator, path: Path) -> None:
    """Writes model.onnx with FunASR's names and dynamic axes."""
    inputs = (torch.full((2, 9), NONE, dtype=torch.int32), torch.tensor([9, 5], dtype=torch.int32))
    both = {0: "batch_size", 1: "feats_length"}
    torch.onnx.export(
        model.eval(), inputs, str(path), dynamo=False, opset_version=14, input_names=["inputs", "text_lengths"],
        output_names=["logits"], dynamic_axes={"inputs": both, "text_lengths": {0: "batch_size"}, "logits": both},
    )  # fmt: skip


def main() -> None:
    """Trains and exports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3700)
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folder = arguments.work / "punc"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokens.json").exists():
        (folder / "tokens.json").write_text(json.dumps(build_vocabulary(VOCABULARY_SIZE), ensure_ascii=False))
    vocabulary = json.loads((folder / "tokens.json").read_text())
    model = Punctuator()
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {len(vocabulary)} words", flush=True)
    train(model, vocabulary, arguments.steps, folder / "checkpoint.pt", arguments.seed)
    export(model, folder / "model.onnx")


if __name__ == "__main__":
    main()
