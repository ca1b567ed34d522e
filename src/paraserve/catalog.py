"""Bundles on disk: where they are, and whether their files are those that were recorded.

A bundle is a folder with `asr/` and optionally `asr-online/ vad/ punc/ punc-online/`, each in FunASR's file layout,
and `manifest.json`, which records size and SHA-256 of every file.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paraserve.errors import ModelLoadError

MANIFEST = "manifest.json"
EMBEDDED = ("demo",)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file of a bundle and what is wrong with it (None: nothing)."""

    path: Path
    problem: str | None


def bundle_root(name_or_dir: str) -> Path:
    """The folder of a bundle, by the name of an embedded one or by path.

    Raises:
        ModelLoadError: there is no such bundle.
    """
    if name_or_dir in EMBEDDED:
        return _embedded_root(name_or_dir)
    root = Path(name_or_dir).expanduser()
    if root.is_dir():
        return root
    known = ", ".join(EMBEDDED)
    raise ModelLoadError(f"bundle not found: {name_or_dir!r} is neither a folder nor one of: {known}")


def check_bundle(root: Path) -> Iterator[FileCheck]:
    """Compare every file that the manifest names with what is on disk.

    Raises:
        ModelLoadError: the manifest is missing or cannot be read.
    """
    manifest = root / MANIFEST
    try:
        files = json.loads(manifest.read_text("utf-8"))["files"]
        entries = [(root / name, str(entry["sha256"]), int(entry["bytes"])) for name, entry in files.items()]
    except FileNotFoundError:
        raise ModelLoadError(f"no {MANIFEST} in {root}: its files cannot be verified") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelLoadError(f"damaged manifest: {manifest} ({error!r})") from error
    for path, sha256, n_bytes in entries:
        yield FileCheck(path, _problem(path, sha256, n_bytes))


def verify_bundle(root: Path) -> None:
    """Refuse a bundle with a missing, truncated or altered file. One without a manifest passes: users bring theirs.

    Raises:
        ModelLoadError: names the first bad file.
    """
    if not (root / MANIFEST).exists():
        return
    for check in check_bundle(root):
        if check.problem:
            raise ModelLoadError(f"{check.path}: {check.problem}", code="model_file_damaged")


def _problem(path: Path, sha256: str, n_bytes: int) -> str | None:
    if not path.is_file():
        return "missing"
    size = path.stat().st_size
    if size != n_bytes:
        return f"{size} bytes instead of {n_bytes}: truncated or replaced"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return None if digest == sha256 else "SHA-256 differs from the manifest: altered or damaged"


def _embedded_root(name: str) -> Path:
    package = Path(__file__).resolve().parent
    packed = package / "bundles" / name
    beside_the_source = package.parents[1] / "models" / name
    for root in (packed, beside_the_source):
        if root.is_dir():
            return root
    raise ModelLoadError(f"the embedded bundle {name!r} is not in this installation: expected {packed}")
