"""Programs in processes that are forked, not started, which saves two seconds of imports.

The fork server of `multiprocessing` imports the package once for each process of tests. What depends on the start of
Python itself (its encoding, its own environment variables) is not tested in this way.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from paraserve.cli.main import main

MODULES = (
    *("commands", "serve", "serving.start", "transcribe", "batch.transcribing", "stream", "live.live_streaming"),
    *("doctor", "checks.machine_checks", "checks.pipeline_checks", "bench", "benching", "models", "pulling", "keys"),
)
"""What commands import when they are called."""
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        *(f"paraserve.cli.{name}" for name in MODULES),
        "paraserve.server.processes.server",
    ]
)
MAX_INHERITED = 64
"""More than the descriptors of the fork server, which are no part of the program."""


class ForkedProgram:
    """A running program, with what tests use of `subprocess.Popen`.

    Args:
        program: runs in the process; a function of a module.
        arguments: its command line, without the program's name.
        environment: all of its environment variables.
        stderr: a file, which is overwritten.
        stdout: such a file, too. Without it the text comes by `stdout` of this object.
    """

    def __init__(
        self,
        program: Callable[[], None],
        arguments: Sequence[str],
        environment: dict[str, str],
        stderr: Path | str,
        stdout: Path | str | None = None,
    ) -> None:
        reader, writer = CONTEXT.Pipe(duplex=False)
        with reader, writer:
            arguments = (program, arguments, environment, Path.cwd(), stdout or writer, stderr)
            self._process = CONTEXT.Process(target=_run, args=arguments, daemon=True)
            self._process.start()
            self.stdout = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """The exit code, or a signal's negative number; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on after `timeout` seconds.
        """
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("paraserve", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(arguments: Sequence[str], environment: dict[str, str], folder: Path, timeout_s: float) -> int:
    """Run the command `paraserve` to its end and return the exit code.

    `folder` gets the files `stdout` and `stderr`.
    """
    process = ForkedProgram(main, arguments, environment, folder / "stderr", folder / "stdout")
    try:
        return process.wait(timeout_s)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _run(
    program: Callable[[], None],
    arguments: Sequence[str],
    environment: dict[str, str],
    current: Path,
    stdout: Connection | Path | str,
    stderr: Path | str,
) -> None:
    gc.freeze()  # what the fork server has imported is no garbage, and is shared with it
    os.chdir(current)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # of the fork server
    _replace(0, os.devnull, os.O_RDONLY)
    if isinstance(stdout, Connection):
        with stdout:
            os.dup2(stdout.fileno(), 1)
    else:
        _replace(1, stdout)
    _replace(2, stderr)
    os.closerange(3, MAX_INHERITED)
    # The fork server's own streams know what its files can do.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.argv = ["paraserve", *arguments]
    program()


def _replace(number: int, path: Path | str, flags: int = os.O_WRONLY | os.O_CREAT | os.O_TRUNC) -> None:
    """Let a stream read or write this file."""
    descriptor = os.open(path, flags)
    os.dup2(descriptor, number)
    os.close(descriptor)
