"""Cache of prepared graphs: model files rewritten once for this machine.

The user's own file is never changed. A child process (`builder.py`) prepares a graph. Digests beside it are checked
at each start, and what is not as it was is prepared again.
"""

import contextlib
import fcntl
import glob
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from paraserve import user_folders
from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.digests import folder_problem, write_digests
from paraserve.user_folders import expanded

log = logging.getLogger(__name__)

VERSION = 6
"""Version of the rewrites, to be raised with each change, so that older results are not used."""
VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni"})
SMALLEST_GRAPH_BYTES = 16 * 2**20
"""Preparing takes one or two seconds, which a smaller graph never earns back."""
PREPARATION_TIMEOUT_S = 300
FOR_GPU = "--for-gpu"


def has_vnni(cpuinfo: str | None = None) -> bool:
    """Return whether this processor multiplies 8-bit integers without saturating (VNNI instructions).

    `cpuinfo` is the text of /proc/cpuinfo; None reads it.
    """
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
        except OSError:
            return False
    lines = (line for line in cpuinfo.splitlines() if line.startswith("flags"))
    return not VNNI_FLAGS.isdisjoint(next(lines, "").split())


def cache_folder(chosen: str = "") -> Path:
    """Return the folder of prepared graphs: the chosen one, or one in the user's cache folder."""
    if chosen:
        return expanded(chosen).absolute()
    return user_folders.cache_folder() / "graphs"


def prepared_graph(
    path: Path, cache: Path, smallest_bytes: int = SMALLEST_GRAPH_BYTES, *, for_gpu: bool = False
) -> Path:
    """Return the path of the fastest form of a graph for this machine, prepared now or earlier.

    int8 graphs keep every bit of their results. Every byte of an earlier result is compared with its digest.

    Args:
        path: the plain graph.
        cache: the folder of prepared graphs.
        smallest_bytes: on a CPU, a smaller graph is returned unchanged.
        for_gpu: make a float32 graph one of mixed precision.

    Raises:
        ModelLoadError: preparing failed or the cache folder cannot be written. The plain graph still works.
    """
    if path.stat().st_size < smallest_bytes and not for_gpu:
        return path
    folder = cache / f"{_key(path)}-{_recipe(for_gpu=for_gpu)}"
    try:
        with _turn(folder):
            if not _is_intact(folder):
                _prepare_in_child(path, folder, [FOR_GPU] if for_gpu else [])
    except ModelLoadError:
        raise
    except OSError as error:
        raise ModelLoadError(f"cannot keep a prepared {path.name} in {cache}: {error}") from error
    return folder / path.name


def remove_useless(cache: Path) -> Iterator[tuple[str, str]]:
    """Take away prepared graphs that are damaged, or that this version never reads; yield each, and why.

    Raises:
        OSError: the folder cannot be written.
    """
    folders = sorted(path for path in cache.iterdir() if path.is_dir()) if cache.is_dir() else []
    for folder in folders:
        if folder.name.startswith("."):
            continue
        with _turn(folder):
            is_of_now = f"-{VERSION}-{_runtime()}-" in folder.name
            problem = folder_problem(folder) if is_of_now else "of another version"
            if problem is not None:
                _take_away(folder)
                yield folder.name, problem


def _key(path: Path) -> str:
    """Return a name for the file, the version of the rewrites and the runtime: the result depends on them.

    Files with weights of the graph have its name before their own ending, such as `model.onnx.data`.
    """
    digest = hashlib.sha256()
    try:
        for part in sorted({path, *path.parent.glob(f"{glob.escape(path.name)}?*")}):
            with part.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    return f"{digest.hexdigest()[:20]}-{VERSION}-{_runtime()}"


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let one process at a time check and prepare the folder. In a cache that cannot be written, all may look."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder.parent / f".{folder.name}.lock", flags, 0o600)
    except OSError:
        if not folder.is_dir():
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_intact(folder: Path) -> bool:
    """Compare an earlier result with its digests. One that differs, or cannot be trusted, is taken away."""
    if not os.path.lexists(folder):
        return False
    started = time.monotonic()
    problem = folder_problem(folder)
    if problem is None:
        n_bytes = sum(path.stat().st_size for path in folder.iterdir())
        took_ms = (time.monotonic() - started) * 1000
        log.info("prepared graph %s is intact: %.0f MB checked in %.0f ms", folder.name, n_bytes / 1e6, took_ms)
        return True
    log.warning("the prepared graph %s is made again: %s", folder, problem)
    _take_away(folder)
    return False


def _take_away(folder: Path) -> None:
    """Remove a folder in one step, so that nobody reads half of it."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-", ignore_cleanup_errors=True) as old:
        folder.rename(Path(old) / folder.name)


def _recipe(*, for_gpu: bool) -> str:
    """Return a name for the kind of preparation and, on a CPU, for the processor."""
    if for_gpu:
        return "gpu"
    return "vnni" if has_vnni() else "plain"


def _runtime() -> str:
    for name in ("onnxruntime", "onnxruntime-gpu"):
        try:
            return f"ort{version(name)}"
        except PackageNotFoundError:
            continue
    return "ort"


def _prepare_in_child(path: Path, folder: Path, flags: Sequence[str]) -> None:
    """Fill `folder` completely or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as making:
        result = Path(making) / folder.name
        result.mkdir()
        _run_child(path, result / path.name, flags)
        write_digests(result)
        result.rename(folder)


def _run_child(path: Path, target: Path, flags: Sequence[str]) -> None:
    command = [sys.executable, "-m", "paraserve.inference.graphs.builder", str(path), str(target), *flags]
    try:
        done = subprocess.run(  # noqa: S603 - our own module on a path that is one argument
            command, capture_output=True, text=True, timeout=PREPARATION_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelLoadError(f"cannot prepare {path}: not done in {PREPARATION_TIMEOUT_S} s") from None
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise ModelLoadError(f"cannot prepare {path}: {reason[0]}")
