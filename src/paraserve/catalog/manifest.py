"""The manifest of a bundle: `manifest.json` records size and SHA-256 of each file.

The check reads every byte at every load. That takes about 0.35 s for 250 MB, a fraction of the time to load a model
of that size. A shortcut by size and date would miss a damaged disk or a careless copy.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paraserve.errors import ModelLoadError

MANIFEST = "manifest.json"
SIGNATURE = f"{MANIFEST}.minisig"
"""A signature of the manifest, as minisign writes it. Through the manifest's SHA-256 it covers every file."""


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The result of checking one file of a bundle; `problem` is None if it is intact."""

    path: Path
    problem: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """The catalog's name of a pulled model, and the label of the source that it came from."""

    model: str
    source: str


def check_bundle(root: Path, part: str | None = None) -> Iterator[FileCheck]:
    """Compare the files that the manifest names, all or those of one part, with the files on disk.

    Raises:
        ModelLoadError: the manifest is missing or cannot be read.
    """
    manifest = _read(root)
    try:
        entries = [(name, str(entry["sha256"]), int(entry["bytes"])) for name, entry in manifest["files"].items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelLoadError(f"damaged manifest: {root / MANIFEST} ({error!r})") from error
    for name, sha256, n_bytes in entries:
        if part is None or name.startswith(f"{part}/"):
            yield FileCheck(root / name, file_problem(root / name, (sha256,), n_bytes))


def verify_bundle(root: Path) -> None:
    """Refuse a bundle with a missing, truncated or altered file. A user's own bundle without a manifest passes.

    Raises:
        ModelLoadError: names the first bad file.
    """
    if (root / MANIFEST).exists():
        _refuse_bad_files(check_bundle(root))


def verify_part(folder: Path) -> None:
    """Refuse the folder of one part if a file is bad. It passes if the folder above it has no manifest.

    Raises:
        ModelLoadError: names the first bad file.
    """
    if (folder.parent / MANIFEST).exists():
        _refuse_bad_files(check_bundle(folder.parent, folder.name))


def read_origins(root: Path) -> dict[str, Origin]:
    """Return the origin of each part of a pulled bundle; empty for other bundles.

    Raises:
        ModelLoadError: the manifest is missing or cannot be read.
    """
    parts = _read(root).get("parts", {})
    try:
        return {part: Origin(str(entry["model"]), str(entry["source"])) for part, entry in parts.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelLoadError(f"damaged manifest: {root / MANIFEST} ({error!r})") from error


def read_knows(root: Path) -> str:
    """Return the speech that a bundle understands, in words for people. Empty where no manifest tells.

    Raises:
        ModelLoadError: the manifest cannot be read.
    """
    knows = _read(root).get("knows", "") if (root / MANIFEST).exists() else ""
    if not isinstance(knows, str):
        raise ModelLoadError(f"damaged manifest: {root / MANIFEST} (knows is no text)")
    return knows


def read_languages(root: Path) -> tuple[str, ...]:
    """Return the codes of the languages that a bundle is for; none where no manifest tells.

    Raises:
        ModelLoadError: the manifest cannot be read.
    """
    languages = _read(root).get("languages", []) if (root / MANIFEST).exists() else []
    if not isinstance(languages, list) or not all(isinstance(code, str) for code in languages):
        raise ModelLoadError(f"damaged manifest: {root / MANIFEST} (languages are no list of codes)")
    return tuple(languages)


def write_manifest(root: Path, name: str, origins: dict[str, Origin], knows: str = "") -> None:
    """Write the manifest of all files below `root` as they are now.

    Args:
        root: the bundle's folder.
        name: of the bundle.
        origins: of the parts, by part.
        knows: the speech that it understands, for people. Empty: it does not say.

    Raises:
        OSError: a file cannot be read, or the manifest cannot be written.
    """
    manifest = {
        "name": name,
        "version": 1,
        **({"knows": knows} if knows else {}),
        "parts": {part: {"model": origin.model, "source": origin.source} for part, origin in origins.items()},
        "files": _entries(root, _all_files(root)),
    }
    _write(root, manifest)


def record_files(root: Path, paths: Sequence[Path]) -> None:
    """Write new files, or files that were replaced, into the manifest of their bundle. Other entries stay.

    The manifest has its old content until the new one is on disk. A signature, which is of that, is removed.

    Raises:
        ModelLoadError: the manifest is missing or cannot be read.
        OSError: a file cannot be read, or the manifest cannot be written.
    """
    manifest = _read(root)
    manifest["files"] = dict(sorted({**manifest.get("files", {}), **_entries(root, paths)}.items()))
    _write(root, manifest)


def file_problem(path: Path, digests: Collection[str], n_bytes: int | None) -> str | None:
    """Return the difference of a file from what it should be; None if there is none.

    Args:
        path: the file.
        digests: SHA-256 that it may have, in hex. Empty: not known.
        n_bytes: its size. None: not known.
    """
    if not path.is_file():
        return "missing"
    size = path.stat().st_size
    if n_bytes is not None and size != n_bytes:
        return f"{size} bytes instead of {n_bytes}: truncated or replaced"
    if digests and sha256_of(path) not in digests:
        return "SHA-256 differs from the manifest: altered or damaged"
    return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unlisted_path(root: Path, listed: Collection[str]) -> Path | None:
    """Return a path below `root` that the manifest does not list, such as a link to a folder; None if there is none.

    Raises:
        OSError: a folder cannot be read.
    """
    known = {*listed, MANIFEST, SIGNATURE}
    others = (path for path in sorted(root.rglob("*")) if path.is_symlink() or not path.is_dir())
    return next((path for path in others if path.relative_to(root).as_posix() not in known), None)


def named_manifest(root: Path, name: str) -> bytes:
    """Return the manifest of a bundle as it would be under another name, or of a folder that has none.

    Raises:
        ModelLoadError: the manifest cannot be read.
        OSError: a file cannot be read.
    """
    if (root / MANIFEST).exists():
        return _encoded({**_read(root), "name": name})
    return _encoded({"name": name, "version": 1, "files": _entries(root, _all_files(root))})


def _all_files(root: Path) -> list[Path]:
    """All files below `root` but the manifest and its signature."""
    own = (root / MANIFEST, root / SIGNATURE)
    return sorted(path for path in root.rglob("*") if path.is_file() and path not in own)


def _encoded(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2) + "\n").encode()


def _entries(root: Path, paths: Sequence[Path]) -> dict[str, dict[str, str | int]]:
    return {
        path.relative_to(root).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in paths
    }


def _write(root: Path, manifest: dict[str, Any]) -> None:
    part = root / f".{MANIFEST}.part"
    try:
        with part.open("wb") as file:
            file.write(_encoded(manifest))
            file.flush()
            os.fsync(file.fileno())
        (root / SIGNATURE).unlink(missing_ok=True)
        part.replace(root / MANIFEST)
    finally:
        part.unlink(missing_ok=True)


def _refuse_bad_files(checks: Iterator[FileCheck]) -> None:
    for check in checks:
        if check.problem:
            raise ModelLoadError(f"{check.path}: {check.problem}", code="model_file_damaged")


def _read(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ModelLoadError(f"no {MANIFEST} in {root}: its files cannot be verified") from None
    except ValueError as error:
        raise ModelLoadError(f"damaged manifest: {path} ({error!r})") from error
    if not isinstance(manifest, dict):
        raise ModelLoadError(f"damaged manifest: {path} (not an object)")
    return manifest
