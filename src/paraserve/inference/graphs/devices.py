"""Devices by name, options of onnxruntime for them, and reasons why a device cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from paraserve.errors import ModelLoadError

CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
CUDA_NEEDS = "CUDA 13 with cuDNN 9 and a driver for it"


@dataclass(frozen=True, slots=True)
class Problem:
    """Reason why a device cannot be used, and its cure."""

    detail: str
    cure: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.cure}"


def cuda_index(device: str) -> int:
    """Return N of "cuda:N"; "cuda" means "cuda:0".

    Raises:
        ModelLoadError: the name has another form.
    """
    kind, _, index = device.partition(":")
    if kind != "cuda" or not (index or "0").isdecimal():
        raise ModelLoadError(f"unknown device {device!r}: expected cpu or cuda:N")
    return int(index or 0)


def cuda_options(index: int, memory_bytes: int, *, is_exact: bool) -> dict[str, str]:
    """Return options of the CUDA provider for graphs whose inputs have another shape in every run.

    Args:
        index: number of the device.
        memory_bytes: limit for one graph, without the memory of CUDA's libraries; 0 = no limit.
        is_exact: multiply float32 in float32. Without it products are TensorFloat-32, with the fraction of float16.
    """
    options = {
        "device_id": str(index),
        # The default doubles the memory with every extension, so half of the card could stay empty.
        "arena_extend_strategy": "kSameAsRequested",
        # The default tries out all algorithms, which takes up to a second for every new shape.
        "cudnn_conv_algo_search": "HEURISTIC",
        # A separate stream for copies gains nothing with one run at a time, and may race.
        "do_copy_in_default_stream": "1",
        "use_tf32": "0" if is_exact else "1",
    }
    if memory_bytes:
        options["gpu_mem_limit"] = str(memory_bytes)
    return options


def installation_problem() -> Problem | None:
    """Return the problem of two packages of onnxruntime in one place: chance decides which one Python imports."""
    if not (_is_installed("onnxruntime") and _is_installed("onnxruntime-gpu")):
        return None
    return Problem(
        "the packages onnxruntime and onnxruntime-gpu are both installed and overwrite each other",
        "pip uninstall onnxruntime onnxruntime-gpu, then pip install one of them",
    )


def missing_cuda(device: str, available: Sequence[str], reason: str) -> Problem | None:
    """Return the problem of an installed onnxruntime that can use no GPU at all; None if it can.

    Args:
        device: as the user named it.
        available: the providers that onnxruntime has.
        reason: as for `refused_cuda`.
    """
    if CUDA_PROVIDER in available:
        return None
    if problem := installation_problem():
        return problem
    if _is_installed("onnxruntime-gpu"):
        # onnxruntime-gpu registers its provider only beside CUDA's libraries.
        return refused_cuda(device, reason)
    detail = f"{device} cannot be used, the installed onnxruntime is the one for CPUs"
    return Problem(detail, "pip uninstall onnxruntime, then pip install onnxruntime-gpu")


def refused_cuda(device: str, reason: str) -> Problem:
    """Return the problem of a device or of CUDA's libraries not loading. `reason` is onnxruntime's, or ""."""
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
