"""FSMN voice activity detector with FunASR's streaming contract (Zhang et al., 2018).

Input rows are normalised LFR 5/1 frames [B, T, 400], one every 10 ms; output class 0 is silence, the other speech.
Each memory looks back over `ORDER` frames, all but one of which come from the cache [B, 88, ORDER - 1, 1] of the call
before. Narrower than FunASR's published sizes, with a longer memory: music is told from speech by its course.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

INPUT_SIZE, AFFINE_SIZE, LINEAR_SIZE, MEMORY_SIZE, CLASSES = 400, 96, 176, 88, 2
LAYERS, ORDER = 4, 32

LEAST = 1e-6
"""Bound of the probabilities: FunASR's package takes their logarithms, and digital silence would be certain."""


class FsmnLayer(nn.Module):
    """Projection, causal memory, affine, ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(LINEAR_SIZE, MEMORY_SIZE, bias=False)
        self.memory = nn.Conv1d(MEMORY_SIZE, MEMORY_SIZE, ORDER, groups=MEMORY_SIZE, bias=False)
        self.affine = nn.Linear(MEMORY_SIZE, LINEAR_SIZE)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Rows [B, T, 176] and the cache -> rows and the new cache."""
        x = self.project(x).transpose(1, 2)
        history = torch.cat([cache.squeeze(-1), x], 2)
        x = (x + self.memory(history)).transpose(1, 2)
        return F.relu(self.affine(x)), history[:, :, 1 - ORDER :].unsqueeze(-1)


class FsmnVad(nn.Module):
    """Probabilities [B, T, 2] and the new caches."""

    def __init__(self) -> None:
        super().__init__()
        self.affine_in = nn.Linear(INPUT_SIZE, AFFINE_SIZE)
        self.linear_in = nn.Linear(AFFINE_SIZE, LINEAR_SIZE)
        self.layers = nn.ModuleList(FsmnLayer() for _ in range(LAYERS))
        self.affine_out = nn.Linear(LINEAR_SIZE, AFFINE_SIZE)
        self.linear_out = nn.Linear(AFFINE_SIZE, CLASSES)

    def logits(self, speech: Tensor, caches: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The same before the softmax."""
        x = F.relu(self.linear_in(self.affine_in(speech)))
        new_caches = []
        for layer, cache in zip(self.layers, caches, strict=True):
            x, new_cache = layer(x, cache)
            new_caches.append(new_cache)
        return self.linear_out(self.affine_out(x)), new_caches

    def forward(self, speech: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """The graph: speech, in_cache0..3 -> logits (probabilities), out_cache0..3."""
        logits, new_caches = self.logits(speech, list(caches))
        return logits.softmax(-1).clamp(LEAST, 1 - LEAST), *new_caches


def empty_caches(batch: int) -> list[Tensor]:
    """Caches at the start of a stream."""
    return [torch.zeros(batch, MEMORY_SIZE, ORDER - 1, 1) for _ in range(LAYERS)]


def silence_loss(logits: Tensor, is_speech: Tensor) -> Tensor:
    """Cross-entropy of silence (class 0) against speech; `is_speech` [B, T], -1 = ignore."""
    targets = torch.where(is_speech < 0, -100.0, is_speech).long()
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
