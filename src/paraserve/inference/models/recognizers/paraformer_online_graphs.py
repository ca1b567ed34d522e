"""Graphs of a streaming Paraformer (encoder, decoder), with their caches, position code and parameters of CIF."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from paraserve.errors import ModelLoadError
from paraserve.inference.features.fbank import pad_batch
from paraserve.inference.graphs.session import OnnxModel, Placement, Tensor, open_session
from paraserve.inference.models.model_files import graph_file, read_config
from paraserve.types import Features

LONGEST_PERIOD = 10_000
"""Longest period of the sines of the position code, in rows, divided by 2 pi."""
Caches: TypeAlias = tuple[Tensor, ...]
"""Memory of the decoder for one stream: an array (dim, kernel - 1) a layer."""
DECODER_INPUTS = {"enc", "enc_len", "acoustic_embeds", "acoustic_embeds_len"}


class OnlineGraphs:
    """Encoder (`model.onnx`) and decoder (`decoder.onnx`). The windows of a batch have equal lengths.

    Args:
        threshold: weight of one unit in integrate-and-fire.
        tail_weight: weight of the row behind the last one of an utterance.

    Raises:
        ModelLoadError: a graph is another one, or the two do not fit together.
    """

    def __init__(self, encoder: OnnxModel, decoder: OnnxModel, threshold: float, tail_weight: float) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.threshold = threshold
        self.tail_weight = tail_weight
        self._in_caches = [name for name in decoder.inputs if name.startswith("in_cache")]
        self._out_caches = [name for name in decoder.outputs if name.startswith("out_cache")]
        self._check_names()
        self.dim = int(decoder.inputs["acoustic_embeds"].shape[2])
        self._cache_shapes = [_fixed(decoder.inputs[name].shape[1:], decoder) for name in self._in_caches]

    def encode(self, speech: Tensor) -> tuple[Tensor, Tensor]:
        """Return encoder output (batch, n, dim) and weights (batch, n) of positioned rows (batch, n, features)."""
        feeds = {"speech": speech, "speech_lengths": _lens(speech)}
        encoded, weights = self.encoder.run(feeds, ["enc", "alphas"]).values()
        return encoded, weights

    def empty_caches(self) -> Caches:
        """Return the caches of an utterance before its first unit: zeros."""
        return tuple(np.zeros(shape, np.float32) for shape in self._cache_shapes)

    @property
    def cached_units(self) -> int:
        """Number of units that the caches hold, and the most that `run_decoder` may pad."""
        return min(size for _, size in self._cache_shapes)

    def run_decoder(
        self, encoded: Tensor, embeddings: Sequence[Tensor], caches: Sequence[Caches]
    ) -> list[tuple[Tensor, Caches]]:
        """Return the logits (n_fired, vocabulary) and the next caches of each stream of a batch.

        Streams with different numbers of units must have at most `cached_units`. Padding comes after a stream's own
        units, which look back only, and is taken out of its caches afterwards.

        Args:
            encoded: output of the encoder (batch, n, dim).
            embeddings: (n_fired, dim) of each stream, one for each unit that fired.
            caches: the caches of each stream.
        """
        padded, n_fired = pad_batch(embeddings)
        feeds = {
            "enc": encoded,
            "enc_len": _lens(encoded),
            "acoustic_embeds": padded,
            "acoustic_embeds_len": n_fired,
        }
        layers = [np.stack(layer) for layer in zip(*caches, strict=True)]
        feeds |= dict(zip(self._in_caches, layers, strict=True))
        logits, *after = self.decoder.run(feeds, ["logits", *self._out_caches]).values()
        results = []
        for i, n in enumerate(n_fired.tolist()):
            next_caches = [
                _next_cache(old, new[i], n, padded.shape[1]) for old, new in zip(caches[i], after, strict=True)
            ]
            results.append((logits[i, :n], tuple(next_caches)))
        return results

    def _check_names(self) -> None:
        encoder, decoder = self.encoder, self.decoder
        if set(encoder.inputs) != {"speech", "speech_lengths"} or not {"enc", "alphas"} <= set(encoder.outputs):
            raise ModelLoadError(f"{encoder.path} is no encoder of a streaming Paraformer: {_names(encoder)}")
        has_caches = self._in_caches and len(self._in_caches) == len(self._out_caches)
        if not set(decoder.inputs) >= DECODER_INPUTS or "logits" not in decoder.outputs or not has_caches:
            raise ModelLoadError(f"{decoder.path} is no decoder of a streaming Paraformer: {_names(decoder)}")
        sizes = {encoder.outputs["enc"].shape[2], *(decoder.inputs[n].shape[2] for n in ("enc", "acoustic_embeds"))}
        if len(sizes) != 1 or not isinstance(sizes.pop(), int):
            raise ModelLoadError(f"{encoder.path} and {decoder.path} do not fit together: {_names(decoder)}")


def load_online_graphs(directory: Path, placement: Placement, quantize: bool | None) -> OnlineGraphs:
    """Load both graphs and `predictor_conf` of config.yaml.

    Raises:
        ModelLoadError: a file is missing, damaged or another model's.
    """
    try:
        conf = read_config(directory)["predictor_conf"]
        threshold, tail_weight = float(conf["threshold"]), float(conf["tail_threshold"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelLoadError(f"cannot use {directory / 'config.yaml'}: predictor_conf: {error!r}") from error
    encoder, decoder = (
        open_session(graph_file(directory, stem, quantize, plain_first=not placement.is_cpu), placement)
        for stem in ("model", "decoder")
    )
    return OnlineGraphs(encoder, decoder, threshold, tail_weight)


def position_code(first: int, n_rows: int, dim: int) -> Features:
    """Return sines, then cosines, of the positions `first`, `first` + 1, ..: float32 (n_rows, dim).

    All steps are float32 as in FunASR, since the last bit can change results of int8 graphs.
    """
    half = dim // 2
    step = np.log(np.float32(LONGEST_PERIOD)) / np.float32(half - 1)
    frequencies = np.exp(np.arange(half, dtype=np.float32) * -step)
    angles = np.arange(first, first + n_rows, dtype=np.float32)[:, None] * frequencies
    return np.concatenate((np.sin(angles), np.cos(angles)), axis=1)


def _next_cache(before: Tensor, after: Tensor, n_fired: int, n_padded: int) -> Tensor:
    """Return the next cache (dim, size) of a stream, a copy, which does not keep those of its whole batch alive.

    Args:
        before: cache (dim, size) before the run.
        after: cache (dim, any size) after the run; its last `n_padded` columns are of the units of the run.
        n_fired: number of the stream's own units.
        n_padded: number of units in the run, padding included.
    """
    size = before.shape[1]
    if n_fired == n_padded:
        return after[:, -size:].copy()
    first = after.shape[1] - n_padded
    return np.concatenate((before, after[:, first : first + n_fired]), axis=1)[:, -size:]


def _lens(batch: Tensor) -> Tensor:
    """Return the length of each item of a batch without padding."""
    return np.full(len(batch), batch.shape[1])


def _fixed(shape: Sequence[object], graph: OnnxModel) -> tuple[int, int]:
    dim, size = shape
    if not isinstance(dim, int) or not isinstance(size, int):
        raise ModelLoadError(f"{graph.path}: its caches have no fixed size")
    return dim, size


def _names(graph: OnnxModel) -> str:
    return f"inputs {', '.join(graph.inputs)}; outputs {', '.join(graph.outputs)}"
