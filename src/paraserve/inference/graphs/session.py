"""Sessions of onnxruntime: open a graph on a device, and run it. The only module that imports onnxruntime."""

import os

# Without this in the environment before the import, onnxruntime sends telemetry on Linux.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.graphs.cache import has_vnni, prepared_graph
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
OnRun: TypeAlias = Callable[[Path, Mapping[str, Tensor]], None]
"""Called with the file of a graph and its inputs, after each run that succeeded."""

BEST_UNITS = ("best_ids", "best_scores")
"""Outputs that `gpu/outputs.py` adds to a recognizer's own: each row's best unit and its probability."""
QUANTIZED = "_quant"
SMALLEST_EXTERNAL_BYTES = 1024
FATAL_ONLY = 4
"""Log level. Errors come as exceptions; logged too, each silent segment of a Paraformer would fill stderr."""


class OnnxModel:
    """One graph on one device. `run` may be called from several threads at once; it releases the GIL.

    `inputs` and `outputs` are those of the file by name, without the outputs `BEST_UNITS`, which `has_best_units`
    tells.
    """

    def __init__(self, session: Any, path: Path, *, is_cpu: bool = True, on_run: OnRun | None = None) -> None:
        self._session = session
        self._on_run = on_run
        self.path = path
        self.is_cpu = is_cpu
        self.inputs = {i.name: i for i in session.get_inputs()}
        outputs = {o.name: o for o in session.get_outputs()}
        self.has_best_units = outputs.keys() >= set(BEST_UNITS)
        self.outputs = {name: o for name, o in outputs.items() if name not in BEST_UNITS}
        self._dtypes = {name: _numpy_dtype(i.type) for name, i in self.inputs.items()}

    @property
    def is_quantized(self) -> bool:
        """True if the weights are int8 with dynamic activation scales (FunASR's `*_quant.onnx`)."""
        return is_quantized(self.path)

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Run the graph; inputs are cast to its dtypes (old exports take int64 where new ones take int32).

        Args:
            feeds: inputs by name.
            outputs: names of the outputs to compute; None computes all of `self.outputs`.

        Raises:
            InferenceError: the runtime refused the input. The message is the runtime's.
        """
        names = list(outputs) if outputs is not None else list(self.outputs)
        typed: dict[str, Tensor] = {
            name: np.asarray(value, dtype=self._dtypes[name]) for name, value in feeds.items()
        }
        try:
            values = self._session.run(names, typed)
        except RUNTIME_ERRORS as error:
            raise InferenceError(f"{self.path.name}: {error}") from error
        if self._on_run is not None:
            self._on_run(self.path, typed)
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class Placement:
    """Device and limits of the models' runs.

    Args:
        device: "cpu" or "cuda:N".
        threads: threads of one run.
        cache: folder of graphs prepared for this machine; None runs the files on disk.
        memory_bytes: limit for one graph on a GPU; 0 = no limit.
        workers: number of runs of one model side by side. onnxruntime needs no limit, CTranslate2 does.
        on_run: sees the inputs of every graph, which quantization measures.
        run_timeout_s: longest run of a model, for those that can be ended. 0 = no limit.
    """

    device: str = "cpu"
    threads: int = 1
    cache: Path | None = None
    memory_bytes: int = 0
    workers: int = 1
    on_run: OnRun | None = None
    run_timeout_s: float = 0.0

    @property
    def is_cpu(self) -> bool:
        """True if graphs run on the CPU."""
        return self.device == "cpu"


CPU = Placement()


def open_session(path: Path, placement: Placement = CPU) -> OnnxModel:
    """Load a graph to a device, with threads that do not spin.

    A graph with int8 weights always runs on the CPU, with a warning: CUDA has no kernels for it, and onnxruntime
    would copy every activation to the CPU and back.

    Raises:
        ModelLoadError: the file is missing or damaged, or the device cannot be used. The message says what to do.
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
            # The graph from the disk runs on a GPU only for comparisons.
            session = _open_on_gpu(graph, options, placement, is_exact=graph == path)
    except OPENING_ERRORS as error:
        raise ModelLoadError(f"cannot load {path}: {error}") from error
    return OnnxModel(session, path, is_cpu=placement.is_cpu, on_run=placement.on_run)


def _options(threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    # Spinning threads are 3 times slower when sessions share the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not has_vnni():
        # Products of signed weights may saturate on x86 processors without VNNI, so they become unsigned there.
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def write_fused(source: Path, target: Path) -> None:
    """Write a graph with its nodes fused for any CPU, and its weights in `<target>.data`, from where they are mapped.

    The result opens in half the time. onnxruntime could also keep weights in the layout of this processor's kernels,
    but graphs with float32 products then crash when they are opened again (1.31.1).
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
        # With its fallback, onnxruntime would go on silently on the CPU, also after a failed run.
        session = ort.InferenceSession(str(graph), options, providers=[(CUDA_PROVIDER, settings)], enable_fallback=0)
    except OPENING_ERRORS as error:
        if "CUDA" in str(error):
            raise ModelLoadError(str(refused_cuda(placement.device, str(error)))) from error
        raise
    if CUDA_PROVIDER not in session.get_providers():
        # Missing libraries raise no error at all.
        raise ModelLoadError(str(refused_cuda(placement.device, _load_cuda_libraries())))
    return session


def cuda_problem(device: str) -> Problem | None:
    """Return the problem that keeps onnxruntime from using any GPU; None if none shows before a graph is opened."""
    reason = _load_cuda_libraries()
    return missing_cuda(device, available_providers(), reason)


@cache
def _load_cuda_libraries() -> str:
    """Load CUDA and cuDNN from Python packages, if installed. Return onnxruntime's report of failures, or ""."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        ort.preload_dlls()
    return "; ".join(line for line in printed.getvalue().splitlines() if line.startswith("Failed"))


def _prepared(path: Path, placement: Placement) -> Path:
    """Return the prepared graph, or the plain one if preparing fails: slower, on a GPU much slower, but right."""
    if placement.cache is None:
        return path
    try:
        return prepared_graph(path, placement.cache, for_gpu=not placement.is_cpu)
    except ModelLoadError as error:
        log.warning("%s; it runs as it is", error)
        return path


def is_quantized(path: Path) -> bool:
    """Return whether a graph file holds int8 weights, by its name."""
    return path.stem.endswith(QUANTIZED)


def available_providers() -> list[str]:
    """Return the execution providers of the installed onnxruntime."""
    return list(ort.get_available_providers())


def runtime_version() -> str:
    """Return the version of the installed onnxruntime."""
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
"""Errors of onnxruntime, which share no base class below Exception."""
OPENING_ERRORS: tuple[type[Exception], ...] = (*RUNTIME_ERRORS, RuntimeError, ValueError)
"""Errors while a graph is opened. Those of CUDA are RuntimeErrors then."""
