"""Collects the tokens that a recogniser takes each token for, from training speech through every degradation.

    python -m demo_recipe token-confusions --batches 500 [--stream] [--speech DIR] [--work build/train]

Writes `token_confusions.npz` into `asr`, or into `asr-online` for the streaming recogniser: each token that was said,
its `GUESSES` likeliest tokens and their log-probabilities. These are the exported scores (decoder and CTC layer
together, or the row alone) with as many tokens as were said.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from demo_recipe.acoustic.asr_batches import AsrBatches
from demo_recipe.acoustic.export_asr import load_model
from demo_recipe.acoustic.paraformer import Paraformer, TrainingHeads, targets_with_eos
from demo_recipe.acoustic.phonetic_classes import sound_table
from demo_recipe.acoustic.sanm_layers import length_mask
from demo_recipe.acoustic.trainer import new_strength
from demo_recipe.audio.features import read_mvn
from demo_recipe.options import add_work_option
from demo_recipe.streaming.export_stream import load_model as load_stream_model
from demo_recipe.streaming.stream_losses import StreamLoss

GUESSES = 16
STRENGTH = 1.0

TokenScorer = Callable[[dict[str, Tensor]], tuple[Tensor, Tensor]]
"""A batch -> log-probabilities [N, V] of all its tokens, and which was said [N]."""


def scores_of(model: Paraformer, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Log-probabilities [N, V] of all tokens of a batch, and which was said [N]."""
    mask = length_mask(batch["speech_lens"], batch["speech"])
    frames = model.encoder(batch["speech"], mask).rows
    targets, chosen = targets_with_eos(batch["ids"], batch["id_lens"])
    rows = torch.arange(targets.shape[1], dtype=frames.dtype)
    shares = model.shares(model.cif_weights(frames, mask), batch["id_lens"].to(frames.dtype), rows)
    logits = model.decode(model.integrate(frames, shares), chosen.unsqueeze(-1), frames, mask)
    logits = model.with_ctc(F.log_softmax(logits, -1), frames, shares)
    return logits[chosen > 0], targets[chosen > 0]


def offline_scorer(checkpoint: Path) -> TokenScorer:
    """The offline recogniser without its context layers."""
    model = load_model(checkpoint)
    model.context = None
    return lambda batch: scores_of(model, batch)


def stream_scorer(checkpoint: Path, vocabulary: list[str], seed: int) -> TokenScorer:
    """The streaming recogniser without its context layers; fires that are no token are said to be `<blank>`."""
    model = load_stream_model(checkpoint)
    model.context = None
    return StreamLoss(model, TrainingHeads(model.config, sound_table(vocabulary)), seed).scores_of


@torch.no_grad()
def collect(score: TokenScorer, data: AsrBatches, count: int) -> dict[str, np.ndarray]:
    """`said` [N], `guesses` [N, GUESSES] and `scores` [N, GUESSES], best first."""
    said, guesses, scores = [], [], []
    batches = iter(torch.utils.data.DataLoader(data, batch_size=None, num_workers=1))
    for number in range(count):
        with torch.autocast("cpu", torch.bfloat16):
            logits, targets = score(next(batches))
        best = logits.float().topk(GUESSES, -1)
        said.append(targets.short().numpy())
        guesses.append(best.indices.short().numpy())
        scores.append(best.values.half().numpy())
        if number % 100 == 99:
            right = np.mean(np.concatenate(guesses)[:, 0] == np.concatenate(said))
            print(f"{number + 1} batches, {sum(map(len, said))} tokens, {right:.3f} right", flush=True)
    return {"said": np.concatenate(said), "guesses": np.concatenate(guesses), "scores": np.concatenate(scores)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--stream", action="store_true", help="the streaming recogniser")
    parser.add_argument("--speech", type=Path, action="append", default=[])
    add_work_option(parser)
    parser.add_argument("--seed", type=int, default=31)


def run(arguments: argparse.Namespace) -> None:
    """Collect and write the confusions."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folder = arguments.work / ("asr-online" if arguments.stream else "asr")
    vocabulary = json.loads((folder / "tokens.json").read_text())
    strength = new_strength()
    strength.value = STRENGTH
    speech = [*arguments.speech, arguments.work / "speech"]
    data = AsrBatches(speech, vocabulary, read_mvn(folder / "am.mvn"), strength, arguments.seed)
    checkpoint = folder / "checkpoint.pt"
    score = stream_scorer(checkpoint, vocabulary, arguments.seed) if arguments.stream else offline_scorer(checkpoint)
    np.savez(folder / "token_confusions.npz", **collect(score, data, arguments.batches))
