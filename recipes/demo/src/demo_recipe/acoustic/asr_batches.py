"""Training batches for the recogniser: runs of tokens cut from the speech, joined with pauses, degraded."""

import os
import random
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import IterableDataset

from demo_recipe.audio import augment
from demo_recipe.audio.features import FRAME_SHIFT, SAMPLE_RATE, Array, fbank, from_pcm, lfr
from demo_recipe.speech.corpus import Utterance, load_folder
from demo_recipe.text.spoken_numbers import EN_DIGITS
from demo_recipe.text.vocabulary import UNKNOWN

MAX_FRAMES = 1800
REUSES = 2
ENGLISH_FACTOR = 0.8
# Digits are said alone and in strings far more often than any other word.
DIGIT_FACTOR = 4.0
DIGITS = frozenset([*"零幺一二三四五六七八九", "oh", *EN_DIGITS])
POOL_SIZE = 150
UNKNOWN_SHARE = 0.09
SILENCE_SHARE = 0.04
# The CIF weight and the frame's token are asked for this much after the token is spoken (10 ms frames).
DECISION_DELAY = 5
RUN_LENGTHS = {"zh": [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 18], "en": [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}


@dataclass(slots=True)
class Piece:
    """Samples, token ids and each token's (start, end); times in samples, or in 10 ms frames after `fbank`."""

    values: Array
    ids: list[int]
    times: list[tuple[float, float]]


class RunSampler:
    """Draws runs of tokens so that rare tokens are not lost: first a token, then a place where it is said."""

    def __init__(
        self, utterances: list[Utterance], vocabulary: list[str], rng: random.Random
    ) -> None:  # fmt: skip
        self._rng = rng
        self._ids = {token: index for index, token in enumerate(vocabulary)}
        self._places: dict[str, list[tuple[Utterance, int]]] = defaultdict(list)
        for utterance in utterances:
            for index, token in enumerate(utterance.tokens):
                self._places[token].append((utterance, index))
        self._names = list(self._places)
        weights = [self._weight(name) for name in self._names]
        if UNKNOWN in self._names:
            weights[self._names.index(UNKNOWN)] = UNKNOWN_SHARE / (1 - UNKNOWN_SHARE) * sum(weights)
        self._cumulative = list(accumulate(weights))

    def _weight(self, name: str) -> float:
        """Rare tokens are drawn more often than they come, English ones, which are easier, a little less."""
        if name == UNKNOWN:
            return 0.0
        factor = DIGIT_FACTOR if name in DIGITS else 1.0
        return len(self._places[name]) ** 0.6 * factor * (ENGLISH_FACTOR if name.isascii() else 1.0)

    def draw(self) -> tuple[Piece, str]:
        """A run and its language."""
        name = self._names[bisect_left(self._cumulative, self._rng.random() * self._cumulative[-1])]
        utterance, index = self._rng.choice(self._places[name])
        anywhere = name == UNKNOWN or self._rng.random() < 0.1
        first, last = self._run(utterance, index, anywhere)
        return self._cut(utterance, first, last), utterance.lang

    def _run(self, utterance: Utterance, index: int, anywhere: bool) -> tuple[int, int]:
        """A run [first, last) around `index`, inside the domain unless `anywhere`; a third runs to both ends."""
        tokens = utterance.tokens
        low, high = index, index + 1
        while low > 0 and index - low < 24 and (anywhere or tokens[low - 1] != UNKNOWN):
            low -= 1
        while high < len(tokens) and high - index < 24 and (anywhere or tokens[high] != UNKNOWN):
            high += 1
        if self._rng.random() < 0.3 and high - low <= 24:
            return low, high
        length = min(self._rng.choice(RUN_LENGTHS[utterance.lang]), high - low)
        first = self._rng.randint(max(low, index - length + 1), min(index, high - length))
        return first, first + length

    def _cut(self, utterance: Utterance, first: int, last: int) -> Piece:
        """Leaves some or all of the pause around a sentence in; cuts at the token where speech goes on."""
        rng = self._rng
        begins = first == 0 or utterance.sentences[first - 1] != utterance.sentences[first]
        stops = last == len(utterance.tokens) or utterance.sentences[last] != utterance.sentences[last - 1]
        low, high = utterance.starts[first], utterance.ends[last - 1]
        if begins:
            before = utterance.ends[first - 1] if first else 0
            low = (
                rng.randint(before, max(before, low - 300))
                if rng.random() < 0.6
                else max(0, low - rng.randint(300, 1200))
            )
        if stops:
            behind = utterance.starts[last] if last < len(utterance.tokens) else len(utterance.pcm)
            high = min(behind, high + rng.randint(600, 8000))
        times = [(float(utterance.starts[i] - low), float(utterance.ends[i] - low)) for i in range(first, last)]
        return Piece(from_pcm(utterance.pcm[low:high]), [self._ids[t] for t in utterance.tokens[first:last]], times)


def join(pieces: list[Piece], rng: random.Random) -> Piece:
    """Joins pieces with silence before, between (20 ms to 1.4 s) and after."""
    parts: list[Array] = []
    ids: list[int] = []
    times: list[tuple[float, float]] = []
    position = 0
    for piece in [*pieces, None]:
        long_pause = piece is not None and bool(parts) and rng.random() < 0.2
        pause_s = rng.uniform(0.3, 1.4) if long_pause else rng.uniform(0.0, 0.35)
        parts.append(np.zeros(int(pause_s * SAMPLE_RATE), np.float32))
        position += len(parts[-1])
        if piece is not None:
            parts.append(piece.values * rng.uniform(0.7, 1.3))
            ids += piece.ids
            times += [(start + position, end + position) for start, end in piece.times]
            position += len(piece.values)
    return Piece(np.concatenate(parts), ids, times)


class AsrBatches(IterableDataset):
    """Endless batches of about `batch_rows` LFR rows; looks for new speech in its folders every two minutes."""

    def __init__(
        self, folders: list[Path], vocabulary: list[str], mvn: tuple[Array, Array], strength: Synchronized,
        seed: int, *, batch_rows: int = 1000,
    ) -> None:  # fmt: skip
        self._folders, self._vocabulary, self._mvn = folders, vocabulary, mvn
        self._strength, self._seed, self._batch_rows = strength, seed, batch_rows

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        torch.set_num_threads(1)
        os.nice(2)
        self._rng = random.Random(self._seed)
        self._np_rng = np.random.default_rng(self._seed)
        loaded_at = -1e9
        while True:
            if time.monotonic() - loaded_at > 120:
                loaded_at = time.monotonic()
                self._load()
            pool = [self._frames(self._compose()) for _ in range(POOL_SIZE)]
            for _ in range(REUSES):
                yield from self._batches([self._vary(piece) for piece in pool if len(piece.values) > 12])

    def _load(self) -> None:
        folders = [part for folder in self._folders for part in (folder, *sorted(folder.glob("*/")))]
        speech = [item for folder in folders for item in load_folder(folder, self._vocabulary)]
        self._sampler = RunSampler(speech, self._vocabulary, self._rng)

    def _compose(self) -> Piece:
        """Silence, or one to three runs (at times up to seven, for long segments) mostly of one language."""
        rng = self._rng
        if rng.random() < SILENCE_SHARE:
            return Piece(np.zeros(int(SAMPLE_RATE * rng.uniform(0.3, 5)), np.float32), [], [])
        count = rng.choices([1, 2, 3, 7], [0.6, 0.27, 0.1, 0.03])[0]
        most_tokens = 60 if count == 7 else 30
        pieces: list[Piece] = []
        lang = ""
        while len(pieces) < count:
            piece, piece_lang = self._sampler.draw()
            if lang and piece_lang != lang and rng.random() < 0.85:
                continue
            lang = lang or piece_lang
            pieces.append(piece)
            if sum(len(item.ids) for item in pieces) > most_tokens:
                break
        return join(pieces, rng)

    def _frames(self, piece: Piece) -> Piece:
        """Waveform augmentation, then log-mel frames."""
        strength = self._strength.value
        factor = self._rng.uniform(0.84, 1.17)
        samples = augment.resample(piece.values, factor)
        if piece.ids:
            babble = self._sampler.draw()[0].values
            samples = augment.degrade(samples, self._np_rng, strength, babble)
        else:
            samples = augment.noise(len(samples), self._np_rng) * 10 ** (self._rng.uniform(-90, -12) / 20)
        # A floor of faint noise: the log of digital silence is a value no microphone gives.
        samples += self._np_rng.standard_normal(len(samples)).astype(np.float32) * 10 ** self._rng.uniform(-6, -3.5)
        scale = 1 / (factor * FRAME_SHIFT)
        times = [(start * scale, end * scale) for start, end in piece.times]
        return Piece(fbank(samples), piece.ids, times)

    def _vary(self, piece: Piece) -> Piece:
        """Feature augmentation, then normalised LFR rows; times stay in 10 ms frames."""
        rng = self._rng
        tempo = rng.uniform(0.78, 1.27)
        frames = augment.stretch_and_warp(piece.values, tempo, rng.uniform(0.92, 1.09))
        drop = rng.randint(0, min(5, len(frames) - 1))
        frames = frames[drop : drop + MAX_FRAMES]
        if rng.random() < 0.35:
            frames = augment.mask(frames, self._np_rng)
        shift, scale = self._mvn
        times = [(start / tempo - drop, end / tempo - drop) for start, end in piece.times]
        return Piece((lfr(frames) + shift) * scale, piece.ids, times)

    def _batches(self, pieces: list[Piece]) -> Iterator[dict[str, torch.Tensor]]:
        """Batches of like lengths in random order; drops what is cut short or too dense to align."""
        pieces = [p for p in pieces if len(p.ids) + 2 <= len(p.values) < MAX_FRAMES // 6]
        pieces.sort(key=lambda piece: len(piece.values))
        groups: list[list[Piece]] = [[]]
        for piece in pieces:
            if groups[-1] and (len(groups[-1]) + 1) * len(piece.values) > self._batch_rows:
                groups.append([])
            groups[-1].append(piece)
        self._rng.shuffle(groups)
        for group in groups:
            if group:
                yield collate(group)


def collate(pieces: list[Piece]) -> dict[str, torch.Tensor]:
    """Speech [B,T,560], speech_lens [B], ids [B,N], id_lens [B], times [B,N,2] (10 ms frames), `_timing_targets`."""
    rows = max(len(piece.values) for piece in pieces)
    count = max(1, *(len(piece.ids) for piece in pieces))
    batch = {
        "speech": torch.zeros(len(pieces), rows, pieces[0].values.shape[1]),
        "speech_lens": torch.tensor([len(piece.values) for piece in pieces]),
        "ids": torch.zeros(len(pieces), count, dtype=torch.long),
        "id_lens": torch.tensor([len(piece.ids) for piece in pieces]),
        "times": torch.zeros(len(pieces), count, 2),
        "frame_ids": torch.full((len(pieces), rows), -100),
        "weights": torch.full((len(pieces), rows), -1.0),
        "boundaries": torch.full((len(pieces), 3 * rows), -1.0),
    }
    for index, piece in enumerate(pieces):
        length = len(piece.values)
        batch["speech"][index, :length] = torch.from_numpy(piece.values)
        batch["ids"][index, : len(piece.ids)] = torch.tensor(piece.ids, dtype=torch.long)
        batch["times"][index, : len(piece.ids)] = torch.tensor(piece.times, dtype=torch.float).reshape(-1, 2)
        targets = _timing_targets(piece, length)
        for name, values in zip(("frame_ids", "weights", "boundaries"), targets, strict=True):
            batch[name][index, : len(values)] = torch.from_numpy(values)
    return batch


def _timing_targets(piece: Piece, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token of each LFR row [T], its CIF weight [T], and the 20 ms frames where tokens begin [3T].

    Row r covers the 60 ms from 10-ms frame 6r - 1.75 on; its weight and token are delayed. FunASR reads a peak at
    upsampled frame u as the time 20 u - 30 ms, so a boundary at b ms is due at u = b / 20 + 1.5; it is spread over
    three frames. The last token's end is a boundary too.
    """
    ids = np.zeros(rows, np.int64)
    weights = np.zeros(rows, np.float32)
    boundaries = np.zeros(3 * rows + 2, np.float32)
    edges = 6 * np.arange(rows + 1) - 1.75 - DECISION_DELAY
    previous = 0
    for token, (start, end) in zip(piece.ids, piece.times, strict=True):
        share = np.clip(np.minimum(max(end, start + 1), edges[1:]) - np.maximum(start, edges[:-1]), 0, None)
        weights += (share / max(share.sum(), 1e-3)).astype(np.float32)
        ids[share > 3] = token
    for time_frames in [start for start, _ in piece.times] + [end for _, end in piece.times[-1:]]:
        place = min(max(round(time_frames / 2 + 1.5), previous + 1), 3 * rows - 1)
        boundaries[place : place + 3] += np.array([0.25, 0.5, 0.25], np.float32)
        previous = place
    return ids, weights, np.minimum(boundaries[1:-1], 1.0)
