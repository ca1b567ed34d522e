"""The real server with a fault that the self-test can bring about inside its process.

Run as `python -m paraserve.selftest.faulty_server FOLDER serve FLAG...`. Workers run `... FOLDER worker FD...`. In
FOLDER are the orders: `clock` is a number of seconds (8 bytes) by which the wall clock of Python is wrong, and while
`hang` names the process id of a worker, its recognizer never ends a run.
"""

import mmap
import os
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

MODULE = "paraserve.selftest.faulty_server"
SECONDS = struct.Struct("d")
POLL_S = 0.05


def prepare(folder: Path) -> None:
    """Make a folder of orders, none given yet."""
    folder.mkdir()
    set_clock(folder, 0.0)


def set_clock(folder: Path, seconds: float) -> None:
    """Let the wall clock of the server be wrong by so many seconds from now on."""
    path = folder / "clock"
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(SECONDS.pack(seconds))


def order_hang(folder: Path, pid: int) -> None:
    """Let each run of a worker's recognizer begin and not end from now on."""
    (folder / "hang").write_text(str(pid), "ascii")


def move_clock(folder: Path) -> None:
    """Let `time.time` of this process follow the orders. Clocks of libraries in other languages go right."""
    with (folder / "clock").open("rb") as file:
        offset = mmap.mmap(file.fileno(), SECONDS.size, access=mmap.ACCESS_READ)
    true_time_ns = time.time_ns

    def time_ns() -> int:
        return true_time_ns() + int(SECONDS.unpack(offset[:])[0] * 1e9)

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


class HangingRecognizer:
    """A recognizer that does what another one does, until it is ordered to hang."""

    def __init__(self, recognizer: Any, folder: Path) -> None:
        self._recognizer = recognizer
        self._order = folder / "hang"

    def recognize(self, *args: Any, **options: Any) -> Any:
        """Recognize, or do not return."""
        while self._order.exists() and self._order.read_text("ascii") == str(os.getpid()):
            time.sleep(POLL_S)
        return self._recognizer.recognize(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recognizer, name)


def serve(folder: Path, own_command: Sequence[str], arguments: Sequence[str]) -> None:
    """Run `paraserve` with these arguments. Its workers are run by this module."""
    from paraserve.cli import main  # noqa: PLC0415 - after the clock
    from paraserve.cli.serving import start  # noqa: PLC0415
    from paraserve.server.processes.supervisor import Supervisor  # noqa: PLC0415

    command = (*own_command, str(folder), "worker")
    with patch.object(start, "Supervisor", partial(Supervisor, command=command)):
        main.main(list(arguments))


def work(folder: Path, arguments: Sequence[str]) -> int:
    """Be a worker whose recognizer can be made to hang."""
    from paraserve import wiring  # noqa: PLC0415 - after the clock
    from paraserve.inference.base import ModelBundle  # noqa: PLC0415
    from paraserve.inference.models.load import load_parts  # noqa: PLC0415
    from paraserve.server.app import load  # noqa: PLC0415
    from paraserve.server.processes.worker import run_worker  # noqa: PLC0415

    def load_hanging(*args: Any, **options: Any) -> ModelBundle:
        bundle = load_parts(*args, **options)
        return replace(bundle, recognizer=HangingRecognizer(bundle.recognizer, folder))

    sys.argv = [MODULE, *arguments]
    with patch.object(wiring, "load_parts", load_hanging):
        return run_worker(load)


def main() -> int:
    """Serve, or be a worker of such a server."""
    own_command = sys.orig_argv[: sys.orig_argv.index(MODULE) + 1]
    folder, kind, *arguments = sys.argv[1:]
    move_clock(Path(folder))
    if kind == "worker":
        return work(Path(folder), arguments)
    serve(Path(folder), own_command, [kind, *arguments])
    return 0


if __name__ == "__main__":
    sys.exit(main())
