"""Trains the voice detector and writes its graph. Stops and resumes at checkpoints.

python -m demo_recipe train-vad --steps 1900 [--speech DIR] [--work build/train]
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from demo_recipe.audio.features import Array, read_mvn, write_mvn
from demo_recipe.options import add_work_option
from demo_recipe.speech.corpus import Utterance, load_folder
from demo_recipe.text.vocabulary import build_tokens
from demo_recipe.vad.fsmn import CLASSES, INPUT_SIZE, LAYERS, MEMORY_SIZE, ORDER, FsmnVad, empty_caches, silence_loss
from demo_recipe.vad.scenes import SceneMaker, batches

PEAK_RATE = 2e-3
BATCH_SCENES = 8
CHECKPOINT_S = 120
# The runtime takes a frame for speech where silence is under 0.2. The trained network then misses more speech than
# it passes other sounds; this much on the score of speech evens them out (measured on mixes, 0 to 2 tried).
SPEECH_LEAN = 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--speech", type=Path, action="append", default=[], help="folder of ready speech")
    add_work_option(parser)
    parser.add_argument("--seed", type=int, default=3)


def measure(utterances: list[Utterance], seed: int) -> tuple[Array, Array]:
    """Mean and deviation by mel bin, alike in the five slots of a row."""
    rows, _ = next(batches(SceneMaker(utterances, seed), 60, pool=60))
    bins = rows.reshape(-1, 80)
    return np.tile(bins.mean(0), 5), np.tile(bins.std(0), 5)


class Trainer:
    """Model and optimiser with a cosine schedule over `total_steps`."""

    def __init__(self, total_steps: int) -> None:
        self.model = FsmnVad()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=PEAK_RATE, weight_decay=0.01)
        self.total_steps = total_steps
        self.step = 0

    def update(self, rows: Array, labels: Array) -> tuple[float, float, float]:
        """One step; returns the loss and the shares of missed speech and of false alarms at 0.2 silence."""
        progress = min(1.0, self.step / self.total_steps)
        for group in self.optimizer.param_groups:
            warm_up = min(1.0, (self.step + 1) / 50)
            group["lr"] = PEAK_RATE * warm_up * (0.02 + 0.49 * (1 + math.cos(math.pi * progress)))
        wanted = torch.from_numpy(labels)
        logits, _ = self.model.logits(torch.from_numpy(rows), empty_caches(len(rows)))
        loss = silence_loss(logits, wanted)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        found = logits.detach().softmax(-1)[..., 0] <= 0.2
        missed = (~found)[wanted == 1].float().sum() / max(1, int((wanted == 1).sum()))
        return float(loss.detach()), float(missed), float(found[wanted == 0].float().mean())


def train(
    trainer: Trainer, utterances: list[Utterance], mvn: tuple[Array, Array], checkpoint: Path, seed: int
) -> None:
    """Runs the schedule to its end."""
    shift, scale = mvn
    source = batches(SceneMaker(utterances, seed + trainer.step), BATCH_SCENES)
    saved_at = time.monotonic()
    sums = np.zeros(3)
    while trainer.step < trainer.total_steps:
        rows, labels = next(source)
        sums += trainer.update((rows + shift) * scale, labels)
        if trainer.step % 50 == 0:
            loss, missed, false = sums / 50
            print(f"{trainer.step} loss {loss:.3f} miss {missed:.3f} false {false:.3f}", flush=True)
            sums[:] = 0
        if time.monotonic() - saved_at > CHECKPOINT_S:
            saved_at = time.monotonic()
            save(trainer, checkpoint)
    save(trainer, checkpoint)


def save(trainer: Trainer, path: Path) -> None:
    """Checkpoint, replaced at once."""
    state = {
        "model": trainer.model.state_dict(), "optimizer": trainer.optimizer.state_dict(),
        "step": trainer.step,
    }  # fmt: skip
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def export(model: FsmnVad, path: Path) -> None:
    """Writes model.onnx with FunASR's names; batch 1, any number of frames."""
    with torch.no_grad():
        model.linear_out.bias[1] += SPEECH_LEAN
    caches = empty_caches(1)
    names = [f"cache{i}" for i in range(LAYERS)]
    torch.onnx.export(
        model.eval(), (torch.zeros(1, 30, INPUT_SIZE), *caches), str(path), dynamo=False, opset_version=14,
        input_names=["speech", *(f"in_{name}" for name in names)],
        output_names=["logits", *(f"out_{name}" for name in names)],
        dynamic_axes={"speech": {1: "feats_length"}, "logits": {1: "feats_length"}},
    )  # fmt: skip
    print(f"{path}: {CLASSES} classes, caches [1, {MEMORY_SIZE}, {ORDER - 1}, 1]")


def run(arguments: argparse.Namespace) -> None:
    """Train, or go on from the checkpoint, and export."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    vocabulary = build_tokens()
    folders = [*arguments.speech, arguments.work / "speech"]
    utterances = [item for folder in folders for item in load_folder(folder, vocabulary)]
    folder = arguments.work / "vad"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "am.mvn").exists():
        write_mvn(folder / "am.mvn", *measure(utterances, arguments.seed))
    trainer = Trainer(arguments.steps)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        trainer.model.load_state_dict(state["model"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.step = state["step"]
    train(trainer, utterances, read_mvn(folder / "am.mvn"), checkpoint, arguments.seed)
    export(trainer.model, folder / "model.onnx")
