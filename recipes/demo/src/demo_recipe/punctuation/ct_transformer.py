"""CT-Transformer (Chen et al., 2020) for punctuation, with FunASR's two graph contracts.

SANM layers: self-attention with an FSMN memory (Gao et al., "SAN-M", 2020). One network serves both graphs: the
offline one sees the whole window, in the realtime one a mask tells which words a word may look at. In place of a
position encoding each word begins with its neighbours: with the memory alone marks often came a word too late.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from demo_recipe.punctuation.marked_text import CLASSES

NEIGHBOURS = (-2, -1, 0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class PuncConfig:
    """Sizes of the network."""

    vocabulary: int = 10_000
    size: int = 128
    heads: int = 4
    hidden: int = 384
    layers: int = 3
    kernel: int = 11


class PuncLayer(nn.Module):
    """Pre-norm attention plus memory, then a feed-forward block, both residual."""

    def __init__(self, config: PuncConfig) -> None:
        super().__init__()
        size = config.size
        self.heads = config.heads
        self.norm_attention, self.norm_feed = nn.LayerNorm(size), nn.LayerNorm(size)
        self.query_key_value = nn.Linear(size, 3 * size)
        self.project = nn.Linear(size, size)
        self.memory = nn.Conv1d(size, size, config.kernel, groups=size, padding=config.kernel // 2, bias=False)
        self.feed_in, self.feed_out = nn.Linear(size, config.hidden), nn.Linear(config.hidden, size)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, valid: Tensor, pairs: Tensor) -> Tensor:
        """Words [B, N, D]; `valid` [B, N, 1] and `pairs` [B, 1, N, N] are one where a word is, and may be seen."""
        query, key, value = self.query_key_value(self.norm_attention(x)).chunk(3, -1)
        value = value * valid
        recalled = value + self.memory(value.transpose(1, 2)).transpose(1, 2)
        x = x + self.dropout(self.project(self._attend(query, key, value, pairs)) + recalled)
        return x + self.dropout(self.feed_out(F.relu(self.feed_in(self.norm_feed(x)))))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, pairs: Tensor) -> Tensor:
        batch, count, size = query.shape

        def split(x: Tensor) -> Tensor:
            return x.reshape(batch, -1, self.heads, size // self.heads).transpose(1, 2)

        scores = torch.matmul(split(query), split(key).transpose(2, 3)) * (size // self.heads) ** -0.5
        weights = (scores + (pairs - 1) * 1e4).softmax(-1)
        return torch.matmul(weights, split(value)).transpose(1, 2).reshape(batch, count, size)


class Neighbours(nn.Module):
    """Every word with the two before and the three behind it, projected; at first the word alone."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.project = nn.Linear(len(NEIGHBOURS) * size, size)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.project.weight)
        own = NEIGHBOURS.index(0) * size
        nn.init.eye_(self.project.weight[:, own : own + size])

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, D] -> [B, N, D]."""
        before, behind = -NEIGHBOURS[0], NEIGHBOURS[-1]
        padded = F.pad(x, (0, 0, before, behind))
        shifted = [padded[:, before + offset : padded.shape[1] - behind + offset] for offset in NEIGHBOURS]
        return self.project(torch.cat(shifted, -1))


class PuncNetwork(nn.Module):
    """Word ids [B, N] -> class scores [B, N, 6]."""

    def __init__(self, config: PuncConfig) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.vocabulary, config.size)
        self.neighbours = Neighbours(config.size)
        self.dropout = nn.Dropout(0.1)
        self.layers = nn.ModuleList(PuncLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.size)
        self.output = nn.Linear(config.size, len(CLASSES))
        nn.init.normal_(self.embed.weight, std=0.3)

    def forward(self, inputs: Tensor, valid: Tensor, earlier: Tensor, last: Tensor) -> Tensor:
        """`earlier` and `last` [B, 1, N, N]: what may be seen in all layers but the last one, and in that one."""
        x = self.dropout(self.neighbours(self.embed(inputs) * valid)) * valid
        for layer in self.layers[:-1]:
            x = layer(x, valid, earlier)
        return self.output(self.norm(self.layers[-1](x, valid, last)))


def length_mask(lengths: Tensor, inputs: Tensor) -> Tensor:
    """Lengths [B] -> [B, N, 1], in operations that export with a dynamic N."""
    positions = torch.cumsum(torch.ones_like(inputs[:1]), 1)
    return (positions <= lengths.unsqueeze(1)).float().unsqueeze(-1)


class OfflineGraph(nn.Module):
    """FunASR's CT_Transformer: inputs, text_lengths -> logits."""

    def __init__(self, network: PuncNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor, text_lengths: Tensor) -> Tensor:
        """Every word sees every word."""
        valid = length_mask(text_lengths, inputs)
        pairs = valid.transpose(1, 2).unsqueeze(1)
        return self.network(inputs, valid, pairs, pairs)


class RealtimeGraph(nn.Module):
    """FunASR's CT_Transformer_VadRealtime: inputs, text_lengths, vad_masks, sub_masks -> logits."""

    def __init__(self, network: PuncNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor, text_lengths: Tensor, vad_masks: Tensor, sub_masks: Tensor) -> Tensor:
        """Only the last layer takes `vad_masks`; at run time both are alike."""
        return self.network(inputs, length_mask(text_lengths, inputs), sub_masks, vad_masks)


def realtime_mask(words: int, cached: int) -> Tensor:
    """[words, words]: the cached words, all but the last, do not see the new ones."""
    mask = torch.ones(words, words)
    if 0 < cached < words:
        mask[: cached - 1, cached:] = 0
    return mask


def funasr_config(config: PuncConfig, *, realtime: bool) -> dict[str, Any]:
    """config.yaml of a model."""
    encoder = {
        "input_size": config.size, "output_size": config.size, "attention_heads": config.heads,
        "linear_units": config.hidden, "num_blocks": config.layers, "kernel_size": config.kernel, "padding_idx": 0,
    }  # fmt: skip
    return {
        "model": "CTTransformerStreaming" if realtime else "CTTransformer",
        "model_conf": {
            "ignore_id": 0, "embed_unit": config.size, "att_unit": config.size, "punc_list": CLASSES,
            "punc_weight": [1.0] * len(CLASSES), "sentence_end_id": 3,
        },
        "encoder": "SANMVadEncoder" if realtime else "SANMEncoder",
        "encoder_conf": encoder,
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>"},
    }  # fmt: skip
