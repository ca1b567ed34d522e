"""Trains the recogniser: one thread here, one loader process beside it. Stops and resumes at checkpoints.

python scripts/train/train_asr.py --minutes 85 [--speech DIR] [--work build/train]
"""

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing import Value
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from asr_data import AsrBatches
from asr_model import AsrConfig, Paraformer, TrainingHeads, losses
from features import Array, read_mvn, write_mvn
from vocabulary import DOMAINS, build_tokens

WARM_UP_STEPS = 200
EMA_DECAY = 0.998
CHECKPOINT_S = 120
# Noise, rooms and channels by progress: none at first, most in the middle (full strength would cost more training
# than two hours can pay), less while the weights settle.
STRENGTH_AT, STRENGTHS = [0.15, 0.5, 0.78, 0.9], [0.0, 0.5, 0.5, 0.2]


def parse_arguments(description: str, peak_rate: float) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--minutes", type=float, required=True, help="wall time of the whole cosine schedule")
    parser.add_argument("--rate", type=float, default=peak_rate, help="peak learning rate")
    parser.add_argument("--speech", type=Path, action="append", default=[], help="folder of ready speech")
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--domain", choices=DOMAINS, default="numbers")
    return parser.parse_args()


Loss = Callable[[dict[str, Tensor], int], tuple[Tensor, dict[str, Tensor]]]
"""(batch, step) -> the total and its parts."""


class Trainer:
    """Model, optimiser and averaged weights; `minutes` counts the training time over all resumed runs."""

    def __init__(
        self, model: nn.Module, heads: nn.Module, loss: Loss, total_minutes: float, peak_rate: float
    ) -> None:  # fmt: skip
        self.model, self.heads, self.loss = model, heads, loss
        self.parameters = [*self.model.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.total_minutes, self.peak_rate = total_minutes, peak_rate
        self.minutes, self.step = 0.0, 0

    @property
    def progress(self) -> float:
        """Share of the schedule that is done."""
        return min(1.0, self.minutes / self.total_minutes)

    def update(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """One step; returns the parts of the loss."""
        rate = self.peak_rate * min(1.0, (self.step + 1) / WARM_UP_STEPS)
        rate *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total, parts = self.loss(batch, self.step)
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        self.step += 1
        self._average_weights()
        return {name: float(value.detach()) for name, value in parts.items()}

    @torch.no_grad()
    def _average_weights(self) -> None:
        decay = min(EMA_DECAY, self.step / (self.step + 100))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)

    def save(self, path: Path) -> None:
        """Writes a checkpoint, replaced at once."""
        state = {
            "config": asdict(self.model.config), "model": self.model.state_dict(), "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(), "average": self.average, "minutes": self.minutes,
            "step": self.step,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint."""
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.minutes, self.step = state["average"], state["minutes"], state["step"]


def measure_features(
    folders: list[Path], vocabulary: list[str], arguments: argparse.Namespace
) -> tuple[Array, Array]:
    """Mean and deviation of the LFR rows over some thousand rows of training data, each bin alike in all slots."""
    plain = (np.zeros(560, np.float32), np.ones(560, np.float32))
    batches = iter(AsrBatches(folders, vocabulary, plain, Value("d", 0.5), arguments.seed, domain=arguments.domain))
    rows = []
    for _ in range(40):
        batch = next(batches)
        rows += [item[:count] for item, count in zip(batch["speech"], batch["speech_lens"], strict=True)]
    bins = torch.cat(rows).numpy().reshape(-1, 80)
    return np.tile(bins.mean(0), 7), np.tile(bins.std(0), 7)


def prepare(arguments: argparse.Namespace, folders: list[Path]) -> tuple[list[str], tuple[Array, Array]]:
    """Writes tokens.json and am.mvn once; they belong to the checkpoint."""
    folder = arguments.work / "asr"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokens.json").exists():
        (folder / "tokens.json").write_text(json.dumps(build_tokens(arguments.domain), ensure_ascii=False))
    vocabulary = json.loads((folder / "tokens.json").read_text())
    if not (folder / "am.mvn").exists():
        write_mvn(folder / "am.mvn", *measure_features(folders, vocabulary, arguments))
    return vocabulary, read_mvn(folder / "am.mvn")


def run(trainer: Trainer, batches: Iterator[dict[str, Tensor]], strength: "Value", checkpoint: Path) -> None:
    """Trains to the end of the schedule."""
    sums: dict[str, float] = {}
    audio_h = 0.0
    last, saved_at = time.monotonic(), time.monotonic()
    while trainer.progress < 1:
        batch = next(batches)
        for name, value in trainer.update(batch).items():
            sums[name] = sums.get(name, 0.0) + value / 100
        audio_h += float(batch["speech_lens"].sum()) * 0.06 / 3600
        now = time.monotonic()
        trainer.minutes += (now - last) / 60
        last = now
        strength.value = float(np.interp(trainer.progress, STRENGTH_AT, STRENGTHS))
        if trainer.step % 100 == 0:
            text = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
            print(f"{trainer.step} {trainer.minutes:.1f} min {audio_h:.2f} h {text}", flush=True)
            sums = {}
        if now - saved_at > CHECKPOINT_S:
            saved_at = now
            trainer.save(checkpoint)
    trainer.save(checkpoint)


def offline_loss(model: Paraformer, heads: TrainingHeads) -> Loss:
    """The weighted sum of `losses`."""

    def loss(batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        parts = losses(model, heads, batch)
        # The count loss would pull all weights up at first; the timing targets bring them into place by then.
        count_factor = 0.1 if step < 1000 else 0.4
        total = parts["ce"] + count_factor * parts["count"] + 0.3 * parts["ctc"]
        return total + parts["frame"] + parts["weight"] + 0.15 * parts["boundary"], parts

    return loss


def main() -> None:
    """Trains to the end of the schedule."""
    arguments = parse_arguments(__doc__, peak_rate=2.5e-3)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folders = [*arguments.speech, arguments.work / "speech", arguments.work / "spice"]
    vocabulary, mvn = prepare(arguments, folders)
    config = AsrConfig(len(vocabulary))
    model, heads = Paraformer(config), TrainingHeads(config)
    trainer = Trainer(model, heads, offline_loss(model, heads), arguments.minutes, arguments.rate)
    checkpoint = arguments.work / "asr" / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    print(f"{sum(p.numel() for p in trainer.model.parameters()) / 1e6:.2f} M parameters", flush=True)
    strength = Value("d", 0.0)
    shift, scale = mvn
    data = AsrBatches(
        folders, vocabulary, (shift, scale), strength, arguments.seed + trainer.step, domain=arguments.domain
    )
    loader = DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=24)
    run(trainer, iter(loader), strength, checkpoint)


if __name__ == "__main__":
    main()
