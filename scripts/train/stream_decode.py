"""Runs the streaming recogniser's two graphs over a recording step by step, as FunASR's runtimes do, in plain numpy.

For the evaluation of the recipe: the order of the steps, the windows, the integration of the weights and the tail are
those of FunASR's `paraformer_online_bin.py`.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import yaml

from features import SAMPLE_RATE, Array, fbank, lfr, read_mvn
from stream_windows import NO_ROW, Chunk, cut

ROW_SAMPLES = 960
DROPPED_IDS = (0, 2)
ZERO, ONE = np.float32(0), np.float32(1)


@dataclass(slots=True)
class Stream:
    """What is carried from step to step."""

    hidden: Array
    caches: list[Array]
    alpha: np.float32 = ZERO
    ids: list[int] = field(default_factory=list)


class StreamRecognizer:
    """The part `asr-online` of a bundle."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in ("model.onnx", "decoder.onnx")
        )
        config = yaml.safe_load((folder / "config.yaml").read_text())
        self._size = config["encoder_conf"]["output_size"]
        self._layers = config["decoder_conf"]["num_blocks"]
        self._memory = config["decoder_conf"]["kernel_size"] - 1
        self._tail = np.float32(config["predictor_conf"]["tail_threshold"])
        self._mvn = read_mvn(folder / "am.mvn")
        self.tokens: list[str] = json.loads((folder / "tokens.json").read_text())

    def texts(self, samples: Array, chunk: Chunk) -> list[str]:
        """The tokens of a recording in [-1, 1]."""
        return [self.tokens[index] for index in self.ids(samples, chunk)]

    def ids(self, samples: Array, chunk: Chunk) -> list[int]:
        """The ids of a recording that arrives in whole steps, the last of which is marked as the last."""
        if len(samples) < SAMPLE_RATE // 40:
            return []
        rows = self._coded_rows(samples)
        # FunASR leaves out the row that a last piece under 60 ms would begin.
        whole, rest = divmod(len(samples), chunk.step * ROW_SAMPLES)
        if whole and 0 < rest < ROW_SAMPLES:
            rows = rows[: whole * chunk.step]
        stream = Stream(
            np.zeros(self._size, np.float32),
            [np.zeros((1, self._size, self._memory), np.float32) for _ in range(self._layers)],
        )
        windows = cut(len(rows), chunk, empty_end=bool(whole) and 0 < rest < ROW_SAMPLES)
        rows = np.concatenate([rows, np.zeros_like(rows[:1])])
        for index, window in enumerate(windows):
            seen = rows[[len(rows) - 1 if row == NO_ROW else row for row in window.rows]]
            self._step(stream, seen, slice(window.begin, window.end), is_last=index == len(windows) - 1)
        return stream.ids

    def _coded_rows(self, samples: Array) -> Array:
        shift, scale = self._mvn
        rows = (lfr(fbank(samples)) + shift) * scale * np.float32(math.sqrt(self._size))
        half = rows.shape[1] // 2
        positions = np.arange(1, len(rows) + 1, dtype=np.float32)[:, None]
        angles = positions * np.exp(np.arange(half, dtype=np.float32) * np.float32(-math.log(10_000) / (half - 1)))
        return (rows + np.concatenate([np.sin(angles), np.cos(angles)], 1)).astype(np.float32)

    def _step(self, stream: Stream, rows: Array, counted: slice, *, is_last: bool) -> None:
        lengths = np.array([len(rows)], np.int32)
        enc, enc_len, alphas = self._encoder.run(None, {"speech": rows[None], "speech_lengths": lengths})
        weights = np.zeros_like(alphas[0])
        weights[counted] = alphas[0, counted]
        hidden = enc[0]
        if is_last:
            hidden, weights = np.concatenate([hidden, np.zeros_like(hidden[:1])]), np.append(weights, self._tail)
        embeds = integrate(stream, hidden, weights)
        if not embeds:
            return
        feed = {
            "enc": enc, "enc_len": enc_len, "acoustic_embeds": np.stack(embeds)[None],
            "acoustic_embeds_len": np.array([len(embeds)], np.int32),
        } | {f"in_cache_{index}": cache for index, cache in enumerate(stream.caches)}  # fmt: skip
        _, ids, *stream.caches = self._decoder.run(None, feed)
        stream.ids += [int(index) for index in ids[0] if index not in DROPPED_IDS]


def integrate(stream: Stream, hidden: Array, weights: Array) -> list[Array]:
    """Continuous integrate-and-fire: a vector [D] each time the sum of the weights comes to 1."""
    fired = []
    total, vector = stream.alpha, stream.hidden * stream.alpha
    for frame, weight in zip(hidden, weights, strict=True):
        if total + weight < 1:
            total += weight
            vector = vector + weight * frame
            continue
        fired.append(vector + (ONE - total) * frame)
        total = total + weight - ONE
        vector = total * frame
    stream.alpha, stream.hidden = total, vector / total if total > 0 else vector
    return fired
