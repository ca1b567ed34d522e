"""Trains the network of both punctuation models and writes their folders, `punc` and `punc-online`.

    python -m demo_recipe train-punc --minutes 40 [--work build/train]

Two windows in five are masked as in the realtime model, where the words of earlier segments do not see the new ones.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
import yaml
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from demo_recipe.bundle.quantize import quantize
from demo_recipe.learning_rate import rate_factor
from demo_recipe.options import add_work_option
from demo_recipe.punctuation.ct_transformer import (
    OfflineGraph,
    PuncConfig,
    PuncNetwork,
    RealtimeGraph,
    funasr_config,
    length_mask,
    realtime_mask,
)
from demo_recipe.punctuation.marked_text import IGNORE, Marked
from demo_recipe.punctuation.text_windows import WindowMaker, build_vocabulary

PEAK_RATE = 2e-3
WARM_UP_STEPS = 200
# Share of the past in the running mean of the weights, which is what is written: the last 500 steps or so.
AVERAGE_DECAY = 0.998
# By class of `marked_text.CLASSES`: unweighted the network leaves out more commas than it sets wrongly.
CLASS_WEIGHTS = (1.0, 1.0, 2.0, 1.35, 1.2, 2.0)
BATCH_WINDOWS = 48
CHECKPOINT_S = 120
LOG_STEPS = 100


def collate(windows: list[Marked], ids: dict[str, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids [B, N], lengths [B] and classes [B, N], ignored in the padding."""
    count = max(map(len, windows))
    inputs = torch.zeros(len(windows), count, dtype=torch.long)
    classes = torch.full((len(windows), count), IGNORE)
    unknown = len(ids) - 1
    for row, window in enumerate(windows):
        inputs[row, : len(window)] = torch.tensor([ids.get(word, unknown) for word, _ in window])
        classes[row, : len(window)] = torch.tensor([mark for _, mark in window])
    return inputs, torch.tensor([len(window) for window in windows]), classes


def random_pairs(lengths: Tensor, valid: Tensor, generator: torch.Generator) -> Tensor:
    """[B, 1, N, N]: two windows in five are cut somewhere as if its second part had come later."""
    count = valid.shape[1]
    pairs = valid.transpose(1, 2).unsqueeze(1).repeat(1, 1, count, 1)
    for row, length in enumerate(lengths.tolist()):
        if length > 2 and torch.rand((), generator=generator) < 0.4:
            cached = int(torch.randint(1, length, (), generator=generator))
            pairs[row, 0, :length, :length] = realtime_mask(length, cached)
    return pairs


