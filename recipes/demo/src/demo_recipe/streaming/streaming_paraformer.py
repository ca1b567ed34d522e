"""A streaming Paraformer for FunASR's two online graphs; the encoder sees one window at a time.

FunASR integrates the encoder's weights (`alphas`) over the whole stream and fires a token at each full unit, so a
weight that is a little off moves every later token. Here the encoder decides itself in which row a token fires and
gives out weights of exactly 0 or 1: nothing is carried on, and the token's vector is the row where it fires. It fires
rather too often; the decoder answers `<blank>`, which FunASR drops, where there was no token.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from demo_recipe.acoustic.context_layers import StreamContext
from demo_recipe.acoustic.encoder import SpeechEncoder
from demo_recipe.acoustic.paraformer import AsrConfig
from demo_recipe.acoustic.sanm_layers import DecoderLayer, attend, length_mask, with_neighbours

ROW_WIDTH = 560
FIRE_THRESHOLD = 0.3
"""Least probability that a token fires in a row or one of its two neighbours."""
HEARD_WEIGHT = 0.5
HEARD_FLOOR = 0.02
"""Probability of a token that the row itself does not tell: bounds its veto."""


class Memory(nn.Module):
    """Depthwise convolution over a token and those before it, plus identity."""

    def __init__(self, size: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, kernel, groups=size, bias=False)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, N, D] behind a cache [B, D, kernel - 1] -> [B, N, D] and the next cache."""
        joined = torch.cat([cache, x.transpose(1, 2)], 2)
        return self.conv(joined).transpose(1, 2) + x, joined[:, :, -cache.shape[2] :]


