"""A small Paraformer with token times (Gao et al., 2022; BiCIF: Shi et al., 2023): encoder, CIF, one-pass decoder.

The continuous integrate-and-fire step is written as one matrix product over the cumulated weights, so it needs no
loop. `</s>` is always the last token: it is fired by a learned frame behind the end of the speech.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from demo_recipe.acoustic.context_layers import Context
from demo_recipe.acoustic.encoder import Encoded, SpeechEncoder
from demo_recipe.acoustic.sanm_layers import DecoderLayer, length_mask, with_neighbours
from demo_recipe.acoustic.whisper_encoder import WHISPER_SIZE
from demo_recipe.text.vocabulary import BLANK_ID, EOS_ID, SPECIALS

TAIL_THRESHOLD = 0.45
TRUE_SHARE = 0.5
"""Share of the utterances whose tokens are integrated by the true times in training, the others by the model's."""
TOLD_SHARE = 0.5
CTC_WEIGHT = 0.6
CTC_FLOOR = 0.02
"""Probability of a token that the CTC layer does not hear: bounds its veto."""
LEAST_SURE = 0.72
"""Mean probability of an utterance's tokens, `<unk>` counting as 0, under which all of them become `<unk>`.

Of speech outside the domain, which else gives 28 words in 10 s, 0.2 are left. From 0.70 down it is 1 and more, at no
gain. It costs held-out voices and engines up to 1 % of their words.
"""
SURER_OF_FEW = 0.08
"""Over the number of tokens: how much surer a short utterance must be. What noise is taken for stands alone."""


@dataclass(frozen=True)
class AsrConfig:
    """Sizes of the network."""

    vocabulary_size: int
    size: int = 256
    heads: int = 4
    hidden: int = 768
    encoder_layers: int = 1
    decoder_layers: int = 2
    kernel: int = 11
    timing_size: int = 64


