"""Servers to measure: ours with a clock inside, FunASR's package behind a minimal server, sherpa-onnx's own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

READY = " listens on "
START_TIMEOUT_S = 300.0
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Served:
    """A server. `read_clock` gives the time inside session.run so far, where it can be known."""

    url: str
    process: psutil.Process | None = None
    read_clock: Callable[[], Mapping[str, float]] | None = None

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return self.url.rsplit("/", 1)[1]


@contextlib.contextmanager
def our_server(*args: object, source: Path | None = None) -> Iterator[Served]:
    """`paraserve serve` on a free port; with `source`, of this source folder in place of the installed one."""
    command = [sys.executable, HERE / "clocked.py", "serve", "--supervise", "false", "--port", 0]
    command += ["--log-level", "warning", *args]
    environment = None if source is None else os.environ | {"PYTHONPATH": str(source)}
    with _child(command, environment=environment) as child:
        url = _announced(child)
        assert child.stdin is not None
        assert child.stdout is not None
        stdin, stdout = child.stdin, child.stdout

        def read_clock() -> Mapping[str, float]:
            stdin.write("\n")
            stdin.flush()
            reading: dict[str, float] = json.loads(stdout.readline())
            return reading

        yield Served(url, psutil.Process(child.pid), read_clock)


@contextlib.contextmanager
def funasr_server(python: str, bundle: str) -> Iterator[Served]:
    """`peer_live.py` by an interpreter that has funasr_onnx."""
    with _child([python, HERE / "peer_live.py", bundle]) as child:
        yield Served(_announced(child), psutil.Process(child.pid))


@contextlib.contextmanager
def sherpa_server(program: Path, flags: Mapping[str, object]) -> Iterator[Served]:
    """One of sherpa-onnx's websocket servers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = {"port": port, "log-file": f"{folder}/log.txt", **flags}
        command = [program, *(f"--{name}={value}" for name, value in options.items())]
        with _child(command, stdout=subprocess.DEVNULL) as child:
            _wait_for_port(child, port)
            yield Served(f"ws://127.0.0.1:{port}", psutil.Process(child.pid))


@contextlib.contextmanager
def _child(
    command: Sequence[object], stdout: int = subprocess.PIPE, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=errors,
            text=True,
            env=environment,
        )
        try:
            yield process
        except ServerEndedError:
            process.wait()
            errors.seek(0)
            last = "".join(errors.readlines()[-5:])
            sys.exit(f"{command[0]} ended with exit code {process.returncode}:\n{last}")
        finally:
            process.terminate()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()


class ServerEndedError(Exception):
    """A server ended before it listened."""


def _announced(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    for line in child.stdout:
        if READY in line:
            return line.rsplit(READY, 1)[1].strip()
    raise ServerEndedError


def _wait_for_port(child: "subprocess.Popen[str]", port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise ServerEndedError
