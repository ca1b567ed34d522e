"""The training loop of both recognisers: one thread here, one loader process beside it, or one CUDA device.

Stops and resumes at checkpoints; the learning rate follows the wall time.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing import Value
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from demo_recipe.acoustic.asr_batches import AsrBatches
from demo_recipe.learning_rate import rate_factor
from demo_recipe.options import add_work_option

WARM_UP_STEPS = 200
FRONT_RATE, OUTPUT_RATE = 0.3, 10.0
"""Factors of the learning rate for the layers that begin with Whisper's weights and for the output layers.

With one rate for all, the vectors move away under the output layers before these have learnt what they mean.
"""
FROZEN_SHARE = 0.3
"""Share of the schedule in which the layers in front of the merge keep Whisper's weights: twice as fast."""
EMA_DECAY = 0.998
CHECKPOINT_S = 120
# Noise, rooms and channels by progress: little until the new layers stand, less while the weights settle.
STRENGTH_AT, STRENGTHS = [0.05, 0.25, 0.85, 0.95], [0.3, 1.0, 1.0, 0.5]

Loss = Callable[[dict[str, Tensor], int], tuple[Tensor, dict[str, Tensor]]]
"""(batch, step) -> the total and its parts."""


def add_training_options(parser: argparse.ArgumentParser, peak_rate: float) -> None:
    """Add the options of a training step; `peak_rate` is the default of the learning rate."""
    parser.add_argument("--minutes", type=float, required=True, help="wall time of the whole cosine schedule")
    parser.add_argument("--rate", type=float, default=peak_rate, help="peak learning rate")
    parser.add_argument("--speech", type=Path, action="append", default=[], help="folder of ready speech")
    add_work_option(parser)
    parser.add_argument("--seed", type=int, default=1)


class Trainer:
    """Model, optimiser and averaged weights; `minutes` counts the training time over all resumed runs."""

    def __init__(
        self, model: nn.Module, heads: nn.Module, loss: Loss, total_minutes: float, peak_rate: float
    ) -> None:  # fmt: skip
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.heads, self.loss = model.to(self.device), heads.to(self.device), loss
        self.parameters = [*self.model.parameters(), *self.heads.parameters()]
        front = model.encoder.front
        self._lower = front.lower_parameters()
        given = self._lower + front.upper_parameters()
        outputs = [p for part in (*model.output_layers(), heads) for p in part.parameters()]
        others = {id(parameter) for parameter in given + outputs}
        groups = [
            {"params": [p for p in self.parameters if id(p) not in others], "factor": 1.0},
            {"params": given, "factor": FRONT_RATE},
            {"params": outputs, "factor": OUTPUT_RATE},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.total_minutes, self.peak_rate = total_minutes, peak_rate
        self.minutes, self.step = 0.0, 0

    @property
    def progress(self) -> float:
        """Share of the schedule that is done."""
        return min(1.0, self.minutes / self.total_minutes)

    def update(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """One step; returns the parts of the loss."""
        self._set_rates()
        batch = {name: value.to(self.device) for name, value in batch.items()}
        total, parts = self.loss(batch, self.step)
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        self.step += 1
        self._average_weights()
        return {name: float(value.detach()) for name, value in parts.items()}

    def _set_rates(self) -> None:
        rate = self.peak_rate * rate_factor(self.step, self.progress, WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        for parameter in self._lower:
            parameter.requires_grad_(self.progress >= FROZEN_SHARE)

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
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.minutes, self.step = state["average"], state["minutes"], state["step"]


def train(trainer: Trainer, data: AsrBatches, strength: Synchronized, checkpoint: Path) -> None:
    """Trains to the end of the schedule; `data` reads the `strength` of the degradations that is set here."""
    batches: Iterator[dict[str, Tensor]] = iter(DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=24))
    sums: dict[str, float] = {}
    audio_h = 0.0
    last = saved_at = time.monotonic()
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


def new_strength() -> Synchronized:
    """The strength of the degradations, shared with the loader's process."""
    return Value("d", STRENGTHS[0])
