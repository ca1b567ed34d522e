"""Figures of GPUs in `/metrics`: from a driver that is stood in for, and from the real library without a driver."""

import inspect
import math
import re
import sys

import pynvml
import pytest

from paraserve.server.telemetry import gpu_metrics
from paraserve.server.telemetry.gpu_metrics import open_gpus
from support import fake_pynvml
from support.fake_pynvml import FakeGpu
from support.fakes import FakeEngine
from support.live import eventually

FIGURES = ("utilization_ratio", "memory_used_bytes", "memory_total_bytes", "temperature_celsius", "power_watts")


@pytest.fixture
def gpus(monkeypatch):
    """Two GPUs of the stand-in, which is asked every 20 ms."""
    two = [FakeGpu("GPU-a", 50, 30 * 10**9), FakeGpu("GPU-b", 7, 10**9, temperature=41, milliwatts=123_456)]
    monkeypatch.setattr(fake_pynvml, "gpus", two)
    monkeypatch.setitem(sys.modules, "pynvml", fake_pynvml)
    monkeypatch.setattr(gpu_metrics, "INTERVAL_S", 0.02)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return two


def figures(server):
    """What `/metrics` says, by device."""
    answer = server.get("/metrics")
    assert answer.status_code == 200
    found = re.findall(r'^paraserve_gpu_(\w+)\{device="([^"]+)"\} (\S+)$', answer.text, re.M)
    return {(name, device): float(value) for name, device, value in found}


def test_the_stand_in_is_like_the_library():
    """Every function of the stand-in is one of the library, with the same parameters."""
    names = [name for name in vars(fake_pynvml) if name.startswith(("nvml", "NVML"))]
    assert len(names) == 9
    for name in names:
        real, fake = getattr(pynvml, name), getattr(fake_pynvml, name)
        if inspect.isfunction(fake):
            assert inspect.signature(real) == inspect.signature(fake), name
        elif inspect.isclass(fake):
            assert issubclass(real, Exception)
        else:
            assert real == fake


def test_figures_of_each_device(gpus, serve_app):
    """Utilization, memory, temperature and power of both, how they change, and what the driver does not tell."""
    with serve_app(FakeEngine(), device="cuda:0,cuda:1") as server:
        eventually(lambda: len(figures(server)) == 10)
        told = figures(server)
        assert [told[name, "cuda:0"] for name in FIGURES] == [0.5, 30e9, 141e9, 30, 70]
        assert [told[name, "cuda:1"] for name in FIGURES] == [0.07, 1e9, 141e9, 41, 123.456]
        gpus[1].refused = {"power"}  # not told: NaN, and the others go on
        eventually(lambda: math.isnan(figures(server)["power_watts", "cuda:1"]))
        assert figures(server)["temperature_celsius", "cuda:1"] == 41
        gpus[1].refused = {"utilization", "memory", "temperature", "power"}
        eventually(lambda: all(math.isnan(figures(server)[name, "cuda:1"]) for name in FIGURES))
        assert figures(server)["utilization_ratio", "cuda:0"] == 0.5
        gpus[1].refused = set()
        eventually(lambda: figures(server)["power_watts", "cuda:1"] == 123.456)
        assert server.get("/readyz").status_code == 200


def test_the_library_without_a_driver(monkeypatch):
    """The real library gives no figures, and one warning."""
    said = []
    monkeypatch.setattr(gpu_metrics.log, "warning", lambda event, **facts: said.append(facts["reason"]))
    assert open_gpus(["cuda:0"]) == ()
    assert [reason.partition(":")[0] for reason in said] == ["the NVIDIA driver says"]


@pytest.mark.full
def test_no_driver(serve_app, monkeypatch):
    """The real library on a machine without a driver: one warning, no figures, and the server serves."""
    said = []
    monkeypatch.setattr(gpu_metrics.log, "warning", lambda event, **facts: said.append((event, facts)))
    monkeypatch.setattr(gpu_metrics, "INTERVAL_S", 0.02)
    with serve_app(FakeEngine(), device="cuda:0") as server:
        eventually(lambda: said)
        assert figures(server) == {}
        assert "# HELP paraserve_gpu_memory_used_bytes" in server.get("/metrics").text
    assert said == [("no figures of GPUs", {"reason": said[0][1]["reason"]})]
    assert said[0][1]["reason"].startswith("the NVIDIA driver says: ")


def test_no_library(serve_app, monkeypatch):
    """Without nvidia-ml-py the warning names it."""
    said = []
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(gpu_metrics.log, "warning", lambda event, **facts: said.append(facts["reason"]))
    assert open_gpus(["cuda:0"]) == ()
    assert said == ["nvidia-ml-py is not installed: pip install nvidia-ml-py"]


@pytest.mark.parametrize(
    ("visible", "names"),
    [("1,0", ["GPU-b", "GPU-a"]), ("GPU-b", ["GPU-b"]), (" 1 ", ["GPU-b"]), ("", ["GPU-a", "GPU-b"])],
)
def test_devices_of_cuda(gpus, monkeypatch, visible, names):
    """`cuda:N` is the Nth of `CUDA_VISIBLE_DEVICES`, which has numbers or UUIDs."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    opened = open_gpus([f"cuda:{number}" for number in range(len(names))])
    assert [gpu.handle.uuid for gpu in opened] == names


def test_a_device_that_is_not_there(gpus, monkeypatch):
    """A number or UUID without a GPU gives no figures, and a warning."""
    said = []
    monkeypatch.setattr(gpu_metrics.log, "warning", lambda event, **facts: said.append(facts["reason"]))
    assert open_gpus(["cuda:7"]) == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-gone")
    assert open_gpus(["cuda:0"]) == ()
    assert said == ["the NVIDIA driver says: Invalid Argument", "the NVIDIA driver says: Not Found"]


@pytest.mark.full
def test_a_server_on_cpus_does_not_ask(gpus, serve_app, monkeypatch):
    """It does not even import the library."""
    asked = []
    monkeypatch.setattr(gpu_metrics, "open_gpus", lambda devices: asked.append(devices) or ())
    with serve_app(FakeEngine()) as server:
        assert figures(server) == {}
    with serve_app(FakeEngine(), device="cuda:0"):
        eventually(lambda: asked)
    assert asked == [("cuda:0",)]
