"""The only door to onnxruntime: open a session with fixed thread rules, run it and check what comes back."""

import os

# onnxruntime sends telemetry on Linux unless this stands in the environment before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.optimize import prepared_graph

log = logging.getLogger(__name__)

Tensor = npt.NDArray[Any]

FATAL_ONLY = 4
"""Errors come as exceptions; logged as well, every silent segment of a Paraformer would leave lines on stderr."""


class OnnxModel:
    """One graph on one device. `run` may be called from several threads at once; it releases the GIL."""

    def __init__(self, session: Any, path: Path) -> None:
        self._session = session
        self.path = path
        self.inputs = {i.name: i for i in session.get_inputs()}
        self.outputs = {o.name: o for o in session.get_outputs()}
        self._dtypes = {name: _numpy_dtype(i.type) for name, i in self.inputs.items()}

    @property
    def is_quantized(self) -> bool:
        """Whether the weights are int8 with dynamic activation scales (FunASR's `*_quant.onnx`)."""
        return self.path.stem.endswith("_quant")

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
    machine (None: every graph as it is on disk), `reorder_sums` as in `optimize.prepared_graph`.
    """

    device: str = "cpu"
    threads: int = 1
    cache: Path | None = None
    reorder_sums: bool = False

    @property
    def is_cpu(self) -> bool:
        """Whether graphs run on the CPU."""
        return self.device == "cpu"


CPU = Placement()


def open_session(path: Path, placement: Placement = CPU) -> OnnxModel:
    """Load a graph as `placement` says, with threads that do not spin.

    Raises:
        ModelLoadError: the file is missing or damaged, or the device's provider is not the one that loaded.
    """
    if not path.is_file():
        raise ModelLoadError(f"model file not found: {path}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = placement.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    # Spinning threads lose a factor of 3 when sessions share the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider, settings = _provider(placement.device)
    graph = _prepared(path, placement)
    try:
        session = ort.InferenceSession(str(graph), options, providers=[(provider, settings)])
    except RUNTIME_ERRORS as error:
        raise ModelLoadError(f"cannot load {path}: {error}") from error
    if provider not in session.get_providers():
        # onnxruntime falls back to the CPU silently.
        raise ModelLoadError(f"cannot run {path} on {placement.device}: {provider} is not available")
    return OnnxModel(session, path)


def _prepared(path: Path, placement: Placement) -> Path:
    """The graph to load: rewrites are for the CPU, and without them the plain graph gives the same results."""
    if placement.cache is None or not placement.is_cpu:
        return path
    try:
        return prepared_graph(path, placement.cache, reorder_sums=placement.reorder_sums)
    except ModelLoadError as error:
        log.warning("%s; it runs as it is", error)
        return path


def available_providers() -> list[str]:
    """Execution providers compiled into the installed onnxruntime."""
    return list(ort.get_available_providers())


def runtime_version() -> str:
    """Version of the installed onnxruntime."""
    return str(ort.__version__)


def _provider(device: str) -> tuple[str, dict[str, str]]:
    if device == "cpu":
        return "CPUExecutionProvider", {}
    kind, _, index = device.partition(":")
    if kind != "cuda":
        raise ModelLoadError(f"unknown device {device!r}: expected cpu or cuda:N")
    return "CUDAExecutionProvider", {"device_id": index or "0"}


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
