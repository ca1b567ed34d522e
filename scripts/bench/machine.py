"""What figures were measured on, and how busy it was meanwhile."""

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from paraserve.cpus import available_cpus

PACKAGES = ("paraserve", "onnxruntime", "onnxruntime-gpu", "numpy", "kaldi-native-fbank")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
"""Of the processor, those that decide how fast models run."""


def machine() -> dict[str, object]:
    """The machine, its software and its load now, for the head of every report."""
    name, flags = _processor()
    return {
        "cpu": name,
        "cpus": available_cpus(),
        "flags": [flag for flag in FLAGS if flag in flags],
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": _versions(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def in_words(facts: dict[str, object]) -> str:
    """`machine()` as a line."""
    packages = facts["packages"]
    assert isinstance(packages, dict)
    versions = ", ".join(f"{name} {number}" for name, number in packages.items())
    flags = " ".join(map(str, facts["flags"]))  # type: ignore[call-overload]
    return (
        f"{facts['cpus']} CPUs of {facts['cpu']} ({flags}), {facts['memory_gb']} GB, Python {facts['python']}, "
        f"{versions}; load {facts['load']} on {facts['at']}"
    )


def first_cpus(n: int | None) -> list[int]:
    """The first `n` CPUs that this process may use; None: all."""
    return sorted(os.sched_getaffinity(0))[:n]


@contextlib.contextmanager
def on_cpus(cpus: list[int]) -> Iterator[None]:
    """Processes and threads that begin in this context stay on these CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class CpuMeter:
    """What CPUs of the machine, and a process with its children, have done since this was made."""

    def __init__(self, cpus: list[int], process: psutil.Process | None = None) -> None:
        self._cpus = cpus
        self._process = process
        self._started = time.monotonic()
        self._before = _idle_and_total(cpus)
        self._spent_before_s = cpu_seconds(process)

    @property
    def wall_s(self) -> float:
        """Time since then."""
        return time.monotonic() - self._started

    @property
    def idle_share(self) -> float:
        """Of the CPUs' time."""
        idle, total = (now - then for now, then in zip(_idle_and_total(self._cpus), self._before, strict=True))
        return idle / total if total else 0.0

    @property
    def process_share(self) -> float:
        """Of the CPUs' time, what the process and its children took."""
        return (cpu_seconds(self._process) - self._spent_before_s) / (self.wall_s * len(self._cpus))


def cpu_seconds(process: psutil.Process | None) -> float:
    """Of a process and its children, those that ended included."""
    total = 0.0
    for one in (process, *process.children(recursive=True)) if process else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def resident_mb(process: psutil.Process) -> float:
    """Memory of a process alone, in 10^6 bytes."""
    return round(process.memory_info().rss / 1e6, 1)


def peak_mb(pid: int) -> float:
    """The kernel's high-water mark of a process's memory, which no spike escapes, in 10^6 bytes.

    Raises:
        OSError: there is no such process.
    """
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return max((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), default=0.0)


def _idle_and_total(cpus: list[int]) -> tuple[float, float]:
    times = psutil.cpu_times(percpu=True)
    chosen = [times[cpu] for cpu in cpus if cpu < len(times)]
    idle = sum(one.idle + getattr(one, "iowait", 0.0) for one in chosen)
    # Guest time is part of user time, too.
    return idle, sum(sum(one) - getattr(one, "guest", 0.0) - getattr(one, "guest_nice", 0.0) for one in chosen)


def _processor() -> tuple[str, set[str]]:
    lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    found = {name.strip(): value.strip() for name, value in facts.items()}
    return found.get("model name", platform.machine()), set(found.get("flags", "").split())


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
