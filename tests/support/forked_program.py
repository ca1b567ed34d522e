"""The command `paraserve` in a process that is forked, not started, which saves more than a second of imports.

The fork server of `multiprocessing` imports the package once for each process of tests. What depends on the start of
Python itself (its encoding, its own environment variables) is not tested in this way.
"""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from paraserve.cli.main import main

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [f"paraserve.cli.{name}" for name in ("commands", "bench", "doctor", "models", "stream", "transcribe")]
)


def run(arguments: Sequence[str], environment: dict[str, str], folder: Path, timeout_s: float) -> int:
    """Run to the end and return the exit code; `folder` gets the files `stdout` and `stderr`."""
    process = CONTEXT.Process(target=_command, args=(arguments, environment, Path.cwd(), folder), daemon=True)
    process.start()
    process.join(timeout_s)
    try:
        assert process.exitcode is not None, f"not done in {timeout_s} s: {arguments}"
        return process.exitcode
    finally:
        process.kill()
        process.join()
        process.close()


def _command(arguments: Sequence[str], environment: dict[str, str], current: Path, folder: Path) -> None:
    os.chdir(current)
    os.environ.clear()
    os.environ.update(environment)
    streams = (
        (os.devnull, os.O_RDONLY),
        *((folder / name, os.O_WRONLY | os.O_CREAT) for name in ("stdout", "stderr")),
    )
    for number, (path, flags) in enumerate(streams):
        descriptor = os.open(path, flags)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv = ["paraserve", *arguments]
    main()
