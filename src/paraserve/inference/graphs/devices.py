"""Devices by name, what onnxruntime is told of them, and what is missing where one does not run."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from paraserve.errors import ModelLoadError

CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
CUDA_NEEDS = "CUDA 13 with cuDNN 9 and a driver for it"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a device cannot be used, and what to do."""

    detail: str
    cure: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.cure}"


def cuda_index(device: str) -> int:
    """N of "cuda:N"; "cuda" is the first.

    Raises:
        ModelLoadError: it is no such name.
    """
    kind, _, index = device.partition(":")
    if kind != "cuda" or not (index or "0").isdecimal():
        raise ModelLoadError(f"unknown device {device!r}: expected cpu or cuda:N")
    return int(index or 0)


def cuda_options(index: int, memory_bytes: int, *, is_exact: bool) -> dict[str, str]:
    """Options of the CUDA provider for graphs whose inputs have another shape in every run.

    `memory_bytes` bounds what one graph takes beside its libraries' own (0: no bound). `is_exact` keeps products of
    float32 in float32; without it they are of TensorFloat-32, whose fraction is float16's.
    """
    options = {
        "device_id": str(index),
        # The other strategy doubles with every extension: half of the card stays empty.
        "arena_extend_strategy": "kSameAsRequested",
        # Trying out all algorithms, the default, takes up to a second for every new shape.
        "cudnn_conv_algo_search": "HEURISTIC",
        # A stream of its own for copies is no gain with one run at a time, and may race.
        "do_copy_in_default_stream": "1",
        "use_tf32": "0" if is_exact else "1",
    }
    if memory_bytes:
        options["gpu_mem_limit"] = str(memory_bytes)
    return options


def installation_problem() -> Problem | None:
    """Two packages of onnxruntime in one place: which of them Python imports is chance."""
    if not (_is_installed("onnxruntime") and _is_installed("onnxruntime-gpu")):
        return None
    return Problem(
        "the packages onnxruntime and onnxruntime-gpu are both installed and overwrite each other",
        "pip uninstall both, then pip install 'paraserve[cpu]' or 'paraserve[gpu]'",
    )


def missing_cuda(device: str, available: Sequence[str], reason: str) -> Problem | None:
    """The installed onnxruntime, which has these providers, can use no GPU at all; `reason` as in `refused_cuda`."""
    if CUDA_PROVIDER in available:
        return None
    if problem := installation_problem():
        return problem
    if _is_installed("onnxruntime-gpu"):
        # It registers its provider only where CUDA's libraries are.
        return refused_cuda(device, reason)
    detail = f"{device} cannot be used, the installed onnxruntime is the one for CPUs"
    return Problem(detail, "pip uninstall onnxruntime, then pip install 'paraserve[gpu]'")


def refused_cuda(device: str, reason: str) -> Problem:
    """This device or CUDA's libraries did not load; `reason` is what onnxruntime said of it, if anything."""
    detail = f"{device} did not load" + (f" ({reason})" if reason else "")
    libraries = "pip install 'onnxruntime-gpu[cuda,cudnn]' brings the libraries"
    cure = f"it needs {CUDA_NEEDS}; {libraries}, nvidia-smi lists the driver and the devices"
    return installation_problem() or Problem(detail, cure)


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
