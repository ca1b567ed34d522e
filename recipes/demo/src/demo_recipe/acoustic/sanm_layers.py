"""SANM layers: self-attention with an FSMN memory (Gao et al., "SAN-M", 2020), as Paraformer and CT-Transformer use.

Masks are float [B, T, 1], one where a frame is valid. All layers are exact under padding: a padded item gives the
same numbers as the item alone.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


def length_mask(lengths: Tensor, like: Tensor) -> Tensor:
    """Lengths [B] -> [B, T, 1] with T = like.shape[1]; in operations that export with a dynamic T."""
    positions = torch.cumsum(torch.ones_like(like[:1, :, 0]), 1)
    return (positions <= lengths.unsqueeze(1)).to(like.dtype).unsqueeze(-1)


def with_neighbours(x: Tensor) -> Tensor:
    """[B, T, D] -> [B, T, 3D], each beside its neighbours: a linear layer of it is a convolution."""
    return torch.cat([F.pad(x, (0, 0, 1, 0))[:, :-1], x, F.pad(x, (0, 0, 0, 1))[:, 1:]], -1)


class Fsmn(nn.Module):
    """A depthwise convolution over time plus identity."""

    def __init__(self, size: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, kernel, groups=size, padding=(kernel - 1) // 2, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        x = x * mask
        return (self.conv(x.transpose(1, 2)).transpose(1, 2) + x) * mask


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Multi-head attention of [B, N, D] over [B, T, D] where `mask` [B, T, 1] allows."""
    batch, count, size = query.shape

    def split(x: Tensor) -> Tensor:
        return x.reshape(batch, -1, heads, size // heads).transpose(1, 2)

    hidden = (1 - mask).mul(-1e4).transpose(1, 2).unsqueeze(1).to(query.dtype)
    mixed = F.scaled_dot_product_attention(split(query), split(key), split(value), attn_mask=hidden)
    return mixed.transpose(1, 2).reshape(batch, count, size)


class EncoderLayer(nn.Module):
    """Pre-norm self-attention with memory, then a feed-forward block; the first layer changes the width."""

    def __init__(self, width_in: int, size: int, heads: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.heads = heads
        self.residual = width_in == size
        self.norm_attention = nn.LayerNorm(width_in)
        self.query_key_value = nn.Linear(width_in, 3 * size)
        self.project = nn.Linear(size, size)
        self.memory = Fsmn(size, kernel)
        self.norm_feed = nn.LayerNorm(size)
        self.feed = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, size))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, width_in] -> [B, T, size]."""
        query, key, value = self.query_key_value(self.norm_attention(x)).chunk(3, -1)
        y = self.project(attend(query, key, value, mask, self.heads)) + self.memory(value, mask)
        x = x + y if self.residual else y
        return x + self.feed(self.norm_feed(x))


class DecoderLayer(nn.Module):
    """Feed-forward, memory over the tokens, attention over the encoder's frames."""

    def __init__(self, size: int, heads: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_feed = nn.LayerNorm(size)
        self.feed_in = nn.Linear(size, hidden)
        self.norm_hidden = nn.LayerNorm(hidden)
        self.feed_out = nn.Linear(hidden, size, bias=False)
        self.norm_memory = nn.LayerNorm(size)
        self.memory = Fsmn(size, kernel)
        self.norm_attention = nn.LayerNorm(size)
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(size, 2 * size)
        self.project = nn.Linear(size, size)

    def forward(self, x: Tensor, token_mask: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """Tokens [B, N, D] over frames [B, T, D] -> [B, N, D]."""
        x = x + self.feed_out(self.norm_hidden(F.relu(self.feed_in(self.norm_feed(x)))))
        x = x + self.memory(self.norm_memory(x), token_mask)
        key, value = self.key_value(frames).chunk(2, -1)
        return x + self.project(attend(self.query(self.norm_attention(x)), key, value, mask, self.heads))
