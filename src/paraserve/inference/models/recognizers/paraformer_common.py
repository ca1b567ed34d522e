"""Parts that the offline and the streaming Paraformer share: input rows, and checks of a model directory."""

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
from paraserve.types import FRAME_SAMPLES, SAMPLE_RATE, Features, Int, Samples, SegmentAudio


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """Front end of a graph: stacks `lfr_m` frames of fbank every `lfr_n` frames, and normalizes the rows."""

    cmvn: Cmvn
    lfr_m: int
    lfr_n: int

    def rows(self, audio: SegmentAudio) -> Features:
        """Return the input rows (n_rows, dim) of a segment; none for less than one window of 25 ms.

        Raises:
            InferenceError: the segment's fbank has another number of bins than the model takes.
        """
        features = fbank(finite(audio.samples)) if audio.features is None else audio.features
        return self.next_rows(LfrState(), features, is_last=True)[1]

    def next_rows(self, state: LfrState, features: Features, *, is_last: bool) -> tuple[LfrState, Features]:
        """Return the next state of a stream, and the rows (n_rows, dim) that new fbank frames (n, bins) complete.

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
    """Return the front end that `config` (of config.yaml) and `am.mvn` describe.

    Raises:
        ModelLoadError: a file is missing or damaged, options are missing, or the model is for another sample rate.
    """
    cmvn = read_cmvn(directory / "am.mvn")
    try:
        conf = config["frontend_conf"]
        front, sample_rate = FrontEnd(cmvn, int(conf["lfr_m"]), int(conf["lfr_n"])), int(conf.get("fs", SAMPLE_RATE))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelLoadError(f"cannot use {directory / 'config.yaml'}: frontend_conf: {error!r}") from error
    if sample_rate != SAMPLE_RATE:
        raise ModelLoadError(
            f"{directory} is a model for {sample_rate} Hz: only those for {SAMPLE_RATE} Hz are taken"
        )
    return front


def next_fbank(state: FbankState, audio: SegmentAudio) -> tuple[FbankState, Features]:
    """Return the next state, and the fbank frames (n, 80) that the next samples complete: `audio.features` if given.

    Raises:
        ValueError: `audio.features` has another number of frames than the samples complete.
    """
    if audio.features is None:
        return fbank_step(state, finite(audio.samples))
    buffer = np.concatenate((state.tail, audio.samples))
    n_frames = frame_count(len(buffer))
    if len(audio.features) != n_frames:
        raise ValueError(f"{len(audio.features)} fbank frames came with samples that complete {n_frames}")
    return FbankState(buffer[n_frames * FRAME_SAMPLES :].copy()), audio.features


def check_features(graph: OnnxModel, front: FrontEnd) -> None:
    """Check that the graph takes rows of the size that `am.mvn` normalizes.

    Raises:
        ModelLoadError: the sizes differ.
    """
    dim = graph.inputs["speech"].shape[2]
    if dim != front.cmvn.dim:
        raise ModelLoadError(f"{graph.path} takes {dim} features, am.mvn has {front.cmvn.dim}")


def check_vocabulary(vocabulary: Vocabulary, size: int, path: Path) -> None:
    """Check that the graph at `path`, with `size` outputs, has one for each unit of the vocabulary.

    Raises:
        ModelLoadError: the numbers differ.
    """
    if size != len(vocabulary):
        raise ModelLoadError(f"{path} has {size} output units, {path.parent / 'tokens.json'} has {len(vocabulary)}")


def probabilities(logits: Tensor, ids: Int) -> list[float]:
    """Return the probability of the best unit `ids` of each row of logits (n, vocabulary), log-softmax or not."""
    best = logits[np.arange(len(ids)), ids]
    scores: list[float] = np.nan_to_num(1 / np.exp(logits - best[:, None]).sum(axis=1)).tolist()
    return scores


def finite(samples: Samples) -> Samples:
    """Return the samples with NaN and infinities as silence, since the fbank refuses them."""
    return samples if np.isfinite(samples).all() else np.nan_to_num(samples, posinf=0, neginf=0)
