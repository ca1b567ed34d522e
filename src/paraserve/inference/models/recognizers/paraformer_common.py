"""What the offline and the streaming Paraformer share: input rows, and the checks of one model directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.features.fbank import (
    Cmvn,
    FbankState,
    LfrState,
    apply_cmvn,
    fbank,
    fbank_step,
    frame_count,
    lfr_step,
    read_cmvn,
)
from paraserve.inference.graphs.session import OnnxModel, Tensor
from paraserve.inference.text.units import Vocabulary
from paraserve.types import FRAME_SAMPLES, Features, Int, Samples, SegmentAudio


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How the fbank becomes the graph's input rows: `lfr_m` frames stacked every `lfr_n`, then normalised."""

    cmvn: Cmvn
    lfr_m: int
    lfr_n: int

    def rows(self, audio: SegmentAudio) -> Features:
        """Input rows (n_rows, dim); none for less than one 25 ms window.

        Raises:
            InferenceError: the fbank that came with the segment has another number of bins than the model takes.
        """
        features = fbank(finite(audio.samples)) if audio.features is None else audio.features
        return self.next_rows(LfrState(), features, is_last=True)[1]

    def next_rows(self, state: LfrState, features: Features, *, is_last: bool) -> tuple[LfrState, Features]:
        """The rows (n_rows, dim) that new fbank frames (n, bins) of a stream complete, and its next state.

        Raises:
            InferenceError: the fbank has another number of bins than the model takes.
        """
        if features.ndim != 2 or features.shape[1] * self.lfr_m != self.cmvn.dim:
            raise InferenceError(
                f"fbank of shape {features.shape}: the model takes {self.cmvn.dim // self.lfr_m} bins"
            )
        state, rows = lfr_step(state, features, self.lfr_m, self.lfr_n, is_last=is_last)
        return state, apply_cmvn(rows, self.cmvn)


def read_front_end(directory: Path, config: Mapping[str, Any]) -> FrontEnd:
    """The front end that `config` (of config.yaml) and `am.mvn` describe.

    Raises:
        ModelLoadError: a file is missing or damaged, or the options are no Paraformer's.
    """
    cmvn = read_cmvn(directory / "am.mvn")
    try:
        conf = config["frontend_conf"]
        return FrontEnd(cmvn, int(conf["lfr_m"]), int(conf["lfr_n"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelLoadError(f"cannot use {directory / 'config.yaml'}: frontend_conf: {error!r}") from error


def next_fbank(state: FbankState, audio: SegmentAudio) -> tuple[FbankState, Features]:
    """The fbank frames (n, 80) that the next samples of a stream complete: those that came along, or made here.

    Raises:
        ValueError: frames came along, but not as many as the samples complete.
    """
    if audio.features is None:
        return fbank_step(state, finite(audio.samples))
    buffer = np.concatenate((state.tail, audio.samples))
    n_frames = frame_count(len(buffer))
    if len(audio.features) != n_frames:
        raise ValueError(f"{len(audio.features)} fbank frames came with samples that complete {n_frames}")
    return FbankState(buffer[n_frames * FRAME_SAMPLES :].copy()), audio.features


def check_features(graph: OnnxModel, front: FrontEnd) -> None:
    """The graph takes rows as `am.mvn` normalises them.

    Raises:
        ModelLoadError: it does not.
    """
    dim = graph.inputs["speech"].shape[2]
    if dim != front.cmvn.dim:
        raise ModelLoadError(f"{graph.path} takes {dim} features, am.mvn has {front.cmvn.dim}")


def check_vocabulary(vocabulary: Vocabulary, size: int, path: Path) -> None:
    """The graph at `path` has an output unit for each entry of the vocabulary.

    Raises:
        ModelLoadError: it has not.
    """
    if size != len(vocabulary):
        raise ModelLoadError(f"{path} has {size} output units, {path.parent / 'tokens.json'} has {len(vocabulary)}")


def probabilities(logits: Tensor, ids: Int) -> list[float]:
    """Softmax of the best id of each row (n_tokens, vocabulary); the graph may have a log-softmax inside or not."""
    best = logits[np.arange(len(ids)), ids]
    scores: list[float] = np.nan_to_num(1 / np.exp(logits - best[:, None]).sum(axis=1)).tolist()
    return scores


def finite(samples: Samples) -> Samples:
    """NaN and infinities as silence: the fbank refuses them."""
    return samples if np.isfinite(samples).all() else np.nan_to_num(samples, posinf=0, neginf=0)
