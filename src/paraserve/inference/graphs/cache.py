"""Prepared graphs: a model file rewritten once for this machine and kept in a cache folder.

The file that a user brought is never touched. A graph is prepared in a child process (`builder.py`).
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from paraserve.errors import ModelLoadError

VERSION = 4
"""Raised whenever a rewrite changes, so that older results are not taken."""
VNNI_FLAGS = frozenset({"avx512_vnni", "avx_vnni"})
SMALLEST_GRAPH_BYTES = 16 * 2**20
"""A smaller graph runs so fast that it would never earn back the second or two that its preparation takes."""
PREPARATION_TIMEOUT_S = 300
BEST_UNITS = ("best_ids", "best_scores")
"""Outputs that a recogniser prepared for a GPU has beside its own, see `gpu/outputs.py`."""
FOR_GPU = "--for-gpu"


def has_vnni(cpuinfo: str | None = None) -> bool:
    """Whether this processor multiplies 8-bit integers without saturating; `cpuinfo` stands for /proc/cpuinfo."""
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
        except OSError:
            return False
    lines = (line for line in cpuinfo.splitlines() if line.startswith("flags"))
    return not VNNI_FLAGS.isdisjoint(next(lines, "").split())


def cache_folder(chosen: str = "") -> Path:
    """The folder of prepared graphs: the chosen one, or that in the user's cache folder."""
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "paraserve" / "graphs"


def prepared_graph(
    path: Path, cache: Path, smallest_bytes: int = SMALLEST_GRAPH_BYTES, *, for_gpu: bool = False
) -> Path:
    """The graph at `path` as this machine runs it fastest, from the cache folder or made now.

    int8 graphs give the same results to the last bit. `for_gpu` makes a float32 graph one of mixed precision. On a
    CPU, a graph under `smallest_bytes` is given back as it is.

    Raises:
        ModelLoadError: it could not be prepared or the cache folder cannot be written; the plain graph will do.
    """
    if path.stat().st_size < smallest_bytes and not for_gpu:
        return path
    folder = cache / f"{_key(path)}-{_recipe(for_gpu=for_gpu)}"
    target = folder / path.name
    if not target.is_file():
        _prepare_in_child(path, folder, [FOR_GPU] if for_gpu else [])
    return target


def _key(path: Path) -> str:
    """Names what the result depends on, beside the recipe: the file, the rewrites and the runtime."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    return f"{digest[:20]}-{VERSION}-{_runtime()}"


def _recipe(*, for_gpu: bool) -> str:
    """What is made of the file, and for which processor."""
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
    """Fills `folder`, all or nothing; another process may be doing the same."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as making:
            result = Path(making) / folder.name
            result.mkdir()
            _run_child(path, result / path.name, flags)
            try:
                result.rename(folder)
            except OSError:
                # Somebody else was faster; the two results are the same.
                if not folder.is_dir():
                    raise
    except ModelLoadError:
        raise
    except OSError as error:
        raise ModelLoadError(f"cannot keep a prepared {path.name} in {folder.parent}: {error}") from error


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