class StreamDecoderLayer(DecoderLayer):
    """Feed-forward, memory over this token and those before it, attention over the rows of a window."""

    def __init__(self, size: int, heads: int, hidden: int, kernel: int) -> None:
        super().__init__(size, heads, hidden, kernel)
        self.memory = Memory(size, kernel)

    def forward(self, x: Tensor, cache: Tensor, frames: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [B, N, D] over frames [B, T, D], of which each sees `visible` [B, T, N or 1]."""
        x = x + self.feed_out(self.norm_hidden(F.relu(self.feed_in(self.norm_feed(x)))))
        remembered, cache = self.memory(self.norm_memory(x), cache)
        x = x + remembered
        key, value = self.key_value(frames).chunk(2, -1)
        return x + self.project(attend(self.query(self.norm_attention(x)), key, value, visible, self.heads)), cache


class WindowRows(NamedTuple):
    """Rows [B, T, D] (zero where `mask` [B, T, 1] is) and the logits of a fire in each, [B, T]."""

    frames: Tensor
    mask: Tensor
    fire_logits: Tensor


class StreamParaformer(nn.Module):
    """Windows of normalised rows with position code -> fires -> scores of the tokens."""

    def __init__(self, config: AsrConfig) -> None:
        super().__init__()
        c = config
        self.config = config
        self.encoder = SpeechEncoder(c.size, c.heads, c.hidden, c.encoder_layers, c.kernel)
        self.fire_conv = nn.Linear(3 * c.size, c.size)
        self.fire_out = nn.Linear(c.size, 1)
        self.decoder = nn.ModuleList(
            StreamDecoderLayer(c.size, c.heads, c.hidden, c.kernel) for _ in range(c.decoder_layers)
        )
        self.decoder_norm = nn.LayerNorm(c.size)
        self.output = nn.Linear(c.size, c.vocabulary_size)
        self.heard = nn.Linear(c.size, c.vocabulary_size)
        self.context: StreamContext | None = None

    def output_layers(self) -> list[nn.Linear]:
        """Those that give the losses their logits."""
        return [self.output, self.heard, self.fire_out]

    def encode(self, rows: Tensor, mask: Tensor) -> WindowRows:
        """Rows [B, T, 560] of windows; zero rows stand for no sound and are not looked at."""
        mask = mask * (rows.abs().sum(-1, keepdim=True) > 0).to(rows.dtype)
        frames = self.encoder(rows, mask).rows
        hidden = F.relu(self.fire_conv(with_neighbours(frames)) + frames)
        return WindowRows(frames, mask, self.fire_out(hidden).squeeze(-1))

    def fires(self, seen: WindowRows) -> Tensor:
        """[B, T] of 0 and 1: the highest of three rows which together are likely to hold a token."""
        chance = torch.sigmoid(seen.fire_logits) * seen.mask.squeeze(-1)
        nothing = torch.zeros_like(chance[:, :1])
        before = torch.cat([nothing, chance[:, :-1]], 1)
        after = torch.cat([chance[:, 1:], nothing], 1)
        is_peak = (chance >= before) & (chance > after) & (before + chance + after >= FIRE_THRESHOLD)
        return is_peak.to(chance.dtype)

    def decode(
        self, tokens: Tensor, caches: list[Tensor], frames: Tensor, visible: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """One row a token [B, N, D] -> logits [B, N, V] and the caches of the layers, [B, D, kernel - 1] each."""
        x = tokens
        next_caches = []
        for layer, cache in zip(self.decoder, caches, strict=True):
            x, next_cache = layer(x, cache, frames, visible)
            next_caches.append(next_cache)
        return self.output(self.decoder_norm(x)), next_caches

    def scores(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """The decoder's log-probabilities together with those of the row alone, which do not lean on other tokens."""
        heard = torch.softmax(self.heard(tokens), -1)
        return F.log_softmax(F.log_softmax(logits, -1) + HEARD_WEIGHT * torch.log(heard + HEARD_FLOOR), -1)

    def new_caches(self, batch: int) -> list[Tensor]:
        """Zero caches: one of each layer, one of the context."""
        weight, count = self.output.weight, len(self.decoder) + (self.context is not None)
        return [weight.new_zeros(batch, self.config.size, self.config.kernel - 1) for _ in range(count)]


class EncoderGraph(nn.Module):
    """FunASR's online model.onnx: rows times sqrt(D) plus position code -> (enc, enc_len, alphas)."""

    def __init__(self, model: StreamParaformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows [B, T, 560], int32 [B] -> [B, T, D], int32 [B], [B, T]."""
        seen = self.model.encode(speech / math.sqrt(self.model.config.size), length_mask(speech_lengths, speech))
        return seen.frames, speech_lengths + 0, self.model.fires(seen)


class DecoderGraph(nn.Module):
    """FunASR's online decoder.onnx."""

    def __init__(self, model: StreamParaformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, enc: Tensor, enc_len: Tensor, acoustic_embeds: Tensor, acoustic_embeds_len: Tensor, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """-> logits [B, N, V], sample_ids int64 [B, N], the next caches."""
        mask = length_mask(enc_len, enc) * (enc.abs().sum(-1, keepdim=True) > 0).to(enc.dtype)
        token_mask = length_mask(acoustic_embeds_len, acoustic_embeds)
        tokens = acoustic_embeds * token_mask
        logits, next_caches = self.model.decode(tokens, list(caches[: len(self.model.decoder)]), enc, mask)
        logits = self.model.scores(logits, tokens)
        if self.model.context is not None:
            logits, cache = self.model.context.corrected(logits, token_mask, caches[-1])
            next_caches.append(cache)
        return logits, logits.argmax(-1), *next_caches


def position_code(first: int, count: int) -> Tensor:
    """FunASR's code [count, 560] of the positions first, first + 1, ...: sines, then cosines."""
    half = ROW_WIDTH // 2
    scale = torch.exp(torch.arange(half) * (-math.log(10_000) / (half - 1)))
    angles = torch.arange(first, first + count).unsqueeze(1) * scale
    return torch.cat([angles.sin(), angles.cos()], 1)
