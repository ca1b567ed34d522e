"""The only door to onnxruntime: open a session with fixed thread rules, run it and check what comes back."""

import os

# onnxruntime sends telemetry on Linux unless this stands in the environment before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import io
import logging
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.graphs.cache import BEST_UNITS, prepared_graph
from paraserve.inference.graphs.devices import (
    CPU_PROVIDER,
    CUDA_PROVIDER,
    Problem,
    cuda_index,
    cuda_options,
    missing_cuda,
    refused_cuda,
)

log = logging.getLogger(__name__)

Tensor = npt.NDArray[Any]

QUANTIZED = "_quant"
SMALLEST_EXTERNAL_BYTES = 1024
FATAL_ONLY = 4
"""Errors come as exceptions; logged as well, every silent segment of a Paraformer would leave lines on stderr."""


class OnnxModel:
    """One graph on one device. `run` may be called from several threads at once; it releases the GIL.

    `inputs` and `outputs` are those of the file, `has_best_units` says that it was given the outputs `BEST_UNITS`.
    """

    def __init__(self, session: Any, path: Path, *, is_cpu: bool = True) -> None:
        self._session = session
        self.path = path
        self.is_cpu = is_cpu
        self.inputs = {i.name: i for i in session.get_inputs()}
        outputs = {o.name: o for o in session.get_outputs()}
        self.has_best_units = outputs.keys() >= set(BEST_UNITS)
        self.outputs = {name: o for name, o in outputs.items() if name not in BEST_UNITS}
        self._dtypes = {name: _numpy_dtype(i.type) for name, i in self.inputs.items()}

    @property
    def is_quantized(self) -> bool:
        """Whether the weights are int8 with dynamic activation scales (FunASR's `*_quant.onnx`)."""
        return is_quantized(self.path)

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Run once; inputs are cast to the graph's dtypes (old exports take int64 where new ones take int32).

        Raises:
            InferenceError: the runtime refused the input. The graph's own message is kept.
        """
        names = list(outputs) if outputs is not None else list(self.outputs)
        typed: dict[str, Tensor] = {
            name: np.asarray(value, dtype=self._dtypes[name]) for name, value in feeds.items()
        }
        try:
            values = self._session.run(names, typed)
        except RUNTIME_ERRORS as error:
            raise InferenceError(f"{self.path.name}: {error}") from error
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how graphs run.

    `device` is "cpu" or "cuda:N", `threads` how many one run takes, `cache` the folder of graphs prepared for this
    machine (None: every graph as it is on disk). `memory_bytes` is what one graph may take on a GPU (0: no bound).
    """

    device: str = "cpu"
    threads: int = 1
    cache: Path | None = None
    memory_bytes: int = 0

    @property
    def is_cpu(self) -> bool:
        """Whether graphs run on the CPU."""
        return self.device == "cpu"


CPU = Placement()


def open_session(path: Path, placement: Placement = CPU) -> OnnxModel:
    """Load a graph as `placement` says, with threads that do not spin.

    A graph of int8 weights runs on the CPU whatever the placement, with a warning: CUDA has no kernels for it, and
    onnxruntime would carry every activation to the CPU and back.

    Raises:
        ModelLoadError: the file is missing or damaged, or the device cannot be used; the message says what to do.
    """
    if not path.is_file():
        raise ModelLoadError(f"model file not found: {path}")
    if not placement.is_cpu and is_quantized(path):
        plain = path.with_stem(path.stem.removesuffix(QUANTIZED)).name
        log.warning("%s is int8 and runs on the CPU, slowly: %s needs %s beside it", path, placement.device, plain)
        placement = replace(placement, device=CPU.device)
    options = _options(placement.threads)
    graph = _prepared(path, placement)
    try:
        if placement.is_cpu:
            session = ort.InferenceSession(str(graph), options, providers=[CPU_PROVIDER])
        else:
            # A graph as it is on disk is for comparisons.
            session = _open_on_gpu(graph, options, placement, is_exact=graph == path)
    except OPENING_ERRORS as error:
        raise ModelLoadError(f"cannot load {path}: {error}") from error
    return OnnxModel(session, path, is_cpu=placement.is_cpu)


