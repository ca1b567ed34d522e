"""A digest of a model: of what is in its files and how they are loaded. It is equal on all machines."""

import functools
import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from paraserve.catalog.manifest import MANIFEST
from paraserve.errors import ModelLoadError
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.models.load import BundleParts
from paraserve.settings import Settings


def parts_digest(parts: BundleParts, hotwords: OperatorHotwords, settings: Settings) -> str:
    """Return the SHA-256 of all that a model's texts depend on. Blocks while it reads files that no manifest names.

    Raises:
        ModelLoadError: a file cannot be read.
    """
    facts = {one.name: _fact(getattr(parts, one.name)) for one in fields(parts) if one.name != "name"}
    facts["hotwords"] = asdict(hotwords)
    facts["devices"] = sorted({device.partition(":")[0] for device in settings.devices})
    facts["optimize"] = settings.optimize
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _fact(value: Any) -> Any:
    return _folder_digest(value) if isinstance(value, Path) else value


def _folder_digest(folder: Path) -> list[list[str]]:
    """Return the names and SHA-256 of all files of one part. A manifest that stands above them has been checked."""
    try:
        recorded = _recorded(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [
            [name, recorded.get(name) or _file_digest(path, *_stamp(path))]
            for path, name in ((path, path.relative_to(folder).as_posix()) for path in files)
        ]
    except OSError as error:
        raise ModelLoadError(f"cannot read {error.filename or folder}: {error.strerror}") from error


def _recorded(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files of a folder that the manifest of its bundle, or its own, names."""
    for root, prefix in ((folder, ""), (folder.parent, f"{folder.name}/")):
        try:
            entries = json.loads((root / MANIFEST).read_text("utf-8"))["files"]
            return {
                name.removeprefix(prefix): str(entry["sha256"])
                for name, entry in entries.items()
                if name.startswith(prefix)
            }
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged one is found when the model is loaded
    return {}


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


@functools.lru_cache(maxsize=256)
def _file_digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