class Trainer:
    """Network and optimiser; the rate falls with the share of the given time that is used."""

    def __init__(self, config: PuncConfig, ids: dict[str, int], seed: int) -> None:
        self.config, self.ids = config, ids
        self.network = PuncNetwork(config)
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=PEAK_RATE, weight_decay=0.01)
        self.generator = torch.Generator().manual_seed(seed)
        self.step, self.seconds = 0, 0.0

    def update(self, windows: list[Marked], progress: float) -> float:
        """One step; returns the loss."""
        rate = PEAK_RATE * rate_factor(self.step, progress, WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs, lengths, classes = collate(windows, self.ids)
        valid = length_mask(lengths, inputs)
        pairs = random_pairs(lengths, valid, self.generator)
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.network(inputs, valid, pairs, pairs).float()
        weights = torch.tensor(CLASS_WEIGHTS)
        loss = F.cross_entropy(scores.flatten(0, 1), classes.flatten(), weights, ignore_index=IGNORE)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Checkpoint, replaced at once."""
        state = {
            "network": self.network.state_dict(), "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "seconds": self.seconds,
            "config": asdict(self.config),
        }  # fmt: skip
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint."""
        state = torch.load(path)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def batches(maker: WindowMaker) -> Iterator[list[Marked]]:
    """Endless batches of windows of about equal length."""
    shuffle = Random(1)
    while True:
        windows = sorted((maker.draw() for _ in range(16 * BATCH_WINDOWS)), key=len)
        chunks = [windows[begin : begin + BATCH_WINDOWS] for begin in range(0, len(windows), BATCH_WINDOWS)]
        shuffle.shuffle(chunks)
        yield from chunks


def train(trainer: Trainer, maker: WindowMaker, minutes: float, checkpoint: Path) -> None:
    """Trains until `minutes` of processor time are used in all."""
    trainer.network.train()
    begin, saved_at, total = time.process_time() - trainer.seconds, time.monotonic(), 0.0
    source = batches(maker)
    while trainer.seconds < 60 * minutes:
        windows = next(source)
        total += trainer.update(windows, min(1.0, trainer.seconds / (60 * minutes)))
        trainer.seconds = time.process_time() - begin
        if trainer.step % LOG_STEPS == 0:
            print(f"{trainer.step} loss {total / LOG_STEPS:.4f} after {trainer.seconds / 60:.1f} min", flush=True)
            total = 0.0
        if time.monotonic() - saved_at > CHECKPOINT_S:
            saved_at = time.monotonic()
            trainer.save(checkpoint)
    trainer.save(checkpoint)


def export(network: PuncNetwork, config: PuncConfig, vocabulary: list[str], work: Path) -> None:
    """Writes both folders in FunASR's layout: float32 and int8 graphs, words, configuration."""
    words, length = torch.ones(1, 9, dtype=torch.int32), torch.tensor([9], dtype=torch.int32)
    mask = torch.ones(1, 1, 9, 9)
    batch, count, square = {0: "batch_size"}, {1: "feats_length"}, {2: "feats_length", 3: "feats_length"}
    offline = {"inputs": words.repeat(2, 1), "text_lengths": length.repeat(2)}
    realtime = {"inputs": words, "text_lengths": length, "vad_masks": mask, "sub_masks": mask}
    axes = {"inputs": batch | count, "text_lengths": batch, "logits": batch | count}
    _export_graph(OfflineGraph(network), offline, axes, work / "punc")
    axes = {"inputs": count, "vad_masks": square, "sub_masks": square, "logits": count}
    _export_graph(RealtimeGraph(network), realtime, axes, work / "punc-online")
    for name in ("punc", "punc-online"):
        settings = funasr_config(config, realtime=name == "punc-online")
        (work / name / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
        (work / name / "tokens.json").write_text(json.dumps(vocabulary, ensure_ascii=False))


def _export_graph(
    graph: nn.Module, example: dict[str, Tensor], axes: dict[str, dict[int, str]], folder: Path
) -> None:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        graph.eval(), tuple(example.values()), str(folder / "model.onnx"), dynamo=False, opset_version=14,
        input_names=list(example), output_names=["logits"], dynamic_axes=axes,
    )  # fmt: skip
    print(f"{folder}: {quantize(folder / 'model.onnx').stat().st_size / 1e6:.2f} MB int8")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--minutes", type=float, default=40, help="processor time in all")
    add_work_option(parser)
    parser.add_argument("--seed", type=int, default=4)


def run(arguments: argparse.Namespace) -> None:
    """Train, or go on from the checkpoint, and export."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folder, text = arguments.work / "punc", arguments.work / "text"
    folder.mkdir(parents=True, exist_ok=True)
    config = PuncConfig()
    if not (folder / "tokens.json").exists():
        (folder / "tokens.json").write_text(json.dumps(build_vocabulary(config.vocabulary, text), ensure_ascii=False))
    vocabulary = json.loads((folder / "tokens.json").read_text())
    trainer = Trainer(config, {word: index for index, word in enumerate(vocabulary)}, arguments.seed)
    if (folder / "checkpoint.pt").exists():
        trainer.load(folder / "checkpoint.pt")
    count = sum(part.numel() for part in trainer.network.parameters()) / 1e6
    print(f"{count:.2f} M parameters, {len(vocabulary)} words", flush=True)
    train(trainer, WindowMaker(arguments.seed + trainer.step, text), arguments.minutes, folder / "checkpoint.pt")
    export(trainer.average.module, config, vocabulary, arguments.work)
