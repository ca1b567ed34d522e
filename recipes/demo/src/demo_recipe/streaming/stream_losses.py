"""Losses of the streaming recogniser: where tokens fire, what each fire is, and the token of each row."""

import math
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray
from torch import Tensor

from demo_recipe.acoustic.paraformer import TrainingHeads
from demo_recipe.streaming.stream_windows import NO_ROW, Chunk, cut_batch
from demo_recipe.streaming.streaming_paraformer import ROW_WIDTH, StreamParaformer, position_code
from demo_recipe.text.vocabulary import BLANK_ID

CHUNKS = {
    Chunk(5, 10, 5): 0.55, Chunk(0, 8, 4): 0.2, Chunk(0, 10, 5): 0.12, Chunk(4, 8, 4): 0.13,
}  # fmt: skip
LAST_POSITION = 1700
FARTHEST_ROWS = 2
"""A fire this far from a token's own row may still be the token's."""
NO_TARGET = -100


@dataclass(frozen=True, slots=True)
class Fires:
    """Rows [B, N] where something is decoded; what it is, [B, N]: a token, `<blank>` or NO_TARGET (no fire)."""

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]


def firing_places(times: NDArray[np.float32], rows: int) -> NDArray[np.float64]:
    """Times [N, 2] (start, end in 10 ms frames) -> the place in rows, not whole, where each token should fire.

    A quarter of a token is over by then, of a long one 0.15 s: a window without past rows may begin there, and one
    with little future must still see the rest. Row r is centred at frame 6 r + 1.25. Two tokens are at least a row
    apart, and the last is inside.
    """
    start, end = times[:, 0], times[:, 1]
    places = (start + 0.25 * np.minimum(end - start, 60) - 1.25) / 6
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + 1)
    limit = rows - 1.0
    for index in reversed(range(len(places))):
        limit = places[index] = min(places[index], limit)
        limit -= 1
    return np.maximum(places.astype(np.float64), 0)


def fire_targets(places: NDArray[np.float64], rows: int) -> NDArray[np.float32]:
    """[rows], the share of each token that falls to the rows around its place."""
    targets = np.zeros(rows + 1, np.float32)
    below = np.floor(places).astype(np.int64)
    np.add.at(targets, below, (1 - (places - below)).astype(np.float32))
    np.add.at(targets, below + 1, (places - below).astype(np.float32))
    return np.minimum(targets[:rows], 1)


def assign(found: list[int], places: NDArray[np.float64], ids: list[int]) -> list[tuple[int, int]]:
    """(row, target) of each fire in order: the nearest token left, else `<blank>`; a missed token is added."""
    owner: dict[int, int] = dict.fromkeys(found, BLANK_ID)
    free, last = list(found), -1
    for place, token in zip(places, ids, strict=True):
        near = [row for row in free if row > last and abs(row - place) <= FARTHEST_ROWS]
        row = min(near, key=lambda row: abs(row - place)) if near else round(place)
        if near or owner.get(row, BLANK_ID) == BLANK_ID:
            owner[row] = token
            last = row
            free = [other for other in free if other > row]
    return sorted(owner.items())


def collect_fires(found: NDArray[np.bool_], places: list[NDArray[np.float64]], ids: list[list[int]]) -> Fires:
    """The fires of a batch, from those the model makes [B, T] and those it should make."""
    items = [
        assign(np.flatnonzero(row).tolist(), item_places, item_ids)
        for row, item_places, item_ids in zip(found, places, ids, strict=True)
    ]
    longest = max(1, *map(len, items))
    rows = np.zeros((len(items), longest), np.int64)
    targets = np.full((len(items), longest), NO_TARGET)
    for index, item in enumerate(items):
        rows[index, : len(item)] = [row for row, _ in item]
        targets[index, : len(item)] = [target for _, target in item]
    return Fires(rows, targets)


class Seen(NamedTuple):
    """Output of the encoder for a batch: its windows end to end, and the rows of the utterances in them.

    frames [B, W * K, D], mask [B, W * K]; places (in W * K), is_row, fire_logits, found: [B, T].
    """

    frames: Tensor
    mask: Tensor
    places: Tensor
    is_row: Tensor
    fire_logits: Tensor
    found: Tensor

    def rows_at(self, places: Tensor) -> Tensor:
        """Places [B, N] -> [B, N, D]."""
        return self.frames.gather(1, places.unsqueeze(-1).expand(-1, -1, self.frames.shape[2]))


class Decoded(NamedTuple):
    """Of all fires of a batch: logits [N, V], vectors [N, D], what each is [N]."""

    logits: Tensor
    vectors: Tensor
    targets: Tensor


def _fire_loss(seen: Seen, wanted: list[NDArray[np.float64]], counts: list[int]) -> Tensor:
    """Cross-entropy a token."""
    goal = np.zeros(seen.fire_logits.shape, np.float32)
    for row, places, count in zip(goal, wanted, counts, strict=True):
        row[:count] = fire_targets(places, count)
    logits, goals = seen.fire_logits[seen.is_row], torch.from_numpy(goal).to(seen.is_row.device)[seen.is_row]
    loss = F.binary_cross_entropy_with_logits(logits, goals, reduction="sum")
    return loss / max(1, sum(map(len, wanted)))


