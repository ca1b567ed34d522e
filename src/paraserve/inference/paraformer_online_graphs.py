"""The two graphs of a streaming Paraformer and what stands beside them: position code, CIF's figures, caches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paraserve.errors import ModelLoadError
from paraserve.inference.model_files import graph_file, read_config
from paraserve.inference.onnx import OnnxModel, Placement, Tensor, open_session
from paraserve.types import Features

LONGEST_PERIOD = 10_000
"""Of the sines of the position code."""
DECODER_INPUTS = {"enc", "enc_len", "acoustic_embeds", "acoustic_embeds_len"}


class OnlineGraphs:
    """Encoder (`model.onnx`) and decoder (`decoder.onnx`), of equal-length inputs in a batch.

    `threshold` and `tail_weight` are integrate-and-fire's: of a token, and of a row behind the utterance's last one.

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
        """Encoder output (batch, n, dim) and weights (batch, n) of positioned rows (batch, n, n_features)."""
        feeds = {"speech": speech, "speech_lengths": _lens(speech)}
        encoded, weights = self.encoder.run(feeds, ["enc", "alphas"]).values()
        return encoded, weights

    def empty_caches(self) -> tuple[Tensor, ...]:
        """Caches of an utterance without a token, one (dim, kernel - 1) a layer: zeros."""
        return tuple(np.zeros(shape, np.float32) for shape in self._cache_shapes)

    def decode(self, encoded: Tensor, embeddings: Tensor, caches: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Logits (batch, n_tokens, n_units) of embeddings (batch, n_tokens, dim), and the next caches."""
        feeds = {
            "enc": encoded,
            "enc_len": _lens(encoded),
            "acoustic_embeds": embeddings,
            "acoustic_embeds_len": _lens(embeddings),
        }
        feeds |= dict(zip(self._in_caches, caches, strict=True))
        logits, *after = self.decoder.run(feeds, ["logits", *self._out_caches]).values()
        return logits, [layer[:, :, -size:] for layer, (_, size) in zip(after, self._cache_shapes, strict=True)]

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
    """Sines, then cosines, of the positions `first`, `first` + 1, ..: float32 (n_rows, dim).

    In float32 throughout, as FunASR computes it: int8 graphs notice the last bit.
    """
    half = dim // 2
    step = np.log(np.float32(LONGEST_PERIOD)) / np.float32(half - 1)
    frequencies = np.exp(np.arange(half, dtype=np.float32) * -step)
    angles = np.arange(first, first + n_rows, dtype=np.float32)[:, None] * frequencies
    return np.concatenate((np.sin(angles), np.cos(angles)), axis=1)


def _lens(batch: Tensor) -> Tensor:
    """Every item of a batch is as long as the batch."""
    return np.full(len(batch), batch.shape[1])


def _fixed(shape: Sequence[object], graph: OnnxModel) -> tuple[int, int]:
    dim, size = shape
    if not isinstance(dim, int) or not isinstance(size, int):
        raise ModelLoadError(f"{graph.path}: its caches have no fixed size")
    return dim, size


def _names(graph: OnnxModel) -> str:
    return f"inputs {', '.join(graph.inputs)}; outputs {', '.join(graph.outputs)}"
