"""The recordings of a run: those of a manifest, of a folder, or below a prefix of an S3 bucket."""

import asyncio
import importlib.util
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paraserve.cli.batch.finding import SUFFIXES, find_recordings
from paraserve.errors import ParaserveError
from paraserve.runtime.remote.s3_urls import read_buckets

SCHEMES = ("http", "https", "s3")
CHOICES = ("language", "hotwords", "model")
"""Keys of a line of JSON that stand for the flags of the same name, for this recording."""
KEYS = frozenset(("id", "path", *CHOICES))


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording: its file or URL, and the flags that are its own.

    `id` names it in the output. `size_bytes` is 0 where it is not known before.
    """

    id: str
    path: str
    size_bytes: int = 0
    choices: Mapping[str, Any] = field(default_factory=dict)


def read_recordings(source: str) -> list[Recording]:
    """Return the recordings of a manifest, a folder or `s3://BUCKET/PREFIX`, each once.

    Raises:
        ParaserveError: the source cannot be read, or has none; a line of a manifest is wrong; two recordings have one
            id.
    """
    if source.startswith("s3://"):
        found: Iterable[Recording] = asyncio.run(_in_bucket(source))
    elif Path(source).is_dir():
        found = _in_folder(source)
    else:
        found = _in_manifest(Path(source))
    recordings = _each_once(found)
    if not recordings:
        raise ParaserveError(f"no recording is in {source}")
    return recordings


def shown(path: str) -> str:
    """Return a path as text that any file may hold: bytes that are no UTF-8 become escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _each_once(found: Iterable[Recording]) -> list[Recording]:
    by_id: dict[str, Recording] = {}
    for one in found:
        if by_id.setdefault(one.id, one) != one:
            raise ParaserveError(
                f"two recordings have the id {one.id}: {shown(by_id[one.id].path)}, {shown(one.path)}"
            )
    return list(by_id.values())


def _in_folder(folder: str) -> Iterator[Recording]:
    def fail(name: str, error: ParaserveError | OSError) -> None:
        message = error.message if isinstance(error, ParaserveError) else error.strerror
        raise ParaserveError(f"{name}: {message}")

    for one in find_recordings([str(Path(folder).absolute())], fail, is_recursive=True):
        yield Recording(shown(one.name), one.name, _size_bytes(one.name))


async def _in_bucket(source: str) -> list[Recording]:
    """Return the objects below a prefix whose names end like those of recordings."""
    if importlib.util.find_spec("obstore") is None:
        raise ParaserveError("object stores need the package obstore: pip install 'paraserve[remote]'")
    from paraserve.runtime.remote.object_store import FAILURES, first_line, list_objects, open_bucket  # noqa: PLC0415

    (place,) = read_buckets([source])
    try:
        objects = [one async for one in list_objects(open_bucket(place.bucket), place.key)]
    except FAILURES as error:
        raise ParaserveError(f"{source} cannot be listed: {first_line(error)}") from error
    urls = [(f"s3://{place.bucket}/{key}", size) for key, size in objects if Path(key).suffix.lower() in SUFFIXES]
    return [Recording(url, url, size) for url, size in urls]


def _in_manifest(manifest: Path) -> Iterator[Recording]:
    try:
        with manifest.open(encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _of_line(line.strip(), manifest, f"{manifest}, line {number}")
    except OSError as error:
        raise ParaserveError(f"{manifest} cannot be read: {error.strerror}") from error


def _of_line(line: str, manifest: Path, place: str) -> Recording:
    """Return the recording of a line: a path, a URL, or a JSON object with `path`."""
    facts = _json_facts(line, place) if line.startswith("{") else {"path": line}
    given, choices = facts["path"], {name: facts[name] for name in CHOICES if name in facts}
    if "://" in given:
        scheme = given.partition("://")[0].lower()
        if scheme not in SCHEMES:
            raise ParaserveError(f"{place}: {scheme} is none of {', '.join(SCHEMES)}")
        return Recording(facts.get("id", given), given, 0, choices)
    path = os.path.normpath(manifest.absolute().parent / given)
    return Recording(facts.get("id", shown(path)), path, _size_bytes(path), choices)


def _json_facts(line: str, place: str) -> dict[str, str]:
    try:
        facts = json.loads(line)
    except ValueError as error:
        raise ParaserveError(f"{place}: no JSON: {error}") from error
    if unknown := facts.keys() - KEYS:
        raise ParaserveError(f"{place}: {', '.join(sorted(unknown))}: known are {', '.join(sorted(KEYS))}")
    if not facts.get("path") or not all(isinstance(value, str) and value for value in facts.values()):
        raise ParaserveError(f"{place}: path is needed, and each value is a text")
    try:
        os.fsencode(facts["path"])
        facts.get("id", "").encode()
    except UnicodeEncodeError as error:
        raise ParaserveError(f"{place}: {error.object!a} is no Unicode text") from error
    return dict(facts)


def _size_bytes(path: str) -> int:
    """Return the bytes of a file, 0 where this machine does not see it: another one may."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0