class Paraformer(nn.Module):
    """Normalised LFR rows [B, T, 560] -> log-probabilities of the tokens, their number and their times."""

    def __init__(self, config: AsrConfig) -> None:
        super().__init__()
        c = config
        self.config = config
        self.encoder = SpeechEncoder(c.size, c.heads, c.hidden, c.encoder_layers, c.kernel)
        self.weight_conv = nn.Linear(3 * c.size, c.size)
        self.weight_out = nn.Linear(c.size, 1)
        self.tail = nn.Parameter(torch.zeros(c.size))
        self.timing_up = nn.Linear(c.size, 3 * c.timing_size)
        self.timing_fine = nn.Linear(WHISPER_SIZE, c.timing_size)
        self.timing_conv = nn.Conv1d(c.timing_size, c.timing_size, 5, padding=2)
        self.timing_out = nn.Linear(c.timing_size, 1)
        self.decoder = nn.ModuleList(
            DecoderLayer(c.size, c.heads, c.hidden, c.kernel) for _ in range(c.decoder_layers)
        )
        self.decoder_norm = nn.LayerNorm(c.size)
        self.output = nn.Linear(c.size, c.vocabulary_size)
        self.ctc: nn.Linear | None = None
        self.context: Context | None = None
        unknown = torch.full((c.vocabulary_size,), -20.0)
        unknown[-1] = 0.0
        self.register_buffer("unknown", unknown, persistent=False)
        self.register_buffer("is_token", (torch.arange(c.vocabulary_size) != BLANK_ID).float(), persistent=False)

    def output_layers(self) -> list[nn.Linear]:
        """Those that give the losses their logits."""
        return [self.output, self.weight_out, self.timing_out]

    def cif_weights(self, frames: Tensor, mask: Tensor) -> Tensor:
        """[B, T], the share of a token that each frame holds."""
        x = F.relu(self.weight_conv(with_neighbours(frames)) + frames)
        return (torch.sigmoid(self.weight_out(x)) * mask).squeeze(-1)

    def boundary_logits(self, encoded: Encoded, mask: Tensor) -> Tensor:
        """[B, 3T], how likely a token begins at each 20 ms frame."""
        batch, rows, _ = encoded.rows.shape
        x = self.timing_up(encoded.rows).reshape(batch, 3 * rows, self.config.timing_size)
        x = (x + self.timing_fine(encoded.fine)) * mask.expand(-1, -1, 3).reshape(batch, -1, 1)
        x = F.relu(self.timing_conv(x.transpose(1, 2)).transpose(1, 2))
        return self.timing_out(x).squeeze(-1)

    def shares(self, weights: Tensor, counts: Tensor, rows: Tensor) -> Tensor:
        """[B, L, T + 1], the weight of each frame that each token integrates.

        Row j takes [j, j + 1) of the weights scaled to sum up to `counts`. `rows` [L] are the indices 0, 1, ...; the
        last frame is the learned tail, with weight 1.
        """
        scale = counts / weights.sum(1).clamp(min=1e-4)
        tail = torch.ones_like(weights[:, :1])
        weights = torch.cat([weights * scale.unsqueeze(1), tail], 1)
        high = torch.cumsum(weights, 1).unsqueeze(1)
        low = high - weights.unsqueeze(1)
        place = rows.view(1, -1, 1)
        return (torch.minimum(high, place + 1) - torch.maximum(low, place)).clamp(min=0)

    def integrate(self, frames: Tensor, shares: Tensor) -> Tensor:
        """One vector a token, [B, L, D]."""
        return torch.matmul(shares, torch.cat([frames, self.tail.expand_as(frames[:, :1])], 1))

    def decode(self, tokens: Tensor, token_mask: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """One vector a token [B, N, D] -> scores [B, N, V]."""
        x = tokens * token_mask
        for layer in self.decoder:
            x = layer(x, token_mask, frames, mask)
        return self.output(self.decoder_norm(x))

    def forward(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """FunASR's graph: (logits [B,N,V], token_num [B], us_alphas [B,3T], us_cif_peak [B,3T])."""
        mask = length_mask(speech_lengths, speech)
        encoded = self.encoder(speech, mask)
        frames = encoded.rows
        weights = self.cif_weights(frames, mask)
        counts = torch.floor(weights.sum(1) + TAIL_THRESHOLD)
        rows = torch.cumsum(torch.ones_like(mask[0, :, 0]), 0) - 1
        rows = torch.cat([rows, rows[-1:] + 1])[: counts.max().to(torch.int64) + 1]
        token_mask = (rows.unsqueeze(0) <= counts.unsqueeze(1)).to(frames.dtype).unsqueeze(-1)
        shares = self.shares(weights, counts, rows)
        logits = self.decode(self.integrate(frames, shares), token_mask, frames, mask)
        logits = self.with_ctc(F.log_softmax(logits, -1), frames, shares)
        if self.context is not None:
            logits = self.context.corrected(logits, token_mask)
        logits = self._sure(logits, (rows.unsqueeze(0) < counts.unsqueeze(1)).to(frames.dtype))
        token_num = counts + 1
        alphas, peaks = self._fires(encoded, mask, token_num)
        return logits, token_num.to(torch.int32), alphas, peaks

    def with_ctc(self, logits: Tensor, frames: Tensor, shares: Tensor) -> Tensor:
        """The decoder's log-probabilities together with those of the CTC layer on the frames of each token.

        The decoder sees the neighbouring tokens and leans on the sentences of the training text; the CTC layer mostly
        hears. The tail, which stands for `</s>`, has no frames of its own.
        """
        if self.ctc is None:
            return logits
        heard = torch.softmax(self.ctc(frames), -1) * self.is_token
        heard = torch.matmul(shares[:, :, :-1], heard)
        has_frames = (shares[:, :, :-1].sum(-1, keepdim=True) > 0.5).to(logits.dtype)
        return F.log_softmax(logits + CTC_WEIGHT * has_frames * torch.log(heard + CTC_FLOOR), -1)

    def _sure(self, logits: Tensor, spoken: Tensor) -> Tensor:
        """All tokens of an utterance as `<unk>` if it is not sure of them; `spoken` [B, L] leaves out `</s>`."""
        best = logits[:, :, len(SPECIALS) : -1].amax(-1)
        chances = best.exp() * (best >= logits.amax(-1)).to(best.dtype) * spoken
        is_sure = chances.sum(1) >= LEAST_SURE * spoken.sum(1) + SURER_OF_FEW
        keep = torch.logical_or(is_sure.unsqueeze(1), spoken == 0).unsqueeze(-1)
        return torch.where(keep, logits, self.unknown)

    def _fires(self, encoded: Encoded, mask: Tensor, token_num: Tensor) -> tuple[Tensor, Tensor]:
        """Upsampled weights that sum up to `token_num` and fire exactly that often.

        Half a unit of start value puts each fire in the middle of its boundary instead of at the end, where a
        small error would move it to the next one. A fire takes (1 - 1e-4) off the running sum, as in FunASR.
        """
        valid = mask.expand(-1, -1, 3).reshape(mask.shape[0], -1)
        raw = (torch.sigmoid(self.boundary_logits(encoded, mask)) + 1e-6) * valid
        raw = raw * (token_num / raw.sum(1).clamp(min=1e-6)).unsqueeze(1)
        total = torch.minimum(torch.cumsum(raw, 1) + 0.5, token_num.unsqueeze(1)) * (1 + 1e-6)
        before = torch.cat([torch.zeros_like(total[:, :1]), total[:, :-1]], 1)
        threshold = 1 - 1e-4
        return total - before, total - threshold * torch.floor(before / threshold)


class TrainingHeads(nn.Module):
    """Layers that only the losses need: CTC, token and sound classes of each row, and tokens as vectors.

    `sounds` [V][K] are the classes of `phonetic_classes.py`.
    """

    def __init__(self, config: AsrConfig, sounds: list[list[int]]) -> None:
        super().__init__()
        self.ctc = nn.Linear(config.size, config.vocabulary_size)
        self.frame = nn.Linear(config.size, config.vocabulary_size)
        self.register_buffer("sounds", torch.tensor(sounds))
        counts = [int(column.max()) + 1 for column in self.sounds.T]
        self.sound = nn.ModuleList(nn.Linear(config.size, count) for count in counts)
        self.glance = nn.Embedding(config.vocabulary_size, config.size)

    def row_losses(self, rows: Tensor, ids: Tensor) -> dict[str, Tensor]:
        """Cross-entropies of rows [N, D] that belong to the tokens `ids` [N]."""
        wanted = self.sounds[ids]
        with torch.autocast(rows.device.type, torch.bfloat16):
            tokens, sounds = self.frame(rows), [head(rows) for head in self.sound]
        losses = [F.cross_entropy(sound.float(), wanted[:, kind]) for kind, sound in enumerate(sounds)]
        return {"frame": F.cross_entropy(tokens.float(), ids), "sound": torch.stack(losses).mean()}


def losses(model: Paraformer, heads: TrainingHeads, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """All parts of the training loss and the decoder's token accuracy, each a scalar."""
    mask = length_mask(batch["speech_lens"], batch["speech"])
    with torch.autocast(mask.device.type, torch.bfloat16):
        encoded = model.encoder(batch["speech"], mask)
    frames = encoded.rows
    weights = model.cif_weights(frames, mask)
    counts = batch["id_lens"].to(frames.dtype)
    targets, target_mask = targets_with_eos(batch["ids"], batch["id_lens"])
    rows = torch.arange(targets.shape[1], dtype=frames.dtype, device=frames.device)
    # No gradient goes through the sums of the weights: it is huge, and the weights have targets of their own.
    given = torch.where(
        torch.rand_like(counts).unsqueeze(1) < TRUE_SHARE, batch["weights"].clamp(min=0), weights.detach()
    )
    vectors = model.integrate(frames, model.shares(given, counts, rows))
    chosen = target_mask > 0
    with torch.no_grad():
        found = model.decode(vectors, target_mask.unsqueeze(-1), frames, mask).argmax(-1)
    told = _told((found != targets) & chosen, chosen)
    vectors = torch.where(told.unsqueeze(-1), heads.glance(targets), vectors)
    logits = model.decode(vectors, target_mask.unsqueeze(-1), frames, mask)
    chosen = chosen & ~told
    result = {
        "ce": F.cross_entropy(logits[chosen], targets[chosen], label_smoothing=0.05),
        "count": (weights.sum(1) - counts).abs().mean(),
        "accuracy": (found == targets)[target_mask > 0].float().mean(),
    }
    with torch.autocast(frames.device.type, torch.bfloat16):
        heard = heads.ctc(frames)
    log_probs = F.log_softmax(heard.float(), -1).transpose(0, 1)
    result["ctc"] = F.ctc_loss(
        log_probs, batch["ids"], batch["speech_lens"], batch["id_lens"], blank=BLANK_ID, zero_infinity=True
    )
    return result | _timing_losses(model, heads, batch, encoded, mask, weights)


def _told(wrong: Tensor, chosen: Tensor) -> Tensor:
    """Tokens [B, N] that the decoder is told, at random: half as many as it got wrong.

    Paraformer's sampler: from what it is told the decoder learns how tokens go together.
    """
    count = (TOLD_SHARE * wrong.sum(1, keepdim=True)).long()
    order = torch.rand_like(chosen, dtype=torch.float).masked_fill(~chosen, 2.0).argsort(1).argsort(1)
    return order < count


def targets_with_eos(ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The tokens with `</s>` behind them [B, N + 1], and where a token is (float)."""
    targets = F.pad(ids, (0, 1))
    targets.scatter_(1, lengths.unsqueeze(1), EOS_ID)
    return targets, (torch.arange(targets.shape[1], device=ids.device) <= lengths.unsqueeze(1)).float()


def _timing_losses(
    model: Paraformer, heads: TrainingHeads, batch: dict[str, Tensor], encoded: Encoded, mask: Tensor, weights: Tensor
) -> dict[str, Tensor]:  # fmt: skip
    timed = batch["frame_ids"] >= 0
    boundaries = batch["boundaries"]
    logits = model.boundary_logits(encoded, mask)
    known = boundaries >= 0
    positives = boundaries[known].sum().clamp(min=1.0)
    return heads.row_losses(encoded.rows[timed], batch["frame_ids"][timed]) | {
        "weight": (weights - batch["weights"]).abs()[timed].sum() / batch["weights"][timed].sum().clamp(min=1.0),
        "boundary": F.binary_cross_entropy_with_logits(logits[known], boundaries[known], reduction="sum") / positives,
    }
