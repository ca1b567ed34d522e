"""Trains the streaming recogniser from the weights of the offline one. Stops and resumes at checkpoints.

python -m demo_recipe train-stream --minutes 75 [--speech DIR] [--work build/train]
"""

import argparse
import shutil
from pathlib import Path

import torch
from torch import Tensor

from demo_recipe.acoustic.asr_batches import AsrBatches
from demo_recipe.acoustic.paraformer import AsrConfig, TrainingHeads
from demo_recipe.acoustic.phonetic_classes import sound_table
from demo_recipe.acoustic.train_asr import prepare
from demo_recipe.acoustic.trainer import Trainer, add_training_options, new_strength, train
from demo_recipe.streaming.stream_losses import StreamLoss
from demo_recipe.streaming.streaming_paraformer import StreamParaformer

BATCH_ROWS = 800


def start_from(checkpoint: Path, vocabulary: list[str]) -> tuple[StreamParaformer, TrainingHeads]:
    """The offline encoder, decoder and CTC layer; a token's memory keeps the half of its kernel that looks back."""
    state = torch.load(checkpoint)
    config = AsrConfig(**state["config"])
    model, heads = StreamParaformer(config), TrainingHeads(config, sound_table(vocabulary))
    known = model.state_dict()
    offline = {name: value for name, value in state["average"].items() if name in known}
    for name in [name for name in offline if name.startswith("decoder") and name.endswith("memory.conv.weight")]:
        offline[name] = looking_back(offline[name])
    offline["fire_conv.weight"] = state["average"]["weight_conv.weight"]
    offline["fire_conv.bias"] = state["average"]["weight_conv.bias"]
    offline["fire_out.bias"] = torch.full_like(known["fire_out.bias"], -2.5)
    for kind in ("weight", "bias"):
        offline[f"heard.{kind}"] = state["heads"][f"frame.{kind}"]
    model.load_state_dict(known | offline)
    heads.load_state_dict(state["heads"])
    return model, heads


def looking_back(kernel: Tensor) -> Tensor:
    """A centred kernel [D, 1, K] with its past half and centre at the end."""
    half = kernel.shape[2] // 2
    return torch.cat([torch.zeros_like(kernel[:, :, :half]), kernel[:, :, : half + 1]], 2)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_training_options(parser, peak_rate=3e-4)


def run(arguments: argparse.Namespace) -> None:
    """Train to the end of the schedule."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folders = [*arguments.speech, arguments.work / "speech"]
    vocabulary, mvn = prepare(arguments, folders)
    model, heads = start_from(arguments.work / "asr" / "checkpoint.pt", vocabulary)
    trainer = Trainer(model, heads, StreamLoss(model, heads, arguments.seed), arguments.minutes, arguments.rate)
    checkpoint = arguments.work / "asr-online" / "checkpoint.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    for name in ("am.mvn", "tokens.json"):
        shutil.copyfile(arguments.work / "asr" / name, checkpoint.parent / name)
    if checkpoint.exists():
        trainer.load(checkpoint)
    strength = new_strength()
    seed = arguments.seed + 1000 + trainer.step
    data = AsrBatches(folders, vocabulary, mvn, strength, seed, batch_rows=BATCH_ROWS)
    train(trainer, data, strength, checkpoint)
