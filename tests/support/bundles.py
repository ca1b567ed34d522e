"""Bundles for tests: copies of the embedded one, and tiny models behind its detector."""

import os
import shutil
from pathlib import Path

from paraserve.catalog.manifest import MANIFEST


def copy_of(bundle: Path, folder: Path) -> Path:
    """A copy that takes no room: its files are links, to be replaced and never written into."""
    return Path(shutil.copytree(bundle, folder, copy_function=_link))


def tiny_bundle(recognizer: Path, demo: Path, folder: Path) -> Path:
    """A tiny recognizer behind the embedded bundle's detector, without a manifest."""
    folder.mkdir(parents=True)
    (folder / "asr").symlink_to(recognizer)
    (folder / "vad").symlink_to(demo / "vad")
    return folder


def damage(bundle: Path) -> Path:
    """Flip a byte of the recognizer, which the manifest tells."""
    path = next((bundle / "asr").glob("*.onnx"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    replacement = path.with_suffix(".new")
    replacement.write_bytes(data)
    replacement.replace(path)
    assert (bundle / MANIFEST).exists()
    return path


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
