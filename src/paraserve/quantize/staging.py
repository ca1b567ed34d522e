"""The hidden folder in which int8 graphs are made and tried, and the step that gives them their names."""

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from paraserve.catalog.files import check_room, disk_errors, sync_file, sync_folder
from paraserve.catalog.manifest import record_files
from paraserve.errors import ParaserveError
from paraserve.quantize.targets import Plan, Target

STAGING = ".quantizing"
SPARE_FACTOR = 1.5
"""Room on the disk, in sizes of the float32 graph: a working copy of it, and the int8 graph."""


@contextmanager
def staged(target: Target) -> Iterator[Path]:
    """Give a folder that has all files of a model but its int8 graphs. It is inside the model's own folder.

    The folder is deleted at the end, whatever happens, and so is one that a killed process left.

    Raises:
        DiskFullError: there is no room for it.
        ModelPullError: the folder of the model cannot be written.
        ParaserveError: another process quantizes this model.
    """
    staging = target.folder / STAGING
    with disk_errors(target.folder), _alone(target.folder):
        check_room(round(SPARE_FACTOR * max(path.stat().st_size for path in target.graphs)), target.folder)
        shutil.rmtree(staging, ignore_errors=True)
        try:
            staging.mkdir()
            _link_files(target, staging)
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def publish(plan: Plan, stagings: Sequence[Path]) -> None:
    """Give the int8 graphs of all targets their names, and write them into the manifest, if there is one.

    Every byte is on disk before. Ctrl-C has no effect in this step.

    Raises:
        DiskFullError: there is no room for a file.
        ModelPullError: a file cannot be written.
    """
    with disk_errors(plan.root):
        for target, staging in zip(plan.targets, stagings, strict=True):
            for result in target.results:
                with (staging / result.name).open("rb") as file:
                    sync_file(file)
        with _uninterrupted():
            for target, staging in zip(plan.targets, stagings, strict=True):
                for result in target.results:
                    (staging / result.name).replace(result)
                sync_folder(target.folder)
            if plan.manifest_root is not None:
                record_files(plan.manifest_root, [path for target in plan.targets for path in target.results])


def _link_files(target: Target, staging: Path) -> None:
    """Link every file of the model into its staging folder, where the file system can, or copy it.

    Symbolic links would not do: the package onnx does not follow them to external weights.
    """
    results = {path.name for path in target.results}
    for path in target.folder.iterdir():
        if path.is_file() and path.name not in results:
            try:
                os.link(path.resolve(), staging / path.name)
            except OSError:
                shutil.copyfile(path, staging / path.name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ParaserveError(f"{folder} is being quantized by another process") from None
    else:
        yield
    finally:
        os.close(handle)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C and the request to end. Blocking them would not do: another thread may get them."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
