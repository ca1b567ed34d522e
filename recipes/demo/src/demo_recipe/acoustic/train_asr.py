"""Trains the recogniser. Stops and resumes at checkpoints.

    python -m demo_recipe train-asr --minutes 250 [--speech DIR] [--work build/train]

Speech is read from `speech` in the work folder, from the folders given, and from the folders in them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from demo_recipe.acoustic.asr_batches import AsrBatches
from demo_recipe.acoustic.paraformer import AsrConfig, Paraformer, TrainingHeads, losses
from demo_recipe.acoustic.phonetic_classes import sound_table
from demo_recipe.acoustic.trainer import Loss, Trainer, add_training_options, new_strength, train
from demo_recipe.acoustic.whisper_encoder import fit_mel, fit_scales, load_whisper
from demo_recipe.audio import augment
from demo_recipe.audio.features import Array, from_pcm, read_mvn, write_mvn
from demo_recipe.speech.corpus import load_folder
from demo_recipe.text.vocabulary import build_tokens


def prepare(arguments: argparse.Namespace, folders: list[Path]) -> tuple[list[str], tuple[Array, Array]]:
    """Writes tokens.json and am.mvn once; they belong to the checkpoint."""
    folder = arguments.work / "asr"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokens.json").exists():
        (folder / "tokens.json").write_text(json.dumps(build_tokens(), ensure_ascii=False))
    vocabulary = json.loads((folder / "tokens.json").read_text())
    if not (folder / "am.mvn").exists():
        write_mvn(folder / "am.mvn", *measure_features(folders, vocabulary, arguments.seed))
    return vocabulary, read_mvn(folder / "am.mvn")


def measure_features(folders: list[Path], vocabulary: list[str], seed: int) -> tuple[Array, Array]:
    """Mean and deviation of the LFR rows over some thousand rows of training data, each bin alike in all slots."""
    plain = (np.zeros(560, np.float32), np.ones(560, np.float32))
    batches = iter(AsrBatches(folders, vocabulary, plain, new_strength(), seed))
    rows = []
    for _ in range(40):
        batch = next(batches)
        rows += [item[:count] for item, count in zip(batch["speech"], batch["speech_lens"], strict=True)]
    bins = torch.cat(rows).numpy().reshape(-1, 80)
    return np.tile(bins.mean(0), 7), np.tile(bins.std(0), 7)


def sample_waves(folders: list[Path], vocabulary: list[str]) -> list[Array]:
    """A hundred utterances over faint noise."""
    rng = np.random.default_rng(5)
    speech = [item for folder in folders for item in load_folder(folder, vocabulary)]
    waves = [from_pcm(speech[index].pcm) for index in rng.integers(0, len(speech), 100)]
    return [wave + augment.noise(len(wave), rng) * np.float32(10 ** rng.uniform(-5, -3)) for wave in waves]


def offline_loss(model: Paraformer, heads: TrainingHeads) -> Loss:
    """The weighted sum of `losses`."""

    def loss(batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        parts = losses(model, heads, batch)
        # Its gradient would drown all others at first; the timing targets bring the weights into place by then.
        count_factor = 0.0 if step < 1000 else 0.1 if step < 2000 else 0.3
        total = parts["ce"] + count_factor * parts["count"] + (0.1 if step < 500 else 0.3) * parts["ctc"]
        return total + parts["frame"] + parts["sound"] + parts["weight"] + 0.15 * parts["boundary"], parts

    return loss


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_training_options(parser, peak_rate=4e-4)


def run(arguments: argparse.Namespace) -> None:
    """Train to the end of the schedule."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folders = [*arguments.speech, arguments.work / "speech"]
    vocabulary, mvn = prepare(arguments, folders)
    config = AsrConfig(len(vocabulary))
    model, heads = Paraformer(config), TrainingHeads(config, sound_table(vocabulary))
    trainer = Trainer(model, heads, offline_loss(model, heads), arguments.minutes, arguments.rate)
    checkpoint = arguments.work / "asr" / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    else:
        load_whisper(model.encoder.front)
        waves = sample_waves(folders, vocabulary)
        error = fit_mel(model.encoder.front, waves, mvn)
        fit_scales(model.encoder.front, waves, mvn)
        print(f"{sum(p.numel() for p in trainer.parameters) / 1e6:.2f} M parameters, mel map {error:.3f}", flush=True)
    strength = new_strength()
    data = AsrBatches(folders, vocabulary, mvn, strength, arguments.seed + trainer.step)
    train(trainer, data, strength, checkpoint)
