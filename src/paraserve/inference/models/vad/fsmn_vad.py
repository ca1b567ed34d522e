"""Voice activity detection with FunASR's FSMN-VAD (Deep-FSMN, https://arxiv.org/abs/1803.05030).

Samples -> fbank -> LFR 5/1 and CMVN -> network (probabilities; one cache a layer) -> a flag a frame -> endpoints. LFR
makes the network look two frames ahead. Everything else is causal, so a stream and a whole recording give equal
boundaries. Only an int8 graph, which scales its activations in each run, may give slightly other probabilities for
other step sizes, and now and then another boundary.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from paraserve.errors import ModelLoadError
from paraserve.inference.base import VadStep
from paraserve.inference.features.fbank import (
    N_MELS,
    SILENCE,
    WINDOW_MS,
    WINDOW_SAMPLES,
    Cmvn,
    FbankState,
    LfrState,
    apply_cmvn,
    fbank_step,
    lfr_step,
    read_cmvn,
)
from paraserve.inference.graphs.session import CPU, OnnxModel, Placement, Tensor, open_session
from paraserve.inference.models.model_files import graph_file
from paraserve.inference.models.vad.fsmn_vad_endpoints import (
    EndpointState,
    find_endpoints,
    frames_to_boundary,
    silence_so_far_ms,
)
from paraserve.inference.models.vad.fsmn_vad_flags import NO_NOISE_DB, Floats, frame_levels, speech_flags
from paraserve.inference.models.vad.fsmn_vad_options import VadOptions, read_vad_options, with_overrides
from paraserve.options import VadOverrides
from paraserve.types import FRAME_MS, FRAME_SAMPLES, Features, Samples, Segment, VadEvent, samples_to_ms

LFR_M, LFR_N = 5, 1

BLOCK_FRAMES = 6000
"""Most frames in one run of the network, which limits its memory. FunASR's number, on which int8 results depend."""
FIRST_BLOCK_SAMPLES = WINDOW_SAMPLES + (BLOCK_FRAMES - 1 + LFR_M // 2) * FRAME_SAMPLES

DELAY_MS = WINDOW_MS + LFR_M // 2 * FRAME_MS
"""Audio that must follow the start of a frame before the network decides it."""


@dataclass(frozen=True, slots=True)
class SilentRun:
    """Number of rows of digital silence that the network saw last, and the probability on the last of them."""

    n_rows: int = 0
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class FsmnVadState:
    """State of a stream between two steps. A step never changes it but makes a new one."""

    options: VadOptions
    fbank: FbankState
    lfr: LfrState
    caches: tuple[Tensor, ...]
    levels: Floats  # dB of the frames that wait for the network's look-ahead; empty without a level gate
    noise_db: float
    endpoint: EndpointState
    n_samples: int = 0
    silence: SilentRun = SilentRun()


class FsmnVad:
    """One model for any number of streams and threads; matches `paraserve.inference.base.Vad`."""

    def __init__(self, model: OnnxModel, cmvn: Cmvn, options: VadOptions) -> None:
        self.options = options
        self._model = model
        self._cmvn = cmvn
        self._cache_names = [name.removeprefix("in_") for name in model.inputs if name.startswith("in_cache")]
        self._check_graph()
        self._check_classes(options)

    @property
    def lookback_ms(self) -> int:
        """Furthest that a boundary lies behind the samples fed before the step that reports it."""
        return self.options.lookback_frames * FRAME_MS + DELAY_MS

    @property
    def max_segment_ms(self) -> int:
        """Length at which the model's own options end a segment amid speech."""
        return self.options.max_single_segment_time

    def lookback_with(self, overrides: VadOverrides) -> int:
        """Return `lookback_ms` of a stream with these overrides.

        Raises:
            ValueError: an override is out of its range.
        """
        return with_overrides(self.options, overrides).lookback_frames * FRAME_MS + DELAY_MS

    def segment(self, samples: Samples, options: VadOptions | None = None) -> list[Segment]:
        """Return the speech segments of a whole recording: none for silence or less than a frame."""
        steps = self._steps(self.new_state(options=options), samples, is_last=True)
        times_ms = [event.at_ms for _, step in steps for event in step.events]
        return [Segment(start, end) for start, end in zip(times_ms[::2], times_ms[1::2], strict=True)]

    def new_state(self, overrides: VadOverrides | None = None, *, options: VadOptions | None = None) -> FsmnVadState:
        """Return the state of a stream before its first sample.

        Args:
            overrides: replace some of the options for this stream.
            options: replace all of the model's own options for this stream.

        Raises:
            ValueError: an override is out of its range, or the network lacks a silence class that the options name.
        """
        options = with_overrides(options or self.options, overrides or VadOverrides())
        self._check_classes(options)
        return FsmnVadState(
            options=options,
            fbank=FbankState(),
            lfr=LfrState(),
            caches=tuple(np.zeros(self._cache_shape(name), dtype=np.float32) for name in self._cache_names),
            levels=np.zeros(0),
            noise_db=NO_NOISE_DB,
            endpoint=EndpointState(),
        )

    def with_end_silence(self, state: FsmnVadState, end_silence_ms: int | None) -> FsmnVadState:
        """Return the state with this much silence to end speech from now on; None = the model's own."""
        if end_silence_ms is None:
            end_silence_ms = self.options.max_end_silence_time
        return replace(state, options=replace(state.options, max_end_silence_time=end_silence_ms))

    def step(self, state: FsmnVadState, samples: Samples, *, is_last: bool) -> tuple[FsmnVadState, VadStep]:
        """Take any number of new samples. Return the next state, and the boundaries and fbank frames they complete.

        The frames of all steps together are `fbank` of all samples. `decided_ms` of a boundary counts the audio up to
        the end of the network's look-ahead, or all audio of a stream that ended before. After the last step the state
        is that of a new stream.

        Raises:
            InferenceError: the network failed; the stream may go on from the old state.
        """
        steps = list(self._steps(state, samples, is_last=is_last))
        events = tuple(event for _, step in steps for event in step.events)
        state, last = steps[-1]
        features = np.concatenate([step.features for _, step in steps])
        return state, replace(last, events=events, features=features)

    def _steps(
        self, state: FsmnVadState, samples: Samples, *, is_last: bool
    ) -> Iterator[tuple[FsmnVadState, VadStep]]:
        """Yield at least one state and step, each of a minute of audio at most."""
        blocks = np.split(samples, range(FIRST_BLOCK_SAMPLES, len(samples), BLOCK_FRAMES * FRAME_SAMPLES))
        for number, block in enumerate(blocks, start=1):
            state, step = self._step_block(state, block, is_last=is_last and number == len(blocks))
            yield state, step

    def _step_block(self, state: FsmnVadState, samples: Samples, *, is_last: bool) -> tuple[FsmnVadState, VadStep]:
        options = state.options
        fbank_state, features = fbank_step(state.fbank, samples)
        lfr_state, rows = lfr_step(state.lfr, features, LFR_M, LFR_N, is_last=is_last)
        silence, caches, run = self._silence_probabilities(rows, state)
        levels = state.levels
        if options.has_level_gate:
            audio = np.concatenate((state.fbank.tail, samples))
            levels = np.concatenate((levels, frame_levels(audio, len(features))))
        flags, noise_db = speech_flags(silence, levels, state.noise_db, options)
        endpoint, events = find_endpoints(state.endpoint, flags, options, is_last=is_last)
        n_samples = state.n_samples + len(samples)
        due_frame = endpoint.n_frames + frames_to_boundary(endpoint, options) - 1
        delayed = tuple(_with_delay(event, n_samples) for event in events)
        due_ms = due_frame * FRAME_MS + DELAY_MS
        step = VadStep(delayed, features, quiet_until_ms=due_ms, silence_ms=silence_so_far_ms(endpoint, options))
        if is_last:
            return self.new_state(options=options), step
        levels = levels[len(rows) :]
        return FsmnVadState(options, fbank_state, lfr_state, caches, levels, noise_db, endpoint, n_samples, run), step

    def _silence_probabilities(
        self, rows: Features, state: FsmnVadState
    ) -> tuple[Floats, tuple[Tensor, ...], SilentRun]:
        """Return the summed probability of the silence classes on each row (n_rows,), the next caches and run.

        Digital silence that fills all caches leaves them as they are, so the network need not run again.
        """
        if not len(rows):
            return np.zeros(0), state.caches, state.silence
        is_silent = rows.min() == rows.max() == SILENCE
        if is_silent and state.silence.n_rows >= self._reach:
            return np.full(len(rows), state.silence.probability), state.caches, state.silence
        inputs = ("speech", *(f"in_{name}" for name in self._cache_names))
        outputs = ("logits", *(f"out_{name}" for name in self._cache_names))
        features = apply_cmvn(rows, self._cmvn)
        results = self._model.run(dict(zip(inputs, (features[None], *state.caches), strict=True)), outputs)
        probabilities = results["logits"][0]  # the graph has the softmax inside
        silence = probabilities[:, list(state.options.sil_pdf_ids)].sum(axis=1, dtype=np.float64)
        n_rows = state.silence.n_rows + len(rows) if is_silent else 0
        run = SilentRun(n_rows, float(silence[-1]))
        return silence, tuple(results[name] for name in outputs[1:]), run

    @property
    def _reach(self) -> int:
        """Rows of the past that a row's probabilities depend on, with a row to spare for each layer."""
        return sum(max(self._cache_shape(name)[2:]) + 1 for name in self._cache_names)

    def _cache_shape(self, name: str) -> list[int]:
        return [int(size) for size in self._model.inputs[f"in_{name}"].shape]

    def _check_classes(self, options: VadOptions) -> None:
        n_classes = self._model.outputs["logits"].shape[-1]
        if isinstance(n_classes, int) and max(options.sil_pdf_ids) >= n_classes:
            raise ValueError(f"sil_pdf_ids {list(options.sil_pdf_ids)}: the network has {n_classes} classes")

    def _check_graph(self) -> None:
        model, dim = self._model, N_MELS * LFR_M
        wanted = {"logits", *(f"out_{name}" for name in self._cache_names)}
        if "speech" not in model.inputs or not self._cache_names or not wanted <= set(model.outputs):
            raise ValueError("not an FSMN-VAD graph: expected speech, in_cache0.. to logits, out_cache0..")
        if model.inputs["speech"].shape[-1] != dim or self._cmvn.dim != dim:
            raise ValueError(f"takes {model.inputs['speech'].shape[-1]} features, expected {dim}")
        if not all(isinstance(size, int) for name in self._cache_names for size in model.inputs[f"in_{name}"].shape):
            raise ValueError("the caches have no fixed size")


def load_fsmn_vad(
    directory: Path,
    placement: Placement = CPU,
    quantize: bool | None = None,
    *,
    options: VadOptions | None = None,
) -> FsmnVad:
    """Load a model directory in FunASR's layout.

    Args:
        directory: holds the graph, config.yaml and am.mvn.
        placement: device and limits of the runs.
        quantize: True loads `model_quant.onnx`, False `model.onnx`, None the one that is there, int8 first.
        options: None takes those of `model_conf` in config.yaml.

    Raises:
        ModelLoadError: a file is missing, damaged, or does not belong to an FSMN-VAD.
    """
    path = graph_file(directory, "model", quantize)
    if options is None:
        options = read_vad_options(directory)
    cmvn = read_cmvn(directory / "am.mvn", N_MELS * LFR_M)
    model = open_session(path, placement)
    try:
        return FsmnVad(model, cmvn, options)
    except ValueError as error:
        raise ModelLoadError(f"cannot use {path}: {error}") from error


def _with_delay(event: VadEvent, n_samples: int) -> VadEvent:
    """Return the event with the network's delay in `decided_ms`, but at most the `n_samples` of the whole stream."""
    total_ms = samples_to_ms(n_samples)
    return replace(event, decided_ms=min(event.decided_ms + DELAY_MS, total_ms))