def _options(threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    # Spinning threads lose a factor of 3 when sessions share the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def write_fused(source: Path, target: Path) -> None:
    """Write the graph with its nodes fused as for any CPU, and its weights, to be mapped, in `<target>.data`.

    To open that takes half the time. Weights laid out for this processor's kernels are not kept, though onnxruntime
    could: opened again, graphs with float32 products crash (1.31.1).
    """
    options = _options(threads=1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    for name, value in (("file_name", f"{target.name}.data"), ("min_size_in_bytes", str(SMALLEST_EXTERNAL_BYTES))):
        options.add_session_config_entry(f"session.optimized_model_external_initializers_{name}", value)
    ort.InferenceSession(str(source), options, providers=[CPU_PROVIDER])


def _open_on_gpu(graph: Path, options: Any, placement: Placement, *, is_exact: bool) -> Any:
    index = cuda_index(placement.device)
    if problem := cuda_problem(placement.device):
        raise ModelLoadError(str(problem))
    settings = cuda_options(index, placement.memory_bytes, is_exact=is_exact)
    try:
        # Without a fall-back: onnxruntime would go on, also later after a failed run, on the CPU.
        session = ort.InferenceSession(str(graph), options, providers=[(CUDA_PROVIDER, settings)], enable_fallback=0)
    except OPENING_ERRORS as error:
        if "CUDA" in str(error):
            raise ModelLoadError(str(refused_cuda(placement.device, str(error)))) from error
        raise
    if CUDA_PROVIDER not in session.get_providers():
        # Where libraries are missing there is no error at all.
        raise ModelLoadError(str(refused_cuda(placement.device, _load_cuda_libraries())))
    return session


def cuda_problem(device: str) -> Problem | None:
    """What keeps onnxruntime from using any GPU; None if nothing is known before a graph is opened."""
    refusal = _load_cuda_libraries()
    return missing_cuda(device, available_providers(), refusal)


@cache
def _load_cuda_libraries() -> str:
    """Load CUDA and cuDNN from Python packages where these are installed; what onnxruntime prints about failures."""
    said = io.StringIO()
    with redirect_stdout(said):
        ort.preload_dlls()
    return "; ".join(line for line in said.getvalue().splitlines() if line.startswith("Failed"))


def _prepared(path: Path, placement: Placement) -> Path:
    """The graph to load: without rewrites the plain graph gives the same results, on a GPU much slower."""
    if placement.cache is None:
        return path
    try:
        return prepared_graph(path, placement.cache, for_gpu=not placement.is_cpu)
    except ModelLoadError as error:
        log.warning("%s; it runs as it is", error)
        return path


def is_quantized(path: Path) -> bool:
    """Whether a graph file holds int8 weights, by its name."""
    return path.stem.endswith(QUANTIZED)


def available_providers() -> list[str]:
    """Execution providers compiled into the installed onnxruntime."""
    return list(ort.get_available_providers())


def runtime_version() -> str:
    """Version of the installed onnxruntime."""
    return str(ort.__version__)


def _numpy_dtype(onnx_type: str) -> type:
    try:
        return _DTYPES[onnx_type]
    except KeyError:
        raise ModelLoadError(f"unsupported tensor type {onnx_type}") from None


_DTYPES: dict[str, type] = {
    "tensor(float)": np.float32,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}

_state = ort.capi.onnxruntime_pybind11_state
RUNTIME_ERRORS: tuple[type[Exception], ...] = tuple(
    getattr(_state, name)
    for name in (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NoSuchFile",
        "NotImplemented",
        "RuntimeException",
        "EPFail",
        "EngineError",
    )
    if hasattr(_state, name)
)
"""What onnxruntime raises; they share no base class below Exception."""
OPENING_ERRORS: tuple[type[Exception], ...] = (*RUNTIME_ERRORS, RuntimeError, ValueError)
"""The same while a graph is opened: CUDA's errors come as RuntimeError then."""
