"""The functions of nvidia-ml-py that the server calls, on GPUs that a test makes up: a stand-in for `pynvml`."""
# ruff: noqa: N802 - they are named as in the library

from dataclasses import dataclass, field
from types import SimpleNamespace

NVML_TEMPERATURE_GPU = 0


class NVMLError(Exception):
    """As the library raises it."""


@dataclass
class FakeGpu:
    """A GPU: what the driver tells of it, and the functions that it refuses."""

    uuid: str
    utilization_percent: int = 0
    used_bytes: int = 0
    total_bytes: int = 141 * 10**9
    temperature: int = 30
    milliwatts: int = 70_000
    refused: set[str] = field(default_factory=set)


gpus: list[FakeGpu] = []


def nvmlInit():
    """Find the driver, which is there if there is a GPU."""
    if not gpus:
        raise NVMLError("Driver Not Loaded")


def nvmlDeviceGetHandleByIndex(index):
    """The GPU of this number."""
    if index >= len(gpus):
        raise NVMLError("Invalid Argument")
    return gpus[index]


def nvmlDeviceGetHandleByUUID(uuid):
    """The GPU of this UUID."""
    for gpu in gpus:
        if gpu.uuid == uuid:
            return gpu
    raise NVMLError("Not Found")


def nvmlDeviceGetUtilizationRates(handle):
    """Percent of the time."""
    return SimpleNamespace(gpu=_told(handle, "utilization").utilization_percent, memory=0)


def nvmlDeviceGetMemoryInfo(handle, version=None):
    """Bytes."""
    gpu = _told(handle, "memory")
    return SimpleNamespace(total=gpu.total_bytes, used=gpu.used_bytes, free=gpu.total_bytes - gpu.used_bytes)


def nvmlDeviceGetTemperature(handle, sensor):
    """Degrees Celsius."""
    assert sensor == NVML_TEMPERATURE_GPU
    return _told(handle, "temperature").temperature


def nvmlDeviceGetPowerUsage(handle):
    """Milliwatts."""
    return _told(handle, "power").milliwatts


def _told(gpu: FakeGpu, what: str) -> FakeGpu:
    if what in gpu.refused:
        raise NVMLError("Not Supported")
    return gpu
