"""Figures of the GPUs that run models, from the driver's own library (NVML). A server on CPUs does not import it."""

import asyncio
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge

INTERVAL_S = 5.0
UNKNOWN = math.nan

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """What a GPU does now, for all programs on it. What the driver does not tell is NaN."""

    utilization_ratio: float
    memory_used_bytes: float
    memory_total_bytes: float
    temperature_celsius: float
    power_watts: float


ABOUT = {
    "utilization_ratio": "Share of the last moment in which a GPU worked, of all programs",
    "memory_used_bytes": "Memory of a GPU that is in use, of all programs",
    "memory_total_bytes": "Memory of a GPU",
    "temperature_celsius": "Temperature of a GPU",
    "power_watts": "Power that a GPU draws",
}


class GpuMetrics:
    """The figures for Prometheus, by device."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = {
            one.name: Gauge(
                f"paraserve_gpu_{one.name}",
                ABOUT[one.name],
                ["device"],
                registry=registry,
                multiprocess_mode="livemostrecent",  # all processes have the same devices
            )
            for one in fields(GpuFigures)
        }

    def set(self, device: str, figures: GpuFigures) -> None:
        """Set the figures of a device."""
        for name, gauge in self._gauges.items():
            gauge.labels(device).set(getattr(figures, name))


@dataclass(frozen=True, slots=True)
class Gpu:
    """A device by our name, such as `cuda:0`, and as the library `nvml` knows it."""

    device: str
    nvml: Any
    handle: Any

    def read(self) -> GpuFigures:
        """Ask the driver, which may block for a while. What it refuses to tell is NaN."""
        nvml = self.nvml
        used = self._told(nvml.nvmlDeviceGetUtilizationRates)
        memory = self._told(nvml.nvmlDeviceGetMemoryInfo)
        temperature = self._told(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU)
        milliwatts = self._told(nvml.nvmlDeviceGetPowerUsage)
        return GpuFigures(
            utilization_ratio=UNKNOWN if used is None else used.gpu / 100,
            memory_used_bytes=UNKNOWN if memory is None else memory.used,
            memory_total_bytes=UNKNOWN if memory is None else memory.total,
            temperature_celsius=UNKNOWN if temperature is None else temperature,
            power_watts=UNKNOWN if milliwatts is None else milliwatts / 1000,
        )

    def _told(self, ask: Callable[..., Any], *args: Any) -> Any:
        try:
            return ask(self.handle, *args)
        except self.nvml.NVMLError:
            return None


def open_gpus(devices: Sequence[str]) -> tuple[Gpu, ...]:
    """Return the GPUs of these devices. Where the driver cannot be asked, a warning says why, and there are none."""
    try:
        import pynvml  # noqa: PLC0415 - a part of the extra `gpu`
    except ImportError:
        log.warning("no figures of GPUs", reason="nvidia-ml-py is not installed: pip install nvidia-ml-py")
        return ()
    try:
        pynvml.nvmlInit()
        return tuple(Gpu(device, pynvml, _handle(pynvml, device)) for device in devices)
    except pynvml.NVMLError as error:
        log.warning("no figures of GPUs", reason=f"the NVIDIA driver says: {error}")
        return ()


async def sample_gpus(devices: Sequence[str], metrics: GpuMetrics) -> None:
    """Sample until cancelled, or at once no more where the driver cannot be asked."""
    gpus, silent = await asyncio.to_thread(open_gpus, devices), set[str]()
    while gpus:
        for gpu in gpus:
            figures = await asyncio.to_thread(gpu.read)
            metrics.set(gpu.device, figures)
            if not math.isnan(figures.memory_total_bytes):
                silent.discard(gpu.device)
            elif gpu.device not in silent:
                silent.add(gpu.device)
                log.warning("the NVIDIA driver does not tell what a GPU does", device=gpu.device)
        await asyncio.sleep(INTERVAL_S)


def _handle(nvml: Any, device: str) -> Any:
    """The GPU of `cuda:N`: the driver counts all of the machine, CUDA those of `CUDA_VISIBLE_DEVICES`."""
    number = int(device.partition(":")[2] or 0)
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    name = visible[number] if number < len(visible) else str(number)
    return nvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdecimal() else nvml.nvmlDeviceGetHandleByUUID(name)
