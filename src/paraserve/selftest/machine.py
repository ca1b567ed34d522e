"""What the self-test ran on, for the head of its report."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from paraserve.cpus import available_cpus

PACKAGES = ("paraserve", "onnxruntime", "onnxruntime-gpu", "numpy", "uvicorn", "websockets")


def machine() -> dict[str, object]:
    """Return the processor, the memory and the versions of what takes part."""
    return {
        "cpu": _processor(),
        "cpus": available_cpus(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name))),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
