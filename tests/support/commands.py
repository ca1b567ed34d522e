"""The installed command `paraserve` as a user runs it."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paraserve.cli.main import main
from support import forked_program

PROGRAM = str(Path(sys.executable).with_name("paraserve"))
SUPERVISED = (PROGRAM, "serve", "--port", "0")
"""The installed command as users start it: a supervisor and its worker."""
ALONE = ("serve", "--port", "0", "--supervise", "false")
"""Flags of a server of one process."""
READY = " listens on "
STOP_TIMEOUT_S = 30
TIMEOUT_S = 120


def clean_environment(**extra: str) -> dict[str, str]:
    """This environment without the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARASERVE_")}
    return {**kept, **extra}


def run_here(capsys: "pytest.CaptureFixture[str]", *args: object) -> "subprocess.CompletedProcess[str]":
    """Run in this process, which is quicker; stdout and stderr as text."""
    code: str | int = 0
    try:
        main([*map(str, args)])
    except SystemExit as ended:
        code = ended.code or 0
    assert isinstance(code, int)
    return subprocess.CompletedProcess(args, code, *capsys.readouterr())


def paraserve(*args: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run to the end in a process of its own; stdout and stderr as text."""
    words = [*map(str, args)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = forked_program.run(words, clean_environment(**environment), folder, TIMEOUT_S)
        stdout, stderr = ((folder / stream).read_text("utf-8") for stream in ("stdout", "stderr"))
    return subprocess.CompletedProcess(words, code, stdout, stderr)


def installed_paraserve(*args: object, stdin: bytes = b"", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Start the installed program and run it to the end, which takes a second longer than `paraserve`."""
    done = subprocess.run(
        [PROGRAM, *map(str, args)],
        input=stdin,
        env=clean_environment(**environment),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def server(*args: object, **environment: str) -> Iterator[str]:
    """A server on a free port, without a supervisor, by its URL."""
    process = forked_program.ForkedProgram(
        main, [*ALONE, *map(str, args)], clean_environment(**environment), os.devnull
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        finally:
            process.kill()
            process.stdout.close()


@contextmanager
def server_on(port: int, *args: object, end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """A server on this port, without a supervisor; ended by this signal."""
    words = [*ALONE, "--port", str(port), *map(str, args)]
    process = forked_program.ForkedProgram(main, words, clean_environment(), os.devnull)
    try:
        assert READY in process.stdout.readline()
        yield
    finally:
        process.send_signal(end)
        process.wait(STOP_TIMEOUT_S)
        process.stdout.close()


def _address(process: forked_program.ForkedProgram) -> str:
    for line in process.stdout:
        if READY in line:
            return line.rsplit(READY, 1)[1].strip()
    raise RuntimeError(f"the server ended with exit code {process.wait()}")
