"""Recordings in folders."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from paraserve.errors import ParaserveError
from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format

_SUFFIXES = (
    "3g2 3gp aac ac3 aif aiff amr ape asf au avi awb caf dss eac3 flac flv m2ts m4a m4b m4v mka mkv mov mp2 mp3 mp4 "
    "mpeg mpg mts mxf oga ogg ogv opus qcp shn sox spx tta voc w64 wav wave weba webm wma wmv wv"
)
SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split())
"""Ends of names of recordings. Other files are recordings if they begin like one."""
NO_SOUND = frozenset(("ZIP", "data URL", "RIFF"))
"""Formats of `file_format` that hold no recording, or something else than sound as well."""
OnError = Callable[[str, ParaserveError | OSError], None]
"""Called with the name of a folder or a pattern, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A recording. `below` is its folder, from the one that was named on."""

    name: str
    below: str = ""


def find_recordings(names: Sequence[str], on_error: OnError, *, is_recursive: bool) -> list[Found]:
    """Return the recordings that are named, are in folders that are named, or match patterns such as `a/**/b*`.

    In folders, files whose name begins with a dot are left out. Folders in them are taken if `is_recursive`, but none
    with a dot, and no links. They come in the order of their names. `on_error` is called for each folder that cannot
    be read or has no recording, and each pattern that nothing matches.
    """
    found = (
        one for name in names for path in _matches(name, on_error) for one in _in_path(path, on_error, is_recursive)
    )
    return list({os.path.abspath(one.name): one for one in found}.values())  # noqa: PTH100 - quicker by far


def _matches(name: str, on_error: OnError) -> list[str]:
    if not has_magic(name) or "://" in name or os.path.lexists(name):
        return [name]
    matches = sorted(glob(name, recursive=True))  # noqa: PTH207 - the pattern may be an absolute one
    if not matches:
        on_error(name, ParaserveError("no file matches this pattern"))
    return matches


def _in_path(path: str, on_error: OnError, is_recursive: bool) -> Iterator[Found]:
    if not os.path.isdir(path):  # noqa: PTH112 - as it was named, "-" and URLs too
        yield Found(path)
        return
    n_errors = 0

    def report(error: OSError) -> None:
        nonlocal n_errors
        n_errors += 1
        on_error(str(error.filename), error)

    is_empty = True
    for one in _below(Path(path), report, is_recursive):
        is_empty = False
        yield one
    if is_empty and not n_errors:
        is_deeper = not is_recursive and next(_below(Path(path), lambda _: None, is_recursive=True), None) is not None
        hint = ": --recursive takes those of the folders in it" if is_deeper else ""
        on_error(path, ParaserveError(f"no recording is in this folder{hint}"))


def _below(root: Path, on_error: Callable[[OSError], None], is_recursive: bool) -> Iterator[Found]:
    for folder, folders, files in os.walk(root, onerror=on_error):
        folders[:] = sorted(name for name in folders if is_recursive and not name.startswith("."))
        for name in sorted(files):
            file = Path(folder, name)
            if not name.startswith(".") and _is_recording(file, on_error):
                yield Found(str(file), str(file.parent.relative_to(root)))


def _is_recording(path: Path, on_error: Callable[[OSError], None]) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        on_error(error)
        return False
    is_wav = head[:4] == b"RIFF" and head[8:12] == b"WAVE"
    return is_wav or (file_format(head) or "ZIP") not in NO_SOUND