class StreamLoss:
    """Draws the chunk size and the first position of each batch, then sums up the losses."""

    def __init__(self, model: StreamParaformer, heads: TrainingHeads, seed: int) -> None:
        self._model, self._heads, self._rng = model, heads, Random(seed)
        self._code = position_code(1, LAST_POSITION) / math.sqrt(model.config.size)

    def __call__(self, batch: dict[str, Tensor], _step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The total and its parts."""
        chunk = self._rng.choices(list(CHUNKS), list(CHUNKS.values()))[0]
        parts = self._parts(batch, chunk)
        total = parts["ce"] + 0.4 * parts["heard"] + parts["fire"] + 0.2 * parts["ctc"] + 0.4 * parts["frame"]
        total = total + 0.4 * parts["sound"]
        return total, parts

    def _windows(self, speech: Tensor, rows: Tensor) -> Tensor:
        """Speech [B, T, 560] and row indices [B, W, K] -> windows [B * W, K, 560] with position code."""
        room = LAST_POSITION - speech.shape[1]
        first = self._rng.randint(0, room) if self._rng.random() < 0.2 else 0
        coded = speech + self._code[first : first + speech.shape[1]].to(speech.device)
        coded = F.pad(coded, (0, 0, 0, 1))
        flat = torch.where(rows == NO_ROW, speech.shape[1], rows).flatten(1)
        picked = coded.gather(1, flat.unsqueeze(-1).expand(-1, -1, ROW_WIDTH))
        return picked.reshape(-1, rows.shape[2], ROW_WIDTH)

    def _parts(self, batch: dict[str, Tensor], chunk: Chunk) -> dict[str, Tensor]:
        seen = self._look(batch, chunk)
        counts = batch["speech_lens"].tolist()
        fires, wanted = self._fires(batch, seen)
        result = {
            "fire": _fire_loss(seen, wanted, counts),
            "count": (seen.found.sum(1) - batch["id_lens"]).abs().float().mean(),
        }
        decoded = self._decode(fires, seen, sum(chunk))
        return result | self._token_losses(decoded) | self._row_losses(batch, seen)

    def scores_of(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The exported scores [N, V] of all fires of a batch, utterance after utterance, and what each is [N]."""
        chunk = self._rng.choices(list(CHUNKS), list(CHUNKS.values()))[0]
        seen = self._look(batch, chunk)
        decoded = self._decode(self._fires(batch, seen)[0], seen, sum(chunk))
        return self._model.scores(decoded.logits, decoded.vectors), decoded.targets

    def _fires(self, batch: dict[str, Tensor], seen: Seen) -> tuple[Fires, list[NDArray[np.float64]]]:
        """The fires of a batch, and the places where they are wanted."""
        counts = batch["speech_lens"].tolist()
        ids = [item[:n].tolist() for item, n in zip(batch["ids"], batch["id_lens"], strict=True)]
        wanted = [
            firing_places(times[: len(item)].cpu().numpy(), count)
            for times, item, count in zip(batch["times"], ids, counts, strict=True)
        ]
        return collect_fires(seen.found.cpu().numpy(), wanted, ids), wanted

    def _look(self, batch: dict[str, Tensor], chunk: Chunk) -> Seen:
        """Runs the encoder on all windows of a batch."""
        speech = batch["speech"]
        cut = cut_batch(batch["speech_lens"].tolist(), chunk, empty_end=self._rng.random() < 0.5)
        places = torch.from_numpy(cut.places).to(speech.device)
        windows = self._windows(speech, torch.from_numpy(cut.rows).to(speech.device))
        with torch.autocast(windows.device.type, torch.bfloat16):
            encoded = self._model.encode(windows, torch.ones_like(windows[:, :, :1]))
        is_row = torch.arange(speech.shape[1], device=speech.device) < batch["speech_lens"].unsqueeze(1)
        found = self._model.fires(encoded).detach().reshape(len(speech), -1).gather(1, places).bool()
        return Seen(
            frames=encoded.frames.reshape(len(speech), -1, self._model.config.size),
            mask=encoded.mask.reshape(len(speech), -1),
            places=places,
            is_row=is_row,
            fire_logits=encoded.fire_logits.reshape(len(speech), -1).gather(1, places),
            found=found & is_row,
        )

    def _token_losses(self, decoded: Decoded) -> dict[str, Tensor]:
        logits, vectors, targets = decoded
        return {
            "ce": F.cross_entropy(logits, targets, label_smoothing=0.05),
            "heard": F.cross_entropy(self._model.heard(vectors), targets),
            "accuracy": (logits.argmax(-1) == targets).float().mean(),
            "blanks": (targets == BLANK_ID).float().mean(),
        }

    def _decode(self, fires: Fires, seen: Seen, width: int) -> Decoded:
        """Each fire sees the rows of the window it is in."""
        at = seen.places.gather(1, torch.from_numpy(fires.rows).to(seen.places.device))
        targets = torch.from_numpy(fires.targets).to(at.device)
        chosen = targets != NO_TARGET
        vectors = seen.rows_at(at) * chosen.unsqueeze(-1)
        windows = torch.arange(seen.frames.shape[1], device=at.device) // width
        visible = (windows.view(1, -1, 1) == (at // width).unsqueeze(1)) * seen.mask.unsqueeze(-1)
        logits, _ = self._model.decode(vectors, self._model.new_caches(len(at)), seen.frames, visible)
        return Decoded(logits[chosen], vectors[chosen], targets[chosen])

    def _row_losses(self, batch: dict[str, Tensor], seen: Seen) -> dict[str, Tensor]:
        middle = seen.rows_at(seen.places)
        timed = batch["frame_ids"] >= 0
        with torch.autocast(middle.device.type, torch.bfloat16):
            heard = self._heads.ctc(middle)
        log_probs = F.log_softmax(heard.float(), -1).transpose(0, 1)
        ctc = F.ctc_loss(
            log_probs, batch["ids"], batch["speech_lens"], batch["id_lens"], blank=BLANK_ID, zero_infinity=True
        )
        return {"ctc": ctc} | self._heads.row_losses(middle[timed], batch["frame_ids"][timed])
