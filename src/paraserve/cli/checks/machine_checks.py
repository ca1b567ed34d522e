"""Checks of `paraserve doctor`: the machine, and what is installed on it."""

import http.client
import os
import platform
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from paraserve.cli.checks.findings import Finding, fail, ok, warn
from paraserve.cli.serving.certificate_checks import check_certificate
from paraserve.cpus import available_cpus
from paraserve.errors import ParaserveError
from paraserve.inference.graphs.devices import installation_problem
from paraserve.inference.graphs.session import available_providers, cuda_problem, runtime_version
from paraserve.server.processes.port_holder import port_holder
from paraserve.settings import Settings

OLDEST_PYTHON = (3, 11)
NEEDED_BYTES = 1024**3
"""The embedded bundle and two decode processes stay below this."""
PROBE_TIMEOUT_S = 2.0


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Check Python, ONNX Runtime, CPU, memory, port, and the TLS certificate where there is one."""
    yield _python()
    yield _onnxruntime(settings)
    yield _telemetry()
    yield _cpu_features()
    yield ok("cpus", f"{available_cpus()} usable by this process")
    yield _memory()
    yield _port(settings)
    if settings.certfile:
        yield _certificate(settings)


def processor_name() -> str:
    """Return the name of the processor, or its architecture where it has no name."""
    return _first_match(Path("/proc/cpuinfo"), r"^model name\s*:(.*)$").strip() or platform.machine()


def _python() -> Finding:
    found = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        return fail("python", found, "install Python 3.11 or newer")
    return ok("python", found)


def _onnxruntime(settings: Settings) -> Finding:
    problem = installation_problem() or (None if settings.is_cpu else cuda_problem(settings.devices[0]))
    if problem is not None:
        return fail("onnxruntime", problem.detail, problem.cure)
    return ok("onnxruntime", f"{runtime_version()}, providers {', '.join(available_providers())}")


def _telemetry() -> Finding:
    # inference.graphs.session sets it before it imports onnxruntime.
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        return fail("telemetry", "on", "set ORT_DISABLE_TELEMETRY=1 in the environment")
    return ok("telemetry", "off")


def _cpu_features() -> Finding:
    if platform.machine() not in ("x86_64", "AMD64"):
        return ok("cpu features", platform.machine())
    flags = set(_first_match(Path("/proc/cpuinfo"), r"^flags\s*:(.*)$").split())
    if "avx2" not in flags:
        return warn("cpu features", "no AVX2: recognition is several times slower", "use a CPU with AVX2")
    vnni = sorted(flags & {"avx512_vnni", "avx_vnni"})
    if not vnni:
        detail = "AVX2 without VNNI: int8 models are slower and may differ slightly"
        return warn("cpu features", detail, "compare with --quantize false where model.onnx is at hand")
    return ok("cpu features", ", ".join(["avx2", *vnni]))


def _memory() -> Finding:
    free = _available_bytes()
    detail = f"{free / 1024**3:.1f} GiB available"
    if free < NEEDED_BYTES:
        return warn("memory", detail, "free some: 1 GiB is comfortable with the embedded bundle")
    return ok("memory", detail)


def _available_bytes() -> int:
    available = int(_first_match(Path("/proc/meminfo"), r"^MemAvailable:\s*(\d+) kB") or 0) * 1024
    cgroup = Path("/sys/fs/cgroup")
    limit = _first_match(cgroup / "memory.max", r"^(\d+)$")
    if not limit:
        return available
    used = int(_first_match(cgroup / "memory.current", r"^(\d+)$") or 0)
    return min(available, int(limit) - used)


def _port(settings: Settings) -> Finding:
    subject = f"port {settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if _is_our_server(settings):
            return warn(subject, "a server already runs there and answers", "stop it, or start another with --port")
        detail = f"cannot listen on {settings.host}: {error.strerror}"
        there = port_holder(settings.port) or "what listens there"
        return fail(subject, detail, f"choose another by --port, or stop {there}")
    return ok(subject, f"free on {settings.host}")


def _certificate(settings: Settings) -> Finding:
    cure = "docs/troubleshooting.md, or serve --self-signed"
    try:
        warning = check_certificate(settings.certfile, settings.keyfile)
    except ParaserveError as error:
        return fail("certificate", error.message, cure)
    return ok("certificate", settings.certfile) if warning is None else warn("certificate", warning, cure)


def _is_our_server(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _first_match(path: Path, pattern: str) -> str:
    """Return the first group of the first match in a small system file; "" without a match or without the file."""
    try:
        found = re.search(pattern, path.read_text("utf-8"), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""
