"""The encoder of both recognisers: Whisper's layers, then SANM layers of the recogniser's own width."""

from typing import NamedTuple

from torch import Tensor, nn

from demo_recipe.acoustic.sanm_layers import EncoderLayer
from demo_recipe.acoustic.whisper_encoder import WHISPER_SIZE, WhisperEncoder


class Encoded(NamedTuple):
    """Rows of 60 ms [B, T, D], zero where the mask is, and frames of 20 ms [B, 3T, 384]."""

    rows: Tensor
    fine: Tensor


class SpeechEncoder(nn.Module):
    """Normalised LFR rows [B, T, 560] -> Encoded."""

    def __init__(self, size: int, heads: int, hidden: int, count: int, kernel: int) -> None:
        super().__init__()
        self.front = WhisperEncoder()  # checkpoints call it so
        widths = [WHISPER_SIZE] + [size] * (count - 1)
        self.layers = nn.ModuleList(EncoderLayer(width, size, heads, hidden, kernel) for width in widths)
        self.norm = nn.LayerNorm(size)

    def forward(self, rows: Tensor, mask: Tensor) -> Encoded:
        """Rows where `mask` [B, T, 1] allows."""
        fine, x = self.front(rows, mask)
        for layer in self.layers:
            x = layer(x, mask)
        return Encoded((self.norm(x) * mask).float(), fine.float())
