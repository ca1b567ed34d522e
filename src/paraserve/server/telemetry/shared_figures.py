"""The folder where all worker processes keep their figures, so that each can report the sum of all.

Each has a socket there as well, for questions of the others.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in the environment. It must be set before the module `metrics` is imported."""

WORKER_FAILURES = "_PARASERVE_WORKER_FAILURES"
"""Tells a worker in its environment how many before it died or hung."""


@contextmanager
def figures_folder() -> Iterator[Path]:
    """Make the folder, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="paraserve-metrics-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def forget_gauges(folder: Path, pid: int) -> None:
    """Remove the gauges and the socket of a process that has ended. Its counts stay in the sum.

    As `prometheus_client.multiprocess.mark_process_dead` does, without an import of all that library.
    """
    for file in folder.glob(f"gauge_live*_{pid}.db"):
        file.unlink(missing_ok=True)
    worker_socket(folder, pid).unlink(missing_ok=True)


def shared_folder() -> Path | None:
    """Return the folder, None for a process that has no others beside it."""
    folder = os.environ.get(MULTIPROCESS_DIR)
    return Path(folder) if folder else None


def worker_socket(folder: Path, pid: int | Literal["*"]) -> Path:
    """Return the socket on which a worker answers the others."""
    return folder / f"{pid}.worker"
