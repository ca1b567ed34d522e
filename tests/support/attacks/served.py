"""The server that is attacked: how it is started, and the memory of its processes."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.attacks.honest import Target
from support.commands import PROGRAM, READY, clean_environment

SOFT_DESCRIPTORS = 1024
"""As systemd and many shells give."""
STOP_TIMEOUT_S = 45
DECODE_CHILD = "decoder_process"
RESET_PEAK = "5"
"""Written to /proc/PID/clear_refs, sets VmHWM to the memory of now (Linux, proc(5))."""


@dataclass(frozen=True)
class Served:
    """A running server."""

    target: Target
    process: "subprocess.Popen[str]"
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8", errors="replace")

    def processes(self) -> list[psutil.Process]:
        """The server and its workers, without decode children."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            for one in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if not any(DECODE_CHILD in part for part in one.cmdline()):
                        found.append(one)
        return found

    def resident_mb(self) -> float:
        """Memory of `processes` now, in 10^6 bytes."""
        total = 0
        for one in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += one.memory_info().rss
        return total / 1e6

    def forget_peaks(self) -> None:
        """Begin to count `peak_mb` anew."""
        for one in self.processes():
            Path(f"/proc/{one.pid}/clear_refs").write_text(RESET_PEAK, "ascii")

    def peak_mb(self) -> float:
        """Sum of the kernel's high-water marks of `processes`, in 10^6 bytes."""
        total = 0.0
        for one in self.processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{one.pid}/status").read_text("ascii", errors="replace")
                total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
        return total * 1024 / 1e6

    def kill(self) -> None:
        """End it and all below it at once."""
        for one in self.processes()[::-1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


@contextlib.contextmanager
def served(folder: Path, *args: object, keys: bool = False, **environment: str) -> Iterator[Served]:
    """`paraserve serve` on a free port of the loopback, with the usual soft limit of descriptors.

    Args:
        folder: for its log and its file of keys.
        args: more flags.
        keys: whether it wants an API key, which `target` then has.
        environment: settings as `PARASERVE_...`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = ""
    if keys:
        key = new_key()
        write_keys(folder / "keys", [hashed("honest", key)])
        args += ("--api-keys-file", folder / "keys")
    shell = ["sh", "-c", f'ulimit -Sn {SOFT_DESCRIPTORS}; exec "$@"', "sh"]
    log_path = folder / f"server{time.monotonic_ns()}.log"
    with log_path.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*shell, PROGRAM, "serve", "--port", "0", *map(str, args)],
            env=clean_environment(**environment), stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        address = urlsplit(_announced(process, log_path))
        yield Served(Target(address.hostname or "", address.port or 0, key), process, log_path)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            Served(Target("", 0), process, log_path).kill()
            process.wait(STOP_TIMEOUT_S)
        finally:
            process.stdout.close()


def _announced(process: "subprocess.Popen[str]", log_path: Path) -> str:
    for line in process.stdout:
        if READY in line:
            return line.rsplit(READY, 1)[1].strip()
    raise RuntimeError(f"exit code {process.wait()}: {log_path.read_text('utf-8')}")
