"""Bundles in one file for tests: good ones, and archives that no program of ours would write."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from paraserve.catalog.manifest import MANIFEST

FILES = {"asr/model.onnx": b"weights" * 100, "asr/tokens.json": b'["a"]', "vad/am.mvn": b""}
"""Of a small bundle that no model can load: an empty file, one of less than a block, one of more."""


def entry(content: bytes) -> dict[str, object]:
    """What a manifest says of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def manifest_of(files: Mapping[str, bytes] = FILES, name: str = "small", **others: object) -> bytes:
    """A manifest of these files; `others` are entries of its own making."""
    entries = {path: entry(content) for path, content in files.items()}
    return json.dumps({"name": name, "files": {**entries, **others}}).encode()


def write_bundle(root: Path, files: Mapping[str, bytes] = FILES, name: str = "small") -> Path:
    """A bundle's folder."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / MANIFEST).write_bytes(manifest_of(files, name))
    return root


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive, with these fields in its head."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def members(
    manifest: bytes = manifest_of(), files: Mapping[str, bytes] = FILES
) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of a good archive."""
    return [member(MANIFEST, manifest), *(member(path, files[path]) for path in sorted(files))]


def archive(parts: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar archive of these members, whatever their heads say."""
    data = b"".join(
        info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE) for info, content in parts
    )
    data += bytes(2 * tarfile.BLOCKSIZE)
    return data + bytes(-len(data) % tarfile.RECORDSIZE)


def tree(root: Path) -> dict[str, bytes]:
    """Content of every file below a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def gzipped(data: bytes) -> bytes:
    """A compressed archive of the same members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as target, tarfile.open(fileobj=io.BytesIO(data)) as source:
        for info in source:
            target.addfile(info, source.extractfile(info))
    return out.getvalue()
